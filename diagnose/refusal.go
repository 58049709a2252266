package diagnose

var refusalRules = []Rule{}

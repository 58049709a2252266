package diagnose

var endingRules = []Rule{}

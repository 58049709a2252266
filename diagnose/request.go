package diagnose

var requestRules = []Rule{}

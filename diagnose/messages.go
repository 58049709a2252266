package diagnose

var messageRules = []Rule{}

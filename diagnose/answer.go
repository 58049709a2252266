package diagnose

var answerRules = []Rule{}

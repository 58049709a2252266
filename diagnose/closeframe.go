package diagnose

var closeFrameRules = []Rule{}

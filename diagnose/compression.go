package diagnose

var compressionRules = []Rule{}

//go:build aix || linux || solaris

package main

import (
	"os"
	"syscall"
)

// summarySignals ask for the summary so far.
var summarySignals = []os.Signal{syscall.SIGUSR1}

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import (
	"os"
	"syscall"
)

// summarySignals ask for the summary so far; SIGINFO is Ctrl-T.
var summarySignals = []os.Signal{syscall.SIGUSR1, syscall.SIGINFO}

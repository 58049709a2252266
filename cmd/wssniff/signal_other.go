//go:build !unix

package main

import "os"

// summarySignals ask for the summary so far: there are none on this system.
var summarySignals []os.Signal

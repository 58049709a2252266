//go:build !linux

package main

import "io"

// dropRoot has nothing to give up: there is no live capture on this system yet.
func (f *flags) dropRoot(io.Writer) error { return nil }

package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
)

// nobody is the user that owns nothing.
const nobody = 65534

// dropRoot becomes who called sudo, or nobody, for good. Where files are made later, root is kept, and said to be.
func (f *flags) dropRoot(stderr io.Writer) error {
	if os.Geteuid() != 0 {
		return nil
	}
	if f.ring.files > 0 || f.output != "" {
		if f.verbose {
			fmt.Fprintln(stderr, "wssniff: root is kept: --ring and -o make files later")
		}
		return nil
	}
	uid, gid := idOf("SUDO_UID"), idOf("SUDO_GID")
	for _, step := range []struct {
		what string
		err  error
	}{
		{"groups", syscall.Setgroups([]int{gid})},
		{"group", syscall.Setgid(gid)},
		{"user", syscall.Setuid(uid)},
	} {
		if step.err != nil {
			return fmt.Errorf("giving up root: %s: %w", step.what, step.err)
		}
	}
	if f.verbose {
		fmt.Fprintf(stderr, "wssniff: root given up, user %d now\n", uid)
	}
	return nil
}

// idOf is what sudo says who called it.
func idOf(name string) int {
	if id, err := strconv.Atoi(os.Getenv(name)); err == nil && id > 0 {
		return id
	}
	return nobody
}

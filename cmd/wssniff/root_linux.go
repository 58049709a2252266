package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// nobody is the user that owns nothing.
const nobody = 65534

// dropRoot becomes who called sudo, or nobody, for good. In a container that may
// be forbidden to root as well.
func dropRoot() (uid int, err error) {
	uid, gid := idOf("SUDO_UID"), idOf("SUDO_GID")
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return 0, fmt.Errorf("its groups: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return 0, fmt.Errorf("its group: %w", err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return 0, fmt.Errorf("the user: %w", err)
	}
	return uid, nil
}

// idOf is what sudo says who called it.
func idOf(name string) int {
	if id, err := strconv.Atoi(os.Getenv(name)); err == nil && id > 0 {
		return id
	}
	return nobody
}

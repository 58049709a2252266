package main

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// alsoAllowed are calls that this processor has beside those of all.
var alsoAllowed []uintptr

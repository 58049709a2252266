package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What landlock(7) can forbid of files, and since which version of it.
const (
	landlockFirst = 1<<13 - 1 // from LANDLOCK_ACCESS_FS_EXECUTE to LANDLOCK_ACCESS_FS_MAKE_SYM
	landlockRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	landlockMake  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// landlock forbids to open any file, but to read those in the folders of read
// and to make some in those of write, and to speak TCP. It holds for what
// is opened from now on, in every thread.
func landlock(read, write []string) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("the kernel has none: %w", errno)
	}
	rules := unix.LandlockRulesetAttr{Handled_access_fs: landlockFirst}
	size := unsafe.Sizeof(rules.Handled_access_fs)
	for _, more := range []struct{ since, access uintptr }{
		{2, unix.LANDLOCK_ACCESS_FS_REFER}, {3, unix.LANDLOCK_ACCESS_FS_TRUNCATE}, {5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	} {
		if version >= more.since {
			rules.Handled_access_fs |= uint64(more.access)
		}
	}
	if version >= 4 {
		rules.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(rules.Handled_access_net)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), size, 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	for _, folders := range []struct {
		names  []string
		access uint64
	}{{read, landlockRead}, {write, landlockMake}} {
		for _, name := range folders.names {
			if err := landlockAllow(fd, name, folders.access&rules.Handled_access_fs); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return allThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0) // each thread has its own
}

// landlockAllow lets files in a folder be opened: in the nearest above it, where it is not there.
func landlockAllow(rules uintptr, folder string, access uint64) error {
	fd, err := unix.Open(folder, unix.O_PATH|unix.O_CLOEXEC, 0)
	for errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
		fd, err = unix.Open(folder, unix.O_PATH|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, rules, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return os.NewSyscallError("landlock_add_rule", errno)
	}
	return nil
}

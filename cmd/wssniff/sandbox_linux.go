package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine gives up what is not needed once the interfaces are open, for what
// reads hostile bytes needs no rights: root, capabilities, new privileges, files, and all
// system calls but some. What a kernel does not know is left out, and said with -v.
func (f *flags) confine(keys *keyring, stderr io.Writer) {
	if stderr != io.Writer(os.Stderr) { // a test runs the program inside itself
		return
	}
	say := func(what string, err error) {
		if f.verbose && err != nil {
			fmt.Fprintf(stderr, "wssniff: %s: %v\n", what, err)
		} else if f.verbose {
			fmt.Fprintf(stderr, "wssniff: %s: yes\n", what)
		}
	}
	later := f.ring.files > 0 || f.output != ""
	switch root := os.Geteuid() == 0; {
	case root && later:
		say("root given up", errors.New("no: --ring and -o make files later"))
	case root:
		uid, err := dropRoot()
		what := "root given up"
		if err == nil {
			what += fmt.Sprintf(", user %d now", uid)
		}
		say(what, err)
		fallthrough
	default:
		say("capabilities given up", allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})),
			uintptr(unsafe.Pointer(&[2]unix.CapUserData{})), 0))
	}
	read, write := f.laterFiles(keys)
	if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) // seccomp brings it to the other threads
	}
	say("landlock: files out of reach", landlock(read, write))
	say("seccomp: system calls restricted, no new privileges", seccomp(len(read)+len(write) > 0))
}

// laterFiles are the folders in which files will be read and made.
func (f *flags) laterFiles(keys *keyring) (read, write []string) {
	for _, l := range keys.logs {
		if l.file == nil {
			read = append(read, filepath.Dir(l.name))
		}
	}
	if f.ring.files > 0 {
		write = append(write, filepath.Dir(f.write))
	}
	if f.output != "" {
		write = append(write, filepath.Dir(f.output))
	}
	return read, write
}

// errC is why something does not reach all threads.
var errC = errors.New("not in a program that C is linked into: CGO_ENABLED=0 go build")

// allThreads makes a system call in every thread.
//
//go:uintptrescapes
func allThreads(number, a, b, c uintptr) error {
	switch _, _, errno := syscall.AllThreadsSyscall(number, a, b, c); errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errC
	default:
		return errno
	}
}

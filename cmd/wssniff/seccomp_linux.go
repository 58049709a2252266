//go:build amd64 || arm64

package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call is a system call that is allowed, if the bits of mask in one of its
// arguments are value.
type call struct {
	number      uint32
	argument    uint32 // from 0
	mask, value uint32
}

// permitted are the calls of a program that captures: those of Go's runtime (and of
// C's, for the tag libpcap), and those that read and write what is open.
func permitted() []call {
	list := []call{
		{unix.SYS_CLONE, 0, unix.CLONE_THREAD | unix.CLONE_VM, unix.CLONE_THREAD | unix.CLONE_VM}, // a thread, no process
		{unix.SYS_TGKILL, 0, ^uint32(0), uint32(unix.Getpid())},
		{unix.SYS_KILL, 0, ^uint32(0), uint32(unix.Getpid())},
		{unix.SYS_MMAP, 2, unix.PROT_EXEC, 0},
		{unix.SYS_MPROTECT, 2, unix.PROT_EXEC, 0},
		{unix.SYS_IOCTL, 1, ^uint32(0), unix.TCGETS},
		{unix.SYS_IOCTL, 1, ^uint32(0), unix.TIOCGWINSZ},
		{unix.SYS_IOCTL, 1, ^uint32(0), unix.SIOCGIFFLAGS},
	}
	for _, number := range append(alsoAllowed,
		// memory, threads, signals and time, for the runtime
		unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
		unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETTID, unix.SYS_GETPID,
		unix.SYS_SET_ROBUST_LIST, unix.SYS_SET_TID_ADDRESS, unix.SYS_RSEQ, unix.SYS_PRCTL, unix.SYS_MEMBARRIER,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_RESTART_SYSCALL,
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
		unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE,
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
		unix.SYS_GETRANDOM, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRUSAGE, unix.SYS_PRLIMIT64,
		// what is open
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_CLOSE,
		unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_FTRUNCATE, unix.SYS_FSYNC, unix.SYS_FCHMOD, unix.SYS_FCNTL, unix.SYS_PPOLL,
		unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT, unix.SYS_RECVFROM, unix.SYS_RECVMSG,
	) {
		list = append(list, call{number: uint32(number)})
	}
	return list
}

// callsWithFiles are allowed, too, where files are opened later.
var callsWithFiles = []uintptr{
	unix.SYS_OPENAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT,
	unix.SYS_READLINKAT, unix.SYS_FACCESSAT, unix.SYS_FCHMODAT,
}

// seccomp lets every thread make no other system calls; they fail as if
// rights were missing. Files says whether some may be opened.
func seccomp(files bool) error {
	list := permitted()
	if files {
		for _, number := range callsWithFiles {
			list = append(list, call{number: uint32(number)})
		}
	}
	program := seccompProgram(list)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// The other threads get the filter, and no new privileges, together with this one.
	if thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	} else if thread != 0 {
		return unix.EBUSY // it has a filter of its own
	}
	return nil
}

// Where struct seccomp_data has its fields. All processors here put the low
// half of an argument first.
const (
	seccompNumber, seccompArch, seccompArgs = 0, 4, 16

	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	andWith    = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	jumpEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpAtOrUp = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	give       = unix.BPF_RET | unix.BPF_K

	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	absent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS) // so that C's library takes clone instead of clone3
)

// seccompProgram makes the filter: a call of another processor's numbers, or
// of none of the rows, is refused.
func seccompProgram(list []call) []unix.SockFilter {
	p := []unix.SockFilter{
		{Code: loadWord, K: seccompArch},
		{Code: jumpEqual, Jt: 1, K: auditArch},
		{Code: give, K: refuse},
		{Code: loadWord, K: seccompNumber},
		{Code: jumpAtOrUp, Jf: 1, K: 0x40000000}, // of x32
		{Code: give, K: refuse},
		{Code: jumpEqual, Jf: 1, K: unix.SYS_CLONE3},
		{Code: give, K: absent},
	}
	for _, c := range list {
		if c.mask == 0 {
			p = append(p, unix.SockFilter{Code: jumpEqual, Jf: 1, K: c.number}, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
			continue
		}
		p = append(p,
			unix.SockFilter{Code: jumpEqual, Jf: 5, K: c.number},
			unix.SockFilter{Code: loadWord, K: seccompArgs + 8*c.argument},
			unix.SockFilter{Code: andWith, K: c.mask},
			unix.SockFilter{Code: jumpEqual, Jf: 1, K: c.value},
			unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW},
			unix.SockFilter{Code: loadWord, K: seccompNumber})
	}
	return append(p, unix.SockFilter{Code: give, K: refuse})
}

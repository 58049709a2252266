package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wssniff/wssniff/internal/namespace"
	"golang.org/x/sys/unix"
)

const sandboxed = "WSSNIFF_TEST_SANDBOX" // a folder for files that are made later, or "none"

// TestSandbox confines a process, and tries in each of its threads, old and
// new, what is out of reach then.
func TestSandbox(t *testing.T) {
	if where := os.Getenv(sandboxed); where != "" {
		tryInSandbox(t, where)
		return
	}
	for _, where := range []string{"none", t.TempDir()} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSandbox$", "-test.v")
		cmd.Env = append(os.Environ(), sandboxed+"="+where, "TMPDIR="+t.TempDir()) // it cannot clean up
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
	}
}

func tryInSandbox(t *testing.T, where string) {
	f := &flags{verbose: true}
	if where != "none" {
		f.write, f.ring = filepath.Join(where, "kept.pcapng"), ring{size: 1 << 20, files: 2}
	}
	open, err := os.CreateTemp("", "open")
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(open.Name())
	begin, threads := make(chan bool), sync.WaitGroup{}
	try := func() {
		runtime.LockOSThread() // and is not given back: the thread ends
		tryThread(t, where, open)
	}
	for range 4 {
		threads.Go(func() { runtime.LockOSThread(); <-begin; try() })
	}
	f.confine(&keyring{}, os.Stderr)
	close(begin)
	for range 4 {
		threads.Go(try)
	}
	threads.Wait()
	runtime.GC()
	if t.Failed() {
		os.Exit(1)
	}
	os.Exit(0) // there are files that it could not remove now
}

// tryThread tries it all in the thread it runs in.
func tryThread(t *testing.T, where string, open *os.File) {
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s in thread %d: %v", what, unix.Gettid(), err)
		}
	}
	if _, err := fmt.Fprintln(open, "still open"); err != nil {
		t.Error(err)
	}
	refused("exec", unix.Exec("/bin/true", []string{"true"}, nil))
	_, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	refused("fork", errno)
	_, err := net.Dial("udp", "127.0.0.1:9")
	refused("a socket", err)
	_, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	refused("a packet socket", err)
	refused("a signal", unix.Kill(unix.Getppid(), 0))
	_, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	refused("code", err)

	if where != "none" {
		later, err := os.Create(filepath.Join(where, "later"))
		if err != nil {
			t.Error(err)
		} else {
			later.Close()
		}
		if !reachesAllThreads() {
			return // and files are not out of reach
		}
	}
	_, err = os.Open("/etc/passwd")
	refused("to read /etc/passwd", err)
	_, err = os.Create(filepath.Join(os.TempDir(), "wssniff-not-to-be-made"))
	refused("to make a file", err)
	refused("to remove a file", os.Remove("/etc/passwd"))
}

// reachesAllThreads says whether Go reaches all threads: where no C is linked in.
func reachesAllThreads() bool {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPPID, 0, 0, 0)
	return errno != syscall.ENOTSUP
}

// TestSandboxRuns: the program does its work in there. Its files come later: a
// ring of them, the report, and a key log that is not there yet.
func TestSandboxRuns(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	const recording = "../../testdata/captures/wss-chromium.pcapng"
	dir := t.TempDir()
	keys, out := filepath.Join(dir, "keys.log"), filepath.Join(dir, "report")
	p := startLive(t, nil, "-v", "-i", "two", "-f", "ndjson", "--keylog", keys, "-w", filepath.Join(dir, "kept.pcapng"), "--ring", "1M:20", "-o", out)
	p.until("wssniff: seccomp")
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(tasks) < 2 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil || !strings.Contains(string(status), "NoNewPrivs:\t1") || !strings.Contains(string(status), "Seccomp:\t2") {
			t.Errorf("%s: %v\n%s", task, err, status)
		}
	}
	if err := os.WriteFile(keys, secretsOf(t, recording), 0o644); err != nil {
		t.Fatal(err)
	}
	onWire(t, "one", recording)
	for range 3 { // more than a file of the ring takes
		onWire(t, "one", "../../testdata/captures/sizes-coder.pcap.gz")
	}
	time.Sleep(200 * time.Millisecond) // the kernel holds packets back for 50 ms
	p.cmd.Process.Signal(syscall.SIGUSR1)
	p.until("TCP connections")
	if code, said := p.end(syscall.SIGINT); code != exitOK {
		t.Errorf("exit %d: %s", code, said)
	}
	report, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(report), `"decrypted":true`) || !strings.Contains(string(report), `{"type":"message"`) {
		t.Errorf("%v\n%.3000s", err, report)
	}
	if rings, _ := filepath.Glob(filepath.Join(dir, "kept.*.pcapng")); len(rings) < 2 {
		t.Errorf("%v", rings)
	}
}

// TestNoRightToDrop: root that may not become somebody else, as in a container
// with the capability to capture alone, captures, and says so.
func TestNoRightToDrop(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	runtime.LockOSThread() // what it starts inherits the bounding set
	for _, c := range []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	p := startLive(t, nil, "-v", "-i", "two", "--duration", "1s")
	said := p.until("wssniff: seccomp")
	if code, rest := p.end(0); code != exitOK || !strings.Contains(said, "root given up: its groups: operation not permitted") {
		t.Errorf("exit %d: %s%s", code, said, rest)
	}
}

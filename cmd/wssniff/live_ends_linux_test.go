package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/namespace"
)

// TestLiveReaderGone: a reader of the report that goes away ends the capture, as a success.
func TestLiveReaderGone(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startLive(t, write, "-i", "two", "-f", "ndjson")
	write.Close()
	p.until("capturing on two")
	onWire(t, "one", "../../testdata/captures/ws-ws.pcap")
	if line, err := bufio.NewReader(read).ReadString('\n'); err != nil || !strings.HasPrefix(line, `{"type":"handshake"`) {
		t.Fatalf("%q, %v", line, err)
	}
	read.Close()
	onWire(t, "one", "../../testdata/captures/closes.pcap")
	if code, said := p.end(0); code != exitOK || said != "" {
		t.Errorf("exit %d, %q", code, said)
	}
}

// TestSlowReader: a reader that does not read makes the kernel drop, which is
// counted, and no memory grow.
func TestSlowReader(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := startLive(t, write, "-i", "two", "-f", "ndjson", "-B", "2", "--payload", "all")
	write.Close()
	p.until("capturing on two")
	for range 30 { // 18 MB, of which the ring takes 2 and the pipe 64 KiB
		onWire(t, "one", "../../testdata/captures/sizes-coder.pcap.gz")
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	report, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	if code, said := p.end(0); code != exitOK {
		t.Errorf("exit %d, %q", code, said)
	}
	_, summary, _ := bytes.Cut(report, []byte(`{"type":"summary"`))
	if drops := bytes.Contains(summary, []byte(`"capture_drops":0,`)); drops || !bytes.Contains(summary, []byte(`"capture_drops":`)) {
		t.Errorf("%.2000s", summary)
	}
	if peak := p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; peak > 300<<10 {
		t.Errorf("%d KiB at most", peak)
	}
}

// TestInterfaceEnds: an interface that goes down or away ends the capture on it,
// with what there is and a line that says so; others go on.
func TestInterfaceEnds(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	p := startLive(t, nil, "-i", "two", "-i", "lo", "-l", "none")
	p.until("capturing on lo, two")
	onWire(t, "one", "../../testdata/captures/ws-ws.pcap")
	time.Sleep(200 * time.Millisecond) // the kernel holds packets back for 50 ms
	ip(t, "link", "set", "two", "down")
	onWire(t, "lo", "../../testdata/captures/closes.pcap")
	time.Sleep(200 * time.Millisecond)
	code, said := p.end(syscall.SIGINT)
	if code != exitDamaged || !strings.Contains(said, "wssniff: capture: two: the interface went down\n") {
		t.Errorf("exit %d, %q", code, said)
	}
	for _, want := range []string{"\nlo  live, ", "! capture: two: the interface went down", "connections   "} {
		if !strings.Contains("\n"+p.output.String(), want) {
			t.Errorf("%q is not in\n%s", want, &p.output)
		}
	}

	ip(t, "link", "set", "two", "up")
	p = startLive(t, nil, "-i", "two", "-l", "none")
	p.until("capturing on two")
	ip(t, "link", "del", "one")
	if code, said := p.end(0); code != exitDamaged || !strings.Contains(said, "two: the interface went down") || !strings.Contains(p.output.String(), "two  live, ") {
		t.Errorf("exit %d, %q, %s", code, said, &p.output)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v %s", args, err, out)
	}
}

// TestKilledLive kills the program while it captures: the packets that had come
// before it waited for more are in the file of -w.
func TestKilledLive(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	kept := filepath.Join(t.TempDir(), "kept.pcapng")
	p := startLive(t, nil, "-i", "two", "-l", "connections", "-w", kept)
	p.until("capturing on two")
	sent := onWire(t, "one", "../../testdata/captures/ws-ws.pcap")
	for n := 0; n < sent; time.Sleep(10 * time.Millisecond) { // until they are there: the test's time ends it
		n = packetsIn(t, kept)
	}
	p.end(syscall.SIGKILL)
	if n := packetsIn(t, kept); n != sent {
		t.Errorf("%d packets of %d", n, sent)
	}
}

// packetsIn counts the packets of a file that is whole up to a last block that may be cut.
func packetsIn(t *testing.T, file string) (n int) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		return 0
	}
	defer src.Close()
	for _, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if in := src.Inputs()[0]; in.Err != nil && !strings.Contains(in.Err.Error(), "cut off ") {
		t.Fatal(in.Err)
	}
	return n
}

// TestDiskFull: a disk that is full is an error, said when it happens; what was
// written before can be read, and the report is whole.
func TestDiskFull(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	dir := t.TempDir()
	runtime.LockOSThread() // a namespace of mounts is a thread's; what it starts has it, too
	if err := syscall.Unshare(syscall.CLONE_FS | syscall.CLONE_NEWNS); err != nil {
		t.Skipf("this machine gives no mount namespace: %v", err)
	}
	for _, mount := range []func() error{
		func() error { return syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") },
		func() error { return syscall.Mount("none", dir, "tmpfs", 0, "size=256k,mode=777") },
	} {
		if err := mount(); err != nil {
			t.Skipf("this machine lets nothing be mounted: %v", err)
		}
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	kept := filepath.Join(dir, "kept.pcapng")
	p := startLive(t, nil, "-i", "two", "-l", "none", "-w", kept)
	p.until("capturing on two")
	for range 3 {
		onWire(t, "one", "../../testdata/captures/sizes-coder.pcap.gz")
	}
	p.until("no space left on device; what was written before can be read; the capture goes on")
	code, said := p.end(syscall.SIGINT)
	if code != exitUsage || !strings.Contains(said, "no space left on device") || !strings.Contains(p.output.String(), "Totals") {
		t.Errorf("exit %d, %q, %s", code, said, &p.output)
	}
	n, in := readable(t, kept)
	if n < 20 || in.Err != nil {
		t.Errorf("%d packets, %v", n, in.Err)
	}
}

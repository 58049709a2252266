package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/wssniff/wssniff/internal/namespace"
	"golang.org/x/sys/unix"
)

// openTerminal gives both ends of a terminal.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this machine gives no terminal: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	unlocked := 0
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, unlocked); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine gives no terminal: %v", err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}

// TestCounters: on a terminal a line says how the capture goes, and a
// connection that is open; elsewhere there is none. The summary has the counts.
func TestCounters(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	ours, theirs := openTerminal(t)
	p := launch(t, nil, theirs, "-i", "two", "-s", "200", "-l", "none")
	terminal := bufio.NewReader(ours)
	if line, err := terminal.ReadString('\n'); err != nil || !strings.Contains(line, "capturing on two") {
		t.Fatalf("%q, %v", line, err)
	}
	sent := onWire(t, "one", "../../testdata/captures/still-open.pcap")
	want := regexp.MustCompile(fmt.Sprintf(`%d received, 0 dropped, 0 freezes, [1-9][0-9]* truncated, [1-9] open connections`, sent))
	shown := ""
	for !want.MatchString(shown) {
		c, err := terminal.ReadByte()
		if err != nil {
			t.Fatalf("%v: %q", err, shown)
		}
		shown += string(c)
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	p.cmd.Wait()
	if !regexp.MustCompile(`live, .* [1-9][0-9]* truncated`).MatchString(p.output.String()) {
		t.Errorf("%s", &p.output)
	}

	p = startLive(t, nil, "-i", "two", "--duration", "2s")
	if code, said := p.end(0); code != exitOK || strings.Contains(said, "received") {
		t.Errorf("exit %d, %q", code, said)
	}
}

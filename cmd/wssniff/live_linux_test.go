package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/namespace"
)

// TestLiveAsOffline plays recordings onto a wire. What is analysed there while
// they run, up to Ctrl-C, is what is found in the file that tcpdump makes
// beside it: event for event.
func TestLiveAsOffline(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	file := filepath.Join(t.TempDir(), "beside.pcap")
	stop := tcpdump(t, "two", file)
	var live bytes.Buffer
	talk, told := io.Pipe()
	code := make(chan int, 1)
	go func() { code <- run([]string{"-i", "two", "-f", "ndjson"}, nil, &live, told) }()
	if line, err := bufio.NewReader(talk).ReadString('\n'); err != nil || !strings.Contains(line, "capturing on two") {
		t.Fatalf("%q, %v", line, err)
	}
	sent := 0
	for _, name := range []string{"chromium-ws.pcap", "faults-ws.pcap", "closes.pcap", "deflate-ws.pcap", "path-loss.pcap"} {
		sent += onWire(t, "one", filepath.Join("../../testdata/captures", name))
	}
	interrupt(t)
	if got := <-code; got != exitOK {
		t.Fatalf("exit %d", got)
	}
	stop()
	var offline, errs bytes.Buffer
	if got := run([]string{"-f", "ndjson", "-r", file}, nil, &offline, &errs); got != exitOK {
		t.Fatalf("exit %d: %s", got, errs.String())
	}
	if diff := cmp.Diff(comparable(&offline), comparable(&live)); diff != "" {
		t.Errorf("(-tcpdump's file +live):\n%.3000s", diff)
	}
	if n := strings.Count(live.String(), "\n"); n < 100 || sent < 400 {
		t.Errorf("%d events of %d packets", n, sent)
	}
}

// comparable are the events but for what was read, which is named otherwise.
func comparable(b *bytes.Buffer) (lines []string) {
	for line := range strings.Lines(b.String()) {
		before, _, _ := strings.Cut(line, `"inputs":`)
		lines = append(lines, before)
	}
	return lines
}

// interrupt is Ctrl-C.
func interrupt(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}

// tcpdump captures beside, until the function it gives is called.
func tcpdump(t *testing.T, on, file string) (stop func()) {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("needs tcpdump")
	}
	cmd := exec.Command("tcpdump", "-i", on, "-w", file, "--nano", "-U", "-B", "32768", "-Z", "root")
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(errs).ReadString('\n'); err != nil || !strings.Contains(line, "listening") {
		t.Skipf("tcpdump cannot capture here: %q, %v", line, err)
	}
	go io.Copy(io.Discard, errs)
	return func() {
		time.Sleep(time.Second) // it writes what the kernel holds back
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
}

// onWire sends the packets of a recording on an interface.
func onWire(t *testing.T, on, file string) (n int) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	w := namespace.OpenWire(t, on)
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		if p.LinkType != capture.LinkEthernet {
			t.Fatalf("%s: %v", file, p.LinkType)
		}
		w.Send(p.Data)
		n++
	}
	return n
}

// TestLiveLines: a line is there while the capture goes on, and the capture
// ends by itself after -c packets.
func TestLiveLines(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	for _, workers := range []string{"1", "2"} {
		liveLines(t, workers)
	}
}

func liveLines(t *testing.T, workers string) {
	lines, out := io.Pipe()
	code := make(chan int, 1)
	talk, told := io.Pipe()
	src := "../../testdata/captures/closes.pcap"
	go func() {
		code <- run([]string{"-i", "two", "-l", "connections", "-c", "40", "--workers", workers}, nil, out, told)
		out.Close()
	}()
	bufio.NewReader(talk).ReadString('\n')
	read := bufio.NewReader(lines)
	onWire(t, "one", src)
	for _, want := range []string{" UTC\n", "#1 ⇄"} {
		if line, err := read.ReadString('\n'); err != nil || !strings.Contains(line, want) {
			t.Fatalf("--workers %s: %q, %v, want %q", workers, line, err, want)
		}
	}
	rest, err := io.ReadAll(read)
	if err != nil || !strings.Contains(string(rest), "two  live, 40 packets") || !strings.Contains(string(rest), "Totals") {
		t.Errorf("%s\n%v", rest, err)
	}
	if got := <-code; got != exitOK {
		t.Errorf("exit %d", got)
	}
}

// TestLiveErrors: what is wrong with the flags, and what mends it.
func TestLiveErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-i nosuch0", "nosuch0: no such interface\nhint: there are "},
		{"-i lo -r x.pcap", "it is either live or a saved capture"},
		{"--duration 3s -r x.pcap", "--duration: it is for live capture, with -i"},
		{"-i lo --duration -3s", "--duration -3s: it is longer than nothing"},
		{"-i lo -s 3", "-s 3: it is 128 to 262144 bytes"},
		{"-i lo -B 0", "-B 0: it is 2 to 1024 MiB"},
	} {
		var out, errs bytes.Buffer
		if code := run(strings.Fields(c.args), nil, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit %d, %s", c.args, code, errs.String())
		}
	}
}

// TestSummarySoFar asks for the summary while it captures.
func TestSummarySoFar(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	var live bytes.Buffer
	talk, told := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run([]string{"-i", "two", "-l", "none"}, nil, &live, told)
		told.Close()
	}()
	lines := bufio.NewReader(talk)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "capturing on two") {
		t.Fatalf("%q, %v", line, err)
	}
	onWire(t, "one", "../../testdata/captures/ws-ws.pcap")
	for asked := false; ; asked = true { // until the packets have come
		if !asked {
			syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "  connections   1") {
			break
		}
		if strings.HasPrefix(line, "hint: ") || strings.HasPrefix(line, "Timing") {
			syscall.Kill(os.Getpid(), syscall.SIGUSR1)
		}
	}
	go io.Copy(io.Discard, lines)
	interrupt(t)
	if got := <-code; got != exitOK {
		t.Fatalf("exit %d", got)
	}
	if !strings.Contains(live.String(), "connections   1   closed 1") {
		t.Errorf("the summary at the end is\n%s", live.String())
	}
}

// TestRootIsGivenUp captures as root, and looks who it is then.
func TestRootIsGivenUp(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	p := startLive(t, nil, "-v", "-i", "two", "-w", filepath.Join(t.TempDir(), "kept.pcapng"))
	p.until("wssniff: root given up, user 65534 now")
	p.until("wssniff: seccomp")
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("%q is not in its status:\n%s", want, status)
		}
	}
	onWire(t, "one", "../../testdata/captures/ws-ws.pcap")
	time.Sleep(200 * time.Millisecond) // the kernel holds packets back for 50 ms
	if code, said := p.end(syscall.SIGTERM); code != exitOK || !strings.Contains(said, "packets kept") {
		t.Errorf("exit %d, %s", code, said)
	}
}

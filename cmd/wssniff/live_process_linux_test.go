package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// A process is the program as a process of its own, capturing.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	told   *bufio.Reader // its standard error
	output bytes.Buffer  // its standard output, where nobody else has it
}

// startLive starts the program, whose standard output goes to w, or into output.
func startLive(t *testing.T, w io.Writer, args ...string) *process {
	t.Helper()
	told, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	p := launch(t, w, theirs, args...)
	theirs.Close()
	p.told = bufio.NewReader(told)
	return p
}

// launch starts the program, with its standard error at what is given.
func launch(t *testing.T, w io.Writer, stderr *os.File, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...)}
	p.cmd.Args[0] = "wssniff"
	p.cmd.Env = append(os.Environ(), "SUDO_UID=", "SUDO_GID=")
	if p.cmd.Stdout = w; w == nil {
		p.cmd.Stdout = &p.output
	}
	p.cmd.Stderr = stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// until reads what it says up to a line with these words.
func (p *process) until(words string) string {
	p.t.Helper()
	said := ""
	for {
		line, err := p.told.ReadString('\n')
		if said += line; err != nil {
			p.t.Fatalf("%q does not come: %v\n%s", words, err, said)
		}
		if strings.Contains(line, words) {
			return said
		}
	}
}

// end sends it a signal, or 0 for none, waits for its end, and gives its exit
// code and what it says until then.
func (p *process) end(signal syscall.Signal) (code int, said string) {
	p.t.Helper()
	if signal != 0 {
		p.cmd.Process.Signal(signal)
	}
	rest, err := io.ReadAll(p.told)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode(), string(rest)
}

// secretsOf are the TLS secrets that a recording holds, as a key log.
func secretsOf(t *testing.T, file string) (log []byte) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range src.Secrets() {
		log = append(log, s.Data...)
	}
	return log
}

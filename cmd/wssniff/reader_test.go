package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestReaderGone: a reader of the report that goes away, as head does, ends the
// program in order: what it keeps is written to its end.
func TestReaderGone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	kept := filepath.Join(t.TempDir(), "kept.pcapng")
	cmd := exec.Command(self, "-q", "-l", "frames", "-r", filepath.Join(root, "testdata", "captures", "chromium-ws.pcap"), "-w", kept)
	cmd.Args[0] = "wssniff" // as the scripts call it
	cmd.Stdout = w
	if err := cmd.Run(); err != nil {
		t.Fatalf("it ended with %v", err)
	}
	n, in := readable(t, kept)
	if in.Err != nil || n == 0 {
		t.Errorf("%d packets kept, then %v", n, in.Err)
	}
}

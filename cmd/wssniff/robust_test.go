package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// cuts is how many places each capture is cut at.
const cuts = 200

// TestCutAnywhere reads every recorded capture, cut at many places: what
// stands before the cut is reported, and the exit code says whether it was
// read to an end.
func TestCutAnywhere(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcap*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, file := range files {
		cutAnywhere(t, file, cuts/8)
	}
}

// TestCorpusCutAnywhere does the same with every capture of the corpus, which
// is read whole first.
func TestCorpusCutAnywhere(t *testing.T) {
	dir := corpus(t)
	paths, _ := manifest(t, dir)
	for _, path := range paths {
		cutAnywhere(t, filepath.Join(dir, path), cuts)
	}
}

func cutAnywhere(t *testing.T, file string, places int) {
	t.Helper()
	if raced { // one goroutine reads: the race detector only makes it slow
		places /= 8
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	readCut(t, file, data)
	for i := range places {
		readCut(t, file, data[:len(data)*i/places])
	}
}

func readCut(t *testing.T, file string, data []byte) {
	t.Helper()
	var errs bytes.Buffer
	code := run([]string{"-r", "-", "-f", "ndjson"}, bytes.NewReader(data), io.Discard, &errs)
	if code != exitOK && code != exitDamaged {
		t.Errorf("%s, first %d bytes: exit %d: %s", file, len(data), code, errs.String())
	}
	if (code == exitDamaged) != (errs.Len() > 0) {
		t.Errorf("%s, first %d bytes: exit %d with %q on standard error", file, len(data), code, errs.String())
	}
}

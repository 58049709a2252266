package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/internal/trafficgen"
)

// TestWorkersAgree holds the output of several workers against that of one,
// byte by byte.
func TestWorkersAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcap*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	many := filepath.Join(t.TempDir(), "many.pcap")
	out, err := os.Create(many)
	if err != nil {
		t.Fatal(err)
	}
	shape := trafficgen.Shapes[slices.IndexFunc(trafficgen.Shapes, func(s trafficgen.Shape) bool { return s.Name == "many" })]
	shape.Packets = 30_000
	if _, err := trafficgen.Write(out, shape); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, many) {
		alone := ndjson(t, 1, file)
		if len(alone) == 0 {
			t.Fatalf("%s: no output", file)
		}
		for _, workers := range []int{2, 3, 7} {
			if got := ndjson(t, workers, file); !bytes.Equal(got, alone) {
				t.Errorf("%s: %d workers print something else than one: %s", file, workers, firstDifference(alone, got))
			}
		}
	}
}

func ndjson(t *testing.T, workers int, file string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run([]string{"-r", file, "-f", "ndjson", "--workers", fmt.Sprint(workers)}, nil, &out, &errs); code != exitOK {
		t.Fatalf("%s with %d workers: exit %d: %s", file, workers, code, errs.String())
	}
	return out.Bytes()
}

func firstDifference(a, b []byte) string {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range la {
		if i >= len(lb) || !bytes.Equal(la[i], lb[i]) {
			other := []byte("(nothing)")
			if i < len(lb) {
				other = lb[i]
			}
			return fmt.Sprintf("line %d: %s, not %s", i+1, other, la[i])
		}
	}
	return "more lines"
}

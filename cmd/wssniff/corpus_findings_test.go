package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// TestCorpusFindings holds what is found in a large collection of captures to
// a list that was read by eye: most of them are of other protocols, and
// nothing may be said of those.
func TestCorpusFindings(t *testing.T) {
	dir := corpus(t)
	paths, _ := manifest(t, dir)
	var lines []string
	for _, name := range paths {
		src, err := capture.Open([]string{filepath.Join(dir, name)}, nil)
		if err != nil {
			continue // not every file there is a capture
		}
		var f found
		_, err = session.Run(src, session.Config{}, 1, diagnose.New(diagnose.All(), &f))
		src.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		counts := map[string]int{}
		for _, n := range f.all {
			counts[n.Severity.String()+" "+n.ID()]++
		}
		for id, n := range counts {
			lines = append(lines, fmt.Sprintf("%s %s %d", name, id, n))
		}
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/corpus.findings"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("what is found is not what the list says; run with -update and read it (-want +got):\n%s", diff)
	}
}

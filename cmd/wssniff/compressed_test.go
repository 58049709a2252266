package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A pressGauge counts the compressed messages of each end.
type pressGauge struct{ compressed, plain [2]int }

// Observe implements session.Observer.
func (g *pressGauge) Observe(e session.Event) {
	m, ok := e.(*session.Message)
	switch {
	case !ok:
	case m.Compressed && m.Inflated:
		g.compressed[m.Dir]++
	case !m.Compressed:
		g.plain[m.Dir]++
	}
}

// TestCompressedRecordings holds that the recordings of compression have some,
// of the ends that compress: what is inflated is held against the logs
// elsewhere.
func TestCompressedRecordings(t *testing.T) {
	files, err := filepath.Glob("../../testdata/captures/deflate-*.pcap*")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		t.Run(name, func(t *testing.T) {
			src, err := capture.Open([]string{file}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var g pressGauge
			if _, err := session.Run(src, session.Config{}, 1, &g); err != nil {
				t.Fatal(err)
			}
			if g.compressed[reassembly.FromServer] == 0 {
				t.Errorf("the server compresses nothing: %+v", g)
			}
			inflatesOnly := name == "deflate-undici"
			if got := g.compressed[reassembly.FromClient] > 0; got == inflatesOnly {
				t.Errorf("messages of the client: %+v", g)
			}
		})
	}
}

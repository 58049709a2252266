package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
)

// A half is one direction of a TCP connection as it was captured.
type half struct {
	name string
	runs []reassembly.Chunk
	size int
}

// halves reads the directions of all TCP connections of a capture. Which end
// is the client does not matter.
func halves(t *testing.T, file string) (all []*half) {
	t.Helper()
	src, err := capture.Open([]string{file}, &capture.Config{})
	if err != nil {
		return nil // a damaged file is another test's
	}
	defer src.Close()
	type conn struct {
		stream reassembly.Stream
		halves [2]*half
	}
	conns, order := map[string]*conn{}, []*conn{}
	var ip reassembly.IP
	take := func(c *conn, ch *reassembly.Chunk) {
		h := c.halves[ch.Dir]
		h.runs = append(h.runs, reassembly.Chunk{Lost: ch.Lost, Data: bytes.Clone(ch.Data)})
		h.size += len(ch.Data)
	}
	for p, err := range capture.Packets(src) {
		if err != nil {
			break
		}
		g := ip.Segment(p)
		if g == nil {
			continue
		}
		d, a, b := reassembly.FromClient, g.Src.String(), g.Dst.String()
		if a > b {
			d, a, b = reassembly.FromServer, b, a
		}
		c := conns[a+b]
		if c == nil {
			c = &conn{halves: [2]*half{{name: a + " to " + b}, {name: b + " to " + a}}}
			conns[a+b] = c
			order = append(order, c)
			all = append(all, c.halves[:]...)
		}
		for ch := range c.stream.Chunks(d, g) {
			take(c, ch)
		}
	}
	for _, c := range order {
		for ch := range c.stream.Flush(0, 0) {
			take(c, ch)
		}
	}
	return all
}

// seek looks for frames in a half from a place of its captured bytes on. It
// says at which captured byte one was found, -1 for none.
func (h *half) seek(f *frames.Finder, from int) int {
	at, base, lost := 0, -1, int64(0)
	for _, r := range h.runs {
		if base >= 0 && r.Lost > 0 {
			f.Lose(r.Lost, 0, 0)
			lost += r.Lost
		}
		b := r.Data
		at += len(b)
		if base < 0 {
			if at <= from {
				continue
			}
			base = from
			b = b[len(b)-(at-from):]
		}
		if f.Feed(b, 0, 0) {
			return base + int(f.Skipped()-lost)
		}
	}
	return -1
}

// TestNoFramesElsewhere looks for frames, as in the middle of a connection of
// which nothing is known, in what other protocols sent.
func TestNoFramesElsewhere(t *testing.T) {
	dir := os.Getenv("WSSNIFF_CORPUS")
	if dir == "" {
		t.Skip("WSSNIFF_CORPUS is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(21, 22))
	var f frames.Finder
	searched, found := 0, 0
	for line := range strings.Lines(string(data)) {
		row := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(row) < 11 || row[0] == "tier" {
			continue
		}
		spoken := row[8] != "0" || strings.Contains(row[10], "ws;") // there may be frames
		for _, h := range halves(t, filepath.Join(dir, row[1])) {
			for i := range 16 {
				from := 0
				if i > 0 && h.size > 0 {
					from = rnd.IntN(h.size)
				}
				f.Reset(frames.Habit{})
				if i%4 == 3 {
					f.Assume(i%8 == 3)
				}
				at := h.seek(&f, from)
				searched++
				switch {
				case at < 0:
				case spoken:
					found++
				default:
					bits, masked := f.Score()
					t.Errorf("%s: %s: a frame at %d of %d, from %d on: %d bits, masked %t", row[1], h.name, at, h.size, from, bits, masked)
				}
			}
		}
	}
	t.Log(fmt.Sprint(searched, " searches; ", found, " found frames where there were some"))
	if searched < 10_000 || found == 0 {
		t.Errorf("%d searches, %d found: the corpus is not what it was", searched, found)
	}
}

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// onceOnly gathers what must not depend on how many captures hold a connection.
type onceOnly struct{ lines []string }

func (o *onceOnly) Observe(e session.Event) {
	closed, ok := e.(*session.Closed)
	if !ok {
		return
	}
	c := closed.Conn
	for d := range c.Sides {
		n, s := c.Segments().Counts(reassembly.Dir(d)), &c.Sides[d]
		o.lines = append(o.lines, fmt.Sprintf("%v %v %v: %d frames, %d messages, %d bytes; again %d spurious %d late %d zero windows %d probes %d lost %d",
			c.Client, c.Server, reassembly.Dir(d), s.Frames, s.Messages, s.PayloadBytes,
			n.Retransmitted, n.Spurious, n.OutOfOrder, n.ZeroWindows, n.KeepAlives+n.WindowProbes, s.LostBytes))
	}
}

func (o *onceOnly) Finding(f *diagnose.Finding) {
	o.lines = append(o.lines, fmt.Sprint(f.Where.Conn.Client, f.Where.Conn.Server, f.ID()))
}

// TestTwoCaptures reads each recording together with a second capture of the
// same packets, made elsewhere by a clock that is off: what was sent once is
// not said to have been sent twice.
func TestTwoCaptures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcap*"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			packets, _ := recorded(t, file)
			want := lookedAt(t, packets)
			for _, off := range []time.Duration{30 * time.Millisecond, 700 * time.Millisecond} {
				if diff := cmp.Diff(want, lookedAt(t, twice(packets, off))); diff != "" {
					t.Errorf("with a clock %v behind:\n%s", off, diff)
				}
			}
		})
	}
}

func lookedAt(t *testing.T, packets []capture.Packet) []string {
	t.Helper()
	var o onceOnly
	if _, err := session.Run(casetest.Source(packets), session.Config{}, 1, diagnose.New(diagnose.All(), &o)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(o.lines)
	return o.lines
}

// twice adds a second capture, whose times are off.
func twice(packets []capture.Packet, off time.Duration) []capture.Packet {
	var all []capture.Packet
	for _, p := range packets {
		all = append(all, p)
		p.Input, p.Time = 1, p.Time+capture.Time(off)
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b capture.Packet) int { return int(a.Time.Sub(b.Time)) })
	for i := range all {
		all[i].Number = int64(i + 1)
	}
	return all
}

// TestTwoCapturesHoldMore leaves out a part of the packets of either capture,
// never the same ones: together they have all that was said.
func TestTwoCapturesHoldMore(t *testing.T) {
	for _, name := range []string{"coder-gorilla.pcap", "byte-by-byte.pcap", "deflate-ws.pcap", "closes.pcap"} {
		packets, _ := recorded(t, filepath.Join(capturesDir, name))
		want := said(t, packets)
		for part := range 7 {
			n := [2]int{}
			holed := slices.DeleteFunc(twice(packets, 3*time.Millisecond), func(p capture.Packet) bool {
				n[p.Input]++
				return n[p.Input]%7 == (part+3*p.Input)%7
			})
			if diff := cmp.Diff(want, said(t, holed)); diff != "" {
				t.Errorf("%s without each seventh packet from %d on:\n%s", name, part, diff)
			}
		}
	}
}

func said(t *testing.T, packets []capture.Packet) []string {
	t.Helper()
	var o onceOnly
	if _, err := session.Run(casetest.Source(packets), session.Config{}, 1, diagnose.New(nil, &o)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(o.lines)
	for i, line := range o.lines {
		before, _, _ := strings.Cut(line, ";")
		_, lost, _ := strings.Cut(line, "lost")
		o.lines[i] = before + " lost" + lost
	}
	return o.lines
}

// TestOneAfterTheOther reads each recording as two files, the second from where
// the first ends, as a capture that is cut by size has them.
func TestOneAfterTheOther(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcap"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, file := range files {
		var o onceOnly
		src, err := capture.Open(halves(t, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.Run(src, session.Config{}, 1, diagnose.New(diagnose.All(), &o)); err != nil {
			t.Fatal(err)
		}
		src.Close()
		slices.Sort(o.lines)
		whole, _ := recorded(t, file)
		if diff := cmp.Diff(lookedAt(t, whole), o.lines); diff != "" {
			t.Errorf("%s:\n%s", filepath.Base(file), diff)
		}
	}
}

// halves writes the two halves of a pcap file, and gives their names.
func halves(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const head, recordHead = 24, 16
	middle := head
	for middle < len(b)/2 {
		middle += recordHead + int(binary.LittleEndian.Uint32(b[middle+8:]))
	}
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "1.pcap"), filepath.Join(dir, "2.pcap")}
	for i, part := range [][]byte{b[head:middle], b[middle:]} {
		if err := os.WriteFile(names[i], slices.Concat(b[:head], part), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

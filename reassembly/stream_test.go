package reassembly

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A wire makes segments of one connection and takes what the stream yields of
// them: bytes by offset, and where it says there were others.
type wire struct {
	t      testing.TB
	stream Stream
	base   [2]SeqNum // of the first byte of each direction
	now    capture.Time
	packet int64
	at     [2]int64
	got    [2][]byte // a '?' for each lost byte, up to a thousand
	end    [2]End
	log    strings.Builder
}

func newWire(t testing.TB, base SeqNum) *wire {
	return &wire{t: t, base: [2]SeqNum{base, base + 77}, now: 1e18}
}

func (w *wire) send(d Dir, flags Flags, at int, data string, change ...func(*Segment)) {
	w.packet++
	w.now += capture.Time(time.Millisecond)
	payload := []byte(data)
	g := &Segment{Seq: w.base[d].Add(at), Ack: w.base[d.Other()], Flags: flags, Window: 1000, Payload: payload, ID: uint16(w.packet), TTL: 64, Packet: w.packet, Time: w.now}
	if flags.Has(FlagSYN) {
		g.Seq = w.base[d].Add(-1)
	}
	for _, f := range change {
		f(g)
	}
	for c := range w.stream.Chunks(d, g) {
		w.take(c)
	}
	for i := range payload { // what was lent is gone
		payload[i] = 0xDB
	}
}

func (w *wire) ack(d Dir, at int) func(*Segment) {
	return func(g *Segment) { g.Flags |= FlagACK; g.Ack = w.base[d.Other()].Add(at) }
}

func missing(n int) func(*Segment) { return func(g *Segment) { g.Missing = n } }

func (w *wire) open() {
	w.send(FromClient, FlagSYN, 0, "")
	w.send(FromServer, FlagSYN, 0, "", w.ack(FromServer, 0))
	w.send(FromClient, FlagACK, 0, "", w.ack(FromClient, 0))
}

func (w *wire) flush() {
	for c := range w.stream.Flush(w.packet, w.now) {
		w.take(c)
	}
}

func (w *wire) take(c *Chunk) {
	w.t.Helper()
	if c.Offset != w.at[c.Dir]+c.Lost {
		w.t.Fatalf("chunk of %v at offset %d with %d lost, after offset %d", c.Dir, c.Offset, c.Lost, w.at[c.Dir])
	}
	w.at[c.Dir] = c.Offset + int64(len(c.Data))
	w.got[c.Dir] = append(w.got[c.Dir], bytes.Repeat([]byte{'?'}, int(min(c.Lost, 1000)))...)
	w.got[c.Dir] = append(w.got[c.Dir], c.Data...)
	if w.end[c.Dir] != NotEnded && c.End != RST {
		w.t.Fatalf("a chunk of %v behind its end", c.Dir)
	}
	w.end[c.Dir] = c.End
	fmt.Fprintf(&w.log, "%c%d", c.Dir.String()[0], w.packet)
	if c.Lost > 0 {
		fmt.Fprintf(&w.log, " -%d", c.Lost)
	}
	if len(c.Data) > 0 {
		fmt.Fprintf(&w.log, " %s", c.Data)
	}
	fmt.Fprintf(&w.log, "%s; ", [...]string{"", " FIN", " RST"}[c.End])
}

var bases = []SeqNum{1, 1<<31 - 4, 1<<32 - 1, 1<<32 - 4, 1<<32 - 9}

func TestStream(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	tests := []struct {
		name string
		play func(w *wire)
		want string // what was yielded: sender's letter, number of the packet, what
	}{
		{"in order", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "xy", w.ack(S, 3))
			w.send(C, A, 3, "def")
		}, "c4 abc; s5 xy; c6 def; "},
		{"data in the SYN", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "early")
			w.send(C, FlagSYN, 0, "early")
			w.send(C, A, 5, "!")
		}, "c4 early; c6 !; "},
		{"swapped", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(C, A, 0, "abc")
		}, "c5 abc; c5 def; "},
		{"held runs overlap", func(w *wire) {
			w.send(C, A, 6, "ghi")
			w.send(C, A, 3, "DEFGHIJ")
			w.send(C, A, 0, "abc")
		}, "c6 abc; c6 DEF; c6 ghi; c6 J; "},
		{"the gap is filled too far", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(C, A, 0, "abcXYZg")
		}, "c5 abc; c5 def; c5 g; "},
		{"retransmission of more", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(C, A, 0, "abcde")
		}, "c4 abc; c5 de; "},
		{"acknowledged gap, after the grace", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(S, A, 0, "", w.ack(S, 6))
			w.now += capture.Time(graceTime)
			w.send(S, A, 0, "", w.ack(S, 6))
			w.send(C, A, 0, "abc") // too late
		}, "c6 -3; c6 def; "},
		{"acknowledged gap that is filled in the grace", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(S, A, 0, "", w.ack(S, 6))
			w.send(C, A, 0, "abc")
		}, "c6 abc; c6 def; "},
		{"gap that is not acknowledged", func(w *wire) {
			w.send(C, A, 3, "def")
			w.now += capture.Time(time.Minute)
			w.send(C, A, 6, "ghi", w.ack(C, 0))
		}, ""},
		{"the last bytes are lost", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 9))
			w.now += capture.Time(graceTime)
			w.send(S, A, 0, "x", w.ack(S, 9))
		}, "c4 abc; c6 -6; s6 x; "},
		{"cut by the capture", func(w *wire) {
			w.send(C, A, 0, "abc", missing(4))
			w.send(C, A, 7, "hi")
		}, "c4 abc; c4 -4; c5 hi; "},
		{"cut by the capture, early", func(w *wire) {
			w.send(C, A, 3, "def", missing(4))
			w.send(C, A, 0, "abc")
			w.send(C, A, 10, "kl")
		}, "c5 abc; c5 def; c5 -4; c6 kl; "},
		{"FIN before the last data", func(w *wire) {
			w.send(C, A|FlagFIN, 3, "def")
			w.send(C, A, 0, "abc")
		}, "c5 abc; c5 def; c5 FIN; "},
		{"both FIN", func(w *wire) {
			w.send(C, A|FlagFIN, 0, "bye")
			w.send(S, A|FlagFIN, 0, "", w.ack(S, 4))
		}, "c4 bye; c4 FIN; s5 FIN; "},
		{"FIN and a lost segment, at the end", func(w *wire) {
			w.send(C, A|FlagFIN, 3, "")
			w.flush()
		}, "c4 -3; c4 FIN; "},
		{"RST", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, FlagRST, 0, "")
			w.send(C, A, 3, "def")
		}, "c4 abc; s5 RST; "},
		{"stale RST", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(C, FlagRST, 1, "")
			w.send(C, A, 3, "def")
		}, "c4 abc; c7 def; "},
		{"RST refuses the SYN", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "")
			w.send(S, FlagRST|A, 0, "", func(g *Segment) { g.Seq = 0 }, w.ack(S, 0))
		}, "s5 RST; "},
		{"keep-alive", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(C, A, 2, "c")
			w.send(C, A, 2, "")
			w.send(C, A, 3, "def")
		}, "c4 abc; c7 def; "},
		{"joined in the middle", func(w *wire) {
			w.stream = Stream{}
			w.send(C, A, 100, "abc")
			w.send(C, A, 103, "def")
		}, "c4 abc; c5 def; "},
		{"nowhere near", func(w *wire) {
			w.send(C, A, -1<<30-5, "old")
			w.send(C, A, 1<<30+5, "new")
			w.send(C, A, 20<<20, "far")
			w.send(C, A, 0, "abc")
			w.flush()
		}, "c7 abc; "},
	}
	for _, tt := range tests {
		for _, base := range bases {
			t.Run(fmt.Sprintf("%s/%d", tt.name, base), func(t *testing.T) {
				w := newWire(t, base)
				w.open()
				tt.play(w)
				if got := w.log.String(); got != tt.want {
					t.Errorf("yielded %q, want %q", got, tt.want)
				}
			})
		}
	}
}

func TestConflictsAreCounted(t *testing.T) {
	w := newWire(t, 1)
	w.open()
	w.send(FromClient, FlagACK, 0, "abc")
	w.send(FromClient, FlagACK, 0, "aXc") // a copy of a segment that is gone
	w.send(FromClient, FlagACK, 5, "fgh")
	w.send(FromClient, FlagACK, 4, "eFGh") // of one that is held
	w.send(FromClient, FlagACK, 3, "d")
	if got, want := string(w.got[FromClient]), "abcdefgh"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	counts := w.stream.Counts(FromClient)
	want := Counts{Retransmitted: 2, DuplicateBytes: 6, ConflictingBytes: 5, Conflicts: 2}
	if counts != want {
		t.Errorf("counted %+v, want %+v", counts, want)
	}
	conflicts := []Conflict{{First: 4, Second: 5, Offset: 0, Length: 3}, {First: 6, Second: 7, Offset: 5, Length: 2}}
	if got := w.stream.Conflicts(FromClient); !slices.Equal(got, conflicts) {
		t.Errorf("conflicts %+v, want %+v", got, conflicts)
	}
}

func TestStreamAllocatesNothing(t *testing.T) {
	var s Stream
	var b Budget
	s.Budget = &b
	data := make([]byte, 1400)
	seq, total := SeqNum(1<<32-5000), 0
	g := &Segment{Flags: FlagACK, Payload: data}
	send := func(at SeqNum) {
		g.Seq = at
		for c := range s.Chunks(FromClient, g) {
			total += len(c.Data)
		}
	}
	send(seq)
	avg := testing.AllocsPerRun(200, func() {
		send(seq.Add(2 * len(data))) // early
		send(seq.Add(len(data)))
		seq = seq.Add(2 * len(data))
	})
	if avg != 0 {
		t.Errorf("%v allocations for two segments, want 0", avg)
	}
	if total == 0 {
		t.Error("no bytes came through")
	}
}

func BenchmarkStream(b *testing.B) {
	var s Stream
	data := make([]byte, 130)
	g := &Segment{Flags: FlagACK, Payload: data}
	for b.Loop() {
		for c := range s.Chunks(FromClient, g) {
			g.Seq = g.Seq.Add(len(c.Data))
		}
	}
}

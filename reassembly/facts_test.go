package reassembly

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

func window(n uint16) func(*Segment) { return func(g *Segment) { g.Window = n } }

func id(n uint16) func(*Segment) { return func(g *Segment) { g.ID = n } }

func ttl(n uint8) func(*Segment) { return func(g *Segment) { g.TTL = n } }

func stamp(n uint32) func(*Segment) {
	return func(g *Segment) {
		g.Options = binary.BigEndian.AppendUint32([]byte{1, 1, OptionTimestamps, 10}, n)
		g.Options = append(g.Options, 0, 0, 0, 0)
	}
}

// echo follows stamp.
func echo(n uint32) func(*Segment) {
	return func(g *Segment) { binary.BigEndian.PutUint32(g.Options[8:], n) }
}

// later lets packet time go on; a segment takes another millisecond.
func (w *wire) later(d time.Duration) { w.now += capture.Time(d) }

// TestFacts plays segments in each place of the sequence space. What it wants
// of the counts is all that is not zero.
func TestFacts(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	tests := []struct {
		name   string
		play   func(w *wire)
		want   string // what was yielded
		client Counts
		server Counts
		traits Traits
	}{
		{"plain", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
		}, "c4 abc; ", Counts{}, Counts{}, 0},
		{"retransmission", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(C, A, 0, "abc")
		}, "c4 abc; ", Counts{Retransmitted: 1, DuplicateBytes: 3}, Counts{}, 0},
		{"spurious retransmission", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(C, A, 0, "abc")
		}, "c4 abc; ", Counts{Retransmitted: 1, Spurious: 1, DuplicateBytes: 3}, Counts{}, 0},
		{"SYN and FIN again", func(w *wire) {
			w.send(C, FlagSYN, 0, "")
			w.send(C, A|FlagFIN, 0, "")
			w.send(C, A|FlagFIN, 0, "")
		}, "c5 FIN; ", Counts{Retransmitted: 2}, Counts{}, 0},
		{"out of order", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(S, A, 0, "", w.ack(S, 0))
			w.send(S, A, 0, "", w.ack(S, 0))
			w.send(C, A, 0, "abc", id(3))
		}, "c7 abc; c7 def; ", Counts{OutOfOrder: 1}, Counts{DuplicateACKs: 2}, 0},
		{"out of order, without identification", func(w *wire) {
			w.send(C, A, 3, "def", id(0))
			w.send(C, A, 0, "abc", id(0))
		}, "c5 abc; c5 def; ", Counts{OutOfOrder: 1}, Counts{}, 0},
		{"sent again after what is behind the gap", func(w *wire) {
			w.send(C, A, 3, "def", id(0xffff))
			w.send(C, A, 0, "abc", id(2))
		}, "c5 abc; c5 def; ", Counts{Retransmitted: 1}, Counts{}, 0},
		{"keep-alives", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(C, A, 2, "")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(C, A, 2, "x")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(S, A, -1, "", w.ack(S, 3))
			w.send(C, A, 3, "d")
		}, "c4 abc; c11 d; ", Counts{KeepAlives: 2}, Counts{KeepAlives: 1, KeepAliveACKs: 2}, 0},
		{"a byte that is not acknowledged is no keep-alive", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(C, A, 2, "c")
		}, "c4 abc; ", Counts{Retransmitted: 1, DuplicateBytes: 1}, Counts{}, 0},
		{"window updates", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(S, A, 0, "", w.ack(S, 3), window(2000))
			w.send(S, A, 0, "", w.ack(S, 3), window(3000))
		}, "c4 abc; ", Counts{}, Counts{WindowUpdates: 2}, 0},
		{"zero window", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3), window(0))
			w.later(99 * time.Millisecond)
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(S, A, 0, "x", w.ack(S, 3), window(0))
			w.later(9 * time.Millisecond)
			w.send(C, A, 2, "c", w.ack(C, 1))
		}, "c4 abc; s7 x; ", Counts{WindowProbes: 1}, Counts{ZeroWindows: 2, ZeroWindow: 110 * time.Millisecond, WindowUpdates: 1}, 0},
		{"a window of a SYN or RST is none", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "", window(0))
			w.send(S, A|FlagRST, 0, "", window(0), w.ack(S, 0))
		}, "s5 RST; ", Counts{}, Counts{}, 0},
		{"captured twice on a router", func(w *wire) {
			w.send(C, A, 0, "abc", id(7))
			w.send(C, A, 0, "abc", id(7), ttl(63))
			w.send(S, A, 0, "", w.ack(S, 3), id(9))
			w.send(S, A, 0, "", w.ack(S, 3), id(9), ttl(63))
		}, "c4 abc; ", Counts{Duplicates: 1}, Counts{Duplicates: 1}, 0},
		{"and in bursts", func(w *wire) {
			for range 2 {
				w.send(C, A, 0, "abc", id(7))
				w.send(C, A, 3, "def", id(8))
			}
			w.send(C, A, 12, "last", id(12))
			for range 2 {
				w.send(C, A, 6, "ghi", id(10))
				w.send(C, A, 9, "jkl", id(11))
			}
			w.send(C, A, 12, "last", id(12)) // 5 ms later
		}, "c4 abc; c5 def; c9 ghi; c10 jkl; c10 last; ", Counts{Duplicates: 5, OutOfOrder: 2}, Counts{}, 0},
		{"a SYN twice", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "", id(5))
			w.send(C, FlagSYN, 0, "", id(5))
			w.send(S, FlagSYN, 0, "", id(0), w.ack(S, 0))
			w.send(S, FlagSYN, 0, "", id(0), w.ack(S, 0), ttl(63))
		}, "", Counts{Duplicates: 1}, Counts{Duplicates: 1}, 0},
		{"the same identification much later", func(w *wire) {
			w.send(C, A, 0, "abc", id(7))
			w.later(200 * time.Millisecond)
			w.send(C, A, 0, "abc", id(7))
		}, "c4 abc; ", Counts{Retransmitted: 1, DuplicateBytes: 3}, Counts{}, 0},
		{"no identification, at once", func(w *wire) {
			w.send(C, A, 0, "abc", id(0))
			w.send(C, A, 0, "abc", id(0))
			w.send(C, A, 0, "abc", id(0))
		}, "c4 abc; ", Counts{Duplicates: 2}, Counts{}, 0},
		{"no identification, after duplicate acknowledgments", func(w *wire) {
			w.send(C, A, 0, "abc", id(0))
			w.send(S, A, 0, "", w.ack(S, 0))
			w.send(C, A, 0, "abc", id(0))
		}, "c4 abc; ", Counts{Retransmitted: 1, DuplicateBytes: 3}, Counts{DuplicateACKs: 1}, 0},
		{"bare acknowledgments without identification are not compared", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 0), id(0))
			w.send(S, A, 0, "", w.ack(S, 0), id(0))
		}, "c4 abc; ", Counts{}, Counts{DuplicateACKs: 2}, 0},
		{"the same place with other bytes is no duplicate", func(w *wire) {
			w.send(C, A, 0, "abc", id(7))
			w.send(C, A, 0, "abX", id(7))
		}, "c4 abc; ", Counts{Retransmitted: 1, DuplicateBytes: 3, ConflictingBytes: 3, Conflicts: 1}, Counts{}, 0},
		{"stale RST", func(w *wire) {
			w.send(C, A, 0, "abcdef")
			w.send(S, A, 0, "", w.ack(S, 6))
			w.send(C, FlagRST, 3, "")
			w.send(C, FlagRST, 20<<20, "")
			w.send(C, A, 6, "g")
		}, "c4 abcdef; c8 g; ", Counts{Discarded: 2, StaleResets: 2}, Counts{}, 0},
		{"RST of bytes that are on their way", func(w *wire) {
			w.send(C, A, 0, "abcdef")
			w.send(C, FlagRST, 0, "")
		}, "c4 abcdef; c5 RST; ", Counts{}, Counts{}, 0},
		{"behind a RST", func(w *wire) {
			w.send(C, FlagRST, 0, "")
			w.send(C, A, 0, "abc")
		}, "c4 RST; ", Counts{Discarded: 1}, Counts{}, 0},
		{"FIN below the data", func(w *wire) {
			w.send(C, A, 0, "abcdef")
			w.send(C, A|FlagFIN, 3, "")
			w.send(C, A, 6, "g")
		}, "c4 abcdef; c6 g; ", Counts{Discarded: 1}, Counts{}, 0},
		{"FIN above the data", func(w *wire) {
			w.send(C, A|FlagFIN, 6, "")
			w.send(C, A, 0, "abc")
			w.send(C, A, 3, "def")
		}, "c5 abc; c6 def; c6 FIN; ", Counts{}, Counts{}, 0},
		{"a second FIN, lower", func(w *wire) {
			w.send(C, A, 3, "def")
			w.send(C, A|FlagFIN, 6, "")
			w.send(C, A|FlagFIN, 3, "")
			w.send(C, A, 0, "abc", id(1))
		}, "c7 abc; c7 def; c7 FIN; ", Counts{OutOfOrder: 1}, Counts{}, 0},
		{"a second FIN, higher", func(w *wire) {
			w.send(C, A|FlagFIN, 3, "")
			w.send(C, A|FlagFIN, 9, "")
			w.send(C, A, 0, "abc")
		}, "c6 abc; c6 FIN; ", Counts{}, Counts{}, 0},
		{"FIN out of this world", func(w *wire) {
			w.send(C, A|FlagFIN, 1<<30+1, "")
			w.send(C, A, 0, "abc")
		}, "c5 abc; ", Counts{Discarded: 1}, Counts{}, 0},
		{"data behind a FIN", func(w *wire) {
			w.send(C, A|FlagFIN, 0, "abc")
			w.send(C, A, 3, "def")
			w.send(C, A, 4, "ef")
		}, "c4 abc; c4 FIN; ", Counts{Discarded: 2}, Counts{}, 0},
		{"URG: its bytes are part of the stream, RFC 6093 §6", func(w *wire) {
			w.send(C, A|FlagURG, 0, "abc")
			w.send(C, A, 3, "def")
		}, "c4 abc; c5 def; ", Counts{}, Counts{}, 0},
		{"acknowledgment of bytes that were never sent", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 900))
			w.later(time.Second)
			w.send(S, A, 0, "", w.ack(S, 3))
			w.later(time.Second)
			w.send(S, A, 0, "", w.ack(S, 3))
			w.flush()
		}, "c4 abc; ", Counts{}, Counts{}, 0},
		{"acknowledgment out of this world", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 1<<30+9))
			w.flush()
		}, "c4 abc; ", Counts{}, Counts{}, 0},
		{"half-closed", func(w *wire) {
			w.send(C, A|FlagFIN, 0, "abc")
			w.send(S, A, 0, "on its way", w.ack(S, 0))
			w.send(S, A, 10, "late", w.ack(S, 4))
			w.send(S, A|FlagFIN, 14, "", w.ack(S, 4))
		}, "c4 abc; c4 FIN; s5 on its way; s6 late; s7 FIN; ", Counts{}, Counts{HalfClosed: 4}, 0},
		{"simultaneous close", func(w *wire) {
			w.send(C, A|FlagFIN, 0, "", w.ack(C, 0))
			w.send(S, A|FlagFIN, 0, "", w.ack(S, 0))
		}, "c4 FIN; s5 FIN; ", Counts{}, Counts{}, SimultaneousClose},
		{"simultaneous open", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "")
			w.send(S, FlagSYN, 0, "")
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "xy")
		}, "c6 abc; s7 xy; ", Counts{}, Counts{}, SimultaneousOpen},
		{"fast open", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "early")
			w.send(S, FlagSYN, 0, "", w.ack(S, 5))
			w.send(C, A, 5, "!")
		}, "c4 early; c6 !; ", Counts{}, Counts{}, FastOpen},
		{"fast open is refused", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "early")
			w.send(S, FlagSYN, 0, "", w.ack(S, 0))
			w.send(C, A, 0, "", w.ack(C, 0))
			w.send(C, A, 0, "ear", w.ack(C, 0))
			w.send(C, A, 3, "ly!", w.ack(C, 0))
			w.send(C, A, 3, "ly!", w.ack(C, 0))
		}, "c4 early; c8 !; ", Counts{Retransmitted: 1, DuplicateBytes: 3}, Counts{}, FastOpenRefused},
		{"answers that echo an older timestamp", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "", stamp(5000))
			w.send(S, A|FlagRST, 0, "", stamp(100), echo(100), w.ack(S, 0))
			w.send(S, A|FlagFIN, 0, "", stamp(100), echo(4999), w.ack(S, 0))
			w.send(S, A|FlagSYN, 0, "", stamp(9), echo(5000), w.ack(S, 0))
			w.send(C, A, 0, "abc", stamp(5001), echo(9))
			w.send(S, A, 0, "xy", stamp(10), echo(5001))
		}, "c8 abc; s9 xy; ", Counts{}, Counts{Discarded: 2, StaleResets: 1}, 0},
		{"an answer whose echo is older, and what follows it", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "", stamp(5000))
			w.send(S, A|FlagSYN, 0, "", stamp(9), echo(4999), w.ack(S, 0))
			w.send(C, A, 0, "abc", stamp(5001), echo(9))
			w.send(S, A, 0, "xy", stamp(10), echo(4999))
		}, "c6 abc; s7 xy; ", Counts{}, Counts{}, 0},
		{"a reset that echoes the SYN", func(w *wire) {
			w.stream = Stream{}
			w.send(C, FlagSYN, 0, "", stamp(5000))
			w.send(S, A|FlagRST, 0, "", stamp(0), echo(5000), w.ack(S, 0))
		}, "s5 RST; ", Counts{}, Counts{}, 0},
		{"old timestamps behind a wrap", func(w *wire) {
			w.send(C, A, 0, "abc", stamp(5000))
			w.stream.half[C].offset += wrapped
			w.at[C] += wrapped
			w.send(C, A, 3, "def", stamp(6000))
			w.send(C, A, 6, "OLD", stamp(100))
			w.send(C, A, 9, "OLD", stamp(100))
			w.send(C, A, 6, "ghi", stamp(6000))
			w.send(C, A, 9, "jkl")
			w.later(25 * 24 * time.Hour)
			w.send(C, A, 12, "mno", stamp(100))
		}, "c4 abc; c5 def; c8 ghi; c9 jkl; c10 mno; ", Counts{Discarded: 2, OldTimestamps: 2}, Counts{}, 0},
		{"old timestamps elsewhere are nobody's business", func(w *wire) {
			w.send(C, A, 0, "abc", stamp(5000))
			w.send(C, A, 3, "def", stamp(100))
		}, "c4 abc; c5 def; ", Counts{}, Counts{}, 0},
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
				for d, want := range []Counts{tt.client, tt.server} {
					if got := w.stream.Counts(Dir(d)); got != want {
						t.Errorf("%v:\n got %+v\nwant %+v", Dir(d), got, want)
					}
				}
				if got := w.stream.Traits(); got != tt.traits {
					t.Errorf("traits %b, want %b", got, tt.traits)
				}
			})
		}
	}
}

func TestCloserIsWhoSentTheFirstFIN(t *testing.T) {
	w := newWire(t, 1)
	w.open()
	if d, ok := w.stream.Closer(); ok {
		t.Errorf("%v closed before a FIN", d)
	}
	w.send(FromClient, FlagACK|FlagFIN, 3, "") // three bytes are missing yet
	w.send(FromServer, FlagACK|FlagFIN, 0, "", w.ack(FromServer, 0))
	if d, ok := w.stream.Closer(); !ok || d != FromClient {
		t.Errorf("%v, %v; want the client", d, ok)
	}
}

func TestRTT(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	tests := []struct {
		name          string
		play          func(w *wire)
		min, smoothed time.Duration
	}{
		{"none", func(w *wire) { w.send(C, A, 0, "abc") }, 0, 0},
		{"one", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.later(39 * time.Millisecond)
			w.send(S, A, 0, "", w.ack(S, 3))
		}, 40 * time.Millisecond, 40 * time.Millisecond},
		{"RFC 6298 §2", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.later(79 * time.Millisecond)
			w.send(S, A, 0, "", w.ack(S, 3))
			w.send(C, A, 3, "def")
			w.later(7 * time.Millisecond)
			w.send(S, A, 0, "", w.ack(S, 6))
		}, 8 * time.Millisecond, 71 * time.Millisecond},
		{"an acknowledgment of less does not count", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 2))
			w.later(time.Millisecond)
			w.send(S, A, 0, "", w.ack(S, 3))
		}, 3 * time.Millisecond, 3 * time.Millisecond},
		{"Karn: sent twice", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.later(time.Second)
			w.send(C, A, 0, "abc")
			w.send(S, A, 0, "", w.ack(S, 3))
		}, 0, 0},
		{"time goes back", func(w *wire) {
			w.send(C, A, 0, "abc")
			w.later(-time.Second)
			w.send(S, A, 0, "", w.ack(S, 3))
		}, 0, 0},
	}
	for _, tt := range tests {
		w := newWire(t, 1<<32-2)
		w.open()
		tt.play(w)
		if got := w.stream.RTT(C); got.Min != tt.min || got.Smoothed != tt.smoothed {
			t.Errorf("%s: %v, want %v and %v", tt.name, got, tt.min, tt.smoothed)
		}
		if got := w.stream.RTT(S); got.Min != 0 {
			t.Errorf("%s: the server sent nothing, and it took %v", tt.name, got)
		}
	}
}

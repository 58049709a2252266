package reassembly

import (
	"testing"
	"time"
)

// TestRepeated plays a segment that is sent again and again.
func TestRepeated(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	w := &wire{t: t, base: [2]SeqNum{0xfffffffa, 100}}
	w.open()
	if _, ok := w.stream.Repeated(C); ok {
		t.Error("repeated, and nothing was sent")
	}
	w.send(C, A, 0, "hello")
	w.send(C, A, 5, "there")
	w.send(C, A, 0, "hello")
	since := w.now
	w.send(S, A, 0, "", w.ack(S, 0))
	w.send(C, A, 0, "hello")
	r, ok := w.stream.Repeated(C)
	if !ok || r.Times != 2 || r.Length != 5 || r.Since != since || r.Acked || !r.Lively {
		t.Errorf("%+v", r)
	}
	w.send(S, A, 0, "", w.ack(S, 10))
	if r, _ = w.stream.Repeated(C); !r.Acked {
		t.Errorf("acknowledged, and %+v", r)
	}
	if !w.stream.Quotes(C, w.base[C].Add(5)) || w.stream.Quotes(C, w.base[C].Add(10)) || w.stream.Place(C, w.base[C].Add(5)) != 5 || w.stream.Place(C, w.base[C].Add(-1)) != -1 {
		t.Error("the place of what was sent")
	}
}

// TestSYNAgain holds when a SYN was sent again, and that not more is kept
// than is of use.
func TestSYNAgain(t *testing.T) {
	w := &wire{t: t}
	for range 30 {
		w.send(FromClient, FlagSYN, 0, "")
		w.later(time.Second)
	}
	again := w.stream.SYNAgain(FromClient)
	if len(again) != maxSYNs || again[1].Sub(again[0]) != time.Second+time.Millisecond || w.stream.SYNAgain(FromServer) != nil {
		t.Errorf("%v", again)
	}
}

// TestKeptBack plays small segments that come as soon as the one before is
// acknowledged, late or not, with data or without.
func TestKeptBack(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	for _, test := range []struct {
		name        string
		wait, think time.Duration
		answer      string
		want        int
	}{
		{"kept back", 39 * time.Millisecond, 0, "", 5},
		{"by another system", 198 * time.Millisecond, 0, "", 5},
		{"acknowledged at once", 0, 0, "", 0},
		{"the program waits", 39 * time.Millisecond, 30 * time.Millisecond, "", 0},
		{"answered", 39 * time.Millisecond, 0, "yes", 0},
	} {
		w := &wire{t: t}
		w.open()
		at, answered := 0, 0
		send := func() {
			w.send(C, A, at, "hello", w.ack(C, answered))
			at += 5
		}
		send()
		w.send(S, A, 0, "", w.ack(S, at)) // a short path
		for range 6 {
			send()
			w.later(test.wait)
			w.send(S, A, answered, test.answer, w.ack(S, at))
			answered += len(test.answer)
			w.later(test.think)
		}
		n, late := w.stream.KeptBack(C)
		if n != test.want || n > 0 && (late < test.wait || late > test.wait+2*time.Millisecond) {
			t.Errorf("%s: %d times, %v", test.name, n, late)
		}
	}
}

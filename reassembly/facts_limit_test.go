package reassembly

import (
	"testing"
)

// TestConflictsNameTheirPackets has more of them than are kept.
func TestConflictsNameTheirPackets(t *testing.T) {
	w := newWire(t, 1<<32-8)
	w.open()
	for i := range maxConflicts + 2 {
		w.send(FromClient, FlagACK, 10*i, "abcdefghij")
		w.send(FromClient, FlagACK, 10*i, "abcdefghiX")
	}
	got := w.stream.Conflicts(FromClient)
	if len(got) != maxConflicts {
		t.Fatalf("%d conflicts, want %d", len(got), maxConflicts)
	}
	for i, c := range got {
		if want := (Conflict{First: int64(4 + 2*i), Second: int64(5 + 2*i), Offset: int64(10 * i), Length: 10}); c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
	if n := w.stream.Counts(FromClient).Conflicts; n != maxConflicts+2 {
		t.Errorf("counted %d, want %d", n, maxConflicts+2)
	}
}

// TestPlainNeedsNoMore says that traffic with nothing rare in it makes do
// with the Stream.
func TestPlainNeedsNoMore(t *testing.T) {
	w := newWire(t, 1<<32-8)
	w.open()
	for i := range 20 {
		w.send(FromClient, FlagACK, 3*i, "abc", w.ack(FromClient, 2*i))
		w.send(FromServer, FlagACK, 2*i, "xy", w.ack(FromServer, 3*i+3))
	}
	w.send(FromClient, FlagACK|FlagFIN, 60, "", w.ack(FromClient, 40))
	w.send(FromServer, FlagACK|FlagFIN, 40, "", w.ack(FromServer, 61))
	if w.stream.Ended() != FIN {
		t.Error("not ended")
	}
	for d := range w.stream.half {
		if w.stream.half[d].rare != nil {
			t.Errorf("%v: %+v", Dir(d), w.stream.half[d].Counts)
		}
	}
}

// TestLimitForcesALoss has a gap that nobody acknowledged, and no memory.
func TestLimitForcesALoss(t *testing.T) {
	w := newWire(t, 1)
	w.stream.budget().Each = 1
	w.open()
	w.send(FromClient, FlagACK, 3, "def")
	w.send(FromClient, FlagACK, 9, "jkl")
	if got, want := w.log.String(), "c4 -3; c4 def; c5 -3; c5 jkl; "; got != want {
		t.Errorf("yielded %q, want %q", got, want)
	}
	if n := w.stream.Budget.Forced; n != 2 || w.stream.Counts(FromClient).LimitsExceeded != 2 {
		t.Errorf("forced %d, counted %d; want 2", n, w.stream.Counts(FromClient).LimitsExceeded)
	}
}

// TestLimitIsNoReasonForALargeLoss has a segment far outside of what is ever
// in flight, and no memory.
func TestLimitIsNoReasonForALargeLoss(t *testing.T) {
	w := newWire(t, 1<<32-5)
	w.stream.budget().Each = 1
	w.open()
	w.send(FromClient, FlagACK, 1<<29, "far")
	w.send(FromClient, FlagACK, 0, "abc")
	w.flush()
	if got, want := w.log.String(), "c5 abc; "; got != want {
		t.Errorf("yielded %q, want %q", got, want)
	}
}

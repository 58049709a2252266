package frames

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestPair gives small messages of both ends, each in a chunk, to two Finders
// that know nothing: too little for either, enough for both.
func TestPair(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tc := range []struct {
		name           string
		client, server uint32 // masking key, 0 for none
		cut            int    // bytes of the server's first frame that were not captured
		want           bool
	}{
		{"client and server", key1, 0, 0, true},
		{"both mask", key1, key1 + 3, 0, false},
		{"neither masks", 0, 0, 0, false},
		{"the server's first frame cut", key1, 0, 3, true},
	} {
		skipped := int64(0)
		var a, b Finder
		for i := range 3 {
			text := `{"n":` + string(rune('0'+i)) + `,"text":"` + string(rune('a'+i)) + `"}`
			a.Feed(wire(nil, 0x81, tc.client*uint32(2*i+1), text), 0, 0)
			answer := wire(nil, 0x81, tc.server*uint32(2*i+1), `{"ok":true,"to":`+text)
			if i == 0 && tc.cut > 0 {
				answer = answer[tc.cut:]
				skipped = int64(len(answer))
			}
			b.Feed(answer, 0, 0)
		}
		if a.Found() || b.Found() {
			t.Errorf("%s: one direction is found alone", tc.name)
		}
		bits, ok := Pair(&a, &b)
		if ok != tc.want || ok && (bits < pairTogether || !a.Masked() || b.Masked() || a.Skipped() != 0 || b.Skipped() != skipped) {
			t.Errorf("%s: %t, %d bits, from %d and %d", tc.name, ok, bits, a.Skipped(), b.Skipped())
		}
	}
	// Messages of other protocols in both directions: random bytes, and records
	// with their lengths before them that begin as frames do.
	for range 3000 {
		var a, b Finder
		for _, f := range [...]*Finder{&a, &b} {
			for range 1 + rnd.IntN(12) {
				body := []byte(noise(rnd, 1+rnd.IntN(120)))
				if rnd.IntN(2) == 0 {
					body = binary.BigEndian.AppendUint16([]byte{byte(0x81 + rnd.IntN(2))}, uint16(len(body)))
					body = append(body, noise(rnd, int(body[2]))...)
				}
				f.Feed(body, 0, 0)
			}
		}
		if bits, ok := Pair(&a, &b); ok {
			t.Fatalf("%d bits speak for frames where there are none", bits)
		}
	}
}

// TestBelieve has a direction of which others say that it carries frames: one
// frame is believed with the next, and from the beginning of a chunk on.
func TestBelieve(t *testing.T) {
	var f Finder
	first := wire(nil, 0xC2, 0, "\x01\x02\x03\x04\x05")
	f.Feed(first, 1, 1)
	if f.Believe(1) {
		t.Error("one frame is believed")
	}
	f.Feed(wire(nil, 0xC1, 0, "\x09\x08\x07"), 2, 2)
	if f.Believe(30) || !f.Believe(1) || f.Masked() || f.Skipped() != 0 {
		t.Errorf("found %t, masked %t, from %d", f.Found(), f.Masked(), f.Skipped())
	}
	// What is fed behind that is held with the rest.
	f.Lose(10, 3, 3)
	f.Feed([]byte{1, 2}, 4, 4)
	var lost, held int64
	for r := range f.Runs() {
		lost, held = lost+r.Lost, held+int64(len(r.Data))
	}
	if lost != 10 || held != int64(len(first))+5+2 {
		t.Errorf("%d bytes held, %d lost", held, lost)
	}
}

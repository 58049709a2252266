package frames

import (
	"math/rand/v2"
	"testing"
)

// TestFinderAssume: once it is known how the other side masks, chains that
// are masked like it are out.
func TestFinderAssume(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 6))
	for _, masked := range []bool{false, true} {
		var f Finder
		for i := range 4 {
			f.Feed(wire(nil, 0x81, key1*uint32(2*i+1), latin(rnd, 60)), 0, 0)
		}
		if n, is := f.Score(); n < 20 || !is {
			t.Errorf("%d bits, masked %t, for four masked frames", n, is)
		}
		f.Assume(masked)
		for i := range 8 {
			f.Feed(wire(nil, 0x81, key2*uint32(2*i+1), latin(rnd, 60)), 0, 0)
		}
		if f.Found() != masked {
			t.Errorf("masked %t assumed: found %t", masked, f.Found())
		}
	}
}

func TestHabit(t *testing.T) {
	var h Habit
	h.Note(&Header{FIN: true, Opcode: Text, PayloadLength: 5})
	if h.Mask != MaskClear || h.oddities != 0 || h.message != between || h.Deflate || h.largest != 5 {
		t.Errorf("after a text: %+v", h)
	}
	h.Note(&Header{Opcode: Binary, PayloadLength: 1000, LengthBytes: 2, RSV1: true})
	h.Note(&Header{FIN: true, Opcode: Ping})
	if h.message != within || h.oddities != 0 || !h.Deflate || h.largest != 1000 {
		t.Errorf("within a message: %+v", h)
	}
	h.Note(&Header{FIN: true, Opcode: Text, Masked: true, PayloadLength: 3, LengthBytes: 8})
	if h.Mask != MaskMixed || h.oddities != tangled|longForm|zeroKey || !h.bare() {
		t.Errorf("with faults: %+v", h)
	}
	h.Interrupt()
	h.Note(&Header{Opcode: Continuation, PayloadLength: 1 << 63})
	if h.message != within || h.largest > maxPlausible {
		t.Errorf("after an interruption: %+v", h)
	}
	known := Habit{Mask: MaskSet}
	known.Note(&Header{FIN: true, Opcode: Text, Masked: true, MaskingKey: exampleKey})
	if known.bare() || known.stranger() {
		t.Errorf("a client: %+v", known)
	}
	if n := testing.AllocsPerRun(10, func() { h.Note(&Header{FIN: true}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFirstBytesWeighNoMore holds that the weights of a header's first byte,
// and those of text, are no more than chance allows in random bytes.
func TestFirstBytesWeighNoMore(t *testing.T) {
	for _, first := range []*firstByte{&plainFirst, &deflateFirst, &anyFirst} {
		sum := 0
		for _, w := range first {
			if w > 0 {
				sum += 1 << w
			}
		}
		if sum > 256 {
			t.Errorf("%v: %d in 256", *first, sum)
		}
	}
	sum := 0.0
	for _, w := range asciiWeight {
		if w < 0 {
			sum += 1 / float64(int(1)<<-w)
		} else {
			sum += float64(int(1) << w)
		}
	}
	// Of two bytes, 1920 in 2^16 are a character; of three, 61440 in 2^24; of four, 2^20 in 2^32.
	sum += 256 * (1920*4/65536. + 61440*16/float64(1<<24) + float64(1<<20)*32/float64(1<<32))
	if sum > 256 {
		t.Errorf("text: %v in 256", sum)
	}
}

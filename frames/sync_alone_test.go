package frames

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestBelieveInTheMiddle begins where a chunk does, in the middle of streams of
// which the other direction was not captured, or is known to carry frames. What
// a payload holds may begin there, too.
func TestBelieveInTheMiddle(t *testing.T) {
	for i := range shapes {
		s := &shapes[i]
		for _, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				for trial := range 16 {
					s.believe(t, rnd, together, trial%2 == 1)
				}
			})
		}
	}
}

func (s *shape) believe(t *testing.T, rnd *rand.Rand, together int, other bool) {
	t.Helper()
	in := s.send(rnd, s.stream(), together)
	var f Finder
	bits := 40
	if other {
		bits = 20
		f.Assume(s.masked)
	}
	from, at := rnd.IntN(len(in.chunks)/2), 0
	for _, n := range in.chunks[:from] {
		at += n
	}
	begun := int64(at)
	for _, n := range in.chunks[from:] {
		f.Feed(in.b[at:at+n], 0, 0)
		at += n
		if !f.Believe(bits) {
			continue
		}
		if place := begun + f.Skipped(); !in.begins[place] {
			t.Fatalf("invented: a frame at %d, from %d on, %d bits asked", place, begun, bits)
		}
		return
	}
}

// TestRooted has masked frames found by a late one: the first is one of them if
// it says so itself.
func TestRooted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	for _, tc := range []struct {
		name  string
		first []byte
		own   bool // it is followed
	}{
		{"a large frame that ends where a chunk does", wire(nil, 0x82, key1, noise(rnd, 20_000)), true},
		{"text", wire(nil, 0x81, key1, `{"op":"subscribe","to":"prices"}`), true},
		{"two bytes that chance may bring", wire(nil, 0x82, key1, noise(rnd, 5)), false},
	} {
		var f Finder
		f.Assume(true)
		f.Feed(tc.first, 0, 0)
		for i := uint32(1); i < 9 && !f.Found(); i++ {
			f.Feed(wire(nil, 0x82, i*key2, noise(rnd, 2000+int(i))), 0, 0)
		}
		if !f.Found() || !f.Masked() || (f.Skipped() == 0) != tc.own {
			t.Errorf("%s: found %t, masked %t, from %d on; from the first on is %t", tc.name, f.Found(), f.Masked(), f.Skipped(), tc.own)
		}
	}
}

// TestWeighDeflate: what compressors send speaks for itself, and random bytes
// are so by chance no more often than the weight says.
func TestWeighDeflate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 8))
	var f Finder
	key := [4]byte{1, 2, 3, 4}
	d := newDeflater(6, false)
	for range 50 {
		payload := []byte(d.payload(latin(rnd, 10+rnd.IntN(3000))))
		whole := len(payload) <= textSeen
		payload = payload[:min(len(payload), textSeen)]
		for i := range payload {
			payload[i] ^= key[i&3]
		}
		codes := (payload[0] ^ key[0]) >> 1 & 3
		n := f.weighDeflate(payload, &key, whole)
		if want := whole || codes == dynamicCodes; (n > 0) != want {
			t.Errorf("%d bits speak for a payload with codes of kind %d, whole %t", n, codes, whole)
		}
	}
	for _, size := range []int{leastDeflate, 21, textSeen} {
		for _, whole := range []bool{true, false} {
			sum := 0
			const trials = 100_000
			for range trials {
				if n := f.weighDeflate([]byte(noise(rnd, size)), &key, whole); n > 0 && (whole || size == textSeen) {
					sum += 1 << n
				}
			}
			if sum > trials {
				t.Errorf("%d random bytes, whole %t: the weight is %d / %d on average", size, whole, sum, trials)
			}
		}
	}
}

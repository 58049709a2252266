package frames

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzFinder feeds any bytes in any chunks. What is held is what was fed.
func FuzzFinder(f *testing.F) {
	f.Add(conversation(), []byte{20, 3, 200}, uint8(0))
	f.Add(bytes.Repeat(conversation(), 5), []byte{255, 1}, uint8(1))
	f.Add(bytes.Repeat([]byte("\x81\x04abcd"), 50), []byte{6}, uint8(2))
	rnd := rand.New(rand.NewPCG(4, 6))
	f.Add(shapes[0].send(rnd, 2000, 1).b, []byte{250, 0, 255}, uint8(5))
	f.Fuzz(func(t *testing.T, b, cuts []byte, known uint8) {
		w := Finder{Habit: Habit{Mask: MaskHabit(known & 3), Deflate: known&4 != 0}, Certainty: 1 + int(known>>3)}
		parts := w
		var stream []byte
		for i := 0; len(b) > 0 && !w.Found(); i++ {
			n := len(b)
			if len(cuts) > 0 {
				n = min(n, 1+int(cuts[i%len(cuts)]))
			}
			stream = append(stream, b[:n]...)
			if n%7 == 6 {
				w.Lose(int64(n), 0, 0)
				parts.Lose(int64(n), 0, 0)
			} else {
				w.Feed(b[:n], int64(i), 0)
				parts.begin(n, int64(i), 0)
				parts.extend(b[:n/2])
				parts.extend(b[n/2 : n])
				parts.finish()
			}
			b = b[n:]
		}
		if got, want := parts.outcome(), w.outcome(); got != want {
			t.Errorf("in parts\n%s\nis not as whole\n%s", got, want)
		}
		if w.Held() > 1<<20 || len(w.chains) > maxChains || w.Offset() != int64(len(stream)) {
			t.Errorf("%d bytes held, %d chains, at %d of %d", w.Held(), len(w.chains), w.Offset(), len(stream))
		}
		at := w.Skipped()
		for r := range w.Runs() {
			if r.Offset != at || !bytes.HasPrefix(stream[at:], r.Data) {
				t.Fatalf("run at %d, want %d: %x", r.Offset, at, r.Data)
			}
			at += int64(len(r.Data)) + r.Lost
		}
		if at != w.Offset() {
			t.Errorf("runs end at %d of %d", at, w.Offset())
		}
	})
}

// FuzzInvented looks for a stream of which something is found that was not sent.
func FuzzInvented(f *testing.F) {
	for i := range shapes {
		f.Add(uint8(i), uint64(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, i uint8, seed uint64, together uint8) {
		s := shapes[int(i)%len(shapes)]
		s.large = false
		rnd := rand.New(rand.NewPCG(seed, 0))
		s.lossy(t, rnd, 1+int(together&31), new(tally))
		in := s.send(rnd, s.stream(), 1+int(together&31))
		var w follower
		in.middle(&w, rnd.IntN(len(in.b)))
		w.check(t, in, new(tally))
	})
}

func BenchmarkFinder(b *testing.B) {
	for name, data := range floods() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			var f Finder
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				f.Reset(Habit{})
				for c := data; len(c) > 0; c = c[min(len(c), 1448):] {
					f.Feed(c[:min(len(c), 1448)], 0, 0)
				}
			}
		})
	}
}

package frames

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// A traffic is a stream of frames as a steady connection sends them, in
// chunks that end anywhere.
type traffic struct {
	name    string
	deflate *Deflate
	keep    int
	chunks  [][]byte
	frames  int
	bytes   int64
}

func (tr *traffic) cut(b []byte, frames, size int) {
	tr.frames, tr.bytes = frames, int64(len(b))
	for len(b) > size {
		tr.chunks = append(tr.chunks, b[:size:size])
		b = b[size:]
	}
	tr.chunks = append(tr.chunks, b)
}

// repeat is a stream of n frames of one size.
func repeat(n int, b0 byte, key uint32, payload func(i int) string) (b []byte) {
	for i := range n {
		b = wire(b, b0, key*uint32(2*i+1), payload(i))
	}
	return b
}

func traffics() []*traffic {
	rnd := rand.New(rand.NewPCG(13, 14))
	small, big := sentence(rnd, 130), strings.Repeat("ascii ", 11_000)
	mixed := sentence(rnd, 65_000)
	always := func(s string) func(int) string { return func(int) string { return s } }
	all := []*traffic{
		{name: "small text masked"}, {name: "small text unmasked"}, {name: "small binary masked"},
		{name: "text masked"}, {name: "text unmasked"}, {name: "mixed text masked"}, {name: "binary masked"},
		{name: "binary masked kept", keep: -1},
		{name: "deflate 200", deflate: new(Deflate)}, {name: "deflate 1000", deflate: new(Deflate)},
		{name: "deflate 8000 fresh", deflate: &Deflate{NoContextTakeover: true}},
		{name: "fragments and pings"},
	}
	all[0].cut(repeat(500, 0x81, key1, always(small)), 500, 1448)
	all[1].cut(repeat(500, 0x81, 0, always(small)), 500, 1448)
	all[2].cut(repeat(500, 0x82, key1, always(small)), 500, 1448)
	all[3].cut(repeat(16, 0x81, key1, always(big)), 16, 1448)
	all[4].cut(repeat(16, 0x81, 0, always(big)), 16, 1448)
	all[5].cut(repeat(16, 0x81, key1, always(mixed)), 16, 1448)
	all[6].cut(repeat(16, 0x82, key1, always(big)), 16, 1448)
	all[7].cut(repeat(16, 0x82, key1, always(big)), 16, 1448)
	for i, size := range []int{200, 1000, 8000} {
		d := newDeflater(6, i == 2)
		b := repeat(100, 0xc1, key1, func(int) string { return d.payload(sentence(rnd, size)) })
		all[8+i].cut(b, 100, 1448)
	}
	var b []byte
	for i := range 100 {
		b = wire(b, 0x01, key1, fmt.Sprint("fragment ", i))
		b = wire(b, 0x89, key2, "ping")
		b = wire(b, 0x80, key1, "end")
	}
	all[11].cut(b, 300, 100)
	for _, tr := range all {
		if tr.keep == 0 {
			tr.keep = 256
		}
	}
	return all
}

// run sends the traffic through once.
func (tr *traffic) run(p *Parser, a *Assembler) (messages int) {
	for _, b := range tr.chunks {
		for piece := range p.Pieces(b) {
			if m := a.Add(piece); m != nil && (m.ValidUTF8 || m.Opcode == Binary) {
				messages++
			}
		}
	}
	return messages
}

// TestAllocs: a connection that goes on costs no memory. A compressed stream
// is repeated with its first window taken away, as it was the first time.
func TestAllocs(t *testing.T) {
	for _, tr := range traffics() {
		t.Run(tr.name, func(t *testing.T) {
			s := new(Scratch)
			p := Parser{Scratch: s}
			a := Assembler{Keep: tr.keep, Deflate: tr.deflate, Scratch: s}
			want := tr.run(&p, &a)
			if want == 0 {
				t.Fatal("no messages")
			}
			allocs := testing.AllocsPerRun(5, func() {
				a.rewind()
				if got := tr.run(&p, &a); got != want {
					t.Errorf("%d messages; want %d", got, want)
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations for %d frames", allocs, tr.frames)
			}
		})
	}
}

// rewind takes the window away, as before the first message.
func (a *Assembler) rewind() {
	if c := a.context; c != nil {
		c.window = c.window[:0]
	}
}

func TestAllocsOfLoss(t *testing.T) {
	b := wire(nil, 0x81, key1, "a text with a hole in it")
	var p Parser
	var a Assembler
	run := func() {
		for piece := range p.Pieces(b[:10]) {
			a.Add(piece)
		}
		for piece := range p.Lose(5) {
			a.Add(piece)
		}
		for piece := range p.Pieces(b[15:]) {
			if m := a.Add(piece); m != nil && m.Lost != 5 {
				t.Error("wrong loss")
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestStateIsSmall: there are two of each for every open connection.
func TestStateIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Parser{}) + unsafe.Sizeof(Assembler{}); n > 208 {
		t.Errorf("a direction takes %d bytes", n)
	}
}

func BenchmarkFrames(b *testing.B) {
	for _, tr := range traffics() {
		b.Run(strings.ReplaceAll(tr.name, " ", "-"), func(b *testing.B) {
			s := new(Scratch)
			p := Parser{Scratch: s}
			a := Assembler{Keep: tr.keep, Deflate: tr.deflate, Scratch: s}
			b.SetBytes(tr.bytes)
			b.ReportAllocs()
			for b.Loop() {
				a.rewind()
				tr.run(&p, &a)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tr.frames), "ns/frame")
		})
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, size := range []int{8, 130, 1400, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			src, dst := make([]byte, size), make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				unmask(dst, src, exampleKey, 1)
			}
		})
	}
}

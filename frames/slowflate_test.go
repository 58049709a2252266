package frames

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// A slowResult is what slowDeflate makes of a payload.
type slowResult struct {
	out      []byte
	reach    int // the farthest reference before the payload's own beginning
	distance int // the farthest at all
	broken   bool
}

// A slowBits is a run of bits, as RFC 1951 §3.1.1 packs them.
type slowBits struct {
	bits string // of '0' and '1'
	pos  int
}

func (b *slowBits) number(n int) (v int) {
	for i := range n {
		if b.next() == '1' {
			v += 1 << i
		}
	}
	return v
}

func (b *slowBits) next() byte {
	if b.pos >= len(b.bits) {
		panic(io.ErrUnexpectedEOF)
	}
	b.pos++
	return b.bits[b.pos-1]
}

func (b *slowBits) symbol(code map[string]int) int {
	for n := 1; n <= 15; n++ {
		var s strings.Builder
		for i := range n {
			if b.pos+i >= len(b.bits) {
				panic(io.ErrUnexpectedEOF)
			}
			s.WriteByte(b.bits[b.pos+i])
		}
		if v, ok := code[s.String()]; ok {
			b.pos += n
			return v
		}
	}
	panic("no code")
}

// slowCode writes the codes of RFC 1951 §3.2.2 out.
func slowCode(lengths []int) map[string]int {
	code := map[string]int{}
	next, sum := 0, 0
	for n := 1; n <= 15; n++ {
		next *= 2
		for symbol, length := range lengths {
			if length != n {
				continue
			}
			s := ""
			for i := n - 1; i >= 0; i-- {
				s += string('0' + rune(next>>i&1))
			}
			code[s] = symbol
			next++
			sum += 1 << (15 - n)
		}
	}
	if _, ok := code["0"]; sum != 1<<15 && len(code) > 0 && !(ok && len(code) == 1) || sum > 1<<15 {
		panic("not a code")
	}
	return code
}

// slowDeflate is RFC 1951 and RFC 7692 §7.2.2 for one payload, written as
// plainly as can be. What is before window is zeros.
func slowDeflate(payload string, window []byte) (r slowResult) {
	defer func() {
		if recover() != nil {
			r.broken = true
		}
	}()
	var bits strings.Builder
	for _, c := range []byte(payload + "\x00\x00\xff\xff\x01\x00\x00\xff\xff") {
		for i := range 8 {
			bits.WriteByte('0' + c>>i&1)
		}
	}
	b := &slowBits{bits: bits.String()}
	all := append(make([]byte, 1<<15), window...)
	begin := len(all)
	defer func() { r.out = all[begin:] }()
	for {
		start := b.pos
		final, ok := b.number(1) == 1, false
		all, ok = slowBlock(b, all, begin, &r)
		if !ok {
			r.broken = start != 8*len(payload)
			return r
		}
		if !final {
			continue
		}
		b.pos = (b.pos + 7) / 8 * 8
		left := (len(b.bits) - b.pos) / 8
		if left == 0 || left == 5 || left == 9 {
			return r
		}
		if left < 9 {
			panic("ends inside the tail")
		}
	}
}

// slowBlock appends what a block holds; ok is false if it is none.
func slowBlock(b *slowBits, all []byte, begin int, r *slowResult) (out []byte, ok bool) {
	out = all
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	var lit, dist []int
	switch b.number(2) {
	case 0:
		b.pos = (b.pos + 7) / 8 * 8
		n, inverse := b.number(16), b.number(16)
		if n+inverse != 0xffff {
			return out, false
		}
		for range n {
			out = append(out, byte(b.number(8)))
		}
		return out, true
	case 1:
		lit, dist = slowFixed()
	case 2:
		lit, dist = slowLengths(b)
	default:
		return out, false
	}
	literals, distances := slowCode(lit), slowCode(dist)
	for {
		symbol := b.symbol(literals)
		if symbol < 256 {
			out = append(out, byte(symbol))
			continue
		}
		if symbol == 256 {
			return out, true
		}
		row := [][2]int{{3, 0}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 0}, {11, 1}, {13, 1}, {15, 1}, {17, 1},
			{19, 2}, {23, 2}, {27, 2}, {31, 2}, {35, 3}, {43, 3}, {51, 3}, {59, 3}, {67, 4}, {83, 4}, {99, 4}, {115, 4},
			{131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}}[symbol-257]
		length := row[0] + b.number(row[1])
		row = [][2]int{{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 1}, {7, 1}, {9, 2}, {13, 2}, {17, 3}, {25, 3}, {33, 4}, {49, 4},
			{65, 5}, {97, 5}, {129, 6}, {193, 6}, {257, 7}, {385, 7}, {513, 8}, {769, 8}, {1025, 9}, {1537, 9}, {2049, 10},
			{3073, 10}, {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}}[b.symbol(distances)]
		distance := row[0] + b.number(row[1])
		r.distance = max(r.distance, distance)
		r.reach = max(r.reach, distance-(len(out)-begin))
		for range length {
			out = append(out, out[len(out)-distance])
		}
	}
}

func slowFixed() (lit, dist []int) {
	for i := range 288 {
		lit = append(lit, map[bool]int{true: 8}[i < 144]+map[bool]int{true: 9}[i >= 144 && i < 256]+
			map[bool]int{true: 7}[i >= 256 && i < 280]+map[bool]int{true: 8}[i >= 280])
	}
	for range 32 {
		dist = append(dist, 5)
	}
	return lit, dist
}

func slowLengths(b *slowBits) (lit, dist []int) {
	nlit, ndist, n := b.number(5)+257, b.number(5)+1, b.number(4)+4
	if nlit > 286 || ndist > 30 {
		panic("too many codes")
	}
	lengths := make([]int, 19)
	for i := range n {
		lengths[[]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = b.number(3)
	}
	code := slowCode(lengths)
	var list []int
	for len(list) < nlit+ndist {
		switch symbol := b.symbol(code); symbol {
		case 16:
			last := list[len(list)-1]
			for range 3 + b.number(2) {
				list = append(list, last)
			}
		case 17:
			list = append(list, make([]int, 3+b.number(3))...)
		case 18:
			list = append(list, make([]int, 11+b.number(7))...)
		default:
			list = append(list, symbol)
		}
	}
	if len(list) > nlit+ndist {
		panic("too many lengths")
	}
	return list[:nlit], list[nlit:]
}

// library inflates with the standard library.
func library(payload string, window []byte) ([]byte, error) {
	in := bytes.NewReader([]byte(payload + string(deflateTail)))
	return io.ReadAll(flate.NewReaderDict(in, window))
}

// TestScan compares the scanner with the slow decoder, and both with the
// standard library, on what is sent and on what is damaged.
func TestScan(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	s := new(scanner)
	ends := map[scanFault]int{}
	for i := range 400 {
		d := newDeflater([]int{flate.HuffmanOnly, 0, 1, 6, 9}[i%5], false)
		window := sentence(rnd, rnd.IntN(300))
		d.payload(window)
		payload := []byte(d.payload(sentence(rnd, rnd.IntN(600))))
		if i%2 == 1 {
			payload[rnd.IntN(len(payload))] ^= 1 << rnd.IntN(8)
		}
		checkScan(t, s, string(payload), []byte(window))
		ends[s.fault]++
	}
	if ends[scanned] == 0 || ends[broken] == 0 || ends[short] == 0 {
		t.Errorf("not all ends were met: %v", ends)
	}
}

func checkScan(t *testing.T, s *scanner, payload string, window []byte) {
	t.Helper()
	e := s.scan([]byte(payload+string(deflateTail)), len(window))
	r := slowDeflate(payload, window)
	ok := e.fault == scanned || e.block == len(payload)
	if ok == r.broken {
		t.Fatalf("%x: fault %d at %d; the slow decoder says broken %v", payload, e.fault, e.at, r.broken)
	}
	if ok && (int(e.size) != len(r.out) || e.distance != r.distance || e.reach != max(r.reach, 0) || (e.reachAt >= 0) != (r.reach > len(window))) {
		t.Fatalf("%x: %+v; the slow decoder has %d bytes, reach %d, distance %d", payload, *e, len(r.out), r.reach, r.distance)
	}
	if out, err := library(payload, window); !e.final && (err == nil) != (e.fault == scanned && e.reachAt < 0) || err == nil && !e.final && !bytes.Equal(out, r.out) {
		t.Fatalf("%x: the library says %v and %q; want %q", payload, err, out, r.out)
	}
}

func FuzzScan(f *testing.F) {
	d, rnd := newDeflater(6, false), rand.New(rand.NewPCG(23, 24))
	for _, size := range []int{5, 100, 700} {
		text := sentence(rnd, size)
		f.Add([]byte(d.payload(text)), []byte(nil))
		f.Add([]byte(d.payload(text)), []byte(text))
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), []byte("x"))
	f.Fuzz(func(t *testing.T, payload, window []byte) {
		if len(payload) > 1<<10 || len(window) > 1<<10 {
			return
		}
		checkScan(t, new(scanner), string(payload), window)
	})
}

package frames

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A whole is a frame put together from its pieces.
type whole struct {
	Header  Header
	Payload string // unmasked; each lost byte is a '?'
	Lost    uint64
	Last    bool
}

// collect feeds a parser and puts the pieces together again, checking what
// holds for every piece.
type collect struct {
	t      *testing.T
	p      Parser
	frames []whole
}

func (c *collect) feed(parts ...[]byte) {
	for _, b := range parts {
		before := bytes.Clone(b)
		for piece := range c.p.Pieces(b) {
			c.piece(piece)
		}
		if !bytes.Equal(b, before) {
			c.t.Fatal("the parser changed captured bytes")
		}
	}
}

func (c *collect) lose(n int) {
	for piece := range c.p.Lose(int64(n)) {
		if piece.Lost == 0 || len(piece.Raw) > 0 {
			c.t.Fatalf("Lose yields %+v", piece)
		}
		c.piece(piece)
	}
}

func (c *collect) piece(p *Piece) {
	if p.First {
		c.frames = append(c.frames, whole{Header: p.Header})
	}
	if len(c.frames) == 0 {
		c.t.Fatalf("a piece before any first one: %+v", p)
	}
	f := &c.frames[len(c.frames)-1]
	if f.Last || f.Header != p.Header || p.Offset != uint64(len(f.Payload)) {
		c.t.Fatalf("piece %+v does not follow %+v", p, f)
	}
	half := p.Data(len(p.Raw) / 2)
	data := p.Data(-1)
	if !bytes.HasPrefix(data, half) || len(data) != len(p.Raw) {
		c.t.Fatalf("Data(%d) is %q, Data(-1) is %q", len(p.Raw)/2, half, data)
	}
	f.Payload += string(bytes.Repeat([]byte{'?'}, int(p.Lost))) + string(data)
	f.Lost += p.Lost
	f.Last = p.Last
}

// wire appends a frame, its payload masked by the slow way if key is not 0.
func wire(b []byte, b0 byte, key uint32, payload string) []byte {
	h := Header{
		FIN: b0&128 > 0, RSV1: b0&64 > 0, RSV2: b0&32 > 0, RSV3: b0&16 > 0, Opcode: Opcode(b0 & 15),
		PayloadLength: uint64(len(payload)), Masked: key != 0,
		MaskingKey: [4]byte{byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)},
	}
	switch n := len(payload); {
	case n > 0xFFFF:
		h.LengthBytes = 8
	case n > 125:
		h.LengthBytes = 2
	}
	return append(h.AppendTo(b), slowUnmask([]byte(payload), h.MaskingKey, 0)...)
}

const key1, key2 = 0x37fa213d, 0x01020304

// conversation is a stream with every kind of frame, small enough to cut everywhere.
func conversation() []byte {
	b := wire(nil, 0x81, key1, "hello")
	b = wire(b, 0x01, key2, "wör")
	b = wire(b, 0x89, key1, "between")
	b = wire(b, 0x80, 0, "ld")
	b = wire(b, 0x82, 0, "")
	b = wire(b, 0x8a, key1, "")
	b = wire(b, 0xf3, key1, "reserved")
	b = append(b, 0x82, 0xfe, 0x00, 0x05, 9, 8, 7, 6, 'a', 'b', 'c', 'd', 'e') // 5 in 16 bits
	b = append(b, 0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0, 2, 'x', 'y')                // 2 in 64 bits
	b = wire(b, 0x88, key2, "\x03\xe8bye")
	return wire(b, 0x81, key2, "after close")
}

func parse(t *testing.T, parts ...[]byte) []whole {
	t.Helper()
	c := collect{t: t}
	c.feed(parts...)
	return c.frames
}

func TestSplitAnywhere(t *testing.T) {
	b := conversation()
	want := parse(t, b)
	if len(want) != 11 || want[10].Payload != "after close" || !want[10].Last {
		t.Fatalf("unsplit: %+v", want)
	}
	for i := range len(b) + 1 {
		for j := i; j <= len(b); j++ {
			if got := parse(t, b[:i], b[i:j], b[j:]); !slices.Equal(want, got) {
				t.Fatalf("split at %d and %d: %s", i, j, cmp.Diff(want, got))
			}
		}
	}
	single := make([][]byte, len(b))
	for i := range b {
		single[i] = b[i : i+1]
	}
	if diff := cmp.Diff(want, parse(t, single...)); diff != "" {
		t.Fatalf("byte by byte: %s", diff)
	}
}

func TestPiecesOfBigFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	big := make([]byte, 200_001)
	for i := range big {
		big[i] = byte(rnd.Uint32())
	}
	for _, key := range []uint32{0, key1} {
		b := wire(nil, 0x82, key, string(big))
		b = wire(b, 0x81, key, "next")
		for range 20 {
			i := rnd.IntN(len(b))
			got := parse(t, b[:i], b[i:])
			if len(got) != 2 || got[0].Payload != string(big) || got[1].Payload != "next" {
				t.Fatalf("key %x, split at %d: wrong frames", key, i)
			}
		}
	}
}

// TestHugeLengthCostsNothing: a length is a promise, and nobody prepares for it.
func TestHugeLengthCostsNothing(t *testing.T) {
	for _, length := range []uint64{1 << 50, 1 << 63, 1<<64 - 1} {
		h := Header{FIN: true, Opcode: Binary, PayloadLength: length, LengthBytes: 8}
		c := collect{t: t}
		c.feed(h.AppendTo(nil), []byte("some"))
		c.lose(1 << 10)
		c.feed([]byte("thing"))
		got, seen, lost, ok := c.p.Pending()
		if !ok || got != h || seen != 9+1<<10 || lost != 1<<10 || !c.p.Synced() {
			t.Errorf("%#x: Pending = %+v, %d, %d, %v", length, got, seen, lost, ok)
		}
		if len(c.p.Scratch.buf) > 0 {
			t.Errorf("%#x: %d bytes held", length, len(c.p.Scratch.buf))
		}
		for piece := range c.p.Lose(1<<63 - 1) {
			if piece.Last != (length < 1<<64-1) {
				t.Errorf("%#x: after losing 2^63-1 more, Last = %v", length, piece.Last)
			}
			break
		}
	}
}

func TestOffsets(t *testing.T) {
	b := conversation()
	for cut := range b {
		var p Parser
		var begins []int64
		for _, part := range [][]byte{b[:cut], b[cut:]} {
			for piece := range p.Pieces(part) {
				if piece.First {
					begins = append(begins, p.FrameOffset())
				}
				if end := p.FrameOffset() + int64(piece.Header.Len()) + int64(piece.Offset) + int64(len(piece.Raw)); end != p.Offset() {
					t.Fatalf("cut %d: piece ends at %d, Offset is %d", cut, end, p.Offset())
				}
			}
		}
		for _, at := range begins {
			if h, n := DecodeHeader(b[at:]); n == 0 || h.RSV2 != (h.Opcode == 3) {
				t.Fatalf("cut %d: no frame begins at %d", cut, at)
			}
		}
		if p.Offset() != int64(len(b)) || len(begins) != 11 {
			t.Fatalf("cut %d: Offset %d, %d frames", cut, p.Offset(), len(begins))
		}
	}
}

// TestLeavingEarly: what a loop has not read can be fed again.
func TestLeavingEarly(t *testing.T) {
	b := conversation()
	c := collect{t: t}
	for n := 0; n < len(b); n = int(c.p.Offset()) {
		for piece := range c.p.Pieces(b[n:]) {
			c.piece(piece)
			break
		}
	}
	if diff := cmp.Diff(parse(t, b), c.frames); diff != "" {
		t.Error(diff)
	}
}

func TestPendingHeader(t *testing.T) {
	b := append(Header{PayloadLength: 1 << 20, LengthBytes: 8, Masked: true}.AppendTo(nil), 'x')
	for n := range b {
		var p Parser
		for range p.Pieces(b[:n]) {
		}
		_, _, _, open := p.Pending()
		if want := n % MaxHeader; p.PendingHeader() != want || open != (n == MaxHeader) {
			t.Errorf("%d bytes: PendingHeader = %d, pending %v", n, p.PendingHeader(), open)
		}
	}
}

// A place is where a frame stands in a stream.
type place struct{ begin, payload, end int }

func places(b []byte) (all []place) {
	for at := 0; at < len(b); {
		h, n := DecodeHeader(b[at:])
		pl := place{at, at + n, at + n + int(h.PayloadLength)}
		all = append(all, pl)
		at = pl.end
	}
	return all
}

// TestLoseAnyRange loses every range of bytes of a stream. The frames before
// it must be intact, those behind it too where the loss is inside a payload,
// and else nothing may be told of them at all.
func TestLoseAnyRange(t *testing.T) {
	b := conversation()
	truth, at := parse(t, b), places(b)
	for i := range b {
		for j := i + 1; j <= len(b); j++ {
			c := collect{t: t}
			c.feed(b[:i])
			c.lose(j - i)
			c.feed(b[j:])
			want, synced := afterLoss(truth, at, i, j)
			if !slices.Equal(want, c.frames) {
				t.Fatalf("lost %d to %d: %s", i, j, cmp.Diff(want, c.frames))
			}
			if c.p.Synced() != synced || c.p.Offset() != int64(len(b)) {
				t.Fatalf("lost %d to %d: Synced %v, Offset %d", i, j, c.p.Synced(), c.p.Offset())
			}
		}
	}
}

func afterLoss(truth []whole, at []place, i, j int) (want []whole, synced bool) {
	for k, pl := range at {
		f := truth[k]
		switch {
		case pl.end <= i:
			want = append(want, f)
			continue
		case pl.payload > i: // in the header, or right before it
			return want, false
		}
		lost := []byte(f.Payload)
		for n := i; n < min(j, pl.end); n++ {
			lost[n-pl.payload] = '?'
			f.Lost++
		}
		f.Payload = string(lost)
		want = append(want, f)
		if j > pl.end {
			return want, false
		}
		return append(want, truth[k+1:]...), true
	}
	return want, false
}

func TestResync(t *testing.T) {
	c := collect{t: t}
	b := conversation()
	c.feed(b[:1])
	c.lose(1)
	c.feed(b[2:])
	if c.p.Synced() || len(c.frames) > 0 {
		t.Fatalf("a lost header byte went unnoticed: %+v", c.frames)
	}
	c.p.Resync()
	c.feed(b)
	if diff := cmp.Diff(parse(t, b), c.frames); diff != "" || c.p.FrameOffset() != int64(2*len(b)-17) {
		t.Errorf("after Resync: FrameOffset %d, %s", c.p.FrameOffset(), diff)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(conversation(), uint16(3), uint16(40))
	f.Add(wire(wire(nil, 0x82, key1, string(make([]byte, 17_000))), 0x81, 0, "x"), uint16(9), uint16(16_500))
	f.Add([]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6}, uint16(2), uint16(11))
	f.Fuzz(func(t *testing.T, b []byte, i, j uint16) {
		to := int(j) % (len(b) + 1)
		from := int(i) % (to + 1)
		want, got := parse(t, b), parse(t, b[:from], b[from:to], b[to:])
		if !slices.Equal(want, got) {
			t.Fatalf("split at %d and %d: %s", from, to, cmp.Diff(want, got))
		}
	})
}

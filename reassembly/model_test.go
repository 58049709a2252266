package reassembly

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A model is one direction as a slow and obvious array: of each byte that was
// sent, what the first captured copy says, and what became of it.
type model struct {
	t      testing.TB
	stream Stream
	base   SeqNum // of the first byte
	now    capture.Time
	packet int64

	bytes [modelSize]struct {
		captured bool
		first    byte // of the first copy
		told     byte // 'l' for lent, '?' for lost, 0 for nothing yet
	}
	at   int64 // up to where was told
	end  End
	lost int64
}

const modelSize = 4096 // bytes that are sent

// take checks a chunk: it goes on where the last one ended, each lent byte is
// that of the first copy, and no lost one had been captured.
func (m *model) take(c *Chunk) {
	if c.Dir != FromClient {
		if len(c.Data) > 0 || c.Lost > 0 {
			m.t.Fatalf("%d bytes and %d lost of a server that sent none", len(c.Data), c.Lost)
		}
		return
	}
	if m.end != NotEnded {
		m.t.Fatalf("a chunk behind the end")
	}
	if c.Offset != m.at+c.Lost || c.Offset+int64(len(c.Data)) > modelSize {
		m.t.Fatalf("%d bytes at %d with %d lost, after %d", len(c.Data), c.Offset, c.Lost, m.at)
	}
	for i := m.at; i < c.Offset; i++ {
		if b := &m.bytes[i]; b.captured {
			m.t.Fatalf("packet %d: byte %d is called lost, and was captured", m.packet, i)
		}
		m.bytes[i].told = '?'
	}
	for i, got := range c.Data {
		b := &m.bytes[c.Offset+int64(i)]
		if !b.captured || b.first != got {
			m.t.Fatalf("packet %d: byte %d is %#x; captured: %v, first as %#x", m.packet, c.Offset+int64(i), got, b.captured, b.first)
		}
		b.told = 'l'
	}
	m.lost += c.Lost
	m.at = c.Offset + int64(len(c.Data))
	m.end = c.End
}

func (m *model) send(d Dir, g *Segment) {
	m.packet++
	m.now += capture.Time(time.Millisecond)
	g.Packet, g.Time, g.Window, g.ID = m.packet, m.now, 1000, uint16(m.packet)
	g.Flags |= FlagACK
	for c := range m.stream.Chunks(d, g) {
		m.take(c)
	}
	for i := range g.Payload {
		g.Payload[i] = 0xdb
	}
}

// segment sends n bytes at a place, of which the last cut are not captured.
// Each copy of a byte may be another: that is what salt is for.
func (m *model) segment(at, n, cut int, salt byte, fin bool) {
	n = min(n, modelSize-at)
	cut = min(cut, n)
	g := &Segment{Seq: m.base.Add(at), Ack: 1, Payload: make([]byte, n-cut), Missing: cut}
	for i := range g.Payload {
		b := &m.bytes[at+i]
		g.Payload[i] = byte(at+i) ^ salt
		// A byte may come too late to be lent; then nothing is expected of it.
		if !b.captured && b.told == 0 {
			b.captured, b.first = true, g.Payload[i]
		}
	}
	if fin && at+n == modelSize {
		g.Flags |= FlagFIN
	}
	m.send(FromClient, g)
}

// play takes four bytes for each thing that happens: what, where (two), and
// how much.
func (m *model) play(in []byte) {
	m.send(FromClient, &Segment{Seq: m.base.Add(-1), Flags: FlagSYN})
	m.send(FromServer, &Segment{Seq: 0, Ack: m.base, Flags: FlagSYN})
	for ; len(in) >= 4; in = in[4:] {
		at, n := (int(in[1])<<8|int(in[2]))%modelSize, int(in[3])
		switch kind := in[0] & 15; kind {
		case 0, 1, 2, 3, 4, 5:
			m.segment(at, 1+n, 0, 0, in[0]&16 != 0)
		case 6, 7:
			m.segment(at, 1+n, 0, in[0]|1, false)
		case 8:
			m.segment(at, 1+n, n/2, 0, false)
		case 9, 10: // what comes next in order, whatever that is
			m.segment(int(m.at)%modelSize, 1+n, 0, 0, true)
		case 11, 12:
			m.send(FromServer, &Segment{Seq: 1, Ack: m.base.Add(at)})
		case 13:
			m.now += capture.Time(n) * capture.Time(time.Millisecond)
		case 14: // outside of any window
			m.send(FromClient, &Segment{Seq: m.base.Add(at + 1<<30 + 2*modelSize), Payload: make([]byte, n)})
		case 15:
			m.send(FromClient, &Segment{Seq: m.base.Add(at - 1<<30 - 2*modelSize), Payload: make([]byte, n)})
		}
	}
	if m.stream.Ended() == NotEnded {
		for c := range m.stream.Flush(m.packet, m.now) {
			m.take(c)
		}
	}
	m.check()
}

// check says that in the end each captured byte was lent, and that what is
// lost is the others.
func (m *model) check() {
	var lost int64
	for i := range m.bytes {
		switch b := &m.bytes[i]; {
		case b.captured && b.told != 'l':
			m.t.Fatalf("byte %d was captured, and not lent", i)
		case b.told == '?':
			lost++
		}
	}
	if lost != m.lost {
		m.t.Fatalf("%d bytes lost, told %d", lost, m.lost)
	}
	if used := m.stream.budget().Used; used != 0 {
		m.t.Fatalf("%d bytes are still held", used)
	}
}

// TestModel has segments in any order, twice, overlapping, with
// other bytes than before, cut, and lost, all over the sequence space.
func TestModel(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	for seed := range uint64(rounds) {
		rng := rand.New(rand.NewPCG(seed, 20))
		in := make([]byte, 4*(1+rng.IntN(200)))
		for i := range in {
			in[i] = byte(rng.Uint32())
		}
		// Half of them in a small part of the space, where much overlaps.
		for i := 1; seed%2 == 0 && i < len(in); i += 4 {
			in[i] &= 1
		}
		m := &model{t: t, base: SeqNum(rng.Uint32()), now: 1e18}
		if seed%3 == 0 {
			m.base = bases[rng.IntN(len(bases))].Add(-rng.IntN(modelSize))
		}
		if seed%5 == 0 {
			m.stream.budget().Each = 1 + rng.IntN(10_000)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m.t = t
			m.play(in)
		})
		if t.Failed() {
			return
		}
	}
}

func FuzzModel(f *testing.F) {
	f.Add(uint32(1<<32-100), uint16(0), []byte("\x00\x00\x10\x20\x00\x00\x00\x0f\x06\x00\x10\x08\x0b\x00\x31\x00\x00\x00\x31\x40"))
	f.Add(uint32(7), uint16(3000), []byte("\x08\x00\x40\x80\x00\x00\x40\xff\x0d\x00\x00\xff\x0b\x0f\xff\x00\x09\x00\x00\x03"))
	f.Add(uint32(1<<31-9), uint16(0), []byte("\x10\x0f\xf0\xff\x0e\x00\x00\x05\x0f\x00\x00\x05\x09\x00\x00\xff\x0a\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, base uint32, limit uint16, in []byte) {
		m := &model{t: t, base: SeqNum(base), now: 1e18}
		m.stream.budget().Each = int(limit)
		m.play(in[:min(len(in), 4000)])
	})
}

package reassembly

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A capture on the pseudo-interface "any" of a router, or of a mirror port
// that sees a packet come and go, has each packet twice. It was sent once, and
// to count it as a retransmission would blame the network for the capture. A
// twin is told from a retransmission by what the sender does:
//
//   - It gives each packet another identification (RFC 6864 §4.3 on why it
//     should); a router does not touch it.
//   - Where there is none (IPv6; 0 is common with DF set), it still sends a
//     segment again only after a timeout, which is far longer (RFC 6298 §2.4),
//     or after duplicate acknowledgments (RFC 5681 §3.2).
//
// What remains doubtful counts as a retransmission.

// twinTime is how much later a packet is captured once more at most. The
// clock is that of traces.
const twinTime = uint32(5*time.Millisecond>>tickBits) + 1

// A trace is what is remembered of a segment that went by. As long as nothing
// rare has happened in its direction, segments follow each other without a
// gap, and their places can be told from their lengths.
type trace struct {
	sum    uint32
	packet uint32 // the low bits of its number
	time   uint32 // the low bits of its time in ticks
	n      uint16 // space in the sequence
	id     uint16
}

const tickBits = 10 // a tick is 2¹⁰ ns

func ticks(t capture.Time) uint32 { return uint32(uint64(t) >> tickBits) }

// A record is a trace with all that can be compared.
type record struct {
	trace
	known    bool // what follows is known, n too; else seq and n alone
	flags    Flags
	window   uint16
	ttl      uint8
	n        int
	seq, ack SeqNum
	path     uint64
}

// space is how many sequence numbers the payload of g takes up, and a SYN.
func space(g *Segment) int { return g.Length() + int(g.Flags&FlagSYN)/int(FlagSYN) }

// note remembers g. Its payload, if it has any, is about to be lent, or rare
// things have happened. A bare acknowledgment need not be noted before that.
func (h *half) note(g *Segment) {
	n := space(g)
	if h.rare == nil && n > 0xffff {
		h.more()
	}
	t := trace{digest(g), uint32(g.Packet), ticks(g.Time), uint16(n), g.ID}
	if h.rare == nil {
		h.state ^= second
		h.last[h.newest(0)] = t
		return
	}
	r := h.rare
	r.recent[r.at%uint8(len(r.recent))] = record{
		trace: t, known: true, flags: g.Flags, window: g.Window, ttl: g.TTL, n: n, seq: g.Seq, ack: g.Ack, path: g.Path,
	}
	r.at++
}

// newest gives the place in last of the newest trace, with 1 that of the other.
func (h *half) newest(back int) int { return int(h.state>>secondBit)&1 ^ back }

// more gives what is rare. The first time it is made, and what is remembered
// in brief is written out: next is behind the last segment that was noted.
func (h *half) more() *rare {
	if h.rare != nil {
		return h.rare
	}
	h.rare = new(rare)
	seq := h.next
	for i := range h.last {
		t := h.last[h.newest(i)]
		seq = seq.Add(-int(t.n))
		// The newest one goes to the place that is overwritten last.
		h.rare.recent[len(h.rare.recent)-1-i] = record{trace: t, n: int(t.n), seq: seq}
	}
	return h.rare
}

// find gives what is remembered of the newest segment with the same place and
// length and, where there is no payload, acknowledgment.
func (h *half) find(g *Segment) (r record, ok bool) {
	n := space(g)
	if h.rare == nil {
		seq := h.next
		for i := range h.last {
			t := &h.last[h.newest(i)]
			if seq = seq.Add(-int(t.n)); t.packet != 0 && seq == g.Seq && int(t.n) == n {
				return record{trace: *t, n: n, seq: seq}, true
			}
		}
		return record{}, false
	}
	recent := &h.rare.recent
	for i := range uint8(len(recent)) {
		r := &recent[(h.rare.at-1-i)%uint8(len(recent))]
		if r.packet != 0 && r.seq == g.Seq && r.n == n && (n > 0 || r.ack == g.Ack || !r.known) {
			return *r, true
		}
	}
	return record{}, false
}

// number gives the whole number of the packet of a trace that is older than g.
func (t *trace) number(g *Segment) int64 {
	return g.Packet - int64(uint32(g.Packet)-t.packet)
}

// twin says whether g is a packet that has been captured already.
func (h *half) twin(g *Segment) bool {
	r, ok := h.find(g)
	if !ok || r.id != g.ID || ticks(g.Time)-r.time > twinTime || r.sum != digest(g) {
		return false
	}
	if r.known && (r.flags != g.Flags || r.ack != g.Ack || r.window != g.Window) {
		return false
	}
	switch {
	case g.ID != 0, g.Flags.Has(FlagSYN), r.known && (r.ttl != g.TTL || r.path != g.Path):
		return true
	case g.Length() == 0: // two bare acknowledgments may be the same in all
		return h.rare != nil && h.rare.Duplicates > 0 && r.known
	}
	return h.rare == nil || h.rare.dupACKs == 0 || g.Seq != h.ack
}

// digest is a sum of the payload; of a segment without it is the
// acknowledgment number. Of a long payload it takes samples: a sum of all
// bytes would cost more than all the rest of this package, to see differences
// that no one made by mistake.
func digest(g *Segment) uint32 {
	if len(g.Payload) > 0 {
		return sum(g.Payload)
	}
	return uint32(g.Ack)
}

// sum is of 64 bytes at most, in four blocks spread over b.
func sum(b []byte) uint32 {
	const k0, k1 = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9
	n := len(b)
	h := uint64(n) * k0
	if n < 16 {
		for _, c := range b {
			h = (h ^ uint64(c)) * k1
		}
		return uint32(h >> 32)
	}
	for i := range 4 {
		w := b[(n-16)*i/3:]
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(w)^k0, binary.LittleEndian.Uint64(w[8:])^k1)
		h = bits.RotateLeft64(h, 17) + hi ^ lo
	}
	return uint32(h>>32) ^ uint32(h)
}

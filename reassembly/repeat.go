package reassembly

import "github.com/wssniff/wssniff/capture"

// A Repeat is a segment that was sent again, and perhaps again.
type Repeat struct {
	Length int          // bytes
	Times  int          // it was sent again
	Since  capture.Time // for the first time
	Packet int64        // in which that was
	Acked  bool         // the other side has acknowledged it by now
	Lively bool         // the other side has acknowledged something else since: it is there, and hears some

	seq     SeqNum
	dupACKs int64 // of the other side, before
}

// Repeated gives the last segment of direction d that was sent again, if any was.
func (s *Stream) Repeated(d Dir) (Repeat, bool) {
	h := &s.half[d]
	if h.rare == nil || h.repeat.Times == 0 {
		return Repeat{}, false
	}
	r := h.repeat
	r.Acked = h.state.has(acked) && r.seq.Less(h.ack)
	r.Lively = s.Counts(d.Other()).DuplicateACKs > r.dupACKs
	return r, true
}

// maxSYNs is how many times of SYN segments are kept.
const maxSYNs = 8

// SYNAgain gives when the SYN of direction d was sent again, the first eight
// times. The slice is the Stream's own.
func (s *Stream) SYNAgain(d Dir) []capture.Time {
	if r := s.half[d].rare; r != nil {
		return r.syns
	}
	return nil
}

// repeated notes that g, which begins at seq, holds nothing new.
func (s *Stream) repeated(d Dir, seq SeqNum, g *Segment) {
	r := &s.half[d].more().repeat
	if r.Times == 0 || r.seq != seq {
		*r = Repeat{Since: g.Time, Packet: g.Packet, seq: seq, dupACKs: s.Counts(d.Other()).DuplicateACKs}
	}
	r.Times++
	r.Length = max(r.Length, g.Length())
}

// Place is where in the byte stream of direction d the byte with the number
// seq stands: its offset, -1 for a SYN.
func (s *Stream) Place(d Dir, seq SeqNum) int64 {
	h := &s.half[d]
	return h.offset + int64(seq.Sub(h.next))
}

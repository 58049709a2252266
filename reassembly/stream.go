package reassembly

import (
	"iter"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A Stream puts the segments of one TCP connection back into its two byte
// streams. One half of it looks like this:
//
//	      next                    the other side acknowledged up to here
//	       │                            │
//	───────┼──────gap──────┬───early───┬┴─gap─┬──early──┐
//	 lent  │ not captured  │   held    │      │  held   │
//
// A segment that begins at next is lent as it is, without a copy. One that
// comes early is copied and held until the gap before it is filled, or until
// it is plain that it will not be: the other side has acknowledged bytes
// behind the gap, so they arrived and it was the capture that missed them
// (RFC 9293 §3.4), and a grace is over in which they could have come late.
// Time is the packets' time.
//
// Where two copies of a byte differ, the first one wins.
type Stream struct {
	Budget *Budget // shared by all streams of a run; nil is an own one
	Limit  int     // bytes held in each direction; 0 means 4 MiB

	half  [2]half
	reset bool
}

type half struct {
	started bool   // next is known
	acked   bool   // ack is known
	finSeen bool   // fin is known
	syn     bool   // isn is known
	gap     bool   // next is waited for
	end     End    // told
	next    SeqNum // of the first byte that has not been lent
	ack     SeqNum // the highest the other side sent
	fin     SeqNum // of the FIN: all bytes stand before it
	isn     SeqNum // of the SYN
	offset  int64  // of next in the byte stream
	early   []early
	held    int // bytes of pages in early

	memory
	Counts

	gapTime  capture.Time // since when next is waited for
	gapCount int          // segments of this direction since then
}

const (
	defaultLimit  = 4 << 20
	graceSegments = 16
	graceTime     = 100 * time.Millisecond

	// A gap that nobody has acknowledged is reported as a loss at the end of
	// a capture, unless it is larger than what is ever in flight: then the
	// segment behind it was not part of this connection.
	maxUnacked = 16 << 20

	// The largest window there is (RFC 7323 §2.3).
	maxAhead = 1 << 30
)

// Counts gives what was seen of the segments of direction d.
func (s *Stream) Counts(d Dir) Counts { return s.half[d].Counts }

// Ended says how the connection ended: by a RST, or by a FIN of both sides
// with all bytes before them lent.
func (s *Stream) Ended() End {
	switch {
	case s.reset:
		return RST
	case s.half[0].end == FIN && s.half[1].end == FIN:
		return FIN
	}
	return NotEnded
}

// Begins says whether g, a segment of direction d with SYN set, begins
// another connection between the same two ends: its sequence number is not
// that of the SYN that began this one.
func (s *Stream) Begins(d Dir, g *Segment) bool {
	h := &s.half[d]
	return g.Flags.Has(FlagSYN) && !g.Flags.Has(FlagACK) && (h.started || s.reset) && !(h.syn && h.isn == g.Seq)
}

// Chunks takes a segment of direction d and yields what it makes known of
// both byte streams: its own bytes and those held that are now in order, and
// the losses that its acknowledgment shows in the other direction.
func (s *Stream) Chunks(d Dir, g *Segment) iter.Seq[*Chunk] {
	return func(yield func(*Chunk) bool) {
		s.take(d, g, yield)
	}
}

// Flush yields what is still held when no segment will follow: gaps are
// losses then. The chunks carry the given packet number and time.
func (s *Stream) Flush(packet int64, t capture.Time) iter.Seq[*Chunk] {
	return func(yield func(*Chunk) bool) {
		s.now(packet, t)
		_ = s.flush(FromClient, yield) && s.flush(FromServer, yield)
	}
}

func (s *Stream) take(d Dir, g *Segment, yield func(*Chunk) bool) {
	h, other := &s.half[d], &s.half[d.Other()]
	s.now(g.Packet, g.Time)
	if !s.reset && h.plain(other, g) {
		other.acknowledge(g.Ack)
		if len(g.Payload) > 0 {
			h.note(g.Seq, g.Payload)
			s.lend(d, g.Payload, 0, yield)
		}
		return
	}
	if s.reset {
		h.Discarded++
		return
	}
	if g.Flags.Has(FlagRST) {
		s.takeRST(d, g, yield)
		return
	}
	if g.Flags.Has(FlagACK) && other.started {
		other.acknowledge(g.Ack)
		if !s.settle(d.Other(), g, yield) {
			return
		}
	}
	seq := g.Seq
	if g.Flags.Has(FlagSYN) {
		if !h.started {
			h.start(g.Seq.Add(1))
			h.syn, h.isn = true, g.Seq
		}
		seq = seq.Add(1)
	}
	if !h.started && (g.Length() > 0 || g.Flags.Has(FlagACK)) {
		h.start(seq)
	}
	if g.Flags.Has(FlagFIN) && !h.finSeen && !seq.Add(g.Length()).Less(h.next) {
		h.finSeen, h.fin = true, seq.Add(g.Length())
	}
	if g.Length() > 0 || h.isKeepAlive(g) {
		if !s.place(d, seq, g, yield) {
			return
		}
	}
	_ = s.settle(d, g, yield) && s.finish(d, yield)
}

// now sets what the next chunks are known by.
func (s *Stream) now(packet int64, t capture.Time) {
	c := &s.budget().chunk
	c.Packet, c.Carried, c.Time = packet, packet, t
}

// make prepares the chunk that is yielded next.
func (s *Stream) make(d Dir, offset int64, end End) *Chunk {
	c := &s.Budget.chunk
	c.Dir, c.Offset, c.Lost, c.Data, c.End = d, offset, 0, nil, end
	return c
}

// plain recognises what nearly all segments are: the next bytes of one
// direction, or none, with no gap in either and nothing else to tell. All
// other segments go the long way, which would do the same with these.
func (h *half) plain(other *half, g *Segment) bool {
	return g.Flags&^FlagPSH == FlagACK && g.Seq == h.next && g.Missing == 0 && g.Ack.Sub(other.next) <= 0 &&
		h.started && other.started && !h.gap && !other.gap && len(h.early) == 0 && !h.finSeen && h.end == NotEnded &&
		!(other.acked && other.next.Less(other.ack))
}

func (h *half) start(next SeqNum) { h.started, h.next = true, next }

// acknowledge takes an acknowledgment number, if it can be one: nobody
// acknowledges what lies further ahead than any window.
func (h *half) acknowledge(ack SeqNum) {
	if ahead := ack.Sub(h.next); ahead <= maxAhead && (!h.acked || h.ack.Less(ack)) {
		h.acked, h.ack = true, ack
	}
}

// isKeepAlive recognises a probe: no byte, or one old byte, right before next
// (RFC 9293 §3.8.4).
func (h *half) isKeepAlive(g *Segment) bool {
	return g.Length() <= 1 && g.Seq == h.next.Add(-1) && g.Flags&(FlagSYN|FlagFIN|FlagRST) == 0
}

// place puts the payload of g, which begins at seq, where it belongs.
func (s *Stream) place(d Dir, seq SeqNum, g *Segment, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	if h.isKeepAlive(g) {
		h.KeepAlives++
		return true
	}
	ahead, n := int(seq.Sub(h.next)), g.Length()
	data, lost := g.Payload, g.Missing
	if h.end != NotEnded || (h.finSeen && h.fin.Less(seq)) || ahead > maxAhead || ahead < -maxAhead {
		h.Discarded++
		return true
	}
	if ahead > 0 {
		h.hold(s.budget(), g.Packet, seq, data, lost)
		return true
	}
	if ahead < 0 { // bytes that have been lent already
		old := min(-ahead, n)
		h.DuplicateBytes += int64(old)
		if old == n {
			h.Retransmitted++
			if h.differs(seq, g.Payload) {
				h.ConflictingBytes += int64(n)
			}
			return true
		}
		d, l := cutAt(data, lost, old)
		data, lost, seq = data[len(d):], lost-l, h.next
	}
	if len(h.early) > 0 {
		h.OutOfOrder++
		return s.fill(d, data, lost, yield)
	}
	h.note(seq, data)
	return s.lend(d, data, lost, yield)
}

// fill lends data at next, up to where early bytes are held, then those.
func (s *Stream) fill(d Dir, data []byte, lost int, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	room := int(h.early[0].seq.Sub(h.next))
	now, l := cutAt(data, lost, room)
	rest, restLost := data[len(now):], lost-l
	if len(rest)+restLost > 0 {
		h.hold(s.budget(), s.Budget.chunk.Packet, h.next.Add(len(now)+l), rest, restLost)
	}
	return s.lend(d, now, l, yield) && s.lendEarly(d, yield)
}

// lend yields data, and after it the count of lost bytes that followed.
func (s *Stream) lend(d Dir, data []byte, lost int, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	h.gap = false
	if len(data) > 0 {
		h.next = h.next.Add(len(data))
		c := s.make(d, h.offset, NotEnded)
		c.Data = data
		h.offset += int64(len(data))
		if !yield(c) {
			return false
		}
	}
	return lost == 0 || s.lose(d, lost, yield)
}

// lose yields a count of bytes that were sent and not captured.
func (s *Stream) lose(d Dir, n int, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	h.gap = false
	h.next = h.next.Add(n)
	h.offset += int64(n)
	c := s.make(d, h.offset, NotEnded)
	c.Lost = int64(n)
	return yield(c)
}

// lendEarly yields the runs that are in order now.
func (s *Stream) lendEarly(d Dir, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	n, ok := 0, true
	for ; ok && n < len(h.early) && h.early[n].seq == h.next; n++ {
		s.Budget.chunk.Carried = h.early[n].packet
		ok = s.lend(d, h.early[n].data, h.early[n].lost, yield)
	}
	s.Budget.chunk.Carried = s.Budget.chunk.Packet
	if n > 0 {
		h.drop(s.budget(), n)
	}
	return ok
}

// settle declares the gap at next of direction d a loss, if it is one.
func (s *Stream) settle(d Dir, g *Segment, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	missing := h.missing()
	if missing == 0 {
		return true
	}
	if !h.gap {
		h.gap, h.gapTime, h.gapCount = true, g.Time, 0
	}
	h.gapCount++
	over := h.held > s.limit() || s.budget().full()
	grace := h.gapCount >= graceSegments || g.Time.Sub(h.gapTime) >= graceTime
	if !over && !(grace && h.acked && int(h.ack.Sub(h.next)) >= missing) {
		return true
	}
	return s.lose(d, missing, yield) && s.lendEarly(d, yield)
}

// missing is how many bytes at next are known to have been sent and are not
// here: up to the first early run, else up to the FIN or the acknowledgment. A
// single acknowledged byte with nothing behind it may be a FIN that was not
// captured.
func (h *half) missing() int {
	switch {
	case h.end != NotEnded:
		return 0
	case len(h.early) > 0:
		return int(h.early[0].seq.Sub(h.next))
	case h.finSeen:
		return max(0, int(h.fin.Sub(h.next)))
	case h.acked && h.ack.Sub(h.next) > 1:
		return int(h.ack.Sub(h.next))
	}
	return 0
}

func (s *Stream) budget() *Budget {
	if s.Budget == nil {
		s.Budget = new(Budget)
	}
	return s.Budget
}

func (s *Stream) limit() int {
	if s.Limit == 0 {
		return defaultLimit
	}
	return s.Limit
}

// SYN gives the sequence number of the SYN that began direction d, if it was seen.
func (s *Stream) SYN(d Dir) (SeqNum, bool) { return s.half[d].isn, s.half[d].syn }

// Acked gives how far in the byte stream of direction d the other side has
// acknowledged, as an offset; -1 if it has not been seen to.
func (s *Stream) Acked(d Dir) int64 {
	h := &s.half[d]
	if !h.acked {
		return -1
	}
	return h.offset + int64(h.ack.Sub(h.next))
}

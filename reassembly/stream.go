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
// Where two copies of a byte differ, the first one wins, and the [Conflict] is
// told. What has been lent cannot be taken back, and bytes that are held and
// were acknowledged were acknowledged in a copy that came before. A receiver
// may see it otherwise: the first copy may have been made to die on the way.
// An acknowledgment of bytes that were never captured is believed as long as
// its sender does not take it back.
//
// Traffic in which nothing rare happens needs no memory beside the Stream.
type Stream struct {
	Budget *Budget // shared by all streams of a run; nil is an own one

	half   [2]half
	traits Traits
	reset  closer // of a RST
	closer closer // of a FIN
	end    uint8  // the TTL of the RST or else of the first FIN
	hops   [2]hops
	stamp  [2]uint32 // timestamp of a SYN that asks; 0 without one
}

type half struct {
	*rare  // nil as long as nothing rare has happened
	offset int64
	next   SeqNum // of the first byte that has not been lent
	ack    SeqNum // the highest the other side sent
	isn    SeqNum // of the SYN
	fin    SeqNum // of the FIN: all bytes stand before it
	until  SeqNum // of the acknowledgment that stops the timer
	state  state
	window uint16 // what this side offers, not scaled
	timer
	last [2]trace // unused once there is rare
}

// A state is what is known of a half, in bits.
type state uint16

const (
	started state = 1 << iota // next is known
	acked                     // ack is known
	synSeen                   // isn is known
	timing                    // the timer runs

	gap                     // next is waited for
	holding                 // there are early runs
	ahead                   // bytes behind next are acknowledged
	finSeen                 // fin is known
	ended                   // end is told
	shut                    // the window is closed
	probed                  // a keep-alive is to be answered
	resent                  // the data of the SYN was not taken and comes again
	second                  // the second of last is the newest
	lead     = 7 << leadBit // see leads
	unusual  = gap | holding | ahead | finSeen | ended | shut | probed | resent
	hasBegun = started | acked
)

const secondBit, leadBit = 12, 13

func (s state) has(t state) bool { return s&t == t }

// set makes the bits of t what on says.
func (s *state) set(t state, on bool) {
	if *s &^= t; on {
		*s |= t
	}
}

const (
	graceSegments = 16
	graceTime     = 100 * time.Millisecond

	// Where the other side was not captured, nothing tells what it has
	// acknowledged: segments that long behind a gap do.
	graceUnheard = 64

	// A gap that nobody has acknowledged is a loss at the end of a capture,
	// unless it is larger than what is ever in flight.
	maxUnacked = 16 << 20

	// The largest window there is (RFC 7323 §2.3).
	maxAhead = 1 << 30
)

// Counts gives what was seen of the segments of direction d.
func (s *Stream) Counts(d Dir) (c Counts) {
	if r := s.half[d].rare; r != nil {
		c = r.Counts
	}
	return c
}

// Ended says how the connection ended: by a RST, or by a FIN of both sides
// with all bytes before them lent.
func (s *Stream) Ended() End {
	switch {
	case s.reset != 0:
		return RST
	case s.half[0].state&s.half[1].state&ended != 0:
		return FIN
	}
	return NotEnded
}

// Begins says whether g, a segment of direction d with SYN set, begins
// another connection between the same two ends: its sequence number is not
// that of the SYN that began this one, nor the one before its first byte.
func (s *Stream) Begins(d Dir, g *Segment) bool {
	h := &s.half[d]
	if !g.Flags.Has(FlagSYN) || g.Flags.Has(FlagACK) {
		return false
	}
	if h.state.has(started) && !h.state.has(synSeen) && g.Seq.Add(1) == h.next.Add(-int(h.offset)) {
		return false
	}
	return (h.state.has(started) || s.reset != 0) && !(h.state.has(synSeen) && h.isn == g.Seq)
}

// SYN gives the sequence number of the SYN that began direction d, if it was seen.
func (s *Stream) SYN(d Dir) (SeqNum, bool) { return s.half[d].isn, s.half[d].state.has(synSeen) }

// Sent gives how far the byte stream of direction d is known: the offset
// behind the last byte that was lent or lost.
func (s *Stream) Sent(d Dir) int64 { return s.half[d].offset }

// Over says whether the end of direction d was told.
func (s *Stream) Over(d Dir) bool { return s.half[d].state.has(ended) || s.reset != 0 }

// Waits says whether bytes of direction d are known to have been sent that were
// neither lent nor declared lost yet.
func (s *Stream) Waits(d Dir) bool { return s.half[d].missing() > 0 }

// Acked gives how far in the byte stream of direction d the other side has
// acknowledged, as an offset; -1 if it has not been seen to.
func (s *Stream) Acked(d Dir) int64 {
	h := &s.half[d]
	if !h.state.has(acked) {
		return -1
	}
	return h.offset + int64(h.ack.Sub(h.next))
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
	if s.reset == 0 && h.plain(other, g) {
		if other.state.has(acked) && g.Ack != other.ack {
			other.acknowledge(g)
		}
		h.window = g.Window
		if !h.leads(g) && (len(g.Payload) > 0 || other.state.has(acked)) {
			h.follow(g)
		}
		if len(g.Payload) > 0 {
			h.note(g)
			if !h.state.has(timing) {
				h.start(g)
				s.hops[d].see(g.TTL)
			}
			s.lend(d, g.Payload, 0, yield)
		} else if h.rare != nil {
			h.note(g)
		}
		return
	}
	s.other(d, g, yield)
	h.settled()
	other.settled()
}

// plain recognises what nearly all segments are: the next bytes of one
// direction, or news of an acknowledgment, and nothing else to tell. All
// other segments go the long way, which would do the same with these.
func (h *half) plain(other *half, g *Segment) bool {
	return g.Flags&^FlagPSH == FlagACK && g.Seq == h.next && g.Missing == 0 && g.Window != 0 &&
		(h.state|other.state)&unusual == 0 && h.state.has(started) && (len(g.Payload) > 0 || g.Ack != other.ack) &&
		(other.state.has(hasBegun) && uint32(g.Ack-other.ack) <= uint32(other.next-other.ack) || other.state&^(second|lead) == 0) &&
		(h.offset < wrapped || h.inTime(g))
}

// settled notes what is unusual about h now.
func (h *half) settled() {
	h.state.set(holding, h.rare != nil && len(h.early) > 0)
	h.state.set(ahead, h.state.has(acked) && h.next.Less(h.ack))
}

// other takes a segment that is not plain.
func (s *Stream) other(d Dir, g *Segment, yield func(*Chunk) bool) {
	h, other := &s.half[d], &s.half[d.Other()]
	switch {
	case s.reset != 0:
		h.more().Discarded++
		return
	case !h.state.has(started) && s.askedLater(d, g):
		h.more().Discarded++
		h.StaleResets += int64(g.Flags & FlagRST / FlagRST)
		return
	case h.twin(g):
		h.more().Duplicates++
		other.more() // it will have some, too: note all from now on
		return
	case g.Flags.Has(FlagRST):
		s.takeRST(d, g, yield)
		return
	case s.seenElsewhere(d, g):
		h.more().Duplicates++
		return
	}
	if !h.state.has(started) || g.Length() == 0 && other.state.has(acked) {
		h.follow(g)
	}
	s.timeWindow(d, g)
	s.answered(d, g)
	if g.Flags.Has(FlagACK) && other.state.has(started) {
		other.acknowledge(g)
		if !s.settle(d.Other(), g, yield) {
			return
		}
	}
	seq := g.Seq
	if g.Flags.Has(FlagSYN) {
		s.takeSYN(d, g)
		seq = seq.Add(1)
	}
	if !h.state.has(started) && (g.Length() > 0 || g.Flags.Has(FlagACK)) {
		h.begin(seq)
	}
	if g.Flags.Has(FlagFIN) {
		s.takeFIN(d, g, seq.Add(g.Length()))
	} else if g.Length() > 0 || g.Flags.Has(FlagSYN) {
		s.hops[d].see(g.TTL)
	}
	if !s.place(d, seq, g, yield) {
		return
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

func (h *half) begin(next SeqNum) {
	h.state |= started
	h.next = next
}

// place puts the payload of g, which begins at seq, where it belongs.
func (s *Stream) place(d Dir, seq SeqNum, g *Segment, yield func(*Chunk) bool) bool {
	h, n := &s.half[d], g.Length()
	distance := int(seq.Sub(h.next))
	switch {
	case s.isProbe(d, g):
		s.takeProbe(d, g)
		return true
	case n == 0:
		h.note(g)
		return true
	case h.state.has(ended), h.state.has(finSeen) && h.fin.Less(seq), distance > maxAhead, distance < -maxAhead:
		h.more().Discarded++
		return true
	case distance+n > 0 && h.offset >= wrapped && !h.inTime(g):
		h.more().Discarded++
		h.OldTimestamps++
		return true
	case distance > 0:
		if h.captured().Less(seq.Add(n + 1)) {
			h.follow(g)
		}
		h.more().id = g.ID
		h.hold(s.budget(), h, g.Packet, seq, g.Payload, g.Missing)
		h.note(g)
		return true
	}
	data, lost := g.Payload, g.Missing
	if distance < 0 {
		old := min(-distance, n)
		h.again(seq, g, old)
		if old == n {
			s.repeated(d, seq, g)
			return true
		}
		first, l := cutAt(data, lost, old)
		data, lost = data[len(first):], lost-l
	} else {
		h.note(g)
	}
	s.halfClosed(d, g, len(data))
	if h.rare != nil && len(h.early) > 0 {
		h.id = g.ID
		switch {
		case !h.leads(g): // the other capture has missed it
		case h.sentAgain(g):
			h.Retransmitted++
		default:
			h.OutOfOrder++
		}
		return s.fill(d, data, lost, yield)
	}
	h.follow(g)
	h.start(g)
	return s.lend(d, data, lost, yield)
}

// again takes the first n bytes of g, which have been lent already.
func (h *half) again(seq SeqNum, g *Segment, n int) {
	h.state &^= timing // Karn: RFC 6298 §3
	r := h.more()
	if h.state.has(resent) && seq.Less(r.synEnd) {
		if !seq.Add(n).Less(r.synEnd) {
			h.state &^= resent
		}
		h.note(g)
		return
	}
	r.DuplicateBytes += int64(n)
	if n == g.Length() {
		r.Retransmitted++
		if h.state.has(acked) && !h.ack.Less(seq.Add(n)) {
			r.Spurious++
		}
		if first, ok := h.find(g); ok && first.sum != digest(g) {
			r.ConflictingBytes += int64(n)
			h.conflict(first.number(g), g.Packet, seq, n)
		}
	}
	h.note(g)
}

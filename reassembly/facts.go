package reassembly

import (
	"encoding/binary"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// Traits are things about a connection that are so or not.
type Traits uint8

// What may be so of a connection.
const (
	SimultaneousOpen  Traits = 1 << iota // both sides sent a SYN before they had seen the other's: RFC 9293 §3.5
	SimultaneousClose                    // and likewise a FIN: RFC 9293 §3.6
	FastOpen                             // data came in the SYN, and its acknowledgment took it: RFC 7413 §4.2
	FastOpenRefused                      // or did not take all of it: it is sent again
)

// Has says whether all of u are so.
func (t Traits) Has(u Traits) bool { return t&u == u }

// Traits gives what has been seen to be so.
func (s *Stream) Traits() Traits { return s.traits }

// A closer is the direction of the first FIN, or of the RST, plus 1.
type closer uint8

// Closer gives the direction whose FIN was captured first, if one was. Bytes
// before it may have been missing then.
func (s *Stream) Closer() (d Dir, ok bool) { return Dir(s.closer - 1), s.closer != 0 }

// takeSYN takes the SYN of g.
func (s *Stream) takeSYN(d Dir, g *Segment) {
	h, other := &s.half[d], &s.half[d.Other()]
	answers := g.Flags.Has(FlagACK)
	switch {
	case h.state.has(started):
		h.more().Retransmitted++
		if r := h.rare; len(r.syns) < maxSYNs {
			r.syns = append(r.syns, g.Time)
		}
		return
	case !answers && other.state.has(synSeen):
		s.traits |= SimultaneousOpen
	}
	h.begin(g.Seq.Add(1))
	h.state |= synSeen
	h.isn = g.Seq
	if value, ok := g.Option(OptionTimestamps); ok && len(value) == 8 && !answers {
		s.stamp[d] = binary.BigEndian.Uint32(value)
	}
	if g.Length() > 0 && !answers {
		h.more().synEnd = g.Seq.Add(1 + g.Length())
	}
	if r := other.rare; answers && r != nil && r.synEnd != 0 {
		if g.Ack.Less(r.synEnd) {
			s.traits |= FastOpenRefused
			other.state |= resent
			r.synEnd = min(other.next, r.synEnd)
		} else {
			s.traits |= FastOpen
		}
	}
}

// askedLater says whether g, the first of d, ends a connection and cannot mean
// that which the SYN of the other side has asked for: it echoes a timestamp from
// before that (RFC 7323 §3.2). What is left of a connection before does, and
// what somebody forged who did not see the SYN. No such thing is said of a
// segment that goes on: machines on the way that rewrite timestamps, and not
// their echoes, would hide all that follows.
func (s *Stream) askedLater(d Dir, g *Segment) bool {
	asked := s.stamp[d.Other()]
	if asked == 0 || g.Flags&(FlagRST|FlagFIN) == 0 || !g.Flags.Has(FlagACK) || g.Flags.Has(FlagSYN) || len(g.Payload) > 0 {
		return false
	}
	value, ok := g.Option(OptionTimestamps)
	if !ok || len(value) != 8 {
		return false
	}
	echo := binary.BigEndian.Uint32(value[4:])
	return echo != 0 && int32(echo-asked) < 0
}

// takeFIN takes the FIN of g, which stands at fin. Of two that differ, the
// one that is reached first ends the stream, as it does for the receiver.
func (s *Stream) takeFIN(d Dir, g *Segment, fin SeqNum) {
	h, other := &s.half[d], &s.half[d.Other()]
	switch {
	case h.state.has(ended):
		if fin == h.next {
			h.more().Retransmitted++
		}
		return
	case fin.Less(h.next), fin.Sub(h.next) > maxAhead:
		h.more().Discarded++
		return
	case h.state.has(finSeen):
		if fin == h.fin {
			h.more().Retransmitted++
		} else if fin.Less(h.fin) {
			h.fin = fin
		}
		return
	}
	h.state |= finSeen
	h.fin = fin
	if s.closer == 0 {
		s.closer = closer(d) + 1
		s.end = g.TTL
	} else if !(g.Flags.Has(FlagACK) && other.next.Less(g.Ack)) {
		s.traits |= SimultaneousClose
	}
}

// halfClosed counts n bytes of g that were sent in the knowledge of the other
// side's FIN.
func (s *Stream) halfClosed(d Dir, g *Segment, n int) {
	if other := &s.half[d.Other()]; other.state.has(ended) && other.next.Less(g.Ack) {
		s.half[d].more().HalfClosed += int64(n)
	}
}

// timeWindow follows the window that the sender of g offers. While it is
// closed, time counts with each segment of the connection.
func (s *Stream) timeWindow(d Dir, g *Segment) {
	for i := range s.half {
		if h := &s.half[i]; h.state.has(shut) {
			h.ZeroWindow += max(0, g.Time.Sub(h.zeroTime))
			h.zeroTime = max(h.zeroTime, g.Time)
		}
	}
	h, other := &s.half[d], &s.half[d.Other()]
	if !g.Flags.Has(FlagACK) || other.state.has(acked) && g.Ack.Less(other.ack) {
		return // no window yet, or an older one
	}
	shutNow := g.Window == 0 && !g.Flags.Has(FlagSYN)
	if shutNow && !h.state.has(shut) {
		r := h.more()
		if r.ZeroWindows++; r.ZeroWindows == 1 {
			r.stall = Stall{g.Time, other.offset}
		}
		r.zeroTime = g.Time
	}
	h.state.set(shut, shutNow)
}

// answered looks at a segment with no bytes that says nothing new.
func (s *Stream) answered(d Dir, g *Segment) {
	h, other := &s.half[d], &s.half[d.Other()]
	wasProbed, window := other.state.has(probed), h.window
	other.state &^= probed
	h.window = g.Window
	if g.Flags != FlagACK || g.Length() > 0 || g.Seq != h.next || !other.state.has(acked) || g.Ack != other.ack || h.state.has(ended) {
		return
	}
	switch {
	case wasProbed:
		h.more().KeepAliveACKs++
	case g.Window != window:
		h.more().WindowUpdates++
	case other.outstanding():
		h.more().DuplicateACKs++
		other.more().dupACKs++
	}
}

// outstanding says whether bytes were sent that are not acknowledged.
func (h *half) outstanding() bool {
	return h.state.has(acked) && h.ack.Less(h.next) || h.rare != nil && len(h.early) > 0
}

// isProbe recognises a probe: no byte or one old one right before next, where
// all bytes are acknowledged (RFC 9293 §3.8.4). Where they are not, one byte
// is a retransmission.
func (s *Stream) isProbe(d Dir, g *Segment) bool {
	h := &s.half[d]
	return g.Length() <= 1 && g.Seq == h.next.Add(-1) && g.Flags&(FlagSYN|FlagFIN|FlagRST) == 0 && !h.state.has(ended) &&
		!h.state.has(resent) && (g.Length() == 0 || !(h.state.has(acked) && h.ack.Less(h.next)))
}

func (s *Stream) takeProbe(d Dir, g *Segment) {
	h := &s.half[d]
	r := h.more()
	if s.half[d.Other()].state.has(shut) {
		r.WindowProbes++
	} else {
		r.KeepAlives++
	}
	h.state |= probed
	h.note(g)
}

// A timer measures round trips from the capture to the other side and back,
// one at a time: from a segment to the acknowledgment that covers it.
type timer struct {
	sent          capture.Time
	min, smoothed uint32 // microseconds; 0 if none was measured
}

// An RTT is a round-trip time; 0 where none was measured.
type RTT struct {
	Min      time.Duration
	Smoothed time.Duration // SRTT of RFC 6298 §2
}

// RTT gives the time between segments of direction d and the acknowledgments
// of the other side, as seen from the place of the capture, in whole
// microseconds, at least one. Segments that were sent more than once do not
// count (RFC 6298 §3).
func (s *Stream) RTT(d Dir) RTT {
	t := &s.half[d].timer
	return RTT{time.Duration(t.min) * time.Microsecond, time.Duration(t.smoothed) * time.Microsecond}
}

// start lets the timer run from g, whose bytes are lent next.
func (h *half) start(g *Segment) {
	if h.state.has(timing) {
		return
	}
	if h.rare != nil && h.freed != 0 {
		h.freeNext(g)
	}
	h.state |= timing
	h.sent, h.until = g.Time, g.Seq.Add(space(g))
}

// stop ends a measurement with the segment g, which acknowledges it.
func (h *half) stop(g *Segment) {
	h.state &^= timing
	if !h.leads(g) { // another clock
		return
	}
	us := g.Time.Sub(h.sent).Microseconds()
	if us < 0 || us > int64(time.Hour/time.Microsecond) {
		return
	}
	if late(us) {
		h.acknowledgedLate(g, us)
	}
	t, r := &h.timer, uint32(max(1, us))
	if t.min == 0 {
		t.min, t.smoothed = r, r
		return
	}
	t.min = min(t.min, r)
	t.smoothed = max(1, uint32((7*int64(t.smoothed)+int64(r)+4)/8))
}

// No sooner than this far into a byte stream can a segment of 2³² bytes
// before look like one of now.
const wrapped = 1 << 31

// inTime says whether g, by its timestamp, may be newer than the last segment
// in order: protection against wrapped sequence numbers, RFC 7323 §5. Without
// a timestamp it is, and after 24 days, too.
func (h *half) inTime(g *Segment) bool {
	value, ok := g.Option(OptionTimestamps)
	if !ok || len(value) != 8 {
		return true
	}
	const outdated = 24 * 24 * time.Hour // RFC 7323 §5.5
	stamp, r := SeqNum(binary.BigEndian.Uint32(value)), h.more()
	if r.stampTime != 0 && stamp.Less(r.stamp) && g.Time.Sub(r.stampTime) < outdated {
		return false
	}
	if g.Seq == h.next {
		r.stamp, r.stampTime = stamp, g.Time
	}
	return true
}

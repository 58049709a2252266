package reassembly

import "time"

// Two captures of one connection, made at its two ends, say, hold each packet
// once, and each has a clock of its own: the copies of a packet may lie far
// apart. The capture that was first with what is new leads; of the others only
// that counts which it has not. To count the rest would blame the network for
// segments that were sent once. Captures are told apart by the low bits of
// their number. Captures of one place, one after the other, are not taken for
// captures of two: what comes long after the last word of that which led is new.

// leads tells whether g is from the capture that was first with what h has sent last.
func (h *half) leads(g *Segment) bool { return uint8(h.state>>leadBit) == g.Input&(lead>>leadBit) }

// follow lets the capture of g lead: it brings bytes that no other one had.
func (h *half) follow(g *Segment) {
	h.state = h.state&^lead | state(g.Input)<<leadBit
}

// seenElsewhere tells whether g says nothing that the capture that leads has not said.
func (s *Stream) seenElsewhere(d Dir, g *Segment) bool {
	h, other := &s.half[d], &s.half[d.Other()]
	if h.leads(g) || !h.state.has(started) || h.silent(g) {
		return false
	}
	end := g.Seq.Add(g.Length())
	switch {
	case g.Flags.Has(FlagSYN):
		return h.state.has(synSeen) && h.isn == g.Seq
	case g.Flags.Has(FlagFIN):
		return h.state.has(finSeen) && h.fin == end || h.state.has(ended) && h.next == end
	case g.Length() > 0:
		return !h.next.Less(end)
	}
	return other.state.has(acked) && !other.ack.Less(g.Ack)
}

// apartBy is what the clocks of two captures may differ by.
const apartBy = int32(10 * time.Second >> tickBits)

// silent tells that the capture that leads has not told of h for so long that g
// is no copy of what it told last.
func (h *half) silent(g *Segment) bool {
	last := h.last[h.newest(0)]
	if r := h.rare; r != nil {
		last = r.recent[(r.at-1)%uint8(len(r.recent))].trace
	}
	return last.packet != 0 && int32(ticks(g.Time)-last.time) > apartBy
}

package reassembly

// acknowledge takes the acknowledgment number of g, if it can be one: nobody
// acknowledges what lies further ahead than any window. One of bytes that
// were never captured may be a forged one: it is withdrawn by a lower one.
func (h *half) acknowledge(g *Segment) {
	switch ack := g.Ack; {
	case ack.Sub(h.next) > maxAhead:
	case !h.state.has(acked), h.ack.Less(ack):
		h.state |= acked
		h.ack = ack
		if h.state.has(timing) && !ack.Less(h.until) {
			h.stop(g)
		}
		if h.rare != nil {
			h.dupACKs = 0
		}
	case ack.Less(h.ack) && h.captured().Less(h.ack):
		h.ack = ack
	}
}

// captured is up to where segments were captured. One more may be a FIN.
func (h *half) captured() SeqNum {
	top := h.next
	if h.rare != nil && len(h.early) > 0 {
		top = h.early[len(h.early)-1].end()
	}
	if h.state.has(finSeen) && top.Less(h.fin) {
		top = h.fin
	}
	return top.Add(1)
}

// settle declares the gap at next of direction d a loss, if it is one. The
// grace begins when the other side has acknowledged bytes behind it: before,
// it may be one of the network, which a retransmission fills.
func (s *Stream) settle(d Dir, g *Segment, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	missing := h.missing()
	if missing == 0 {
		h.state &^= gap
		return true
	}
	r := h.more()
	over := r.held > s.budget().each() || s.budget().full()
	unheard := !s.Seen(d.Other())
	if passed := h.state.has(acked) && int(h.ack.Sub(h.next)) >= missing; !passed && !unheard && !over {
		h.state &^= gap
		return true
	}
	if !h.state.has(gap) {
		h.state |= gap
		r.gapTime, r.gapCount = g.Time, 0
	}
	r.gapCount++
	lost := r.gapCount >= graceSegments || g.Time.Sub(r.gapTime) >= graceTime
	if unheard {
		lost = r.gapCount >= graceUnheard
	}
	if !over && !lost {
		return true
	}
	if !lost {
		r.LimitsExceeded++
		s.Budget.Forced++
		if h.foreign(missing) {
			h.discardEarly(s.budget())
			return true
		}
	}
	return s.lose(d, missing, yield) && s.lendEarly(d, yield)
}

// missing is how many bytes at next are known to have been sent and are not
// here: up to the first early run, else up to the FIN or the acknowledgment. A
// single acknowledged byte with nothing behind it may be a FIN that was not
// captured.
func (h *half) missing() int {
	switch {
	case h.state.has(ended):
		return 0
	case h.rare != nil && len(h.early) > 0:
		return int(h.early[0].seq.Sub(h.next))
	case h.state.has(finSeen):
		return max(0, int(h.fin.Sub(h.next)))
	case h.state.has(acked) && h.ack.Sub(h.next) > 1:
		return int(h.ack.Sub(h.next))
	}
	return 0
}

// foreign says whether a gap of n bytes is larger than what is ever in
// flight, and not acknowledged: then what is behind it was not part of this
// connection.
func (h *half) foreign(n int) bool {
	return n > maxUnacked && !(h.state.has(acked) && int(h.ack.Sub(h.next)) >= n)
}

// sentAgain says whether g, which fills a gap, was sent after what is behind
// the gap: a sender counts its packets, where it gives them numbers at all
// (RFC 6864 §2). The first copy was lost before it came to the capture then.
func (r *rare) sentAgain(g *Segment) bool {
	behind := r.early[0].id
	return g.ID != 0 && behind != 0 && int16(g.ID-behind) > 0
}

// fill lends data at next, up to where early bytes are held, then those.
func (s *Stream) fill(d Dir, data []byte, lost int, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	room := int(h.early[0].seq.Sub(h.next))
	now, l := cutAt(data, lost, room)
	rest, restLost := data[len(now):], lost-l
	if len(rest)+restLost > 0 {
		h.hold(s.budget(), h, s.Budget.chunk.Packet, h.next.Add(len(now)+l), rest, restLost)
	}
	return s.lend(d, now, l, yield) && s.lendEarly(d, yield)
}

// lend yields data, and after it the count of lost bytes that followed.
func (s *Stream) lend(d Dir, data []byte, lost int, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	h.state &^= gap
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
	h.state &^= gap | timing
	h.next = h.next.Add(n)
	h.offset += int64(n)
	c := s.make(d, h.offset, NotEnded)
	c.Lost = int64(n)
	return yield(c)
}

// lendEarly yields the runs that are in order now.
func (s *Stream) lendEarly(d Dir, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	if h.rare == nil {
		return true
	}
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

func (s *Stream) budget() *Budget {
	if s.Budget == nil {
		s.Budget = new(Budget)
	}
	return s.Budget
}

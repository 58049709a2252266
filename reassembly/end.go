package reassembly

// finish yields the end of direction d once all bytes before its FIN are lent.
func (s *Stream) finish(d Dir, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	if !h.state.has(finSeen) || h.state.has(ended) || h.next.Less(h.fin) {
		return true
	}
	h.discardEarly(s.budget())
	return s.tell(d, FIN, yield)
}

func (s *Stream) tell(d Dir, end End, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	h.state |= ended
	return yield(s.make(d, h.offset, end))
}

// takeRST ends both directions, if the segment is one that its receiver must
// accept (RFC 9293 §3.10.7.4): its number lies in the window, which begins at
// what the receiver has acknowledged; or it refuses a SYN.
func (s *Stream) takeRST(d Dir, g *Segment, yield func(*Chunk) bool) {
	h, other := &s.half[d], &s.half[d.Other()]
	if !h.state.has(started) {
		if other.state.has(synSeen) && g.Flags.Has(FlagACK) && g.Ack != other.isn.Add(1) {
			h.staleReset()
			return
		}
		h.begin(g.Seq)
	}
	low := h.next
	if h.state.has(acked) && h.ack.Less(low) {
		low = h.ack
	}
	if g.Seq.Less(low) || int(g.Seq.Sub(h.next)) > maxUnacked {
		h.staleReset()
		return
	}
	s.reset = closer(d) + 1
	s.end = g.TTL
	_ = s.flush(d.Other(), yield) && s.flush(d, yield) && s.tell(d, RST, yield)
}

func (s *Stream) flush(d Dir, yield func(*Chunk) bool) bool {
	h := &s.half[d]
	for ok := true; ; {
		missing := h.missing()
		if missing == 0 {
			return ok && (s.reset != 0 || s.finish(d, yield))
		}
		if h.foreign(missing) {
			h.discardEarly(s.budget())
			h.state &^= finSeen
			continue
		}
		if ok = s.lose(d, missing, yield) && s.lendEarly(d, yield); !ok {
			return false
		}
	}
}

func (h *half) staleReset() {
	r := h.more()
	r.Discarded++
	r.StaleResets++
}

// discardEarly gives up what is held: it stands behind the end.
func (h *half) discardEarly(b *Budget) {
	if h.rare == nil {
		return
	}
	for i := range h.early {
		if i == 0 || h.early[i].packet != h.early[i-1].packet {
			h.Discarded++
		}
	}
	h.drop(b, len(h.early))
}

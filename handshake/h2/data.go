package h2

// openData begins a DATA frame (RFC 9113 §6.1).
func (p *Parser) openData(d dir, f header) {
	h := &p.half[d]
	h.data, h.unpadded = f.length, !f.has(flagPadded)
	h.target = p.streams.find(p, d, f.stream)
	p.spend(d, h.target, f)
}

// takeData takes as much of a DATA frame as there is, and lends what is not
// padding.
func (p *Parser) takeData(d dir, b []byte) int {
	h := &p.half[d]
	n := min(len(b), int(h.left))
	b = b[:n]
	first := h.left == h.frame.length
	h.left -= uint32(n)
	if !h.unpadded {
		h.unpadded = true
		h.data = h.frame.length - 1
		h.data -= min(h.data, uint32(b[0]))
		b = b[1:]
	}
	if part := b[:min(len(b), int(h.data))]; len(part) > 0 {
		h.data -= uint32(len(part))
		p.giveData(d, Event{Data: part, First: first, Last: h.data == 0})
	}
	if h.left == 0 {
		p.closeFrame(d, nil)
	}
	return n
}

// loseData takes note of n bytes of a DATA frame that were lost.
func (p *Parser) loseData(d dir, n uint32) {
	h := &p.half[d]
	if !h.unpadded { // how many of the rest are padding stood in the first byte
		h.unpadded, h.data = true, 0
		if h.target != nil && h.left > 1 {
			e := h.target.of(Torn, d)
			e.Lost = uint64(h.left) - 1
			p.add(e)
		}
		return
	}
	if part := min(n, h.data); part > 0 {
		h.data -= part
		p.giveData(d, Event{Lost: uint64(part)})
	}
}

func (p *Parser) giveData(d dir, part Event) {
	s := p.half[d].target
	switch {
	case s == nil || s.kind == ordinary:
	case s.ended[d]:
		p.facts.Late += uint64(len(part.Data))
	default:
		e := s.of(Data, d)
		e.Data, e.Lost, e.First, e.Last = part.Data, part.Lost, part.First, part.Last
		p.add(e)
	}
}

// readData is told when a DATA frame is over.
func (p *Parser) readData(d dir, _ []byte) {
	h := &p.half[d]
	s := h.target
	h.target = nil
	p.spent(d, s, h.frame)
	if s != nil && h.frame.has(flagEndStream) {
		p.end(d, s, EndStream, 0)
	}
}

package h2

// A guess is a place where a frame may begin: its header could be one, and so
// could those that follow from its length.
type guess struct {
	links int    // headers so far
	left  uint32 // bytes to the next one
}

// enough is how many headers in a row are taken for the truth. One alone is,
// if its frame is all that one piece of the byte stream holds.
const enough = 3

// search looks for the beginning of a frame. Nothing is held: while it is not
// found the bytes are counted and go by.
func (p *Parser) search(d dir, b []byte) int {
	h := &p.half[d]
	at := 0
	if h.guess.links == 0 && p.chain(d, b) {
		h.state = inHeader
		return 0
	}
	for at < len(b) {
		if h.guess.links > 0 {
			n := min(len(b)-at, int(h.guess.left))
			h.guess.left -= uint32(n)
			if at += n; h.guess.left > 0 || at == len(b) {
				break
			}
		}
		f, ok := p.plausible(d, b[at:])
		switch {
		case ok && h.guess.links+1 >= enough:
			h.state, h.guess = inHeader, guess{}
			p.facts.Unread[d] += uint64(at)
			return at
		case ok:
			h.guess = guess{h.guess.links + 1, headerLen + f.length}
		default:
			h.guess = guess{}
			at++
		}
	}
	p.facts.Unread[d] += uint64(at)
	return at
}

// chain tells whether b is frames from its first byte to its last.
func (p *Parser) chain(d dir, b []byte) bool {
	for len(b) > 0 {
		f, ok := p.plausible(d, b)
		if !ok || int(f.length) > len(b)-headerLen {
			return false
		}
		b = b[headerLen+f.length:]
	}
	return true
}

// plausible tells whether b begins with a header that the sender may have
// sent: of a known type, rightly made. One that says nothing at all, as a DATA
// frame without data, is not taken for one.
func (p *Parser) plausible(d dir, b []byte) (header, bool) {
	if len(b) < headerLen {
		return header{}, false
	}
	f := decodeHeader(b)
	if int(f.typ) >= len(frameTypes) {
		return f, false
	}
	r := f.rules()
	limit := uint32(1 << 14) // RFC 9113 §6.5.2
	if n, ok := p.half[d.other()].settings.Get(MaxFrameSize); ok && n > limit {
		limit = n
	}
	switch {
	case f.r || f.flags&^r.flags != 0,
		f.length < r.min || f.length > min(r.max, limit) || f.length%r.unit != 0,
		f.stream == 0 && !r.onZero || f.stream != 0 && !r.onStream,
		f.typ == typeSettings && f.has(flagAck) != (f.length == 0),
		f.typ == typeData && f.length == 0 && f.flags != flagEndStream,
		f.typ == typePush && d == client:
		return f, false
	}
	return f, f.stream%2 == 1 || f.stream == 0 || d == server
}

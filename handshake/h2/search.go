package h2

// A guess is a place where a frame may begin: its header could be one, and so
// could those that follow from its length. Places are counted in bytes.
type guess struct {
	at, last, next int64 // the first header, the last one so far, and the one behind that
	links          int   // headers so far
	front          bool  // a piece of the byte stream begins with the first
	known          bool  // the first is of a stream that is
}

// A quest is what is known while the beginning of a frame is looked for.
type quest struct {
	bytes   []byte // what the guesses are about
	at      int64  // where they begin
	looked  int64  // each place before this one has been looked at
	guesses []guess
	gap     uint64 // bytes of no known frame before them
}

const (
	// enough is how many headers in a row are taken for the truth. One alone is,
	// if its frame is all that some pieces of the byte stream hold.
	enough     = 3
	maxGuesses = 8
	// maxSought is how many bytes are held. It is room for three frames of the
	// size that is usual.
	maxSought = 1 << 16
)

func (q *quest) end() int64 { return q.at + int64(len(q.bytes)) }

// from gives the bytes behind a place.
func (q *quest) from(at int64) []byte { return q.bytes[at-q.at:] }

// search looks for the beginning of a frame. What may be one is held, so that
// nothing behind it is lost; where that is too much it is counted and goes by.
func (p *Parser) search(d dir, b []byte) int {
	q := &p.half[d].quest
	piece := q.end()
	q.bytes = append(q.bytes, b...)
	keep := q.guesses[:0]
	for _, g := range q.guesses {
		if p.follow(d, &g) {
			keep = append(keep, g)
		}
	}
	q.guesses = keep
	for ; q.looked+headerLen <= q.end(); q.looked++ {
		g := guess{at: q.looked, next: q.looked, front: q.looked == piece}
		if len(q.guesses) < maxGuesses && p.follow(d, &g) {
			q.guesses = append(q.guesses, g)
		}
	}
	at, found := q.answer()
	p.unread(d, uint64(at-q.at))
	if !found {
		q.bytes, q.at = q.bytes[:copy(q.bytes, q.from(at))], at
		return len(b)
	}
	for _, s := range p.streams.list {
		p.torn(d, s)
	}
	rest := q.from(at) // what is told of lies in it
	p.half[d].state, p.half[d].quest = inHeader, quest{}
	for len(rest) > 0 {
		rest = rest[p.step(d, rest):]
	}
	return len(b)
}

// unread counts bytes that go by.
func (p *Parser) unread(d dir, n uint64) {
	p.facts.Unread[d] += n
	p.half[d].quest.gap += n
}

// follow goes from header to header as far as there are bytes. It tells
// whether they can be frames.
func (p *Parser) follow(d dir, g *guess) bool {
	q := &p.half[d].quest
	for g.links < enough && g.next+headerLen <= q.end() {
		f, ok := p.plausible(d, q.from(g.next))
		if !ok {
			return false
		}
		if g.links++; g.links == 1 {
			g.known = f.stream <= p.streams.seen || p.streams.byID[f.stream] != nil
		}
		g.last, g.next = g.next, g.next+headerLen+int64(f.length)
	}
	return true
}

// answer gives the place where a frame begins, or that up to which nothing has
// to be held. A guess that is not sure yet speaks against those behind it, which
// may be in its payload, only if a piece begins with it and it is of a stream
// that is known: others are many.
func (q *quest) answer() (at int64, found bool) {
	for _, g := range q.guesses {
		if g.links < enough && !(g.front && g.next == q.end()) {
			if g.front && g.known {
				break
			}
			continue
		}
		for _, at := range [...]int64{g.at, g.last, g.next} {
			if at >= q.at {
				return at, true
			}
		}
	}
	at = q.looked
	if len(q.guesses) > 0 {
		at = max(q.at, q.guesses[0].at)
	}
	if q.end()-at > maxSought {
		at = q.end() - maxSought/2
	}
	return at, false
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

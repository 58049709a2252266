package frames

// A chain is a number of headers, each where the one before it says that the
// next one is.
type chain struct {
	next  int64 // where its next header has to be
	start int64 // its first header
	last  int64 // its last header
	head  int64 // the first header that is certain and held, or -1
	from  int64 // start, if a chunk began there and it is held, or -1
	clear int64 // from here on no payload that began before it explains it

	recent  [4]uint32 // what its last headers were
	score   int32     // bits that speak for it
	turn    uint8     // of recent
	root    int8      // bits that speak for its first header alone, and for where that says the next one is
	ends    uint32    // of Run, at last
	aligned int16     // bits that speak against a payload that holds it
	masked  bool
	loose   bool // one of its headers is not where a chunk begins
	closing bool // a Close frame was sent
	certain bool // a header of it was; head is the first that is held
	proven  bool // there was another one behind that
	message nesting
}

const (
	maxChains = 256
	chainSize = 88 // bytes that a chain costs
	maxLooks  = 4  // chains that are looked at for one that is to go

	hopeful  = 24      // bits of a chain that is not there by chance alone
	hopeless = -8      // bits of a chain that is not followed
	maxScore = 1 << 20 // more is not counted

	// How many bits have to speak for that a chain is not one that a payload
	// holds: behind a chunk that is not full a frame begins, but in a payload
	// no more often than elsewhere.
	knownAligned    = 16
	strangerAligned = 24
	maxAligned      = 1 << 14 // more is not counted, of either sign

	strangerText = 12 // bits that text which is not masked may speak for frames, if nothing is known
)

// scan looks at each place up to limit.
func (f *Finder) scan(limit int64) {
	first := f.Habit.firsts()
	for f.pos < limit {
		b := f.buf[int64(len(f.buf))-(f.end-f.pos):]
		far := limit
		if len(f.chains) > 0 {
			far = min(far, f.chains[0].next)
		}
		n, most := 0, int(far-f.pos)
		for n < most && (first[b[n]] == 0 || b[n] == 0) { // no chain begins with 0
			n++
		}
		b = b[n:]
		if f.pos += int64(n); f.pos >= limit {
			return
		}
		h, size := DecodeHeader(b)
		if size == 0 && first[b[0]] != 0 {
			return // the header is cut, or what looks like one
		}
		c, came := f.arrive()
		if first[b[0]] != 0 && f.Habit.plausible(&h) {
			f.place(&h, b, &c, came)
		}
		f.pos++
	}
}

// arrive takes off the chains whose next header has to be here, and gives the
// one for which most speaks. What the others say was before is then in doubt.
func (f *Finder) arrive() (best chain, came bool) {
	for len(f.chains) > 0 && f.chains[0].next == f.pos {
		c := f.pop()
		switch {
		case !came:
			best, came = c, true
			continue
		case c.score > best.score:
			best, c = c, best
		}
		if c.start < best.last {
			best.head, best.certain, best.proven, best.root = -1, false, false, 0
		}
	}
	return best, came
}

// place takes a header that may be one: of the chain that came to it, if it
// fits that, or else of a new one.
func (f *Finder) place(h *Header, b []byte, c *chain, came bool) {
	if !came || c.score <= 0 || !f.link(c, h, b) {
		if b[0] == 0 {
			return // in binary data 0 is everywhere
		}
		*c = chain{start: f.pos, head: -1, from: -1, clear: f.floor + f.Habit.reach(), masked: h.Masked}
		if f.Habit.stranger() {
			c.clear = f.pos + f.Habit.reach()
		}
		if !f.link(c, h, b) {
			return
		}
		if f.Habit.frames == 0 && f.runs[f.at].begun == f.pos {
			c.from = f.pos
			c.root = int8(max(0, int(c.score)-f.places(f.pos)))
		}
	} else if c.last == c.start && c.root > 0 && f.runs[f.at].begun == f.pos {
		c.root += int8(max(0, borderWeight(int(f.pos-c.start))))
	}
	c.loose = c.loose || f.runs[f.at].begun != f.pos
	c.last = f.pos
	c.next = f.pos + int64(h.Len()) + int64(h.PayloadLength)
	speaking := int(c.score) - f.places(f.pos)
	if speaking >= hopeful {
		f.ripe = max(f.ripe, min(c.next, f.pos+(maxPlausible>>8)))
	}
	if c.certain || speaking >= f.certainty() && f.uncovered(c) {
		c.proven, c.certain = c.certain, true
		if c.head < 0 {
			c.head = f.pos
		}
	}
	f.push(c)
}

func (f *Finder) certainty() int {
	if f.Certainty <= 0 {
		return defaultCertainty
	}
	return f.Certainty
}

// uncovered reports whether no payload that began before the chain's header
// here can be what holds it, or is known to.
func (f *Finder) uncovered(c *chain) bool {
	if !f.Habit.bare() {
		return true
	}
	need := int16(knownAligned)
	if f.Habit.stranger() {
		need = strangerAligned
	}
	return f.pos >= f.crowd && (c.aligned >= need || f.pos >= c.clear)
}

// link adds a header, which is the first of b, to a chain, if it fits.
func (f *Finder) link(c *chain, h *Header, b []byte) bool {
	known := &f.Habit
	next, ok := c.message.accepts(h)
	if !ok && known.oddities&tangled == 0 || c.closing && h.Opcode != Close && h.Opcode.IsData() || c.masked != h.Masked {
		return false
	}
	fresh := c.start == f.pos
	border := f.border()
	n := known.weigh(h, b[0])
	if !fresh && known.Mask != MaskSet && known.Mask != MaskClear {
		n++
	}
	text := f.payload(h, b, !fresh || border > 0)
	again := c.repeats(h, b[0], !known.stranger())
	switch {
	case again && known.stranger():
		// Any protocol may have messages that all begin alike.
		n, border = 0, min(border, 0)
		if !h.Masked && !h.RSV1 {
			text = min(text, 0)
		}
	case again && !known.alike(h, b[0]):
		n, text = 0, min(text, 0) // as in a payload that repeats itself
	}
	if known.stranger() && !h.FIN {
		// As the length of a message before it, in two bytes.
		n, border, text = min(n, 0), min(border, 0), min(text, 0)
	}
	c.align(f.pos, &f.runs[f.at], !known.stranger() || h.FIN && !again)
	c.score = min(c.score+int32(n+text+border), maxScore)
	c.message = next
	c.closing = c.closing || h.Opcode == Close
	return c.score > hopeless
}

// align weighs whether the chain's frames end where chunks do, now that one
// begins at pos, in the chunk of which r is a part. Unless telling is set, it
// is no good sign that this one does.
func (c *chain) align(pos int64, r *Run, telling bool) {
	hit, n := r.begun == pos, 0
	if c.start != pos {
		n = -int(r.ends - c.ends)
		whole := hit && int(pos-c.last) == r.border // a chunk for itself
		if hit && (r.fresh || whole) && telling {
			n += int(bit(r.fresh, 1)) + max(0, borderWeight(int(pos-c.last)))
		}
	}
	c.ends = r.ends
	c.aligned = int16(max(-maxAligned, min(int(c.aligned)+n, maxAligned)))
}

// alike reports whether a header is as those of many frames before were.
func (h *Habit) alike(f *Header, b0 byte) bool {
	return h.same >= manyAlike && b0 == h.b0 && f.PayloadLength == uint64(h.length)
}

// repeats reports whether a header is one of the last ones over again, and
// remembers it. With keys, only one with the same masking key is that.
func (c *chain) repeats(h *Header, b0 byte, keys bool) bool {
	sum := uint32(b0)<<24 ^ uint32(h.PayloadLength)*0x9E3779B1 | 1
	if keys && h.Masked {
		k := h.MaskingKey
		sum ^= (uint32(k[0]) | uint32(k[1])<<8 | uint32(k[2])<<16 | uint32(k[3])<<24) &^ 1
	}
	for _, r := range c.recent {
		if r == sum {
			return true
		}
	}
	c.recent[c.turn&3] = sum
	c.turn++
	return false
}

// payload gives the bits that the payload behind a header speaks for it. Only
// where something else speaks for it is compressed data looked at, which takes
// longer.
func (f *Finder) payload(h *Header, b []byte, likely bool) (n int) {
	if !h.RSV1 && h.Opcode != Text && h.Opcode != Close || h.RSV1 && !likely {
		return 0
	}
	body := b[h.Len():]
	body = body[:min(uint64(len(body)), h.PayloadLength, textSeen)]
	if h.RSV1 {
		return f.weighDeflate(body, &h.MaskingKey, h.FIN && uint64(len(body)) == h.PayloadLength)
	}
	if h.Opcode == Close {
		n = weighClose(body, &h.MaskingKey)
	} else {
		n = weighText(body, &h.MaskingKey)
	}
	switch {
	case h.Masked && h.MaskingKey != [4]byte{}:
		return n
	case f.amidText(b[0]):
		return min(n, 0)
	case f.Habit.stranger():
		return min(n, strangerText)
	}
	return n
}

// amidText reports whether b0, the byte here, may be one of a text that goes
// on behind it (RFC 3629 §3).
func (f *Finder) amidText(b0 byte) bool {
	i := int64(len(f.buf)) - (f.end - f.pos)
	return b0 < 0x80 || f.pos > f.floor && i > 0 && f.buf[i-1] >= 0x80
}

// border weighs whether a chunk begins here.
func (f *Finder) border() int {
	for f.at < len(f.runs)-1 && f.runs[f.at].Offset+f.runs[f.at].size+f.runs[f.at].Lost <= f.pos {
		f.at++
	}
	if r := &f.runs[f.at]; r.begun == f.pos {
		return borderWeight(r.border)
	}
	return borderWeight(0)
}

// decide settles on the chain for which most speaks, if no other one
// contradicts it.
func (f *Finder) decide() {
	var best *chain
	for i := range f.chains {
		c := &f.chains[i]
		if c.head >= 0 && (c.proven || c.next == f.end) && (best == nil || c.score > best.score) {
			best = c
		}
	}
	if best == nil || f.found > 0 {
		return
	}
	for i := range f.chains {
		if c := &f.chains[i]; c != best && f.contradicts(c, best) {
			return
		}
	}
	f.settle(best, best.head)
}

// contradicts reports whether c, if it is true, makes another chain false:
// one of its payloads goes over a header of the other one.
func (f *Finder) contradicts(c, other *chain) bool {
	if c.start < other.last && c.score >= hopeful {
		return true
	}
	return f.Habit.bare() && c.start < other.head && c.score > 0 && c.next-c.last <= f.Habit.reach()
}

// push adds a chain. If there are too many, one of a few goes for which less
// speaks, or it does.
func (f *Finder) push(c *chain) {
	if len(f.chains) < maxChains {
		f.chains = append(f.chains, *c)
		f.up(len(f.chains) - 1)
		return
	}
	weakest := f.hand
	for i := range maxLooks {
		if j := (f.hand + i) % maxChains; f.chains[j].score < f.chains[weakest].score {
			weakest = j
		}
	}
	f.hand = (f.hand + maxLooks) % maxChains
	gone := *c
	if w := &f.chains[weakest]; w.score < c.score {
		gone, *w = *w, *c
		f.down(weakest)
		f.up(weakest)
	}
	f.crowd = max(f.crowd, min(gone.next, f.pos+f.Habit.reach()))
}

// pop takes off the chain whose next header is the nearest.
func (f *Finder) pop() chain {
	c := f.chains[0]
	n := len(f.chains) - 1
	f.chains[0] = f.chains[n]
	f.chains = f.chains[:n]
	f.down(0)
	return c
}

// keep keeps the chains that are good.
func (f *Finder) keep(good func(c *chain) bool) {
	n := 0
	for i := range f.chains {
		if good(&f.chains[i]) {
			f.chains[n] = f.chains[i]
			n++
		}
	}
	f.chains = f.chains[:n]
	for i := n/2 - 1; i >= 0; i-- {
		f.down(i)
	}
}

func (f *Finder) up(i int) {
	h := f.chains
	for i > 0 {
		p := (i - 1) / 2
		if h[p].next <= h[i].next {
			return
		}
		h[p], h[i] = h[i], h[p]
		i = p
	}
}

func (f *Finder) down(i int) {
	h := f.chains
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1].next < h[c].next {
			c++
		}
		if h[i].next <= h[c].next {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

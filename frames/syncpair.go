package frames

// What a payload holds cannot be told from frames by one direction of which
// nothing is known. The two directions of a connection can: frame follows
// frame in both, each chain begins where a segment does and goes on to the end
// of what was captured, and one is masked and the other is not. Something else
// that carries frames would show itself between them.

const (
	// How many bits have to speak for the chains of a pair, beyond chance:
	// together, and for the weaker one.
	pairTogether = 48
	pairEach     = 8

	// How many bits have to speak for the first header of a chain, so that it is
	// one because a later one is.
	rooted = 20

	// How many bytes are held for a chain that begins where a chunk does, as
	// long as fewer bits than these speak for it.
	pairHeld    = 4 << 10
	pairHopeful = 10
)

// Pair looks at the two directions of a connection that is not known to carry
// frames. If they speak for each other both are found, and bits is how much
// speaks for them.
func Pair(a, b *Finder) (bits int, ok bool) {
	x, y := a.whole(), b.whole()
	if x == nil || y == nil || x.masked == y.masked {
		return 0, false
	}
	of, with := int(x.score)-a.places(a.end), int(y.score)-b.places(b.end)
	if min(of, with) < pairEach || of+with < pairTogether {
		return 0, false
	}
	a.settle(x, x.from)
	b.settle(y, y.from)
	return of + with, true
}

// Believe finds the chain that goes from the beginning of a chunk to the end of
// what was fed, if so many bits speak for it beyond chance: of a direction that
// is known by other means to carry frames, or that is all that was captured.
func (f *Finder) Believe(bits int) bool {
	if f.found > 0 {
		return true
	}
	c := f.whole()
	if c == nil || int(c.score)-f.places(f.end) < bits {
		return false
	}
	f.settle(c, c.from)
	return true
}

// whole is the chain of two headers or more for which most speaks, if it
// begins where a chunk does, is held from there and was not left since; nil if
// there is none, or an equally good one. Where payloads are not masked, one may
// hold frames that begin there as well: each header has to begin a chunk.
func (f *Finder) whole() *chain {
	var best *chain
	rival := int32(0)
	for i := range f.chains {
		c := &f.chains[i]
		switch {
		case best == nil || c.score > best.score:
			if best != nil {
				rival = max(rival, best.score)
			}
			best = c
		default:
			rival = max(rival, c.score)
		}
	}
	if best == nil || best.from < 0 || best.loose && !best.masked || best.start == best.last || best.score <= rival || f.pos < f.end {
		return nil
	}
	return best
}

// settle makes c what was found, from one of its headers on, or from the first
// if that is sure by itself: what is before a frame that was found may be a
// header by chance that comes to it, or what a payload held that ends there.
func (f *Finder) settle(c *chain, head int64) {
	if c.from >= 0 && c.root >= rooted && (c.masked || !c.loose) {
		head = c.from
	}
	f.found, f.masked = head+1, c.masked
}

// hold says whether what stands behind the first header of c is to be held.
func (f *Finder) hold(c *chain) bool {
	if c.from >= 0 && f.end-c.from > pairHeld && int(c.score)-f.places(c.start) < pairHopeful {
		c.from = -1
	}
	return c.from >= 0
}

package frames

// What a Scratch keeps for later is bounded: a capture with one huge message
// or with thousands of open ones must not cost that for ever.
const (
	maxSpares    = 32      // drafts
	maxSpareSize = 1 << 20 // bytes of one buffer of a draft
)

// Scratch is memory for what is lent or passes by: the piece at hand and what
// is unmasked of it, messages in the making, the inflater. One serves all
// parsers and assemblers that run in one goroutine. The zero value is ready.
type Scratch struct {
	piece  Piece
	buf    []byte
	spares []*draft
	inflater
}

// takeDraft is a draft with empty buffers.
func (s *Scratch) takeDraft() *draft {
	n := len(s.spares)
	if n == 0 {
		return new(draft)
	}
	d := s.spares[n-1]
	s.spares = s.spares[:n-1]
	d.data, d.wire = d.data[:0], d.wire[:0]
	return d
}

// giveDraft takes back a draft that is finished. Its message stays as it is
// until the draft is taken again.
func (s *Scratch) giveDraft(d *draft) {
	if len(s.spares) == maxSpares {
		return
	}
	if cap(d.data) > maxSpareSize {
		d.data = nil // d.Data still has it
	}
	if cap(d.wire) > maxSpareSize {
		d.wire = nil
	}
	s.spares = append(s.spares, d)
}

// grow makes room for n unmasked bytes, at most maxPiece, and keeps the first done.
func (s *Scratch) grow(n, done int) {
	if n <= len(s.buf) {
		return
	}
	size := 512
	for size < n {
		size *= 2
	}
	buf := make([]byte, size)
	copy(buf, s.buf[:done])
	s.buf = buf
}

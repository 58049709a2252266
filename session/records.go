package session

import (
	"math"
	"slices"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
)

// What an endpoint writes in one go it puts into one record of TLS, or into
// several of which all but the last are full (RFC 8446 §5.1). In HTTP/2 it does
// the same with DATA frames, which are records here, too. So a frame begins
// where a record does as a rule, and ends where one ends. Behind a loss the
// records are held until so many fit that a frame begins in one of them:
//
//	frame │ lost │ …payload │ header payload… │ …payload │ header payload │
//	                        ▲ aligned           fits ──▶▲            fits ▲

// A trail is the records behind a loss.
type trail struct {
	held []trailed
	size int64
}

// A trailed is a record, or a loss between two.
type trailed struct {
	reassembly.Chunk
	guessed bool // how much was lost is not sure
}

const (
	maxTrail    = 256 << 10 // bytes that are held
	trailedCost = 128       // bytes that one costs beside its data

	fitting     = 12   // bits that have to speak for that a frame begins with a record
	fittingCut  = 24   // where the sender lets records begin inside of frames, or is not known
	fittingSeen = 40   // where it is not known that there are frames at all
	fittingOver = 40   // bits where an earlier record may be the beginning of a frame that is not over
	early       = 1024 // a record that ends a frame's beginning before that is not a full one
	loneHeader  = 14   // bytes lost that may have been a header alone
)

// add takes a run, which goes on with the record before it unless it begins one.
func (t *trail) add(r *reassembly.Chunk, begins, guessed bool) {
	if r.Lost > 0 {
		lost := *r
		lost.Data, lost.Offset = nil, r.Offset-r.Lost
		t.held = append(t.held, trailed{lost, guessed})
		t.size += trailedCost
	}
	switch n := len(t.held); {
	case len(r.Data) == 0:
	case !begins && n > 0 && t.held[n-1].Lost == 0:
		last := &t.held[n-1]
		last.Data = append(last.Data, r.Data...)
		t.size += int64(len(r.Data))
	default:
		e := trailed{*r, false}
		e.Data, e.Lost = slices.Clone(r.Data), 0
		t.held = append(t.held, e)
		t.size += int64(len(e.Data)) + trailedCost
	}
	if t.size <= maxTrail {
		return
	}
	n := 0
	for t.size > maxTrail/2 && n < len(t.held)-1 {
		t.size -= int64(len(t.held[n].Data)) + trailedCost
		n++
	}
	t.held = slices.Delete(t.held, 0, n)
}

// A fit is what speaks for that a frame begins with a record.
type fit struct {
	bits   int
	frames int  // that are whole
	open   bool // the last one is not over

	cut      bool   // one went on in another record though the first was not full
	firstCut bool   // and that was the first
	first    uint64 // bytes of the first
	whole    uint64 // and of the largest behind it that is in one record
}

// fits follows the frames from the beginning of held on; ok is false where
// there cannot be one.
func (s *side) fits(d reassembly.Dir, held []trailed) (f fit, ok bool) {
	const firstByte, maskBit, length = 4, 1, 7
	i, off := 0, 0
	for i < len(held) && held[i].Lost == 0 {
		h, n := frames.DecodeHeader(held[i].Data[off:])
		if n == 0 || !s.mayBegin(d, &h) {
			return f, false
		}
		f.bits += firstByte + maskBit
		began, room := i, len(held[i].Data)-off
		left := uint64(n) + h.PayloadLength
		for left > 0 && i < len(held) {
			if held[i].guessed {
				return f, true
			}
			has := uint64(len(held[i].Data)-off) + uint64(held[i].Lost)
			if left < has {
				off += int(left)
				left = 0
				break
			}
			left -= has
			i, off = i+1, 0
		}
		if left > 0 {
			f.open = true
			return f, true
		}
		f.frames++
		if off == 0 {
			f.bits += length + 8*int(h.LengthBytes)
		}
		f.note(uint64(n)+h.PayloadLength, room < early && (i > began+1 || i == began+1 && off > 0))
	}
	return f, true
}

// note takes note of a frame of so many bytes.
func (f *fit) note(size uint64, cut bool) {
	switch {
	case f.frames == 1:
		f.first, f.firstCut = size, cut
	case !cut:
		f.whole = max(f.whole, size)
	}
	f.cut = f.cut || cut
}

// believed says whether a frame begins with the record of which f speaks.
func (c *Conn) believed(d reassembly.Dir, s *side, f fit, first, covered bool) bool {
	need, whole := fitting, 1
	cuts := s.cuts > 0
	switch {
	case d == reassembly.FromClient && !cuts:
	case d == reassembly.FromClient:
		need = fittingCut
	case s.cuts == cutEarly || f.cut:
		// What begins a record may be a payload, and that hold frames, unless
		// the sender leaves frames of that size whole.
		if !f.firstCut && f.first > max(s.whole, f.whole) {
			return false
		}
		need = fittingCut
	case cuts || c.Sides[d].Frames == 0:
		need, whole = fittingCut, 2
	}
	if covered || first && d == reassembly.FromServer && s.lostHeader {
		need = fittingOver
	}
	return f.bits >= need && f.frames >= whole
}

// aligned finds the first of the records that begins a frame, -1 if there is
// none.
func (c *Conn) aligned(d reassembly.Dir, s *side, t *trail) int {
	covered := false
	for i := range t.held {
		if t.held[i].Lost > 0 {
			continue
		}
		f, ok := s.fits(d, t.held[i:])
		if !ok {
			continue
		}
		if c.believed(d, s, f, i == 0, covered) {
			return i
		}
		covered = covered || f.open
	}
	return -1
}

// realignRecords goes on with the frames from the record that begins one, if
// there is one.
func (c *Conn) realignRecords(d reassembly.Dir, s *side, r *reassembly.Chunk) bool {
	if s.astray == nil {
		return false
	}
	i := c.aligned(d, s, &s.search.trail)
	if i < 0 {
		return false
	}
	found := s.search
	s.search, s.hopeless = search{}, false
	c.replay(d, s, r, found.trail.held[i].Offset, func(yield func(*reassembly.Chunk) bool) {
		for j := range found.trail.held[i:] {
			part := found.trail.held[i+j].Chunk
			part.Packet, part.Time = r.Packet, r.Time
			if !yield(&part) {
				return
			}
		}
	})
	c.stop(&found)
	return true
}

// mayBegin says whether a sender that keeps to RFC 6455 §5.2 sends that header.
func (s *side) mayBegin(d reassembly.Dir, h *frames.Header) bool {
	switch {
	case h.Masked != (d == reassembly.FromClient), h.RSV2, h.RSV3, h.RSV1 && s.assembler.Deflate == nil,
		h.Opcode.IsReserved(), !h.Minimal():
		return false
	case h.Opcode.IsControl():
		return h.FIN && !h.RSV1 && h.PayloadLength <= frames.MaxControlPayload
	}
	return true
}

// inRecords says whether the frames stand in records.
func (c *Conn) inRecords() bool { return c.tls != nil || c.outer != nil }

// recogniseRecords opens the connection if frames have been found in records
// that they fill.
func (c *Conn) recogniseRecords(r *reassembly.Chunk) bool {
	if !c.inRecords() {
		return false
	}
	unknown := side{}
	unknown.assembler.Deflate = &frames.Deflate{}
	bits := 0
	for d := range c.opener.searches {
		t := &c.opener.searches[d].trail
		if i := c.aligned(reassembly.Dir(d), &unknown, t); i >= 0 {
			f, _ := unknown.fits(reassembly.Dir(d), t.held[i:])
			bits += f.bits
		}
	}
	if bits < fittingSeen && !(c.forced() && bits >= forcedCertainty) {
		return false
	}
	c.openUnseen(r, 1-math.Exp2(-float64(bits)))
	return true
}

// A cutting says how a sender puts frames into records.
type cutting uint8

const (
	wholeFrames cutting = iota // none was seen to go over the end of a record
	cutFull                    // that it does is for the record being full
	cutEarly                   // for no reason that can be seen
)

// record takes note of where in a frame a record begins, if that is known.
func (c *Conn) record(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	if s.doubtful {
		c.confirm(d, s, r)
		return
	}
	_, got, _, inside := s.parser.Pending()
	switch {
	case inside && got < early || s.parser.PendingHeader() > 0:
		s.cuts = cutEarly
	case inside:
		s.cuts = max(s.cuts, cutFull)
	}
}

// confirm looks, behind a loss in a payload whose length is a guess, whether
// the payload can end where it would: with a record, or before another frame.
func (c *Conn) confirm(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	h, got, _, inside := s.parser.Pending()
	left := uint64(0)
	if inside {
		left = h.PayloadLength - got
	}
	if left > uint64(len(r.Data)) {
		return
	}
	s.doubtful = false
	if b := r.Data[left:]; len(b) > 0 {
		next, n := frames.DecodeHeader(b)
		if n > 0 && !s.mayBegin(d, &next) {
			c.tear(d, s, r)
		}
	}
}

// tear gives up the frame at hand, of which it is not known where it ends.
func (c *Conn) tear(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	if h, got, lost, ok := s.parser.Pending(); ok {
		s.missing = h.PayloadLength - got + lost
		c.frame(d, s, &h, s.control, r)
	}
	if m, ok := s.assembler.Open(); ok {
		c.message(d, &s.message, m, r)
	}
	s.assembler.DropContext()
	s.parser.Desync()
}

package session

import (
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
)

// Bytes that HTTP/2 lost may have been of any of its streams, and how many of
// which is not known. But who writes a frame writes it into one DATA frame as
// a rule, and then DATA that can be read as whole frames, up to its last byte,
// begins with one:
//
//	frame frame │ lost │ DATA: [header payload] │ …
//	                     ▲ realigned, if the length fits

// How many bits have to speak for it that DATA is whole frames; and where the
// sender cuts frames in two, so that a payload may be all of a DATA frame.
const (
	fitting    = 12
	fittingCut = 24
)

// heed notes whether the sender begins a DATA frame inside of a frame.
func (h *H2) heed(d reassembly.Dir, s *side) {
	if _, _, _, inside := s.parser.Pending(); inside || s.parser.PendingHeader() > 0 {
		h.cuts[d] = true
	}
}

// fits says whether b, all of a DATA frame of d, is whole frames. Payloads
// that are not masked may themselves be frames: there the sender must be known.
func (c *Conn) fits(d reassembly.Dir, s *side, b []byte) bool {
	need := fitting
	if c.H2.cuts[d] {
		need = fittingCut
	}
	if d == reassembly.FromServer && (c.H2.cuts[d] || c.Sides[d].Frames == 0) {
		return false
	}
	const firstByte, maskBit, length = 4, 1, 7
	speaks := 0
	for len(b) > 0 {
		h, n := frames.DecodeHeader(b)
		room := uint64(len(b) - n)
		if n == 0 || h.PayloadLength > room || !s.mayBegin(d, &h) {
			return false
		}
		speaks += firstByte + maskBit
		if h.PayloadLength == room {
			speaks += length + 8*int(h.LengthBytes)
		}
		b = b[uint64(n)+h.PayloadLength:]
	}
	return speaks >= need
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

// realign goes on with the frames from the beginning of r.
func (c *Conn) realign(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	a := s.stray()
	found := a.search
	a.search, a.hopeless = search{}, false
	s.parser.Resync()
	s.habit.Interrupt()
	if m := s.assembler.Interrupt(); m != nil {
		c.message(d, &s.message, m, r)
	}
	s.base, s.based = r.Offset-s.parser.Offset(), true
	c.tellUnfollowed(d, s, r.Packet, r)
	c.stop(&found)
}

// streamFrames takes DATA of an open WebSocket.
func (c *Conn) streamFrames(d reassembly.Dir, e *h2.Event, r *reassembly.Chunk) {
	switch s := c.sides[d]; {
	case s.parser.Synced() && e.First:
		c.H2.heed(d, s)
	case !s.parser.Synced() && e.Whole && c.fits(d, s, e.Data):
		c.realign(d, s, r)
	}
	c.frames(r)
}

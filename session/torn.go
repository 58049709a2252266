package session

import (
	"slices"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
)

// Bytes of HTTP/2 that are lost between two frames may be DATA of one stream or
// another, or of none. A payload that was under way on some stream goes on as
// if none were its own, up to where it may be at its end if they were. From
// there on the runs are held: without a loss it ends with a DATA frame, and no
// frames can stand before that.
//
//	DATA of 1: header pay… │ lost │ DATA of 1: …lo │ DATA of 1: …ad
//	                        1's? 3's?              ends with it ▲

// A doubt is about a payload behind a loss.
type doubt struct {
	most uint64 // bytes of it that may be lost, 0 if there is no doubt
	held []reassembly.Chunk
	size uint64 // of them

	another bool // a frame may begin with a DATA frame among them
}

// maxDoubt is how many lost bytes may be in doubt.
const maxDoubt = 4 << 10

// streamTorn takes note that bytes may be missing, an unknown number of them.
func (c *Conn) streamTorn(d reassembly.Dir, e *h2.Event, r *reassembly.Chunk) {
	s := c.sides[d]
	switch {
	case c.phase == opening:
		c.H2.torn[d] = true
		c.forget(d, r)
		return
	case c.phase != open || s == nil:
		return
	}
	c.t.totals.Gaps++
	in := &c.H2.doubts[d]
	most := in.most + e.Lost
	if _, _, _, inside := s.parser.Pending(); inside && e.Lost > 0 && most <= maxDoubt {
		in.most = most
		return
	}
	c.giveIn(d, s, r)
	c.tearApart(d, s, r)
}

// forget gives up what the client sent before its WebSocket was open: what
// comes next need not follow it.
func (c *Conn) forget(d reassembly.Dir, r *reassembly.Chunk) {
	if d != reassembly.FromClient || c.opener == nil || len(c.opener.waiting) == 0 {
		return
	}
	o := c.opener
	for i := range o.waiting {
		w := &o.waiting[i]
		c.Sides[d].UnfollowedBytes += int64(len(w.Data))
	}
	c.hold(-int64(o.held))
	o.waiting, o.held = nil, 0
}

// tearApart gives up the frame at hand. Where the next one begins is not known.
func (c *Conn) tearApart(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	if s.astray != nil && s.search.finder != nil {
		lost := reassembly.Chunk{Dir: d, Lost: 1, Packet: r.Packet, Carried: r.Carried, Time: r.Time}
		s.search.trail.add(&lost, true, true)
	}
	ch := reassembly.Chunk{Dir: d, Packet: r.Packet, Carried: r.Carried, Time: r.Time, Offset: c.H2.offsets[d]}
	c.tear(d, s, &ch)
	c.emitLost(c.at(d, &ch), 0, "not captured: how many is not known")
}

// doubts takes a run of a payload in doubt, if it has to be held.
func (c *Conn) doubts(d reassembly.Dir, s *side, r *reassembly.Chunk) bool {
	in := &c.H2.doubts[d]
	h, got, _, inside := s.parser.Pending()
	left := h.PayloadLength - got
	n := uint64(len(r.Data))
	another := c.H2.begins && left-in.size <= in.most
	switch {
	case r.Lost > 0, !inside, another && s.framesFill(d, r.Data):
		c.giveIn(d, s, r)
		return false
	case in.size == 0 && left > in.most+n:
		return false
	}
	w := *r
	w.Data = slices.Clone(r.Data)
	in.held, in.size = append(in.held, w), in.size+n
	in.another = in.another || another && mayBeFrame(d, r.Data)
	c.hold(int64(n))
	switch {
	case in.size < left:
	case in.size == left && c.H2.ends && !in.another && !s.framesEnd(d, in.tail()):
		c.letGo(d, r)
	default:
		c.giveIn(d, s, r)
	}
	return true
}

// tail is what is held of the bytes in which the payload may have ended.
func (q *doubt) tail() (b []byte) {
	for i := range q.held {
		b = append(b, q.held[i].Data...)
	}
	return b[len(b)-min(len(b), int(q.most)):]
}

// giveIn ends a doubt: bytes of the payload are lost.
func (c *Conn) giveIn(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	if c.H2.doubts[d].most > 0 {
		c.tearApart(d, s, r)
		c.letGo(d, r)
	}
}

// letGo ends a doubt, and takes what was held.
func (c *Conn) letGo(d reassembly.Dir, r *reassembly.Chunk) {
	was := c.H2.doubts[d]
	c.H2.doubts[d] = doubt{}
	c.hold(-int64(was.size))
	begins, ends := c.H2.begins, c.H2.ends
	for i := range was.held {
		w := &was.held[i]
		w.Packet, w.Time = r.Packet, r.Time
		c.H2.begins = true
		c.frames(w)
	}
	c.H2.begins, c.H2.ends = begins, ends
}

// framesEnd says whether whole frames may stand at the end of b.
func (s *side) framesEnd(d reassembly.Dir, b []byte) bool {
	for at := range b {
		if s.framesFill(d, b[at:]) {
			return true
		}
	}
	return false
}

// framesFill says whether b may be whole frames.
func (s *side) framesFill(d reassembly.Dir, b []byte) bool {
	for len(b) > 0 {
		h, n := frames.DecodeHeader(b)
		if n == 0 || !s.mayBegin(d, &h) || h.PayloadLength > uint64(len(b)-n) {
			return false
		}
		b = b[n+int(h.PayloadLength):]
	}
	return true
}

// mayBeFrame says whether a frame may begin with b.
func mayBeFrame(d reassembly.Dir, b []byte) bool {
	unknown := side{}
	unknown.assembler.Deflate = &frames.Deflate{}
	h, n := frames.DecodeHeader(b)
	return n > 0 && unknown.mayBegin(d, &h)
}

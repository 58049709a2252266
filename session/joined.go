package session

import (
	"math"
	"slices"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A connection whose opening handshake is not in the capture, or not all of
// it, is known by its frames:
//
//	only the response captured   it opens the connection as ever
//	only the request             what follows it is frames, if it looks like them
//	neither, or both cut         both directions are searched for a chain of
//	                             frames; who masks them is the client
//	                             (RFC 6455 §5.1), whatever the ports are
//
// HTTP is looked for at the same time: a request may yet come.

// searching says whether frames may come though none were agreed upon, as far
// as the capture shows.
func (c *Conn) searching() bool {
	o := c.opener
	switch {
	case c.phase != opening || o == nil:
		return false
	case c.outer != nil:
		return false // the stream itself says when
	case o.reader.Pending() != nil:
		return c.answerLost()
	}
	return (c.tls == nil || c.tls.Joined) && (c.joined || c.forced() || o.lost == [2]bool{true, true})
}

// answerLost says whether a request may have had an answer that the capture
// does not hold: part of what the server sent, or all of it.
func (c *Conn) answerLost() bool {
	r := &c.opener.reader
	return r.AnswerLost() || r.Pending() != nil && c.opener.answered && !c.stream.Seen(reassembly.FromServer)
}

// losesAnswer says whether what the server sent before r, in TLS, can have
// been its answer.
func (c *Conn) losesAnswer(r *reassembly.Chunk) bool {
	return c.tls != nil && c.outer == nil && r.Lost > 0 && r.Dir == reassembly.FromServer && c.opener.reader.Pending() != nil
}

// forced says whether the connection is to be taken for a WebSocket.
func (c *Conn) forced() bool {
	ports := c.t.conf.DecodeAs
	return slices.Contains(ports, c.Server.Port()) || slices.Contains(ports, c.Client.Port())
}

// forcedAs says which end sends in direction d of a forced connection: the port
// is the server's.
func (c *Conn) forcedAs(d reassembly.Dir) reassembly.Dir {
	if ports := c.t.conf.DecodeAs; slices.Contains(ports, c.Client.Port()) && !slices.Contains(ports, c.Server.Port()) {
		return d.Other()
	}
	return d
}

// recognise opens the connection if its frames have been found. It is called
// between segments, since it may turn the directions round.
func (c *Conn) recognise(r *reassembly.Chunk) {
	o := c.opener
	if len(o.waiting) > 0 {
		switch enough, ok := looksMasked(o.waiting); {
		case enough:
			c.openUnseen(r, anchored)
			return
		case !ok:
			c.release()
		}
	}
	if c.phase != opening {
		return
	}
	if c.recogniseRecords(r) {
		return
	}
	first, bits, ok := c.firstFound()
	if !ok {
		c.despair()
		return
	}
	if masked := o.searches[first].finder.Masked(); masked != (first == reassembly.FromClient) && c.tls == nil && c.outer == nil {
		c.turn()
	}
	c.openUnseen(r, min(1-math.Exp2(-float64(bits)), mostSure))
}

// firstFound gives the direction in which frames were found, and how much
// speaks for them; of two, the one whose frames are masked. Two directions that
// mask alike are nothing known.
func (c *Conn) firstFound() (d reassembly.Dir, bits int, ok bool) {
	o := c.opener
	a, b := o.searches[0].finder, o.searches[1].finder
	for i, f := range [...]*frames.Finder{a, b} {
		switch {
		case f == nil:
		case c.forced():
			f.Believe(forcedBits)
		case !c.stream.Seen(reassembly.Dir(i).Other()):
			f.Believe(aloneBits)
		}
	}
	switch x, y := a != nil && a.Found(), b != nil && b.Found(); {
	case x && y && a.Masked() == b.Masked():
		o.hopeless = true
		return 0, 0, false
	case x && (a.Masked() || !y):
		bits, _ = a.Score()
		return 0, bits, true
	case y:
		bits, _ = b.Score()
		return 1, bits, true
	case a == nil || b == nil:
		return 0, 0, false
	}
	bits, ok = frames.Pair(a, b)
	if ok && b.Masked() {
		d = 1
	}
	return d, bits, ok
}

// despair ends a search that leads nowhere.
func (c *Conn) despair() {
	o := c.opener
	searched := false
	for i := range o.searches {
		f := o.searches[i].finder
		if f != nil && !f.Hopeless() && !o.hopeless {
			return
		}
		searched = searched || f != nil
	}
	if searched {
		o.hopeless = true
		c.stop(&o.searches[0])
		c.stop(&o.searches[1])
	}
}

// release hands what waited behind a request to HTTP: it is no frame.
func (c *Conn) release() {
	o := c.opener
	waited := o.waiting
	c.hold(-int64(o.held))
	o.waiting, o.held, o.strayed = nil, 0, true
	for i := range waited {
		if c.phase == opening {
			c.http(&waited[i])
		}
	}
}

// pending is the opening handshake that has no answer yet, nil if there is none.
func (c *Conn) pending() *handshake.Handshake {
	if c.outer != nil || c.opener == nil {
		return c.asking
	}
	return c.opener.reader.Pending()
}

// anchored is the confidence that what follows a request and looks like
// frames is frames.
const anchored = 0.99

// mostSure is the most confidence there is: chance is not all that deceives.
const mostSure = 0.999

// looksMasked says whether the runs begin with frames such as a client sends:
// all headers are like that, and enough is there of the first one to say so.
func looksMasked(runs []reassembly.Chunk) (enough, ok bool) {
	const sure = 1024 // bytes of a payload behind a header that can be one
	var p frames.Parser
	for i := range runs {
		for piece := range p.Lose(runs[i].Lost) {
			enough = enough || piece.Last
		}
		for piece := range p.Pieces(runs[i].Data) {
			h := &piece.Header
			if !h.Masked || !h.Minimal() || h.RSV2 || h.RSV3 || h.Opcode.IsReserved() ||
				h.Opcode.IsControl() && (!h.FIN || h.PayloadLength > frames.MaxControlPayload) {
				return false, false
			}
			enough = enough || piece.Last || piece.Offset+uint64(len(piece.Raw)) >= sure
		}
	}
	return enough, true
}

// openUnseen opens the connection though no answer agreed to it. Bytes that
// wait behind a request begin with a frame; other bytes were searched.
func (c *Conn) openUnseen(r *reassembly.Chunk, confidence float64) {
	o := c.opener
	asked := c.asking != nil
	searches, waited := o.searches, o.waiting
	c.hold(-int64(o.held))
	o.searches, o.waiting, o.held = [2]search{}, nil, 0
	c.Confidence = confidence
	c.agree(r)
	for i, x := range searches {
		d := reassembly.Dir(i)
		s, torn := c.sides[d], c.H2 != nil && c.H2.torn[d]
		if !torn && (d == reassembly.FromClient && len(waited) > 0 || asked && x.finder == nil) { // its first bytes begin a frame
			c.stop(&x)
			continue
		}
		s.parser.Desync()
		a := s.stray()
		a.joined = true
		if a.search = x; x.finder == nil {
			continue
		}
		a.untold = x.from + x.finder.Offset()
		a.unfollowed, a.unfollowedAt = x.fed, place{r.Packet, x.from, r.Time}
		x.finder.Habit.Deflate = s.assembler.Deflate != nil
		x.finder.Assume(d == reassembly.FromClient)
		if !c.realignRecords(d, s, r) && (x.finder.Found() || c.believe(x.finder)) {
			c.resume(d, s, r)
		}
	}
	for i := range waited {
		w := &waited[i]
		w.Packet, w.Time = max(w.Packet, r.Packet), r.Time
		c.bytes(w)
	}
}

// agree makes the best of the request, if it was captured.
func (c *Conn) agree(r *reassembly.Chunk) {
	asked := c.pending()
	h := &handshake.Handshake{}
	c.tell(r)
	if asked != nil {
		*h = *asked
		h.Established = true
		c.Target, c.Host = h.Target(), h.Host()
		c.emitHandshake(h, c.opener.requested.in(r.Packet, r.Time))
	}
	c.establish(h, r)
	if asked == nil {
		c.Handshake = nil
	}
	for _, s := range c.sides {
		if asked == nil || offersDeflate(h) {
			s.assembler.Deflate = &frames.Deflate{}
		}
		s.assembler.DropContext()
	}
	c.opened()
}

func offersDeflate(h *handshake.Handshake) bool {
	for _, e := range h.ExtensionsOffered() {
		if e.Name == "permessage-deflate" {
			return true
		}
	}
	return false
}

// turn makes the server of what was taken for the client.
func (c *Conn) turn() {
	c.lowIsClient = !c.lowIsClient
	c.stream.Turn()
	c.Sides[0], c.Sides[1] = c.Sides[1], c.Sides[0]
	c.Client, c.Server = c.Server, c.Client
	c.TCP.EndedBy = c.TCP.EndedBy.Other()
	if o := c.opener; o != nil {
		o.searches[0], o.searches[1] = o.searches[1], o.searches[0]
	}
}

// mistaken says whether the first bytes that were captured of a connection,
// sent by what is taken for d, show that the other end sent them: by the keys
// of TLS, or by the mask of a frame in HTTP/2.
func (c *Conn) mistaken(d reassembly.Dir, b []byte) bool {
	if tlsdecrypt.LooksJoined(b) {
		from, ok := c.t.conf.Keys.Sender(b)
		return ok && (from == tlsdecrypt.Client) != (d == reassembly.FromClient)
	}
	for _, data := range h2.DataJoined(b) {
		if h, n := frames.DecodeHeader(data); n > 0 && uint64(len(data)-n) == h.PayloadLength && h.PayloadLength > 0 {
			return h.Masked != (d == reassembly.FromClient)
		}
	}
	return false
}

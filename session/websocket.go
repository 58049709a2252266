package session

import (
	"hash/maphash"
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
)

// A side is what is kept of one direction of an open WebSocket. What every
// frame touches stands in front.
type side struct {
	parser    frames.Parser
	assembler frames.Assembler

	based      bool
	lostHeader bool    // the last loss over a header may have been that alone
	doubtful   bool    // whether a payload ends where it should, behind a loss whose length is a guess
	cuts       cutting // how the frames stand in records of TLS
	room       uint16  // of control, in bytes
	base       int64   // of the first frame in the byte stream
	from       int64   // no frame begins before this place

	begun   place        // the header of the frame that is being read
	missing uint64       // of its payload
	habit   frames.Habit // how frames are sent
	*astray              // nil as long as where frames begin was never in doubt
	whole   uint64       // bytes of the largest frame that was in one piece
	held    int64        // bytes counted for it

	undecodable int64 // packet in which the first of the last messages began that could not be inflated; 0 if the last could

	message place  // the first frame of the message that is being joined from fragments; packet is 0 while there is none
	control []byte // of a control frame that comes in pieces: its payload so far
	pings   *pings // nil before the first
}

// A place is where something of a direction began.
type place struct {
	packet, offset int64
	time           capture.Time
}

// establish begins the frames of both directions.
func (c *Conn) establish(h *handshake.Handshake, r *reassembly.Chunk) {
	c.phase = open
	c.lastPayload = r.Time
	a := c.t.agreements.of(h)
	c.Handshake, c.mustFail = &a.handshake, mustFail(h, a)
	c.Target, c.Host = strings.Clone(c.Target), a.host
	for d, deflate := range [2]*frames.Deflate{a.client, a.server} {
		c.sides[d] = c.t.side(deflate)
		c.hold(sideCost)
	}
}

// side gives what a direction needs in which frames are sent.
func (t *Tracker) side(deflate *frames.Deflate) *side {
	s := t.sides.take()
	s.parser.Scratch, s.assembler.Scratch = &t.scratch, &t.scratch
	s.assembler.Keep = t.conf.keep()
	s.assembler.MaxMessage = t.conf.MaxMessage
	s.assembler.Deflate = deflate
	return s
}

// frames takes a run of the frames that d sent.
func (c *Conn) frames(r *reassembly.Chunk) {
	d := r.Dir
	s := c.sides[d]
	if before := s.from - (r.Offset - r.Lost); before > 0 {
		c.passRequest(d, r, before)
	}
	if len(r.Data)+int(r.Lost) == 0 {
		return
	}
	if !s.based {
		s.based, s.base = true, r.Offset-r.Lost
	}
	if c.H2 != nil && c.H2.doubts[d].most > 0 && c.doubts(d, s, r) {
		return
	}
	if r.Lost > 0 {
		c.lose(d, s, r)
	}
	if len(r.Data) == 0 {
		return
	}
	c.pause(r.Time)
	if c.inRecords() && s.parser.Synced() && (c.H2 == nil || c.H2.begins) {
		c.record(d, s, r)
	}
	if !s.parser.Synced() {
		c.unsynced(d, s, r)
		return
	}
	for p := range s.parser.Pieces(r.Data) {
		c.piece(d, s, p, r)
	}
	c.account(s)
}

// align looks at the first bytes that are seen of a client. Where they are not
// the first behind its request, where a frame begins in them is not known.
func (c *Conn) align(g *reassembly.Segment) {
	c.unseen = false
	s := c.sides[reassembly.FromClient]
	if g.Seq == c.ack {
		c.blind[reassembly.FromClient] = false
	} else if s != nil && !s.based {
		s.based, s.base = true, -1
		for range s.parser.Lose(1) { // there is no frame yet that could lose it
		}
	}
}

// passRequest takes the first n bytes off a run, or all it has: they are of a
// request that the capture has behind its answer, or does not have.
func (c *Conn) passRequest(d reassembly.Dir, r *reassembly.Chunk, n int64) {
	lost := min(n, r.Lost)
	c.Sides[d].LostBytes += lost
	r.Lost -= lost
	data := min(n-lost, int64(len(r.Data)))
	if data > 0 {
		c.emitLost(c.at(d, r), data, "not followed: the answer to it was captured before it")
	}
	c.Sides[d].UnfollowedBytes += data
	r.Data = r.Data[data:]
	r.Offset += data
}

// pause measures silence: time between payload in either direction.
func (c *Conn) pause(t capture.Time) {
	c.IdleMax = max(c.IdleMax, t.Sub(c.lastPayload))
	if t != capture.NoTime {
		c.lastPayload = t
	}
}

// lose takes bytes that the capture does not hold. Inside a payload the
// frames behind them can still be told apart; over a header they cannot.
func (c *Conn) lose(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	n := r.Lost
	c.Sides[d].LostBytes += n
	c.t.totals.Gaps++
	if !s.parser.Synced() && (s.astray == nil || !s.hopeless) {
		lost := *r
		lost.Data = nil
		c.lookFor(&s.stray().search, s.habit, &lost)
	}
	r.Lost = 0
	at := c.at(d, r)
	at.Offset -= n
	c.Sides[d].UnfollowedBytes += c.cutHeader(s, at)
	for p := range s.parser.Lose(n) {
		c.piece(d, s, p, r)
	}
	s.lostHeader = n <= loneHeader
	s.doubtful = c.tls != nil && c.tls.guessed && s.parser.Synced()
	c.emitLost(at, n, "not captured")
}

// cutHeader tells of the bytes of a header that ends, not complete, before
// the given place, and says how many there are.
func (c *Conn) cutHeader(s *side, at Where) int64 {
	n := int64(s.parser.PendingHeader())
	if n > 0 {
		at.Offset -= n
		c.emitLost(at, n, "the beginning of a frame header")
	}
	return n
}

func (c *Conn) emitLost(at Where, n int64, reason string) {
	e := &c.t.lost
	*e = Lost{Where: at, Length: n, Reason: reason}
	c.t.emit(e)
}

// piece takes a frame, or the next part of one.
func (c *Conn) piece(d reassembly.Dir, s *side, p *frames.Piece, r *reassembly.Chunk) {
	h := &p.Header
	facts := &c.Sides[d]
	if p.First {
		s.habit.Note(h)
		s.begun = place{r.Carried, s.base + s.parser.FrameOffset(), r.Time}
		s.missing = 0
		facts.WireBytes += int64(h.Len())
	}
	s.missing += p.Lost
	facts.WireBytes += int64(len(p.Raw))
	var control []byte
	if h.Opcode.IsControl() {
		control = s.keepControl(p)
	} else {
		facts.PayloadBytes += int64(len(p.Raw))
	}
	m := s.assembler.Add(p)
	begins := p.First && !h.FIN && h.Opcode.IsData() && h.Opcode != frames.Continuation
	if m != nil && begins { // the one before it is given up
		c.message(d, &s.message, m, r)
	}
	if begins {
		s.message = s.begun
	}
	if p.Last && p.First {
		s.whole = max(s.whole, uint64(h.Len())+h.PayloadLength)
	}
	first := &s.message
	if h.FIN && h.Opcode != frames.Continuation {
		first = &s.begun // a message of one frame, perhaps between the fragments of another
	}
	switch {
	case p.Last && m != nil && first == &s.begun:
		c.noteFrame(d, s, h, control, r)
		c.noteMessage(d, first, m, r)
		c.t.emitWhole()
		return
	case p.Last:
		c.frame(d, s, h, control, r)
	}
	if m != nil && !begins {
		c.message(d, first, m, r)
	}
}

// keepControl gives the beginning of a control frame's payload, as far as it
// came, and keeps it unless the frame is in one piece: then it is lent. What
// stands behind lost bytes is not kept: its place would be another.
func (s *side) keepControl(p *frames.Piece) []byte {
	if p.First && p.Last {
		return p.Data(maxControl)
	}
	if p.First {
		s.control = s.control[:0]
	}
	if s.missing == 0 {
		s.control = append(s.control, p.Data(maxControl-len(s.control))...)
		s.room = uint16(cap(s.control))
	}
	return s.control
}

// frame counts a frame that is over and tells of it.
func (c *Conn) frame(d reassembly.Dir, s *side, h *frames.Header, control []byte, r *reassembly.Chunk) {
	c.noteFrame(d, s, h, control, r)
	c.t.emit(&c.t.frame)
}

// noteFrame counts a frame that is over.
func (c *Conn) noteFrame(d reassembly.Dir, s *side, h *frames.Header, control []byte, r *reassembly.Chunk) {
	e := &c.t.frame
	e.set(c, d, r)
	e.Offset, e.FirstPacket, e.Missing = s.begun.offset, s.begun.packet, s.missing
	e.Header = *h
	e.Payload, e.CloseBody = nil, nil
	c.Sides[d].Frames++
	if h.Opcode.IsControl() {
		e.Payload = control
		c.control(d, s, e, r)
	}
}

// control notes what a control frame says (RFC 6455 §5.5).
func (c *Conn) control(d reassembly.Dir, s *side, e *Frame, r *reassembly.Chunk) {
	facts := &c.Sides[d]
	switch e.Opcode {
	case frames.Close:
		said := &Close{CloseBody: frames.DecodeClose(e.Payload), Packet: e.Packet, Time: e.Time}
		e.CloseBody = &said.CloseBody
		c.blind[d] = c.blind[d] || e.Missing > 0
		if facts.Close == nil && e.Missing == 0 {
			facts.Close = said
			c.closing(d, e, r)
		}
	case frames.Ping:
		facts.Ping++
		if s.pings == nil {
			s.pings = new(pings)
		}
		s.pings.add(ping{maphash.Bytes(pingSeed, e.Payload), e.Time})
	case frames.Pong:
		facts.Pong++
		if asker := c.sides[d.Other()]; asker != nil && asker.pings != nil {
			c.pong(asker.pings, e)
		}
	}
}

// message counts a message that is over and tells of it.
func (c *Conn) message(d reassembly.Dir, first *place, m *frames.Message, r *reassembly.Chunk) {
	c.noteMessage(d, first, m, r)
	c.t.emit(&c.t.message)
	if first == &c.sides[d].message {
		*first = place{}
	}
}

// noteMessage counts a message that is over.
func (c *Conn) noteMessage(d reassembly.Dir, first *place, m *frames.Message, r *reassembly.Chunk) {
	facts := &c.Sides[d]
	facts.Messages++
	if m.Opcode == frames.Text {
		facts.Text++
	} else {
		facts.Binary++
	}
	e := &c.t.message
	e.set(c, d, r)
	e.Offset, e.FirstPacket, e.FirstTime = first.offset, first.packet, first.time
	e.Message = m
	e.UndecodableSince = c.sides[d].inflates(m, first.packet)
}

// inflates notes whether m, which began in the packet, was inflated, and says
// since which packet the messages of the side were not.
func (s *side) inflates(m *frames.Message, packet int64) (since int64) {
	switch {
	case !m.Compressed:
		return 0
	case m.Inflated:
		s.undecodable = 0
	case s.undecodable == 0:
		s.undecodable = packet
	}
	return s.undecodable
}

// cut ends what d has begun: the frame that is not complete, the message
// that is not, and the bytes that could not be followed.
func (c *Conn) cut(d reassembly.Dir, packet int64, t capture.Time) {
	s := c.sides[d]
	if s == nil {
		return
	}
	if c.H2 != nil {
		c.giveIn(d, s, &reassembly.Chunk{Dir: d, Packet: packet, Carried: packet, Time: t})
	}
	r := &reassembly.Chunk{Dir: d, Packet: packet, Carried: packet, Time: t, Offset: s.base + s.parser.Offset()}
	if h, got, lost, ok := s.parser.Pending(); ok {
		s.missing = h.PayloadLength - got + lost
		var control []byte
		if h.Opcode.IsControl() {
			control = s.control
		}
		c.frame(d, s, &h, control, r)
	}
	if m, ok := s.assembler.Open(); ok {
		first := &s.message
		if first.packet == 0 { // a message of one frame
			first = &s.begun
		}
		c.message(d, first, m, r)
	}
	c.cutHeader(s, c.at(d, r))
	c.tellUnfollowed(d, s, packet, r)
	if s.astray != nil {
		c.stop(&s.search)
	}
	unseen := !s.based && c.outer == nil && c.stream.Acked(d) < 0 // the capture has no packet of d
	c.blind[d] = c.blind[d] || unseen || !s.parser.Synced()
	c.hold(-s.held - sideCost)
	c.sides[d] = nil
	*s = side{}
	c.t.sides.give(s)
}

// in is w, known only in the given packet.
func (w Where) in(packet int64, t capture.Time) Where {
	w.Packet, w.Time = packet, t
	return w
}

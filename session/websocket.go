package session

import (
	"hash/maphash"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
)

// A side is what is kept of one direction of an open WebSocket.
type side struct {
	parser    frames.Parser
	assembler frames.Assembler

	based bool
	base  int64 // of the first frame in the byte stream

	// The frame that is being read.
	begun   Where // in which packet and where its header began
	missing uint64
	control []byte // of a control frame: its payload so far
	pieces  []byte // memory of control, where it comes in pieces
	// The message that is being joined.
	message      Where // where the first of its fragments began
	unfollowed   int64 // bytes behind the point where framing was lost
	unfollowedAt Where

	pings [8]ping // of this side, not answered yet
	asked uint8   // how many pings were sent, modulo 256
}

// A ping waits for the Pong with the same payload (RFC 6455 §5.5.3).
type ping struct {
	sum  uint64
	time capture.Time
}

var pingSeed = maphash.MakeSeed()

// establish begins the frames of both directions.
func (c *Conn) establish(h *handshake.Handshake, r *reassembly.Chunk) {
	c.phase = open
	c.established, c.lastPayload = r.Time, r.Time
	client, server := deflateOf(h)
	for d, deflate := range [2]*frames.Deflate{client, server} {
		s := &side{}
		s.parser.Scratch, s.assembler.Scratch = &c.t.scratch, &c.t.scratch
		s.assembler.Keep = c.t.conf.keep()
		s.assembler.MaxMessage = c.t.conf.MaxMessage
		s.assembler.Deflate = deflate
		c.sides[d] = s
	}
	c.reader = handshake.Reader{Exchanges: c.reader.Exchanges}
}

// frames takes a run of the frames that d sent.
func (c *Conn) frames(r *reassembly.Chunk) {
	d := r.Dir
	s := c.sides[d]
	if !s.based {
		s.based, s.base = true, r.Offset-r.Lost
	}
	if r.Lost > 0 {
		c.lose(d, s, r)
	}
	if len(r.Data) == 0 {
		return
	}
	c.pause(r.Time)
	if !s.parser.Synced() {
		c.unfollow(d, s, r, int64(len(r.Data)))
		return
	}
	for p := range s.parser.Pieces(r.Data) {
		c.piece(d, s, p, r)
	}
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
	r.Lost = 0
	c.Sides[d].LostBytes += n
	c.t.totals.Gaps++
	if !s.parser.Synced() {
		c.unfollow(d, s, r, 0)
		return
	}
	for p := range s.parser.Lose(n) {
		c.piece(d, s, p, r)
	}
	c.emitLost(c.at(d, r), n, "not captured")
}

func (c *Conn) unfollow(d reassembly.Dir, s *side, r *reassembly.Chunk, n int64) {
	if s.unfollowed == 0 {
		s.unfollowedAt = c.at(d, r)
	}
	s.unfollowed += n
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
		s.begun.set(c, d, r)
		s.begun.Offset = s.base + s.parser.FrameOffset()
		s.missing, s.control = 0, nil
		facts.WireBytes += int64(h.Len())
	}
	s.missing += p.Lost
	facts.WireBytes += int64(len(p.Raw))
	if h.Opcode.IsControl() {
		s.keepControl(p)
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
	if p.Last {
		c.frame(d, s, h, r)
	}
	if m != nil && !begins {
		first := &s.message
		if h.FIN && h.Opcode != frames.Continuation {
			first = &s.begun // a message of one frame, perhaps between the fragments of another
		}
		c.message(d, first, m, r)
	}
}

// keepControl keeps the beginning of a control frame's payload. That of a
// frame in one piece is lent.
func (s *side) keepControl(p *frames.Piece) {
	if p.First && p.Last {
		s.control = p.Data(maxControl)
		return
	}
	if p.First {
		s.pieces = s.pieces[:0]
	}
	s.pieces = append(s.pieces, p.Data(maxControl-len(s.pieces))...)
	s.control = s.pieces
}

// frame counts a frame that is over and tells of it.
func (c *Conn) frame(d reassembly.Dir, s *side, h *frames.Header, r *reassembly.Chunk) {
	e := &c.t.frame
	e.set(c, d, r)
	e.Offset, e.FirstPacket, e.Missing = s.begun.Offset, s.begun.Packet, s.missing
	e.Header = *h
	e.Payload, e.CloseBody = nil, nil
	c.Sides[d].Frames++
	if h.Opcode.IsControl() {
		e.Payload = s.control
		c.control(d, s, e, r)
	}
	c.t.emit(e)
}

// control notes what a control frame says (RFC 6455 §5.5).
func (c *Conn) control(d reassembly.Dir, s *side, e *Frame, r *reassembly.Chunk) {
	facts := &c.Sides[d]
	switch e.Opcode {
	case frames.Close:
		body := frames.DecodeClose(e.Payload)
		e.CloseBody = &body
		if facts.Close == nil && e.Missing == 0 {
			facts.Close = &Close{CloseBody: body, Packet: e.Packet, Time: e.Time}
			c.closing(d, e, r)
		}
	case frames.Ping:
		facts.Ping++
		s.pings[s.asked%uint8(len(s.pings))] = ping{maphash.Bytes(pingSeed, e.Payload), e.Time}
		s.asked++
	case frames.Pong:
		facts.Pong++
		if asker := c.sides[d.Other()]; asker != nil {
			c.pong(asker, e)
		}
	}
}

// pong looks for the newest Ping that e answers: a Pong may answer for the
// older ones too (RFC 6455 §5.5.3).
func (c *Conn) pong(asker *side, e *Frame) {
	sum := maphash.Bytes(pingSeed, e.Payload)
	for i := range asker.pings {
		p := &asker.pings[(asker.asked-1-uint8(i))%uint8(len(asker.pings))]
		if p.sum == sum && p.time != 0 {
			c.PingRTT.Add(e.Time.Sub(p.time))
			*p = ping{}
			return
		}
	}
}

// message counts a message that is over and tells of it.
func (c *Conn) message(d reassembly.Dir, first *Where, m *frames.Message, r *reassembly.Chunk) {
	facts := &c.Sides[d]
	facts.Messages++
	if m.Opcode == frames.Text {
		facts.Text++
	} else {
		facts.Binary++
	}
	e := &c.t.message
	e.set(c, d, r)
	e.Offset, e.FirstPacket, e.FirstTime = first.Offset, first.Packet, first.Time
	e.Message = m
	c.t.emit(e)
}

// cut ends what d has begun: the frame that is not complete, the message
// that is not, and the bytes that could not be followed.
func (c *Conn) cut(d reassembly.Dir, packet int64, t capture.Time) {
	s := c.sides[d]
	if s == nil {
		return
	}
	r := &reassembly.Chunk{Dir: d, Packet: packet, Carried: packet, Time: t, Offset: s.base + s.parser.Offset()}
	if h, got, lost, ok := s.parser.Pending(); ok {
		s.missing = h.PayloadLength - got + lost
		c.frame(d, s, &h, r)
	}
	if m, ok := s.assembler.Open(); ok {
		c.message(d, &s.message, m, r)
	}
	if n := s.parser.PendingHeader(); n > 0 {
		c.emitLost(c.at(d, r), int64(n), "the beginning of a frame header")
	}
	if s.unfollowed > 0 {
		c.emitLost(s.unfollowedAt.in(packet, t), s.unfollowed, "not followed: a frame header before it was not captured")
	}
	c.Sides[d].UnfollowedBytes += s.unfollowed
	c.sides[d] = nil
}

// in is w, known only in the given packet.
func (w Where) in(packet int64, t capture.Time) Where {
	w.Packet, w.Time = packet, t
	return w
}

// deflateOf gives the permessage-deflate parameters of what the client and
// what the server sends (RFC 7692 §7.1), nil where it was not agreed.
func deflateOf(h *handshake.Handshake) (client, server *frames.Deflate) {
	d, agreed := h.Deflate()
	if !agreed {
		return nil, nil
	}
	return &frames.Deflate{NoContextTakeover: d.ClientNoContextTakeover, WindowBits: d.ClientMaxWindowBits},
		&frames.Deflate{NoContextTakeover: d.ServerNoContextTakeover, WindowBits: d.ServerMaxWindowBits}
}

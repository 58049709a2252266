package diagnose

import (
	"cmp"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// A Conn is a connection with the facts that rules need of what was before.
// Of its session.Conn, only ID, addresses and start may be read before it is
// closed: the rest may be ahead of the events. What every frame touches stands
// together, as it does in a Side.
type Conn struct {
	*session.Conn

	talk    *talk             // nil before a message of which something is known
	said    *subprotocol.Info // what the message at hand means
	LastAt  capture.Time      // of the last frame
	Quiet   time.Duration     // no frame was sent for so long before it
	longest time.Duration     // the longest Quiet
	deaf    bool              // nothing will be found in messages any more

	Opened  bool // a handshake has established the WebSocket
	Answer  bool // and its answer was captured: what was agreed is known
	Deflate bool // permessage-deflate was agreed
	Unknown bool // an extension was agreed that is not known here: reserved bits mean what it says
	browser bool // the client says that it is one
	clear   bool // what is sent is not in TLS
	relayed bool // a proxy has passed the request on: who asks is not who sends

	Sides [2]Side // by reassembly.Dir

	Requested session.Where // where the WebSocket was asked for; Packet is 0 if it was not captured
	Answered  session.Where // and answered
	Apple     bool          // a client of Apple's has offered permessage-deflate, and it was declined
	ARR       arrEnd        // with Deflate: which end is a proxy that cannot pass it
	API       api           // what the close codes of the application are known by
	longestAt capture.Time  // when longest was over
	longestTo int64         // by the frame of this packet; 0 if there was none
	heart     *heart        // nil before the first Ping or Pong
	banner    *banner       // what the answer says of who wrote it

	checks   checklist   // of the last opening handshake
	extended *session.H2 // of the stream of HTTP/2 that it is
	holder   *held       // of the same client's, where it is one of them
	share    *share      // of the server that it is open at
	aside    *aside      // nil where there is nothing of it
	leg      *Leg        // nil as long as no other connection could be a leg of the same WebSocket
	found    []found
}

// A Side is what one end has sent so far.
type Side struct {
	Frames     int64
	Last       int64        // packet of its last frame
	LastAt     capture.Time // and its time; 0 before it
	Before     uint64       // payload length of the largest frame before its last one
	Length     uint64       // and of its last one
	plainBytes uint64       // sent as text without compression
	Empty      int32        // frames without payload in a row, up to the last one
	RSV1       bool         // of the first frame of its last message
	Odd        uint8        // of its last frames, a bit for each that made no sense; the last is the lowest
	marks      marks
	keys       keyHabit // of its masked frames
	asks       uint8    // how often it was asked whether plainBytes are many for the time

	Close     int64         // packet of its first Close frame; 0 before it
	Begun     int64         // packet in which the message began that is open
	BegunAt   capture.Time  // and its time
	Bytes     uint64        // payload of its fragments so far
	OddAt     int64         // offset of the first of the odd frames
	spokeAt   capture.Time  // with closeLast: of its last frame that is no Close; 0 before it
	Fragments int32         // frames of the message that is open; 0 if none is
	key       uint32        // of its last masked frame, until keys vary
	firstKey  uint32        // of its first one
	Mismasked uint32        // frames that were masked and should not have been, or the other way round
	Opcode    frames.Opcode // of the message that is open
	HTTP      bool          // it wrote HTTP where a frame should be: the rest is no frames either
	Lost      bool          // the capture lost bytes of it, or could not follow them
	closeLast bool          // its last frame is a Close
	Cut       *cutFrame     // its last frame whose payload was not there to its end
	digest    digest        // of its messages
	load      *load         // what the compressed ones weigh; nil before the first
	batching  *batching     // nil before many messages
	probed    int64         // packet of a probe of Engine.IO, or of its answer
}

// A cutFrame is a frame whose payload was not there to its end.
type cutFrame struct {
	packet          int64 // in which its header was complete
	opcode          frames.Opcode
	length, missing uint64 // of its payload
}

// marks say what of a Side need not be looked at again.
type marks uint8

const (
	unsettled  marks = 1 << iota // its next frame may break a rule for what was before it
	digestFull                   // digest has all it takes
	sampled                      // it was asked whether compression would help
)

// settle marks whether what was sent before the next frame matters to it.
func (s *Side) settle() {
	s.marks &^= unsettled
	if s.Fragments > 0 || s.Close > 0 || s.Odd > 0 {
		s.marks |= unsettled
	}
}

// spoke is the time of its last frame that is no Close, 0 before it.
func (s *Side) spoke() capture.Time {
	if s.closeLast {
		return s.spokeAt
	}
	return s.LastAt
}

// right is how many of its frames were masked if they should be, and only then.
func (s *Side) right() int64 { return s.Frames - int64(s.Mismasked) }

// aside is what is kept of few connections.
type aside struct {
	context int64    // bytes that the server keeps for compression
	timers  []string // that fit its end
}

func (c *Conn) beside() *aside {
	if c.aside == nil {
		c.aside = new(aside)
	}
	return c.aside
}

// found is what was reported before.
type found struct {
	rule    *Rule
	variant *Variant
	dir     reassembly.Dir
}

// first notes a finding. It says whether it is the first of its kind.
func (c *Conn) first(r *Rule, v *Variant, d reassembly.Dir) bool {
	n := found{r, v, d}
	for _, f := range c.found {
		if f == n {
			return false
		}
	}
	c.found = append(c.found, n)
	return true
}

// Found tells whether the rule was broken on this connection before, in the
// given form or, for "", in any.
func (c *Conn) Found(rule, variant string) bool {
	for _, f := range c.found {
		if f.rule.ID == rule && (variant == "" || f.variant != nil && f.variant.ID == variant) {
			return true
		}
	}
	return false
}

// handshake notes what was agreed. It comes before the rules look.
func (c *Conn) handshake(e *session.Handshake, h *headFacts) {
	c.Deflate, c.Unknown, c.Apple, c.ARR = h.deflate, h.unknown, h.apple, h.arr
	c.API, c.browser, c.relayed, c.banner = h.api, h.browser, h.relayed, h.banner
	c.clear = e.TLS == nil
	c.Opened, c.extended = e.Established, e.H2
	c.Answer = e.Established && e.Response != nil
	c.Requested, c.Answered = e.Requested, e.Where
}

// largest is the payload length of its largest frame.
func (s *Side) largest() uint64 { return max(s.Before, s.Length) }

// plainFrame tells that no rule can have anything to say of a frame: a whole
// message, a Ping or a Pong, masked as it should be, and nothing before it that
// matters. Nearly all frames are, and are not shown to the rules.
func (c *Conn) plainFrame(e *session.Frame) bool {
	return e.FIN && (e.Opcode == frames.Text || e.Opcode == frames.Binary || plainControl(e)) && e.Missing == 0 &&
		e.Masked == (e.Dir == reassembly.FromClient) && !e.RSV2 && !e.RSV3 && (!e.RSV1 || c.Deflate) &&
		(e.LengthBytes == 0 || e.PayloadLength <= absurd && e.Minimal()) && c.Sides[e.Dir].marks&unsettled == 0
}

func plainControl(e *session.Frame) bool {
	return (e.Opcode == frames.Ping || e.Opcode == frames.Pong) && !e.RSV1 && e.LengthBytes == 0
}

// plainMessage is plainFrame of messages: nothing in those before could be
// understood, and of this one no more is to be noted than what it weighs.
func (c *Conn) plainMessage(e *session.Message) bool {
	s := &c.Sides[e.Dir]
	return c.deaf && s.marks&digestFull != 0 && !e.Compressed && e.Length <= largeMessage && len(e.Data) != len("2probe") &&
		(s.plainBytes+e.WireLength < s.worthAsking() || s.marks&sampled != 0) && c.faultless(e)
}

// plainWhole tells that plainFrame and plainMessage are both true of a frame and
// the message in it, and that it is not compressed.
func (c *Conn) plainWhole(s *Side, f *session.Frame, m *session.Message) bool {
	return s.marks&(unsettled|digestFull) == digestFull && c.deaf && !f.RSV1 && !f.RSV2 && !f.RSV3 && f.Missing == 0 &&
		f.Masked == (f.Dir == reassembly.FromClient) &&
		(f.LengthBytes == 0 || f.LengthBytes == 2 && f.PayloadLength > 125 || f.PayloadLength <= largeMessage && f.Minimal()) &&
		m.InvalidAt < 0 && m.Obstacle == frames.NoObstacle && len(m.Data) != len("2probe") &&
		(s.plainBytes+m.WireLength < s.worthAsking() || s.marks&sampled != 0)
}

// faultless tells that frames had no fault to tell of a message.
func (c *Conn) faultless(e *session.Message) bool {
	return e.InvalidAt < 0 && e.Obstacle == frames.NoObstacle && e.Deflated == 0 && (!c.Sides[e.Dir].RSV1 || c.Deflate)
}

// count notes what is noted of every frame that s has sent.
func (c *Conn) count(s *Side, e *session.Frame) {
	s.Frames++
	if e.Masked && s.keys != keysVary {
		s.noteKey(e)
	}
	s.Before, s.Length = max(s.Before, s.Length), e.PayloadLength
	s.Last, s.LastAt = e.Packet, e.Time
	c.Quiet, c.LastAt = time.Duration(e.Time-c.LastAt), e.Time
	if uint64(c.Quiet) > uint64(c.longest) { // the first one, too, and what has no time
		c.quiet(e)
	}
}

// quiet notes a silence that was longer than all before, or could not be measured.
func (c *Conn) quiet(e *session.Frame) {
	before := e.Time - capture.Time(c.Quiet)
	c.Quiet = e.Time.Sub(cmp.Or(before, e.Time))
	if c.Quiet > c.longest {
		c.longest, c.longestAt, c.longestTo = c.Quiet, e.Time, e.Packet
	}
}

// plain notes a frame that plainFrame is true of: what frame does, as far as it
// can concern such a one.
func (c *Conn) plain(s *Side, e *session.Frame) {
	c.count(s, e)
	switch {
	case e.Opcode.IsControl():
		c.control(e)
		return
	case e.PayloadLength > 0:
		s.Empty = 0
	default:
		s.Empty++
	}
	s.RSV1 = e.RSV1
}

// frame notes a frame that the rules have seen.
func (c *Conn) frame(e *session.Frame) {
	s := &c.Sides[e.Dir]
	isClose := e.Opcode == frames.Close
	if isClose && !s.closeLast {
		s.spokeAt = s.LastAt
	}
	s.closeLast = isClose
	odd := c.odd(e)
	c.count(s, e)
	if e.Masked != (e.Dir == reassembly.FromClient) {
		s.Mismasked++
	}
	if e.Opcode.IsControl() {
		c.control(e)
	}
	s.HTTP = s.HTTP || httpText(e)
	s.Odd <<= 1
	if odd {
		if s.Odd == 0 {
			s.OddAt = e.Offset
		}
		s.Odd |= 1
	}
	if e.Missing > 0 {
		s.Cut = &cutFrame{e.FirstPacket, e.Opcode, e.PayloadLength, e.Missing}
	}
	if e.Opcode == frames.Text || e.Opcode == frames.Binary {
		s.RSV1 = e.RSV1
	}
	switch {
	case e.Opcode == frames.Close && s.Close == 0:
		s.Close = e.Packet
	case e.Opcode.IsControl(), e.Opcode.IsReserved():
	case e.FIN && e.Opcode != frames.Continuation: // perhaps between the fragments of another
	case e.FIN:
		s.Fragments = 0
	case e.Opcode != frames.Continuation:
		s.Fragments, s.Opcode, s.Begun, s.BegunAt, s.Bytes = 1, e.Opcode, e.FirstPacket, e.Time, e.PayloadLength
	case s.Fragments > 0:
		s.Fragments++
		s.Bytes += e.PayloadLength
	}
	if !e.Opcode.IsControl() {
		s.Empty++
		if e.PayloadLength > 0 {
			s.Empty = 0
		}
	}
	s.settle()
}

func (c *Conn) lost(e *session.Lost) {
	s := &c.Sides[e.Dir]
	s.Lost = true
	s.digest.lost = s.digest.lost || s.digest.n < digested
	if c.talk != nil {
		c.talk.reader.Interrupt(e.Dir == reassembly.FromClient)
	}
}

// noteMessage notes a message before the rules see it. It tells whether they
// may have a word to say of it that is no fault.
func (c *Conn) noteMessage(e *session.Message) bool {
	s := &c.Sides[e.Dir]
	first := s.marks&digestFull == 0
	if first {
		s.digest.take(e)
		if s.digest.n == digested {
			s.marks |= digestFull
		}
	}
	s.probe(e)
	return s.weigh(e) || first && c.clear && secretMember(e.Data) != ""
}

package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// A Conn is a connection with the facts that rules need of what was before.
// Of its session.Conn, only ID, addresses and start may be read before it is
// closed: the rest may be ahead of the events.
type Conn struct {
	*session.Conn

	Opened    bool          // a handshake has established the WebSocket
	Answer    bool          // and its answer was captured: what was agreed is known
	Requested session.Where // where that was asked; Packet is 0 if it was not captured
	Answered  session.Where // and answered
	Inferred  bool          // frames came and no handshake was captured: who is the client was told by the MASK bit
	Deflate   bool          // permessage-deflate was agreed
	Unknown   bool          // an extension was agreed that is not known here: reserved bits mean what it says
	browser   bool          // the client says that it is one
	clear     bool          // what is sent is not in TLS
	Apple     bool          // a client of Apple's has offered it, and it was declined
	ARR       arrEnd        // with Deflate: which end is a proxy that cannot pass it
	Sides     [2]Side       // by reassembly.Dir
	API       api           // what the close codes of the application are known by

	LastAt capture.Time  // of the last frame
	Quiet  time.Duration // no frame was sent for so long before it

	longest   time.Duration // the longest Quiet
	longestAt capture.Time  // when it was over
	longestTo int64         // by the frame of this packet; 0 if there was none
	heart     *heart        // nil before the first Ping or Pong
	banner    *banner       // what the answer says of who wrote it

	checks   checklist         // of the last opening handshake
	extended *session.H2       // of the stream of HTTP/2 that it is
	talk     *talk             // nil before a message of which something is known
	said     *subprotocol.Info // what the message at hand means
	holder   *held             // of the same client's, where it is one of them
	context  int64             // bytes that the server keeps for compression
	timers   []string          // that fit its end
	leg      *Leg              // nil as long as no other connection could be a leg of the same WebSocket
	found    []found
}

// A Side is what one end has sent so far.
type Side struct {
	Frames    int64
	Masked    int64         // of them
	Close     int64         // packet of its first Close frame; 0 before it
	Last      int64         // packet of its last frame
	Begun     int64         // packet in which the message began that is open
	BegunAt   capture.Time  // and its time
	Bytes     uint64        // payload of its fragments so far
	Fragments int32         // frames of it; 0 if none is open
	Empty     int32         // frames without payload in a row, up to the last one
	Opcode    frames.Opcode // of the message that is open
	HTTP      bool          // it wrote HTTP where a frame should be: the rest is no frames either
	RSV1      bool          // of the first frame of its last message
	Lost      bool          // the capture lost bytes of it, or could not follow them
	Odd       uint8         // of its last frames, a bit for each that made no sense; the last is the lowest
	CutOpcode frames.Opcode // of Cut
	OddAt     int64         // offset of the first of the odd frames
	Largest   uint64        // payload length of its largest frame
	Before    uint64        // and of the largest before its last one
	Length    uint64        // payload length of its last frame
	LastAt    capture.Time  // of its last frame; 0 before it
	spoke     capture.Time  // of its last frame that is no Close; 0 before it

	digest digest // of its messages
	load   load   // and what they weigh

	key                uint32 // of its last masked frame
	sameKeys, nextKeys int64  // frames with the key of the one before, and with the one that follows it
	probed             int64  // packet of a probe of Engine.IO, or of its answer

	// Of a frame whose payload was not there to its end.
	Cut                   int64 // packet in which its header was complete
	CutLength, CutMissing uint64
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
func (c *Conn) handshake(e *session.Handshake) {
	_, c.Deflate = e.Deflate()
	c.Unknown = slices.ContainsFunc(e.Extensions(), func(x handshake.Extension) bool { return !strings.EqualFold(x.Name, pmd) })
	c.clear = e.TLS == nil
	c.browser = strings.HasPrefix(e.UserAgent(), "Mozilla/")
	c.Opened, c.extended = e.Established, e.H2
	c.API = apiOf(e)
	if c.Deflate {
		c.ARR = arrOf(e.Handshake)
	} else {
		c.Apple = e.Established && appleOffers(e.Handshake)
	}
	c.Answer = e.Established && e.Response != nil
	c.banner = bannerOf(e.Handshake)
	c.Requested, c.Answered = e.Requested, e.Where
}

// plainFrame tells that no rule can have anything to say of a frame: a whole
// message, masked as it should be, and nothing before it that matters. Nearly
// all frames are, and are not shown to the rules.
func (c *Conn) plainFrame(e *session.Frame) bool {
	s := &c.Sides[e.Dir]
	return e.FIN && (e.Opcode == frames.Text || e.Opcode == frames.Binary) && e.Missing == 0 &&
		e.Masked == (e.Dir == reassembly.FromClient) && !e.RSV2 && !e.RSV3 && (!e.RSV1 || c.Deflate) &&
		e.PayloadLength <= absurd && e.Minimal() &&
		s.Fragments == 0 && s.Close == 0 && s.Odd&3 == 0
}

// plainMessage is plainFrame of messages.
func (c *Conn) plainMessage(e *session.Message) bool {
	return e.InvalidAt < 0 && e.Obstacle == frames.NoObstacle && e.Deflated == 0 && (!c.Sides[e.Dir].RSV1 || c.Deflate)
}

// count notes what is noted of every frame.
func (c *Conn) count(e *session.Frame) *Side {
	c.Inferred = !c.Opened
	s := &c.Sides[e.Dir]
	s.Frames++
	s.Last = e.Packet
	if e.Masked {
		s.Masked++
		s.noteKey(e)
	}
	s.Before = s.Largest
	s.Largest, s.Length = max(s.Largest, e.PayloadLength), e.PayloadLength
	c.Quiet, c.LastAt = e.Time.Sub(cmp.Or(c.LastAt, e.Time)), e.Time
	s.LastAt = e.Time
	if c.Quiet > c.longest {
		c.longest, c.longestAt, c.longestTo = c.Quiet, e.Time, e.Packet
	}
	return s
}

// plain notes a frame that plainFrame is true of: what frame does, as far as it
// can concern such a one.
func (c *Conn) plain(e *session.Frame) {
	s := c.count(e)
	s.spoke = e.Time
	s.Odd <<= 1
	s.RSV1 = e.RSV1
	s.Empty++
	if e.PayloadLength > 0 {
		s.Empty = 0
	}
}

// frame notes a frame that the rules have seen.
func (c *Conn) frame(e *session.Frame) {
	s := c.count(e)
	if e.Opcode != frames.Close {
		s.spoke = e.Time
	}
	if e.Opcode.IsControl() {
		c.control(e)
	}
	s.HTTP = s.HTTP || httpText(e)
	s.Odd <<= 1
	if c.odd(e) {
		if s.Odd == 0 {
			s.OddAt = e.Offset
		}
		s.Odd |= 1
	}
	if e.Missing > 0 {
		s.Cut, s.CutOpcode, s.CutLength, s.CutMissing = e.FirstPacket, e.Opcode, e.PayloadLength, e.Missing
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
	first := s.digest.n < digested
	s.digest.take(e)
	s.probe(e)
	return s.load.weigh(e) || first && c.clear && mayTell(e.Message)
}

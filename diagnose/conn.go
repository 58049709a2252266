package diagnose

import (
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A Conn is a connection with the facts that rules need of what was before.
// Of its session.Conn, only ID, addresses and start may be read before it is
// closed: the rest may be ahead of the events.
type Conn struct {
	*session.Conn

	Opened    bool          // a handshake has established the WebSocket
	Requested session.Where // where that was asked; Packet is 0 if it was not captured
	Answered  session.Where // and answered
	Inferred  bool          // frames came and no handshake was captured: who is the client was told by the MASK bit
	Deflate   bool          // permessage-deflate was agreed
	Offered   bool          // or only offered
	Sides     [2]Side       // by reassembly.Dir

	found []found
}

// A Side is what one end has sent so far.
type Side struct {
	Frames    int64
	Masked    int64         // of them
	Close     session.Where // of its first Close frame; Packet is 0 before it
	CloseBody frames.CloseBody
	Last      session.Where // of its last frame
	Fragments int           // frames of the message that is open; 0 if none is
	Opcode    frames.Opcode // of that message
	Empty     int           // frames without payload in a row, up to the last one
	Lost      bool          // the capture lost bytes of it, or could not follow them
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
	c.Opened = e.Established
	c.Requested, c.Answered = e.Requested, e.Where
}

// frame notes a frame that the rules have seen.
func (c *Conn) frame(e *session.Frame) {
	c.Inferred = !c.Opened
	s := &c.Sides[e.Dir]
	s.Frames++
	s.Last = e.Where
	if e.Masked {
		s.Masked++
	}
	s.Lost = s.Lost || e.Missing > 0
	switch {
	case e.Opcode == frames.Close && s.Close.Packet == 0:
		s.Close = e.Where
		if e.CloseBody != nil {
			s.CloseBody = *e.CloseBody
		}
	case e.Opcode.IsControl():
	case e.FIN && e.Opcode != frames.Continuation: // perhaps between the fragments of another
	case e.FIN:
		s.Fragments = 0
	case e.Opcode != frames.Continuation:
		s.Fragments, s.Opcode = 1, e.Opcode
	case s.Fragments > 0:
		s.Fragments++
	}
	if !e.Opcode.IsControl() {
		s.Empty++
		if e.PayloadLength > 0 {
			s.Empty = 0
		}
	}
}

func (c *Conn) message(*session.Message) {}

func (c *Conn) lost(e *session.Lost) { c.Sides[e.Dir].Lost = true }

package diagnose

import (
	"math"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A Pulse is the heartbeat that one end of a connection has sent, and what
// came of it.
type Pulse struct {
	Kind        string         // "ping" for Ping frames (RFC 6455 §5.5.2), else the protocol inside whose heartbeat it is
	By          reassembly.Dir // who sent it
	Sent        int64
	Pongs       bool          // each is to be answered: a STOMP heartbeat, say, is not
	Unanswered  int64         // the last ones, if Pongs
	Missed      int64         // packet of the first of those; 0 if there are none
	Unsolicited int64         // Pong frames of the other end that answer none
	Period      time.Duration // between two on the average; 0 before the second
	Jitter      time.Duration // the standard deviation of that; 0 before the third
	Fastest     time.Duration // the shortest time to an answer, of heartbeats inside the protocol; 0 without one
	Slowest     time.Duration // and the longest
}

// PulsesOf gives the heartbeats of c, of Ping frames first, of the client
// first. A Checker knows while it tells of c, its end included.
func PulsesOf(c *session.Conn) (all []Pulse) {
	conn, ok := c.Attached.(*Conn)
	if !ok {
		return nil
	}
	for d := range conn.Sides {
		by := reassembly.Dir(d)
		if conn.heart == nil {
			break
		}
		h := &conn.heart[by]
		if h.sent == 0 && h.free == 0 {
			continue
		}
		p := Pulse{Kind: "ping", By: by, Sent: h.sent, Pongs: conn.heardWhole(c, by.Other()), Unsolicited: h.free + h.other, Fastest: h.fastest, Slowest: h.slowest}
		if p.Pongs && h.waiting > 0 {
			p.Unanswered, p.Missed = h.waiting, h.first.packet
		}
		p.Period, p.Jitter = meanGap(h.gaps, h.mean, h.m2)
		all = append(all, p)
	}
	for d := range conn.Sides {
		by := reassembly.Dir(d)
		if conn.talk == nil || conn.talk.beats[by].pings == 0 {
			continue
		}
		b := &conn.talk.beats[by]
		p := Pulse{Kind: conn.Protocol(), By: by, Sent: b.pings, Pongs: conn.talk.reader.Pongs() && conn.heardWhole(c, by.Other()), Fastest: b.fastest, Slowest: b.slowest}
		if p.Pongs && b.open > 0 {
			p.Unanswered, p.Missed = int64(b.open), b.missed
		}
		p.Period, p.Jitter = meanGap(b.gaps, b.mean, b.m2)
		all = append(all, p)
	}
	return all
}

// heardWhole tells that the capture has all that d sent.
func (c *Conn) heardWhole(of *session.Conn, d reassembly.Dir) bool {
	return !of.OneSided && !c.Sides[d].Lost && of.Sides[d].LostBytes == 0
}

// meanGap gives mean and standard deviation of the time between heartbeats.
func meanGap(gaps int64, mean, m2 float64) (period, jitter time.Duration) {
	if gaps == 0 {
		return 0, 0
	}
	return time.Duration(mean), time.Duration(math.Sqrt(m2 / float64(gaps)))
}

// RepliesOf tells how long answers took on c, where the protocol inside says
// what answers what, and which one that is.
func RepliesOf(c *session.Conn) (Replies, string) {
	conn, ok := c.Attached.(*Conn)
	if !ok {
		return Replies{}, ""
	}
	return conn.Replies(), conn.Protocol()
}

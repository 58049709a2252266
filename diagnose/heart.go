package diagnose

import (
	"hash/maphash"
	"math"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A heart is what is known of the Ping and Pong frames of a connection, by
// who sent the Pings.
type heart [2]pinged

// pinged are the Pings of one side, and the Pongs of the other.
type pinged struct {
	open    [8]openPing // the last ones, by their number
	sent    int64
	first   openPing // the earliest since the last answer; empty if that was to the newest
	waiting int64    // how many were sent since
	answers int64    // Pongs with the payload of a Ping
	other   int64    // Pongs with a payload of their own, while a Ping waited
	free    int64    // Pongs while none waited
	otherIn int64    // packet of the first of other

	last     capture.Time
	gaps     int64
	mean, m2 float64 // of the time between Pings (Welford)

	fastest, slowest time.Duration // how long answers took
}

type openPing struct {
	sum    uint64
	packet int64
	time   capture.Time
}

// control notes a Ping or a Pong.
func (c *Conn) control(e *session.Frame) {
	if e.Opcode != frames.Ping && e.Opcode != frames.Pong {
		return
	}
	if c.heart == nil {
		c.heart = new(heart)
	}
	sum := maphash.Bytes(worldSeed, e.Payload)
	if e.Opcode == frames.Ping {
		c.heart[e.Dir].ping(openPing{sum, e.Packet, e.Time})
		return
	}
	c.heart[e.Dir.Other()].pong(openPing{sum, e.Packet, e.Time})
}

func (b *pinged) ping(p openPing) {
	b.open[b.sent%int64(len(b.open))] = p
	b.sent++
	if b.waiting == 0 {
		b.first = p
	}
	b.waiting++
	if b.sent > 1 {
		b.gaps++
		gap := float64(p.time.Sub(b.last))
		off := gap - b.mean
		b.mean += off / float64(b.gaps)
		b.m2 += off * (gap - b.mean)
	}
	b.last = p.time
}

// pong takes an answer: it is for the Ping with its payload, and for those
// before it (RFC 6455 §5.5.3).
func (b *pinged) pong(p openPing) {
	if b.waiting == 0 {
		b.free++
		return
	}
	n := int64(len(b.open))
	for i := int64(0); i < min(b.waiting, n); i++ {
		of := &b.open[(b.sent-1-i)%n]
		if of.sum != p.sum {
			continue
		}
		took := p.time.Sub(of.time)
		if b.answers == 0 || took < b.fastest {
			b.fastest = took
		}
		b.slowest = max(b.slowest, took)
		b.answers++
		b.waiting = min(b.waiting, i)
		b.first = openPing{}
		if i > 0 {
			b.first = b.open[(b.sent-i)%n]
		}
		return
	}
	if b.other++; b.other == 1 {
		b.otherIn = p.packet
	}
}

// period gives the time between the Pings, if it is always about the same.
func (b *pinged) period() (time.Duration, bool) {
	if b.gaps == 0 || b.gaps > 1 && math.Sqrt(b.m2/float64(b.gaps)) > b.mean/5 {
		return 0, false
	}
	return time.Duration(b.mean), b.gaps >= 2
}

// period is that of the more frequent Pings of the two sides.
func (h *heart) period() (by reassembly.Dir, p time.Duration, ok bool) {
	if h == nil {
		return 0, 0, false
	}
	for d := range h {
		if q, steady := h[d].period(); steady && (!ok || q < p) {
			by, p, ok = reassembly.Dir(d), q, true
		}
	}
	return by, p, ok
}

// stopped is until when an answer to the Pings of asker could come, and
// whether asker ended the connection then.
func (c *Conn) stopped(e *session.Closed, asker reassembly.Dir) (at capture.Time, gaveUp bool) {
	of := e.Conn
	if said := of.Sides[asker].Close; said != nil {
		normal := said.Code == frames.NormalClosure || said.Code == frames.GoingAway
		return said.Time, of.ClosedBy == closer(asker) && (!normal || c.blamesPing(of, asker))
	}
	if said := of.Sides[asker.Other()].Close; said != nil {
		return said.Time, false
	}
	if of.TCP.End != reassembly.NotEnded {
		return of.TCP.EndedAt, of.TCP.EndedBy == asker
	}
	return e.Time, false
}

// closer is d as who closed.
func closer(d reassembly.Dir) session.ClosedBy {
	if d == reassembly.FromServer {
		return session.ClosedByServer
	}
	return session.ClosedByClient
}

// blamesPing tells that the Close of asker names the missing Pong.
func (c *Conn) blamesPing(of *session.Conn, asker reassembly.Dir) bool {
	said := of.Sides[asker].Close
	if said == nil {
		return false
	}
	reason := strings.ToLower(said.Reason)
	return strings.Contains(reason, "ping timeout") || strings.Contains(reason, "pong")
}

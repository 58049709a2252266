package diagnose

import (
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const (
	synAgain    = 500 * time.Millisecond // no system sends a SYN again sooner
	backlogTime = time.Minute
	backlogPart = 10 // one in so many connections of the server
)

// sentSYNAgain tells that a connection was begun with a SYN, or its answer, that
// was sent again, and that nothing else had to be: not the path lost it.
func sentSYNAgain(c *session.Conn) bool {
	s := c.Segments()
	again := false
	for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
		syns := s.SYNAgain(d)
		if s.Counts(d).Retransmitted > int64(len(syns)) {
			return false
		}
		again = again || len(syns) > 0 && syns[0].Sub(c.Start) >= synAgain
	}
	return again
}

// overflows reports a server in whose queue connections find no place.
func (p *Pass) overflows(e *session.Closed) {
	c := e.Conn
	if c.H2 != nil || c.OneSided || c.State == session.MidStream || c.Start == capture.NoTime {
		return
	}
	b, again := p.World.queues[c.Server], false
	if len(p.World.queues) > 0 || c.TCP.RTT > synAgain {
		again = sentSYNAgain(c)
	}
	if b == nil {
		if b = p.World.queue(c, again); b == nil {
			return
		}
	}
	if b.begun++; !again {
		return
	}
	b.again[b.sentAgain%len(b.again)] = late{c.Start, c.StartPacket}
	b.sentAgain++
	if b.told || b.sentAgain < len(b.again) || b.sentAgain*backlogPart < b.begun {
		return
	}
	first, last := b.again[0], b.again[0]
	for _, a := range b.again {
		if a.at < first.at {
			first = a
		}
		if a.at > last.at {
			last = a
		}
	}
	if last.at.Sub(first.at) > backlogTime {
		return
	}
	b.told = true
	p.from(reassembly.FromServer)
	p.Report("backlog", "%d of %d connections to %v were begun with a SYN or SYN-ACK that had to be sent again, %d of them within %v, and nothing else had to",
		b.sentAgain, b.begun, c.Server, len(b.again), last.at.Sub(first.at).Round(time.Millisecond)).
		As(Likely).In(first.packet, c.StartPacket).With("sent_again", b.sentAgain).With("connections", b.begun)
}

// A queue is what is known of how a server takes connections.
type queue struct {
	again            [manyWaits]late // the last ones whose SYN, or the answer to it, was sent again
	begun, sentAgain int             // connections from the first one of these on
	told             bool
}

// queue begins to count those of a server with the first connection that it took late.
func (w *World) queue(c *session.Conn, again bool) *queue {
	if !again || c.TCP.RTT == 0 || len(w.queues) >= maxFleet {
		return nil
	}
	if w.queues == nil {
		w.queues = make(map[netip.AddrPort]*queue)
	}
	b := new(queue)
	w.queues[c.Server] = b
	return b
}

// A late is a connection that was begun late, and where.
type late struct {
	at     capture.Time
	packet int64
}

package diagnose

import (
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const (
	heldIdle    = time.Minute     // a WebSocket that was silent for so long does not seem to be used
	manyHeld    = 3               // of them, of one client
	maxHeld     = 8               // of one client that are followed
	unheardOpen = 5 * time.Minute // without a packet
	manyUnheard = 10              // connections
)

// A holder is one program of a client, as far as it can be told.
type holder struct {
	client      netip.Addr
	server      netip.AddrPort
	path, agent uint64 // their sums
}

// held are WebSockets of one holder that are open.
type held struct {
	conns [maxHeld]*Conn
	told  bool
}

// hold notes a new WebSocket. It gives how many the same client has open beside
// it in which nothing has been sent for a minute, and one of these.
func (w *World) hold(c *Conn, e *session.Handshake) (n int, one *Conn) {
	k := holder{c.Client.Addr(), c.Server, sum(path(e.Target())), sum(e.UserAgent())}
	h := w.held[k]
	if h == nil {
		if len(w.held) >= maxFleet {
			return 0, nil
		}
		if w.held == nil {
			w.held = make(map[holder]*held)
		}
		h = new(held)
		w.held[k] = h
	}
	free := -1
	for i, other := range h.conns {
		switch {
		case other == nil:
			free = i
		case e.Time.Sub(max(other.LastAt, other.Answered.Time)) >= heldIdle:
			n, one = n+1, other
		}
	}
	if free >= 0 {
		h.conns[free], c.holder = c, h
	}
	if h.told || n < manyHeld {
		return 0, nil
	}
	h.told = true
	return n, one
}

// release lets go of a WebSocket that has ended.
func (w *World) release(c *Conn) {
	if c.holder == nil {
		return
	}
	for i := range c.holder.conns {
		if c.holder.conns[i] == c {
			c.holder.conns[i] = nil
		}
	}
}

// heldOpen reports a client that opens one WebSocket after the other and leaves
// the old ones.
func (p *Pass) heldOpen(e *session.Handshake) {
	if !e.Established || e.Request == nil || e.Time == capture.NoTime || p.Conn.relayed {
		return
	}
	if n, one := p.World.hold(p.Conn, e); n > 0 {
		p.from(reassembly.FromClient)
		p.Report("client-multi", "%v opens one more at %s, and has %d open there in which nothing has been sent for a minute or more", p.Conn.Client.Addr(), path(e.Target()), n).
			As(Possible).In(one.Answered.Packet).With("idle", n)
	}
}

// forwarded tells that a proxy has passed a request on.
func forwarded(h *handshake.Handshake) bool {
	for _, name := range [...]string{"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"} {
		if h.Request.Fields.Has(name) {
			return true
		}
	}
	return false
}

// unheardOf are connections of a server that were open to the end and had
// been without a packet for long.
type unheardOf struct {
	n           int64
	first, last capture.Time // when they began
	told        bool
}

// tellUnheard reports a server that has many connections of which nothing is heard.
func (p *Pass) tellUnheard(e *session.Closed) {
	c := e.Conn
	if c.State != session.Open || c.Start == capture.NoTime || c.H2 != nil || c.OneSided || e.Time.Sub(c.End) < unheardOpen {
		return
	}
	u := p.World.unheard[c.Server]
	if u == nil {
		if len(p.World.unheard) >= maxFleet {
			return
		}
		if p.World.unheard == nil {
			p.World.unheard = make(map[netip.AddrPort]*unheardOf)
		}
		u = &unheardOf{first: c.Start, last: c.Start}
		p.World.unheard[c.Server] = u
	}
	u.n++
	u.first, u.last = min(u.first, c.Start), max(u.last, c.Start)
	if u.n >= manyUnheard && !u.told && u.last.Sub(u.first) >= leakTime {
		u.told = true
		p.from(reassembly.FromServer)
		p.Report("half-open", "%d connections of %v are open and have not had a packet for 5 min or more; they were opened over %v", u.n, c.Server, u.last.Sub(u.first).Round(time.Second)).
			As(Possible).In(c.StartPacket).With("connections", u.n)
	}
}

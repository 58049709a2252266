package session

import (
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// An Instead is what the client's next try came to: localhost has two
// addresses, and most clients ask 127.0.0.1 where ::1 has refused.
type Instead struct {
	Packet  int64 // of the answer
	Time    capture.Time
	Refused bool // by 127.0.0.1, too
}

// A turned is a connection that ::1 has refused, and how long it is waited for.
type turned struct {
	*Conn
	due capture.Time
}

const (
	insteadTime = 2 * time.Second // from one try to the answer to the next
	maxTurned   = 64              // that are waited for at once
)

var localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// turnedAway says whether ::1 has refused c, and the end is to be told only
// when it is known what came of the next try.
func (t *Tracker) turnedAway(c *Conn) bool {
	if c.turned {
		return true
	}
	if c.Server.Addr() != netip.IPv6Loopback() || c.TCP.End != reassembly.RST || c.joined || c.timed || c.spoken || t.clock == capture.NoTime || len(t.turned) >= maxTurned {
		return false
	}
	if _, answered := c.stream.SYN(reassembly.FromServer); answered {
		return false
	}
	c.turned = true
	due := t.clock + capture.Time(insteadTime)
	t.turned = append(t.turned, turned{c, due})
	t.expiry = min(t.expiry, due)
	return true
}

// instead looks whether g answers a SYN to 127.0.0.1.
func (t *Tracker) instead(g *reassembly.Segment) {
	refuses := g.Flags.Has(reassembly.FlagRST|reassembly.FlagACK) && g.Seq == 0
	if g.Src.Addr() != localhost4 || !refuses && !g.Flags.Has(reassembly.FlagSYN|reassembly.FlagACK) {
		return
	}
	for i := range t.turned {
		c := &t.turned[i]
		if c.Server.Port() == g.Src.Port() && c.Instead == nil {
			c.Instead = &Instead{g.Packet, g.Time, refuses}
			c.due, t.expiry = t.clock, t.clock
		}
	}
}

// waited gives up waiting for what has had its time. It says when to look again.
func (t *Tracker) waited(next capture.Time) capture.Time {
	for _, c := range t.turned {
		switch {
		case c.due > t.clock:
			next = min(next, c.due)
		case !slices.Contains(t.expired, c.flow):
			t.expired = append(t.expired, c.flow)
		}
	}
	return next
}

// forgo waits no more for c.
func (t *Tracker) forgo(c *Conn) {
	t.turned = slices.DeleteFunc(t.turned, func(o turned) bool { return o.Conn == c })
}

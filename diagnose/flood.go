package diagnose

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const (
	floodTime  = 10 * time.Second
	floodLeast = 500 // connections of one address in it
)

// A flood is how many connections of one address asked for a WebSocket since
// the first of them. Addresses share a place: one that comes to another's takes
// from its count, so that it may be too low, but is never too high.
type flood struct {
	client netip.Addr
	first  capture.Time
	packet int64 // in which the first one began
	n      int
	told   bool
}

// floods reports an address that opens connections as no user does.
func (p *Pass) floods(e *session.Closed) {
	c, client := e.Conn, e.Conn.Client.Addr()
	asked := p.Conn.Requested.Packet > 0 || c.State == session.Unanswered
	relayed := p.Conn.relayed || p.Conn.leg != nil && len(p.Conn.leg.outer) > 0
	if !asked || relayed || c.Start == capture.NoTime || client.IsLoopback() {
		return
	}
	f := &p.World.floods[maphash.Comparable(worldSeed, client)%uint64(len(p.World.floods))]
	if f.client != client {
		if f.n--; f.n > 0 {
			return
		}
		*f = flood{client: client, first: c.Start, packet: c.StartPacket}
	}
	took := c.Start.Sub(f.first)
	if took > floodTime {
		f.first, f.packet, f.n, took = c.Start, c.StartPacket, 0, 0
	}
	if took < 0 { // it ended later than those that began behind it
		return
	}
	if f.n++; f.n < floodLeast || f.told {
		return
	}
	f.told = true
	p.from(reassembly.FromClient)
	p.Report("flood", "%d connections of %v asked for a WebSocket within %v", f.n, client, took.Round(time.Millisecond)).
		As(Possible).In(f.packet, c.StartPacket).With("connections", int64(f.n))
}

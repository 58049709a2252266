package session

import (
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A Keeper is told of the packets of TCP connections, and which of those
// belong to the report: for who keeps the packets. It takes one worker.
//
// Connections go by Facts.Stream. Packet is told before what becomes of the
// connection by it; what it is handed is lent. A datagram in IP fragments goes by a
// number below 0 until it is complete: only then is it known what it is of.
type Keeper interface {
	Packet(stream int64, p *capture.Packet)
	Join(part, stream int64)                  // what was told of part is of stream, and what will be
	Keep(stream int64, tls *tlsdecrypt.Facts) // it is of the report; its packets from before are wanted, too
	Drop(stream int64)                        // it is not, and will not be
	Forget(stream int64)                      // no packet of it will come
}

// keep tells that c belongs to the report.
func (c *Conn) keep() {
	if k := c.t.conf.Keeper; k != nil {
		k.Keep(c.flow.stream, c.TLS)
	}
}

// drop tells that c does not.
func (c *Conn) drop() {
	if k := c.t.conf.Keeper; k != nil && !c.told && c.outer == nil {
		k.Drop(c.flow.stream)
	}
}

// tellKeeper tells of a packet, which is of the flow f, or of none.
func (t *Tracker) tellKeeper(k Keeper, p *capture.Packet, f *flow) {
	parts := &t.ip.Parts
	of, known := -parts.Of, parts.Of != 0
	if f != nil {
		of, known = f.stream, true
	}
	for _, part := range parts.Joined {
		if known {
			k.Join(-part, of)
		} else {
			k.Drop(-part)
		}
	}
	if known {
		k.Packet(of, p)
	}
	for _, part := range parts.Gone {
		k.Forget(-part)
	}
}

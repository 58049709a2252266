package session

import (
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A Keeper is told of the packets of TCP connections, and which of those
// belong to the report: for who keeps the packets. It takes one worker.
//
// Connections go by Facts.Stream. Packet is told before what becomes of the
// connection by it; what it is handed is lent. Fragments of IP datagrams but
// the last are of no connection.
type Keeper interface {
	Packet(stream int64, p *capture.Packet)
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

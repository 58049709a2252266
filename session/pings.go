package session

import (
	"hash/maphash"

	"github.com/wssniff/wssniff/capture"
)

// pings are the last of a side that were not answered yet.
type pings struct {
	waiting [16]ping
	sent    uint8 // how many, modulo 256
}

// A ping waits for the Pong with the same payload (RFC 6455 §5.5.3).
type ping struct {
	sum  uint64
	time capture.Time
}

var pingSeed = maphash.MakeSeed()

func (p *pings) add(n ping) {
	p.waiting[p.sent%uint8(len(p.waiting))] = n
	p.sent++
}

// pong looks for the newest Ping that e answers: a Pong may answer for the
// older ones too (RFC 6455 §5.5.3).
func (c *Conn) pong(asked *pings, e *Frame) {
	sum := maphash.Bytes(pingSeed, e.Payload)
	for i := range asked.waiting {
		p := &asked.waiting[(asked.sent-1-uint8(i))%uint8(len(asked.waiting))]
		if p.sum == sum && p.time != 0 {
			c.PingRTT.Add(e.Time.Sub(p.time))
			*p = ping{}
			return
		}
	}
}

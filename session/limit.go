package session

import (
	"time"
	"unsafe"

	"github.com/wssniff/wssniff/capture"
)

// What a connection costs whether or not it holds any bytes, roughly: itself,
// its flow and their place in the table; and each direction of an open one.
const (
	flowCost = int64(unsafe.Sizeof(flow{}) + 2*unsafe.Sizeof(slot{}))
	connCost = int64(unsafe.Sizeof(Conn{})) + flowCost
	sideCost = int64(unsafe.Sizeof(side{}) + unsafe.Sizeof(astray{}))
)

const (
	maxRelief  = 64 // connections looked at in one go: nothing may take long
	candidates = 8  // of the least active, from which the costliest is given up
)

// used is what is held in all.
func (t *Tracker) used() int64 { return t.budget.Used + int64(t.idle.n)*flowCost }

// hold counts n more bytes held for c, or fewer where n is negative.
func (c *Conn) hold(n int64) {
	c.t.budget.Used += n
	if c.outer != nil { // it is given up with the connection
		c = c.outer
	}
	c.held += n
}

// relieve ends what has been silent for too long, and gives up what does not
// fit. It stops after a while, and goes on with the next packet.
func (t *Tracker) relieve() {
	for range maxRelief {
		if t.used() <= t.ceiling {
			break
		}
		if t.idle.n > minIdle {
			t.forget(t.idle.last())
		} else if !t.giveUp() {
			break
		}
	}
	if t.last.Time >= t.expiry {
		t.expiry = min(t.expire(&t.live, t.conf.idle()), t.expire(&t.trying, tryIdle))
	}
}

// expire ends the connections of l that have been silent for longer than
// idle, and says when to look again.
func (t *Tracker) expire(l *list, idle time.Duration) capture.Time {
	for range maxRelief {
		f := l.leastActive()
		if f == nil {
			return t.last.Time + capture.Time(idle)
		}
		if f.conn.End == capture.NoTime {
			return t.last.Time + capture.Time(idle)
		}
		if at := f.conn.End + capture.Time(idle); at > t.last.Time {
			return at
		}
		c := f.conn
		t.end(c)
		f.ended = false // if it speaks again, that is to be seen
		t.totals.Expired++
	}
	return t.last.Time
}

// giveUp gives up something of one of the connections that have been silent
// for longest: of those, the one that holds most. If that is what inflating
// its next messages needs, this is enough; else the connection itself goes.
func (t *Tracker) giveUp() bool {
	l := &t.trying
	if l.n <= t.live.n/8 {
		l = &t.live
	}
	f := l.leastActive()
	if f == nil {
		return false
	}
	most := f.conn
	for range candidates {
		if f = f.prev; f == &l.root {
			break
		}
		if f.conn.held > most.held {
			most = f.conn
		}
	}
	t.totals.Limited++
	if most.held > most.cost() && most.dropContexts() {
		return true
	}
	t.end(most)
	return true
}

// cost is what c holds at least.
func (c *Conn) cost() int64 {
	if c.sides[0] == nil && c.sides[1] == nil {
		return connCost
	}
	return connCost + 2*sideCost
}

// dropContexts lets go of what both directions keep for inflating the
// messages to come, and says whether there was anything.
func (c *Conn) dropContexts() bool {
	before := c.held
	for _, s := range c.sides {
		if s != nil {
			s.assembler.DropContext()
			c.account(s)
		}
	}
	if c.multi != nil {
		for _, s := range c.multi.streams {
			s.dropContexts()
		}
	}
	return c.held < before
}

// account brings what is counted for s up to date.
func (c *Conn) account(s *side) {
	held := int64(s.assembler.Held() + int(s.room))
	if held != s.held {
		c.hold(held - s.held)
		s.held = held
	}
}

// leastActive finds the flow that has been silent for longest, nearly; nil if
// there is none. A flow keeps its place in the list while packets of it come,
// so that a packet costs nothing here; one that was active since it got its
// place goes to the front instead of being found.
func (l *list) leastActive() *flow {
	for {
		f := l.last()
		if f == nil || f.conn.EndPacket <= f.placed {
			return f
		}
		f.placed = f.conn.EndPacket
		l.remove(f)
		l.push(f)
	}
}

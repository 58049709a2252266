package session

import (
	"cmp"
	"slices"
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
	maxRelief  = 64  // connections looked at in one go: nothing may take long
	maxExpired = 256 // and ended in one go because they were silent
	candidates = 8   // of the least active, from which the costliest is given up
	placeGrain = capture.Time(10 * time.Second)
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
		if t.idle.n > rememberedLeast {
			t.forget(t.idle.last())
		} else if !t.giveUp() {
			break
		}
	}
	if t.clock >= t.expiry {
		t.expire()
	}
}

// expire ends the connections that have been silent for too long, in order of
// their first packet.
func (t *Tracker) expire() {
	t.expired = t.expired[:0]
	t.expiry = t.waited(min(t.silent(&t.live, t.conf.idle()), t.silent(&t.trying, tryIdle)))
	slices.SortFunc(t.expired, func(a, b *flow) int { return cmp.Compare(a.packet, b.packet) })
	t.relieving = true
	for _, f := range t.expired {
		refused := f.conn.turned
		if t.end(f.conn); refused {
			continue
		}
		f.ended, f.time = false, capture.NoTime // if it speaks again, that is to be seen
		t.totals.Expired++
	}
	t.relieving = false
}

// place keeps the order of the list of f, of which a packet came. A place may
// be older than that packet by placeGrain, so that most packets cost nothing
// here; what ends the silent ones goes by the places alone, and so comes to the
// same whichever connections are in the list.
func (t *Tracker) place(f *flow) {
	if t.clock-f.placed > placeGrain {
		l := t.among(f)
		l.remove(f)
		l.push(f)
		f.placed = t.clock
	}
}

// silent finds the connections of l that have been silent for longer than
// idle, and says when to look again.
func (t *Tracker) silent(l *list, idle time.Duration) capture.Time {
	most := capture.Time(idle) + placeGrain
	for f := l.last(); f != nil && f != &l.root; f = f.prev {
		switch at := f.placed + most; {
		case at > t.clock:
			return at
		case len(t.expired) == maxExpired:
			return t.clock
		}
		t.expired = append(t.expired, f)
	}
	return t.clock + most
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
		if f == nil || f.conn.End <= f.placed {
			return f
		}
		f.placed = f.conn.End
		l.remove(f)
		l.push(f)
	}
}

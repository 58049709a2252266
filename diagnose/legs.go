package diagnose

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// One WebSocket through a proxy is two connections, its legs:
//
//	client ──request──▶ proxy ──request──▶ server     outer leg: client to proxy
//	client ◀──answer─── proxy ◀──answer─── server     inner leg: proxy to server
//
// A proxy asks the server after it was asked, and answers after it was
// answered: the inner handshake lies within the outer one. That, the path or
// the key, and equal messages make two connections legs of one. The key alone
// does not: some proxies make a new one, and some clients use one twice. Where
// the same is true of two connections that cannot both be, it is said of none.
//
// Of two captures each has a clock of its own, and the order of their packets
// says little: there the inner leg is the one of the same key and path that had
// its answer sooner.

const (
	maxAnswered = 64               // opening handshakes remembered, the last ones
	maxLegs     = 8                // candidates of one connection
	digested    = 4                // messages of each direction that are compared
	apartBy     = 10 * time.Second // what two clocks may differ by
)

// A digest stands for the first messages of one direction.
type digest struct {
	sum  uint64 // of the first messages, at most digested
	at   int64  // the sum of their times
	n    uint8  // how many of them
	lost bool   // not all of them were captured whole
}

// take adds one of the first messages.
func (d *digest) take(m *session.Message) {
	d.at += int64(m.Time)
	d.lost = d.lost || !m.Complete
	var head [17]byte
	head[0] = byte(m.Opcode)
	binary.LittleEndian.PutUint64(head[1:], d.sum)
	binary.LittleEndian.PutUint64(head[9:], m.Length)
	d.sum = bits.RotateLeft64(maphash.Bytes(worldSeed, head[:]), 23) ^ maphash.Bytes(worldSeed, m.Data)
	d.n++
}

// An answered is an opening handshake that is over.
type answered struct {
	conn              *Conn
	id                int64 // of conn, which may be another by now
	client, server    netip.AddrPort
	requested, answer int64        // packets
	at                capture.Time // of the request
	took              time.Duration
	input, status     int
	established       bool
	path, key         []byte
	request, response []byte // lines of their fields
}

// An outline is what of an answered is looked at first: most others cannot be a leg
// beside a new one, and are passed over without a look at the rest.
type outline struct {
	requested, answer int64      // packets
	key               uint64     // stands for the key
	from, to          netip.Addr // of client and server
}

func outlineOf(a *answered) outline {
	return outline{a.requested, a.answer, sumOf(a.key), a.client.Addr(), a.server.Addr()}
}

// mayHold tells whether o, asked within s, may be what a proxy has made of it.
func (s *outline) mayHold(o *outline) bool {
	return o.requested >= s.requested && (o.key == s.key || o.from == s.to)
}

// A Leg is a connection that may be one of several legs of a WebSocket.
type Leg struct {
	ID                int64
	Client, Server    netip.AddrPort
	Status            int // of its answer
	requested, answer int64
	input             int           // the capture
	took              time.Duration // from the request to the answer
	key               string
	conn              *Conn // nil once it has ended
	digests           [2]digest
	End               *LegEnd   // nil until it has ended
	outer, inner      []*Leg    // candidates: whose handshake this one lies within, and those within it
	passed            []passage // from each of outer to this one
}

// A LegEnd is how a leg ended.
type LegEnd struct {
	By     session.ClosedBy // who began it
	Packet int64            // in which that was seen
}

// digest gives what is known of the messages that d sent.
func (l *Leg) digest(d reassembly.Dir) digest {
	if l.conn != nil {
		return l.conn.Sides[d].digest
	}
	return l.digests[d]
}

// within tells whether the handshake of l lies within that of o.
func (l *Leg) within(o *Leg) bool {
	if l.input != o.input {
		return l.took < o.took || l.took == o.took && l.requested > o.requested
	}
	return o.requested <= l.requested && l.answer <= o.answer
}

// An agreement says what two candidates have sent.
type agreement uint8

const (
	different agreement = iota
	silent              // too little was sent to tell
	equal
)

// agree compares the first messages of two connections.
func (l *Leg) agree(o *Leg) agreement {
	a := silent
	for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
		x, y := l.digest(d), o.digest(d)
		switch {
		case x.n != y.n || x.n == 0 || x.lost || y.lost: // one is ahead of the other
		case x.sum != y.sum:
			return different
		default:
			a = equal
		}
	}
	return a
}

// legs gives those of the candidates that can be legs beside l, nil where
// several of them exclude each other.
func (l *Leg) legs(candidates []*Leg) []*Leg {
	var fit, sameKey []*Leg
	for _, o := range candidates {
		a := l.agree(o)
		if a == different || a == silent && len(candidates) > 1 && o.key != l.key {
			continue
		}
		fit = append(fit, o)
		if o.key == l.key {
			sameKey = append(sameKey, o)
		}
	}
	switch {
	case compatible(fit):
		return fit
	case compatible(sameKey):
		return sameKey
	}
	return nil
}

// compatible tells whether all can be legs of one WebSocket: each handshake
// within another, and no two of the same server.
func compatible(legs []*Leg) bool {
	for i, a := range legs {
		for _, b := range legs[:i] {
			if a.Server == b.Server || !a.within(b) && !b.within(a) {
				return false
			}
		}
	}
	return true
}

// Legs gives the other legs of the WebSocket that l is a leg of, the
// outermost first. It is known once messages were sent, and may be known
// better when the connection ends.
func (l *Leg) Legs() []*Leg {
	if l == nil {
		return nil
	}
	var all []*Leg
	for _, o := range l.legs(l.outer) {
		if slices.Contains(o.legs(o.inner), l) {
			all = append(all, o)
		}
	}
	for _, o := range l.legs(l.inner) {
		if slices.Contains(o.legs(o.outer), l) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *Leg) int {
		if a.input != b.input {
			return cmp.Compare(b.took, a.took)
		}
		return cmp.Compare(a.requested, b.requested)
	})
	return all
}

// Outer is the outermost of the other legs if it is outside of l, else nil.
func (l *Leg) Outer() *Leg {
	if all := l.Legs(); len(all) > 0 && l.within(all[0]) && !all[0].within(l) {
		return all[0]
	}
	return nil
}

// end is how the leg ended, or began to: a Close frame comes before the end.
func (l *Leg) end() *LegEnd {
	if l.conn == nil {
		return l.End
	}
	client, server := l.conn.Sides[reassembly.FromClient].Close, l.conn.Sides[reassembly.FromServer].Close
	switch {
	case client > 0 && (server == 0 || client < server):
		return &LegEnd{session.ClosedByClient, client}
	case server > 0:
		return &LegEnd{session.ClosedByServer, server}
	}
	return nil
}

// legOf gives the leg that c is.
func (c *Conn) legOf(a *answered) *Leg {
	if c.leg == nil {
		c.leg = &Leg{ID: a.id, Client: a.client, Server: a.server, Status: a.status, requested: a.requested, answer: a.answer, input: a.input, took: a.took, key: string(a.key), conn: c}
	}
	return c.leg
}

// legEnded keeps what is asked of a leg when its connection is over.
func (c *Conn) legEnded(e *session.Closed) {
	l := c.leg
	if l == nil {
		return
	}
	for d := range l.digests {
		l.digests[d] = c.Sides[d].digest
	}
	l.conn = nil
	f := &e.Conn.Facts
	l.End = &LegEnd{By: f.ClosedBy, Packet: f.TCP.EndedIn}
	d := reassembly.FromClient
	if f.ClosedBy == session.ClosedByServer {
		d = reassembly.FromServer
	}
	if shut := f.Sides[d].Close; shut != nil {
		l.End.Packet = shut.Packet
	}
}

// joinLegs remembers a handshake that is over, and finds those within it.
func (w *World) joinLegs(c *Conn, e *session.Handshake) {
	if e.Request == nil || e.Response == nil || e.Requested.Packet == 0 {
		return
	}
	a := &w.answered[w.answers%maxAnswered]
	w.answers++
	*a = answered{
		conn: c, id: c.ID, client: c.Client, server: c.Server, requested: e.Requested.Packet, answer: e.Packet, status: e.Status(), established: e.Established,
		path: append(a.path[:0], path(e.Target())...), key: append(a.key[:0], e.Key()...), at: e.Requested.Time, took: e.Time.Sub(e.Requested.Time), input: int(c.Input),
		request: appendFields(a.request[:0], e.Request), response: appendFields(a.response[:0], e.Response),
	}
	c.leg = nil
	here := outlineOf(a)
	w.outlines[(w.answers-1)%maxAnswered] = here
	w.clocks = w.clocks || c.Input > 0
	for i := range min(w.answers, maxAnswered) - 1 {
		at := uint(w.answers-2-i) % maxAnswered
		o, b := &w.outlines[at], &w.answered[at]
		switch {
		case w.clocks && a.input != b.input:
			if o.key != here.key || (a.at.Sub(b.at)).Abs() > apartBy {
				continue
			}
		case o.answer < here.requested:
			if !w.clocks {
				return // and so are those before it
			}
			continue
		case !here.mayHold(o):
			continue
		}
		if b.conn.Conn == nil || b.conn.ID != b.id {
			continue
		}
		if a.input != b.input && a.took < b.took {
			a.heldBy(b)
		} else {
			b.heldBy(a)
		}
	}
}

// heldBy notes that b may be what a proxy has made of a.
func (b *answered) heldBy(a *answered) {
	if !b.like(a) {
		return
	}
	outer, inner := a.conn.legOf(a), b.conn.legOf(b)
	if len(outer.inner) < maxLegs && len(inner.outer) < maxLegs {
		outer.inner = append(outer.inner, inner)
		inner.outer = append(inner.outer, outer)
		inner.passed = append(inner.passed, passage{changes(a.request, b.request), changes(b.response, a.response)})
	}
}

// like tells whether b, asked within a, can be what the proxy has made of a.
// With a key of its own, the proxy is known by asking from where it was asked.
func (b *answered) like(a *answered) bool {
	if a.established && !b.established || b.server == a.server {
		return false
	}
	if b.input != a.input && !samePath(string(a.path), string(b.path)) {
		return false
	}
	return string(b.key) == string(a.key) || b.client.Addr() == a.server.Addr() && samePath(string(a.path), string(b.path))
}

// samePath tells whether a proxy that takes a prefix away, or sets one before,
// makes one of the other.
func samePath(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	return strings.HasSuffix(a, b) && (len(a) == len(b) || b != "/")
}

// appendFields appends the fields of a head, a line each, as far as they are compared.
func appendFields(b []byte, h *handshake.Head) []byte {
	const most = 4096
	for i := range h.Fields {
		f := &h.Fields[i]
		name := f.Name
		if strings.HasPrefix(name, ":") { // of HTTP/2: what stands in the first line elsewhere
			if name != ":authority" {
				continue
			}
			name = "Host"
		}
		if len(b)+len(name)+len(f.Value) > most {
			break
		}
		b = append(append(append(append(b, name...), ':'), f.Value...), '\n')
	}
	return b
}

// LegOf gives c as a leg, nil where no other connection could be one of the
// same WebSocket. A Checker knows while it tells of c, its end included.
func LegOf(c *session.Conn) *Leg {
	if conn, ok := c.Attached.(*Conn); ok {
		return conn.leg
	}
	return nil
}

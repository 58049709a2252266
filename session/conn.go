package session

import (
	"cmp"
	"slices"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
)

// A phase says what a connection's bytes are taken for.
type phase uint8

const (
	opening phase = iota // HTTP, up to the answer that opens a WebSocket
	open                 // frames
	foreign              // something else: not followed
)

// Conn is one TCP connection, and the WebSocket connection on it if there is
// one. What every packet touches stands in front, in order of the cache lines
// that it fills (the first has 56 bytes: the allocator takes eight). With many
// connections open, memory is what a packet waits for.
type Conn struct {
	t           *Tracker
	flow        *flow
	sides       [2]*side
	lastPayload capture.Time

	phase       phase
	lowIsClient bool
	spoken      bool // there was payload
	told        bool // Opened was told
	timed       bool // the TCP handshake is over
	replaced    bool // its two ends have begun another connection
	joined      bool // the capture did not see it begin
	mustFail    bool // the client must not accept the answer that opened it
	turned      bool // its end is told later: see turnedAway

	blind [2]bool // by direction: it may have sent a Close frame that was not captured, or not whole
	// Of a WebSocket whose client had not been seen when it opened: what the
	// 101 acknowledged. The client's frames begin there.
	unseen, acked bool
	ack           reassembly.SeqNum

	tls    *secured   // nil as long as what was sent is in clear
	multi  *multiplex // nil as long as it is not HTTP/2
	opener *opener    // from the first payload on until the WebSocket is open, or it is plain that none will be

	// Attached is an Observer's own: whatever it wants to find again with
	// the connection's next event. Nothing here touches it.
	Attached any

	Facts

	asking *handshake.Handshake // of a stream, until it is answered
	alias  *flow                // under which the other direction is found, where its path differs
	held   int64                // bytes counted for it
	stream reassembly.Stream

	outer      *Conn // the connection that this is a stream of; nil for one of TCP
	exchanges  int64 // ordinary HTTP requests, once opener is gone
	protocol   protocol
	settled    bool // stream has what was known of outer's segments when this ended
	viaRefused bool // a proxy did not go on

	// Of the Close frame that was sent first: where it begins in its byte
	// stream, and the packet that carried it.
	closeAt, closeCarried int64
}

func (c *Conn) dir(fromLow bool) reassembly.Dir {
	if fromLow == c.lowIsClient {
		return reassembly.FromClient
	}
	return reassembly.FromServer
}

// segment takes the next segment of the connection, sent by d.
func (c *Conn) segment(d reassembly.Dir, g *reassembly.Segment) {
	c.EndPacket, c.End = g.Packet, g.Time
	c.t.place(c.flow)
	if !c.timed {
		c.handshakeTime(d, g)
	}
	if c.joined && !c.spoken && c.tls == nil && c.mistaken(d, g.Payload) {
		c.turn()
		d = d.Other()
	}
	if c.unseen && d == reassembly.FromClient && g.Length() > 0 {
		c.align(g)
	}
	for ch := range c.stream.Chunks(d, g) {
		c.chunk(ch)
	}
	if c.multi != nil {
		c.settle(false)
	}
	if o := c.opener; o != nil && d == reassembly.FromClient {
		o.heed(g)
	}
	if c.searching() {
		c.recognise(&reassembly.Chunk{Packet: g.Packet, Carried: g.Packet, Time: g.Time})
	}
	if c.unseen && !c.acked {
		c.acked, c.ack = true, g.Ack
	}
	if c.stream.Ended() != reassembly.NotEnded && !c.t.turnedAway(c) {
		c.t.end(c)
	}
}

// handshakeTime measures the TCP handshake (RFC 9293 §3.5) from the SYN to
// the client's first acknowledgment: one round trip wherever the capture was
// made between the two ends.
func (c *Conn) handshakeTime(d reassembly.Dir, g *reassembly.Segment) {
	if d != reassembly.FromClient || g.Flags.Has(reassembly.FlagSYN) || !g.Flags.Has(reassembly.FlagACK) {
		return
	}
	c.timed = true
	if !c.joined {
		c.t.trying.remove(c.flow)
		c.flow.trying, c.flow.placed = false, c.t.clock
		c.t.live.push(c.flow)
	}
	_, client := c.stream.SYN(reassembly.FromClient)
	_, server := c.stream.SYN(reassembly.FromServer)
	if client && server {
		c.TCP.RTT = g.Time.Sub(c.Start)
	}
}

// chunk leads a run of bytes to the stage that reads it.
func (c *Conn) chunk(ch *reassembly.Chunk) {
	d, end := ch.Dir, ch.End
	switch {
	case c.tls != nil:
		c.unlock(ch)
	case c.multi != nil && len(ch.Data)+int(ch.Lost) > 0:
		c.demultiplex(ch)
	case c.phase != foreign && len(ch.Data)+int(ch.Lost) > 0:
		c.bytes(ch)
	}
	if end != reassembly.NotEnded {
		if c.tls != nil {
			c.overtaken(ch.Packet, ch.Time)
		}
		c.ended(d, end, ch.Packet, ch.Time)
	}
}

// bytes takes a run in order, and takes off it what it has read. Where the
// phase changes inside the run, the rest of it goes on in the new one.
func (c *Conn) bytes(ch *reassembly.Chunk) {
	first := !c.spoken
	c.spoken = true
	if c.phase == opening {
		if c.opener == nil {
			c.opener = c.t.openers.take()
			c.opener.reader.MidStream = c.joined
		}
		if first && c.alpnH2() && c.beginsHTTP2(ch) {
			return
		}
		if c.joined && c.beginsTLS(ch) {
			c.secure(ch)
			return
		}
		if ch.Lost > 0 {
			c.opener.lost[ch.Dir] = true
		}
		if c.joined && c.multi == nil && h2.LooksJoined(ch.Dir == reassembly.FromClient, ch.Data) && c.opener.reader.Pending() == nil {
			c.multiplexed(ch, false)
			return
		}
		if (c.searching() || c.losesAnswer(ch)) && !c.opener.hopeless {
			c.lookFor(&c.opener.searches[ch.Dir], frames.Habit{}, ch)
		}
		c.http(ch)
	}
	if c.phase == open && len(ch.Data)+int(ch.Lost) > 0 {
		c.frames(ch)
	}
}

// foreign gives the connection up: its bytes are no HTTP, or no longer.
func (c *Conn) foreign(r *reassembly.Chunk) {
	if c.beginsTLS(r) {
		c.secure(r)
		return
	}
	if c.beginsHTTP2(r) {
		r.Data = nil
		return
	}
	c.protocol = protocolOf(r.Data)
	c.phase = foreign
	c.drop()
	if c.opener.refusal != nil {
		c.refused(r, true)
	}
	c.opened()
	r.Data = nil
}

// tell makes the connection one of the report.
func (c *Conn) tell(r *reassembly.Chunk) {
	if c.told {
		return
	}
	c.told = true
	c.keep()
	c.t.totals.Connections++
	c.t.opened = Opened{Where{Conn: c, Packet: r.Packet, Time: r.Time}}
	c.t.emit(&c.t.opened)
}

func (c *Conn) at(d reassembly.Dir, r *reassembly.Chunk) (w Where) {
	w.set(c, d, r)
	return w
}

func (w *Where) set(c *Conn, d reassembly.Dir, r *reassembly.Chunk) {
	w.Conn, w.Packet, w.Time, w.Dir, w.Offset = c, r.Packet, r.Time, d, r.Offset
}

// ended takes the end of one direction, or of both.
func (c *Conn) ended(d reassembly.Dir, end reassembly.End, packet int64, t capture.Time) {
	if c.TCP.End == reassembly.NotEnded {
		c.TCP.End, c.TCP.EndedBy, c.TCP.EndedIn, c.TCP.EndedAt = end, d, packet, t
		if first, ok := c.stream.Closer(); ok && end == reassembly.FIN && c.outer == nil {
			c.TCP.EndedBy = first
		}
	}
	if c.phase != open {
		return
	}
	c.pause(t)
	c.cut(d, packet, t)
	if end == reassembly.RST {
		c.cut(d.Other(), packet, t)
	}
}

// Segments gives what is known of the connection's TCP segments; of a stream
// of HTTP/2, of all that the TCP connection carries. It is not to be handed any.
func (c *Conn) Segments() *reassembly.Stream {
	if c.outer != nil && !c.settled {
		return &c.outer.stream
	}
	return &c.stream
}

func sortByStart(conns []*Conn) {
	slices.SortFunc(conns, func(a, b *Conn) int {
		return cmp.Or(cmp.Compare(a.StartPacket, b.StartPacket), cmp.Compare(a.flow.hash, b.flow.hash), cmp.Compare(a.streamID(), b.streamID()))
	})
}

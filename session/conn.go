package session

import (
	"cmp"
	"slices"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
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
// one. What every packet touches stands together.
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
	protocol    protocol
	stream      reassembly.Stream

	Facts

	reader      handshake.Reader
	waiting     []reassembly.Chunk // copies of client bytes behind a request that is not answered
	held        int                // their number
	established capture.Time       // when the WebSocket opened

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
	if !c.timed {
		c.handshakeTime(d, g)
	}
	for ch := range c.stream.Chunks(d, g) {
		c.chunk(ch)
	}
	if c.stream.Ended() != reassembly.NotEnded {
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
	_, client := c.stream.SYN(reassembly.FromClient)
	_, server := c.stream.SYN(reassembly.FromServer)
	if client && server {
		c.TCP.RTT = g.Time.Sub(c.Start)
	}
}

// chunk leads a run of bytes to the stage that reads it.
func (c *Conn) chunk(ch *reassembly.Chunk) {
	d, end := ch.Dir, ch.End
	if c.phase != foreign && len(ch.Data)+int(ch.Lost) > 0 {
		c.bytes(ch)
	}
	if end != reassembly.NotEnded {
		c.ended(d, end, ch.Packet, ch.Time)
	}
}

// bytes takes a run in order, and takes off it what it has read. Where the
// phase changes inside the run, the rest of it goes on in the new one.
func (c *Conn) bytes(ch *reassembly.Chunk) {
	c.spoken = true
	if c.phase == opening {
		c.http(ch)
	}
	if c.phase == open && len(ch.Data)+int(ch.Lost) > 0 {
		c.frames(ch)
	}
}

// http hands a run to the handshake reader, up to where a WebSocket opens.
func (c *Conn) http(r *reassembly.Chunk) {
	d := r.Dir
	if r.Lost > 0 {
		c.Sides[d].LostBytes += r.Lost
		c.skip(d, r)
	}
	for len(r.Data) > 0 && c.phase == opening {
		var n int
		var step handshake.Step
		if d == reassembly.FromClient {
			n, step = c.reader.Client(r.Data)
		} else {
			n, step = c.reader.Server(r.Data)
		}
		r.Data = r.Data[n:]
		r.Offset += int64(n)
		switch {
		case step == handshake.Asked:
			c.asked(r)
		case step == handshake.Answered:
			c.answered(r)
		case step == handshake.Foreign:
			c.foreign(r)
		case n == 0:
			c.wait(r)
		}
	}
}

func (c *Conn) skip(d reassembly.Dir, r *reassembly.Chunk) {
	switch {
	case d == reassembly.FromServer:
		c.reader.SkipServer(r.Lost)
	case len(c.waiting) > 0 || c.reader.Pending() != nil:
		c.waiting = append(c.waiting, reassembly.Chunk{Dir: reassembly.FromClient, Lost: r.Lost, Offset: r.Offset, Packet: r.Packet, Carried: r.Carried, Time: r.Time})
	default:
		c.reader.SkipClient(r.Lost)
	}
	r.Lost = 0
}

// asked notes where an upgrade was requested.
func (c *Conn) asked(r *reassembly.Chunk) {
	c.Attempts++
	c.Requested = c.at(reassembly.FromClient, r)
	c.Answered = Where{}
	c.tell(r)
}

// answered tells of a handshake that is complete; behind one that opened a
// WebSocket, the client's bytes that waited are its first frames.
func (c *Conn) answered(r *reassembly.Chunk) {
	h := c.reader.Handshake()
	c.Handshake = h
	c.Answered = c.at(reassembly.FromServer, r)
	if h.Request == nil {
		c.Attempts++
		c.Requested = Where{}
	}
	c.tell(r)
	c.emitHandshake(h, c.Answered)
	waited := c.waiting
	c.waiting, c.held = nil, 0
	switch {
	case h.Established && h.Obsolete:
		c.phase = foreign
	case h.Established:
		c.establish(h, r)
	}
	for i := range waited {
		w := &waited[i]
		w.Packet, w.Time = max(w.Packet, r.Packet), r.Time
		c.bytes(w)
	}
}

func (c *Conn) emitHandshake(h *handshake.Handshake, at Where) {
	e := &c.t.handshake
	*e = Handshake{Where: at, Handshake: h, Requested: c.Requested}
	c.t.emit(e)
}

// wait keeps client bytes until the request before them is answered.
func (c *Conn) wait(r *reassembly.Chunk) {
	if c.held+len(r.Data) > maxEarly {
		c.t.totals.Limited++
		c.waiting = append(c.waiting, reassembly.Chunk{Dir: reassembly.FromClient, Lost: int64(len(r.Data)), Offset: r.Offset, Packet: r.Packet, Carried: r.Carried, Time: r.Time})
		r.Data = nil
		return
	}
	w := *r
	w.Data = slices.Clone(r.Data)
	c.waiting = append(c.waiting, w)
	c.held += len(w.Data)
	r.Data = nil
}

// foreign gives the connection up: its bytes are no HTTP, or no longer.
func (c *Conn) foreign(r *reassembly.Chunk) {
	c.protocol = protocolOf(r.Data)
	c.phase = foreign
	r.Data = nil
}

// tell makes the connection one of the report.
func (c *Conn) tell(r *reassembly.Chunk) {
	if c.told {
		return
	}
	c.told = true
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
		c.TCP.End, c.TCP.EndedBy = end, d
		if first, ok := c.stream.Closer(); ok && end == reassembly.FIN {
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

// Segments gives what is known of the connection's TCP segments. It is not to
// be handed any.
func (c *Conn) Segments() *reassembly.Stream { return &c.stream }

func sortByStart(conns []*Conn) {
	slices.SortFunc(conns, func(a, b *Conn) int {
		return cmp.Or(cmp.Compare(a.StartPacket, b.StartPacket), cmp.Compare(a.flow.hash, b.flow.hash))
	})
}

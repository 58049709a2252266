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
	protocol    protocol
	stream      reassembly.Stream

	Facts

	reader      handshake.Reader
	waiting     []run        // client bytes behind a request that is not answered
	held        int          // their number
	established capture.Time // when the WebSocket opened

	// Of the Close frame that was sent first: where it begins in its byte
	// stream, and the packet that carried it.
	closeAt, closeCarried int64
}

// A run is a copy of bytes that wait, with where they came from.
type run struct {
	data   []byte
	lost   int64 // bytes missing before data
	offset int64
	packet int64 // that made them known
	time   capture.Time

	carried int64 // the packet that carried them
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
	c.handshakeTime(d, g)
	for chunk := range c.stream.Chunks(d, g) {
		c.chunk(chunk)
	}
	if c.stream.Ended() != reassembly.NotEnded {
		c.t.end(c)
	}
}

// handshakeTime measures the TCP handshake (RFC 9293 §3.5) from the SYN to
// the client's first acknowledgment: one round trip wherever the capture was
// made between the two ends.
func (c *Conn) handshakeTime(d reassembly.Dir, g *reassembly.Segment) {
	if c.TCP.RTT != 0 || d != reassembly.FromClient || g.Flags.Has(reassembly.FlagSYN) || !g.Flags.Has(reassembly.FlagACK) {
		return
	}
	_, client := c.stream.SYN(reassembly.FromClient)
	_, server := c.stream.SYN(reassembly.FromServer)
	if client && server {
		c.TCP.RTT = g.Time.Sub(c.Start)
	}
}

// chunk leads a run of bytes to the stage that reads it.
func (c *Conn) chunk(ch *reassembly.Chunk) {
	if c.phase != foreign && len(ch.Data)+int(ch.Lost) > 0 {
		at := run{data: ch.Data, lost: ch.Lost, offset: ch.Offset, packet: ch.Packet, time: ch.Time, carried: ch.Carried}
		c.bytes(ch.Dir, &at)
	}
	if ch.End != reassembly.NotEnded {
		c.ended(ch)
	}
}

// bytes takes a run in order. Where the phase changes inside it, the rest of
// it goes on in the new one.
func (c *Conn) bytes(d reassembly.Dir, r *run) {
	c.spoken = true
	if c.phase == opening {
		c.http(d, r)
	}
	if c.phase == open && len(r.data)+int(r.lost) > 0 {
		c.frames(d, r)
	}
}

// http hands a run to the handshake reader, up to where a WebSocket opens.
func (c *Conn) http(d reassembly.Dir, r *run) {
	if r.lost > 0 {
		c.Sides[d].LostBytes += r.lost
		c.skip(d, r)
	}
	for len(r.data) > 0 && c.phase == opening {
		var n int
		var step handshake.Step
		if d == reassembly.FromClient {
			n, step = c.reader.Client(r.data)
		} else {
			n, step = c.reader.Server(r.data)
		}
		r.data = r.data[n:]
		r.offset += int64(n)
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

func (c *Conn) skip(d reassembly.Dir, r *run) {
	switch {
	case d == reassembly.FromServer:
		c.reader.SkipServer(r.lost)
	case len(c.waiting) > 0 || c.reader.Pending() != nil:
		c.waiting = append(c.waiting, run{lost: r.lost, offset: r.offset, packet: r.packet, time: r.time})
	default:
		c.reader.SkipClient(r.lost)
	}
	r.lost = 0
}

// asked notes where an upgrade was requested.
func (c *Conn) asked(r *run) {
	c.Attempts++
	c.Requested = c.at(reassembly.FromClient, r)
	c.Answered = Where{}
	c.tell(r)
}

// answered tells of a handshake that is complete; behind one that opened a
// WebSocket, the client's bytes that waited are its first frames.
func (c *Conn) answered(r *run) {
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
		w.packet, w.time = max(w.packet, r.packet), r.time
		c.bytes(reassembly.FromClient, w)
	}
}

func (c *Conn) emitHandshake(h *handshake.Handshake, at Where) {
	e := &c.t.handshake
	*e = Handshake{Where: at, Handshake: h, Requested: c.Requested}
	c.t.emit(e)
}

// wait keeps client bytes until the request before them is answered.
func (c *Conn) wait(r *run) {
	if c.held+len(r.data) > maxEarly {
		c.t.totals.Limited++
		c.waiting = append(c.waiting, run{lost: int64(len(r.data)), offset: r.offset, packet: r.packet, time: r.time})
		r.data = nil
		return
	}
	w := *r
	w.data = slices.Clone(r.data)
	c.waiting = append(c.waiting, w)
	c.held += len(w.data)
	r.data = nil
}

// foreign gives the connection up: its bytes are no HTTP, or no longer.
func (c *Conn) foreign(r *run) {
	c.protocol = protocolOf(r.data)
	c.phase = foreign
	r.data = nil
}

// tell makes the connection one of the report.
func (c *Conn) tell(r *run) {
	if c.told {
		return
	}
	c.told = true
	c.t.totals.Connections++
	c.t.opened = Opened{Where{Conn: c, Packet: r.packet, Time: r.time}}
	c.t.emit(&c.t.opened)
}

func (c *Conn) at(d reassembly.Dir, r *run) (w Where) {
	w.set(c, d, r)
	return w
}

func (w *Where) set(c *Conn, d reassembly.Dir, r *run) {
	w.Conn, w.Packet, w.Time, w.Dir, w.Offset = c, r.packet, r.time, d, r.offset
}

// ended takes the end of one direction, or of both.
func (c *Conn) ended(ch *reassembly.Chunk) {
	if c.TCP.End == reassembly.NotEnded {
		c.TCP.End, c.TCP.EndedBy = ch.End, ch.Dir
	}
	if c.phase != open {
		return
	}
	c.pause(ch.Time)
	c.cut(ch.Dir, ch.Packet, ch.Time)
	if ch.End == reassembly.RST {
		c.cut(ch.Dir.Other(), ch.Packet, ch.Time)
	}
}

func sortByStart(conns []*Conn) {
	slices.SortFunc(conns, func(a, b *Conn) int {
		return cmp.Or(cmp.Compare(a.StartPacket, b.StartPacket), cmp.Compare(a.flow.hash, b.flow.hash))
	})
}

package session

import (
	"bytes"
	"slices"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
)

// HTTP/2 carries many streams on one connection (RFC 9113), some of which are
// WebSockets (RFC 8441). Each of those is a Conn of its own, with the
// addresses and the TCP connection of the one it is in:
//
//	segment ─▶ Conn ─▶ TLS ─▶ HTTP/2 ─┬─▶ Conn of stream 1 ─▶ frames
//	                                  └─▶ Conn of stream 3 ─▶ frames
//
// END_STREAM is to a stream what a FIN is to TCP, and RST_STREAM what a RST is
// (RFC 8441 §5).

// A multiplex is HTTP/2 on a connection.
type multiplex struct {
	h2.Parser
	streams []*Conn // those that are not over, in order of first packet
	carried bool    // there was a WebSocket
	settled bool    // the server's SETTINGS were captured
	held    int64   // bytes counted for it
	asked   bool    // the client has said something
}

// H2 is what is known of a WebSocket that is a stream of HTTP/2.
type H2 struct {
	Stream  uint32           // RFC 9113 §5.1.1
	Settled bool             // the server's SETTINGS were captured before its answer
	Connect bool             // and allow extended CONNECT (RFC 8441 §3)
	Scheme  string           // of the request: "https"
	Over    bool             // the stream has ended
	How     h2.How           // in which way
	Code    h2.ErrorCode     // of RST_STREAM or GOAWAY
	Stalls  [2]int64         // times that what that side sends had used up its window (RFC 9113 §5.2), by reassembly.Dir
	Waited  [2]time.Duration // how long it had to wait for it, or for that of the connection, with more to send

	offsets  [2]int64 // bytes of DATA so far
	begins   bool     // a DATA frame begins with the bytes at hand
	ends     bool     // and one ends with them
	torn     [2]bool  // bytes of that side may be missing before the WebSocket was open
	doubts   [2]doubt
	waits    [2]wait
	finished [2]bool // that side has ended the stream
}

// multiplexCost is what HTTP/2 on a connection holds at least: two HPACK tables.
const multiplexCost = 16 << 10

// beginsHTTP2 hands the connection to HTTP/2 if a run that is no HTTP/1.1
// begins that.
func (c *Conn) beginsHTTP2(r *reassembly.Chunk) bool {
	reader := &c.opener.reader
	upgraded := reader.UpgradedH2C()
	rest := [2][]byte{reader.ClientRest(), reader.ServerRest()}
	if !upgraded && (!c.alpnH2() || bytes.HasPrefix(r.Data, []byte("GET "))) {
		b := slices.Concat(rest[r.Dir], r.Data[:min(len(r.Data), 64)])
		look, _ := h2.Looks(r.Dir == reassembly.FromClient, b)
		if look != h2.Preface && look != h2.Settled && (look != h2.Partly || len(b) < 5 || r.Dir != reassembly.FromClient) {
			return false
		}
	}
	c.multiplexed(r, upgraded)
	return true
}

// multiplexed hands the connection to HTTP/2, with what is held of it.
func (c *Conn) multiplexed(r *reassembly.Chunk, upgraded bool) {
	reader := &c.opener.reader
	rest := [2][]byte{reader.ClientRest(), reader.ServerRest()}
	c.multi = &multiplex{asked: reader.Pending() != nil}
	if c.multi.asked && !upgraded {
		c.Mismatch = HTTP1ToHTTP2
	}
	c.multi.Upgraded = upgraded
	c.hold(multiplexCost)
	c.protocol = http2Protocol
	waiting := c.opener.waiting
	c.phase = foreign
	for d, b := range rest {
		if !upgraded && len(b) > 0 {
			before := *r
			before.Dir, before.Data, before.Lost = reassembly.Dir(d), slices.Clone(b), 0
			c.demultiplex(&before)
		}
	}
	for i := range waiting {
		c.demultiplex(&waiting[i])
	}
	c.opened()
	c.demultiplex(r)
}

// alpnH2 tells that the two ends have agreed on HTTP/2 (RFC 7301, RFC 9113 §3.2).
func (c *Conn) alpnH2() bool { return c.TLS != nil && c.TLS.ALPN == "h2" }

// demultiplex takes a run of HTTP/2.
func (c *Conn) demultiplex(r *reassembly.Chunk) {
	m, fromClient := c.multi, r.Dir == reassembly.FromClient
	m.Behind = [2]bool{c.stream.Waits(reassembly.FromClient), c.stream.Waits(reassembly.FromServer)}
	if fromClient && !m.asked && r.Lost == 0 && bytes.HasPrefix(r.Data, []byte("GET ")) {
		c.Mismatch = HTTP1ToHTTP2
	}
	m.asked = m.asked || fromClient
	if r.Lost > 0 {
		for e := range m.Lost(fromClient, uint64(r.Lost)) {
			c.streamEvent(e, r)
		}
	}
	for e := range m.Bytes(fromClient, r.Data) {
		c.streamEvent(e, r)
	}
	if held := int64(m.Held()); held != m.held {
		c.hold(held - m.held)
		m.held = held
	}
	r.Data, r.Lost = nil, 0
}

// settle takes the ends of streams that waited for bytes of the other side, if
// these do not wait themselves.
func (c *Conn) settle(over bool) {
	m := c.multi
	if m == nil || !over && (!m.Waiting() || c.stream.Waits(reassembly.FromClient) || c.stream.Waits(reassembly.FromServer)) {
		return
	}
	r := reassembly.Chunk{Packet: c.t.last.Number, Carried: c.t.last.Number, Time: c.t.last.Time}
	for e := range m.Settle() {
		c.streamEvent(e, &r)
	}
	if !over {
		return
	}
	for e := range m.Unfound() {
		c.streamEvent(e, &r)
	}
}

// streamEvent takes what HTTP/2 tells of a stream.
func (c *Conn) streamEvent(e *h2.Event, r *reassembly.Chunk) {
	if e.Kind == h2.Set && !e.FromClient {
		c.multi.settled = true
	}
	if e.Stream == 0 || e.Kind == h2.Away || e.Kind == h2.Set {
		for _, s := range c.multi.streams {
			s.H2.wait(e, r)
		}
		return
	}
	s := c.multi.find(e.Stream)
	if s == nil {
		if e.Kind != h2.Opened && e.Kind != h2.Answered && e.Kind != h2.Data {
			return
		}
		s = c.t.stream(c, e.Stream, r)
	}
	s.EndPacket, s.End = r.Packet, r.Time
	d := reassembly.FromServer
	if e.FromClient {
		d = reassembly.FromClient
	}
	switch e.Kind {
	case h2.Opened:
		s.streamAsked(e.Head, r)
	case h2.Answered:
		s.streamAnswered(e.Head, r)
	case h2.Data:
		s.streamData(d, e, r)
	case h2.Torn:
		s.streamTorn(d, e, r)
	case h2.Stalled, h2.Granted, h2.Resumed:
		s.H2.wait(e, r)
	case h2.Ended:
		s.streamEnded(d, e, r)
	case h2.Dismissed:
		c.t.end(s)
	}
}

func (m *multiplex) find(id uint32) *Conn {
	for _, s := range m.streams {
		if s.H2.Stream == id {
			return s
		}
	}
	return nil
}

// stream gives a stream of c a Conn.
func (t *Tracker) stream(c *Conn, id uint32, r *reassembly.Chunk) *Conn {
	s := t.conns.take()
	s.t, s.flow, s.outer = t, c.flow, c
	s.StartPacket, s.Start, s.EndPacket, s.End = r.Packet, r.Time, r.Packet, r.Time
	s.Client, s.Server, s.TLS = c.Client, c.Server, c.TLS
	s.TCP.RTT, s.Input = c.TCP.RTT, c.Input
	s.Via = c.Via
	if c.tls != nil && s.Via == nil {
		s.Via = c.tls.via
	}
	s.H2 = &H2{Stream: id}
	s.joined, s.timed = true, true
	s.opener = t.openers.take()
	c.multi.streams = append(c.multi.streams, s)
	s.hold(connCost)
	t.name(s)
	return s
}

// streamAsked notes the request of a stream. It may have had to wait for bytes
// before it, and its answer not.
func (c *Conn) streamAsked(head *h2.Head, r *reassembly.Chunk) {
	h := &handshake.Handshake{Request: &head.Head}
	if c.phase != opening {
		c.Target, c.Host = h.Target(), h.Host()
		return
	}
	c.asking = h
	c.H2.Scheme = head.Scheme()
	c.Attempts++
	c.opener.requested = c.at(reassembly.FromClient, r)
	c.tell(r)
}

// streamAnswered takes the answer to a request: a 2xx opens the WebSocket
// (RFC 8441 §5). One whose status was sent in terms that the capture does not
// have is as good as lost.
func (c *Conn) streamAnswered(head *h2.Head, r *reassembly.Chunk) {
	if c.phase != opening || head.Status == 0 {
		return
	}
	h := c.asking
	if h == nil {
		h = &handshake.Handshake{}
		c.opener.requested = Where{}
	}
	c.asking = nil
	c.permitted()
	h.Response = &head.Head
	h.Established = head.Status/100 == 2
	c.Handshake = h
	c.Target, c.Host = h.Target(), h.Host()
	c.tell(r)
	answered := c.at(reassembly.FromServer, r)
	c.emitHandshake(h, answered)
	if !h.Established {
		c.phase = foreign
		c.t.emit(&Refusal{Where: answered, Handshake: h, Answered: answered, Requested: c.opener.requested})
		return
	}
	waited := c.opener.waiting
	c.hold(-int64(c.opener.held))
	c.opener.waiting, c.opener.held = nil, 0
	c.establish(h, r)
	if h.Request == nil || c.H2.torn[reassembly.FromClient] { // nor were the frames behind it, maybe
		c.sides[reassembly.FromClient].parser.Desync()
	}
	c.opened()
	for i := range waited {
		w := &waited[i]
		w.Packet, w.Time = max(w.Packet, r.Packet), r.Time
		c.frames(w)
	}
}

// permitted notes whether the server has allowed that such a stream is opened.
func (c *Conn) permitted() {
	m := c.outer.multi
	allowed, _ := m.Settings(false).Get(h2.EnableConnectProtocol)
	c.H2.Settled, c.H2.Connect, m.carried = m.settled, allowed == 1, true
}

// streamData takes bytes of DATA frames.
func (c *Conn) streamData(d reassembly.Dir, e *h2.Event, r *reassembly.Chunk) {
	ch := reassembly.Chunk{
		Dir: d, Data: e.Data, Lost: int64(e.Lost), Packet: r.Packet, Carried: r.Carried, Time: r.Time,
		Offset: c.H2.offsets[d] + int64(e.Lost),
	}
	c.H2.offsets[d] += int64(e.Lost) + int64(len(e.Data))
	c.H2.begins, c.H2.ends = e.First, e.Last
	switch {
	case c.phase == open:
		c.frames(&ch)
	case c.phase != opening:
	case c.asking != nil && d == reassembly.FromClient:
		if ch.Lost > 0 {
			c.skip(d, &ch)
		}
		c.wait(&ch)
	case c.asking != nil: // its answer was not captured; it may be that of an ordinary request
		c.H2.torn[d] = c.H2.torn[d] || !mayBeFrame(d, ch.Data)
		c.openUnseen(&ch, anchored)
		c.frames(&ch)
	case !c.opener.hopeless:
		c.lookFor(&c.opener.searches[d], frames.Habit{}, &ch)
		c.recognise(&reassembly.Chunk{Dir: d, Packet: r.Packet, Carried: r.Carried, Time: r.Time})
	}
}

// streamEnded takes the end of a stream, or of one direction of it.
func (c *Conn) streamEnded(d reassembly.Dir, e *h2.Event, r *reassembly.Chunk) {
	if !c.H2.Over || e.How != h2.EndStream {
		c.H2.How, c.H2.Code, c.H2.Over = e.How, e.Code, true
	}
	switch e.How {
	case h2.EndStream:
		c.H2.finished[d] = true
		c.ended(d, reassembly.FIN, r.Packet, r.Time)
	case h2.Reset, h2.GoneAway:
		c.ended(d, reassembly.RST, r.Packet, r.Time)
		c.H2.finished = [2]bool{true, true}
	}
	if c.H2.finished[0] && c.H2.finished[1] {
		c.t.end(c)
	}
}

// endStream closes a stream, whose TCP connection goes on.
func (t *Tracker) endStream(c *Conn) {
	if o := &c.outer.TCP; o.End != reassembly.NotEnded && c.TCP.End == reassembly.NotEnded {
		c.ended(o.EndedBy, o.End, o.EndedIn, o.EndedAt)
	}
	c.finish()
	m := c.outer.multi
	if i := slices.Index(m.streams, c); i >= 0 {
		m.streams = slices.Delete(m.streams, i, i+1)
	}
	c.hold(-connCost)
	if !t.recorded {
		*c = Conn{}
		t.conns.give(c)
	}
}

// streamID is the number of the stream, 0 for a connection.
func (c *Conn) streamID() uint32 {
	if c.H2 == nil {
		return 0
	}
	return c.H2.Stream
}

// names numbers what is met: TCP connections as Wireshark does, and, with the
// WebSockets inside of HTTP/2 among them, all that can be a connection of the report.
type names struct{ flows, ids int64 }

func (n *names) number(f *flow) {
	f.stream = n.flows
	n.flows++
	n.ids++
	f.id = n.ids
}

func (n *names) name(c *Conn) {
	c.Stream, c.ID = c.flow.stream, c.flow.id
	if c.outer != nil {
		n.ids++
		c.ID = n.ids
	}
}

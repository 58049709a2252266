package session

import (
	"maps"
	"slices"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
)

// A protocol is what a connection that is no WebSocket spoke.
type protocol uint8

const (
	otherProtocol protocol = iota
	http2Protocol
)

// protocolOf tells a protocol by the first bytes of a direction: the preface
// of HTTP/2 (RFC 9113 §3.4).
func protocolOf(b []byte) protocol {
	if len(b) >= 4 && string(b[:4]) == "PRI " {
		return http2Protocol
	}
	return otherProtocol
}

// closing notes who began the closing handshake (RFC 6455 §7.1.2): the Close
// frame that was sent first did, unless the other was sent before it arrived.
func (c *Conn) closing(d reassembly.Dir, e *Frame, r *reassembly.Chunk) {
	by := ClosedByClient
	if d == reassembly.FromServer {
		by = ClosedByServer
	}
	first := c.Sides[d.Other()].Close == nil || r.Carried < c.closeCarried
	at := e.Offset
	if c.tls != nil { // what is acknowledged is counted outside
		at = c.tls.outside
	}
	crossed := !first && r.Carried == e.Packet && c.crossed(d.Other())
	switch {
	case crossed:
		c.ClosedBy = ClosedByBoth
	case first:
		c.ClosedBy, c.closeAt, c.closeCarried = by, at, r.Carried
	}
}

// other is the direction that did not begin the close, as far as is known.
func (c *Conn) other() reassembly.Dir {
	if c.ClosedBy == ClosedByServer {
		return reassembly.FromClient
	}
	return reassembly.FromServer
}

// crossed says whether the Close frame of d had not arrived, as far as its
// receiver has acknowledged.
func (c *Conn) crossed(d reassembly.Dir) bool {
	acked := c.stream.Acked(d)
	return c.outer == nil && acked >= 0 && acked <= c.closeAt
}

// finish settles the facts and tells of the end. A connection that nobody
// was told of is told now if it failed before it could say what it is.
func (c *Conn) finish() {
	packet, t := c.t.last.Number, c.t.last.Time
	c.drain()
	if c.searching() || c.outer != nil && c.phase == opening && c.asking == nil {
		c.recognise(&reassembly.Chunk{Packet: packet, Carried: packet, Time: t})
	}
	for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
		c.cut(d, packet, t)
	}
	c.OneSided = c.opener == nil && c.told && c.stream.Seen(reassembly.FromClient) != c.stream.Seen(reassembly.FromServer)
	if c.opener != nil {
		c.proxies()
	}
	c.verdict()
	if c.OneSided && c.TCP.End != reassembly.NotEnded {
		c.ClosedBy = ClosedByUnknown
	}
	now := reassembly.Chunk{Packet: packet, Time: t}
	if c.opener != nil && c.opener.refusal != nil {
		c.refused(&now, true)
	}
	if c.unanswered() {
		c.Handshake, c.Answer = c.pending(), c.opener.reader.AnswerBegun()
		c.Target, c.Host = c.Handshake.Target(), c.Handshake.Host()
		if c.outer != nil {
			c.permitted()
		}
		c.emitHandshake(c.Handshake, c.opener.requested.in(packet, t))
	}
	if c.State == Refused || c.State == Unanswered {
		c.tell(&now)
	}
	if c.opener != nil {
		c.opened()
	}
	c.t.totals.add(c)
	if c.outer != nil {
		c.stream, c.settled = c.outer.stream.Snapshot(), true
	}
	if !c.told {
		if c.sealed() {
			c.t.sealed = Sealed{Where{Conn: c, Packet: packet, Time: t}}
			c.t.emit(&c.t.sealed)
		} else if c.HTTP != nil || c.Silent() {
			c.t.ordinary = Ordinary{Where{Conn: c, Packet: packet, Time: t}}
			c.t.emit(&c.t.ordinary)
		}
		return
	}
	c.t.closed = Closed{Where{Conn: c, Packet: packet, Time: t}}
	c.t.emit(&c.t.closed)
}

// drain takes what waited for bytes that do not come any more.
func (c *Conn) drain() {
	if c.outer != nil {
		return
	}
	packet, t := c.t.last.Number, c.t.last.Time
	for chunk := range c.stream.Flush(packet, t) {
		c.chunk(chunk)
	}
	c.flush(packet, t)
	c.settle(true)
}

func (c *Conn) unanswered() bool {
	return c.phase == opening && c.opener != nil && c.pending() != nil
}

// verdict says how far the connection came.
func (c *Conn) verdict() {
	switch {
	case c.unanswered():
		c.State = Unanswered
	case c.Handshake != nil && c.Handshake.Established:
		c.State = c.ending()
	case c.Confidence > 0:
		c.State = c.ending()
		c.settleClose()
		c.State = MidStream
		return
	case c.Handshake != nil, c.viaRefused, c.Mismatch == HTTP1ToHTTP2:
		c.State = Refused
	case c.sealed():
		c.State = c.secureState()
	case c.spoken:
	default:
		c.State = c.connecting()
	}
	c.settleClose()
}

// settleClose says how the WebSocket was closed, as an API tells it.
func (c *Conn) settleClose() {
	switch c.State {
	case Ended, Open:
		c.CloseCode = c.closeCode()
		if c.CloseCode != 0 && c.blind[c.other()] {
			c.ClosedBy = ClosedByUnknown
		}
	case Aborted, Rejected:
		c.CloseCode, c.ClosedBy = frames.AbnormalClosure, c.endedBy()
		if c.blind[0] || c.blind[1] { // there may have been a Close frame
			c.CloseCode, c.ClosedBy = 0, ClosedByUnknown
		}
	}
}

// endedBy says who sent the first FIN or the RST.
func (c *Conn) endedBy() ClosedBy {
	switch {
	case c.TCP.End == reassembly.NotEnded:
		return ClosedByNone
	case c.TCP.EndedBy == reassembly.FromServer:
		return ClosedByServer
	}
	return ClosedByClient
}

// ending is the state of a WebSocket that was opened.
func (c *Conn) ending() State {
	client, server := &c.Sides[reassembly.FromClient], &c.Sides[reassembly.FromServer]
	c.Clean = client.Close != nil && server.Close != nil
	over := c.TCP.End != reassembly.NotEnded || c.replaced
	switch {
	case c.Clean, over && (client.Close != nil || server.Close != nil):
		return Ended
	case over && client.Frames == 0 && c.mustFail:
		return Rejected
	case over:
		return Aborted
	}
	return Open
}

// closeCode is that of the first Close frame, as an API tells it: 1005 where
// the frame had none (RFC 6455 §7.1.5); 0 where there was no Close frame.
func (c *Conn) closeCode() frames.CloseCode {
	first := c.Sides[reassembly.FromClient].Close
	if other := c.Sides[reassembly.FromServer].Close; first == nil || other != nil && c.ClosedBy == ClosedByServer {
		first = other
	}
	switch {
	case first == nil:
		return 0
	case !first.HasCode:
		return frames.NoStatusReceived
	}
	return first.Code
}

// Silent says whether TCP was opened, and no byte was sent or lost.
func (c *Conn) Silent() bool {
	_, answered := c.stream.SYN(reassembly.FromServer)
	return !c.spoken && c.outer == nil && c.timed && !c.joined && answered && c.State == Connecting
}

// connecting is the state of a TCP connection without a byte of payload: it
// was refused by a RST, or its SYN was not answered, or it was only opened.
func (c *Conn) connecting() State {
	_, asked := c.stream.SYN(reassembly.FromClient)
	_, answered := c.stream.SYN(reassembly.FromServer)
	switch {
	case !asked || answered:
		return Connecting
	case c.TCP.End == reassembly.RST && c.TCP.EndedBy == reassembly.FromServer:
		return Refused
	}
	return Unanswered
}

// add counts a connection that has ended.
func (t *Totals) add(c *Conn) {
	t.HTTPExchanges += c.exchanges
	if c.outer == nil {
		t.Open--
	}
	if c.tls != nil && !c.sealed() {
		t.Decrypted++
	}
	if c.outer != nil && !c.told || c.multi != nil && c.multi.carried {
		return
	}
	if c.told {
		t.States[c.State]++
		for d := range c.Sides {
			t.Sides[d].add(&c.Sides[d])
		}
		return
	}
	switch {
	case !c.spoken:
		t.SilentTCP++
	case c.sealed():
		t.TLS++
	case c.protocol == http2Protocol:
		t.HTTP2++
	case c.phase == opening && c.exchanges > 0:
		t.HTTP++
	default:
		t.OtherTCP++
	}
}

// count takes over what was not followed, and why.
func (t *Totals) count(s *reassembly.Stats) {
	add := func(reason string, n int64) {
		if n > 0 {
			t.Undecoded = append(t.Undecoded, Undecoded{reason, n})
		}
	}
	types := slices.Sorted(maps.Keys(s.LinkTypes))
	for _, l := range types {
		add("link type "+l.String(), s.LinkTypes[l])
	}
	add("not IP", s.NotIP)
	add("UDP", s.Protocols[17])
	add("other IP protocols", s.NotTCP-s.Protocols[17])
	add("IP fragments of datagrams that are not whole", s.Fragments)
	add("cut before the end of the TCP header", s.Cut)
	add("malformed", s.Malformed)
	add("encrypted below IP", s.Encrypted)
	add("too many layers", s.TooDeep)
	add("wrong checksum", s.BadChecksum)
}

func (s *Side) add(o *Side) {
	s.Frames += o.Frames
	s.Messages += o.Messages
	s.Text += o.Text
	s.Binary += o.Binary
	s.Ping += o.Ping
	s.Pong += o.Pong
	s.WireBytes += o.WireBytes
	s.PayloadBytes += o.PayloadBytes
	s.LostBytes += o.LostBytes
	s.UnfollowedBytes += o.UnfollowedBytes
}

func (t *Totals) see(p *capture.Packet) {
	t.Packets++
	t.Bytes += int64(p.Length)
	if p.Time == capture.NoTime {
		return
	}
	if t.First == capture.NoTime || p.Time < t.First {
		t.First = p.Time
	}
	t.Last = max(t.Last, p.Time)
}

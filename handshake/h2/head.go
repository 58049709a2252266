package h2

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/handshake"
)

// A Head is a request or an answer (RFC 9113 §8.3). Its Fields are all, in the
// order they were sent, the pseudo-header fields among them; Method, Target
// (:path) and Status are taken from these. Size is that of the header block.
type Head struct {
	handshake.Head
	Unknown int  // fields whose name or value was sent before the capture began, or while it lost bytes: empty here
	Broken  bool // the block could not be decoded to its end; the fields behind are missing
}

// Protocol is the protocol that an extended CONNECT asks for: "websocket"
// (RFC 8441 §4).
func (h *Head) Protocol() string { return h.Fields.Get(":protocol") }

// Scheme is that of the request: "https" where a wss URI was opened (RFC 8441 §5).
func (h *Head) Scheme() string { return h.Fields.Get(":scheme") }

// Authority is host and port of the request (RFC 9113 §8.3.1).
func (h *Head) Authority() string { return h.Fields.Get(":authority") }

// Extended tells whether the request is the one of RFC 8441 §4. One that names
// a WebSocket in another way, as in HTTP/1.1, is malformed (RFC 9113 §8.2.2).
func (h *Head) Extended() bool {
	return h.Method == "CONNECT" && strings.EqualFold(h.Protocol(), "websocket")
}

// fill sets what the pseudo-header fields say.
func (h *Head) fill() {
	h.Proto = "HTTP/2"
	h.Method, h.Target = h.Fields.Get(":method"), h.Fields.Get(":path")
	if status := h.Fields.Get(":status"); len(status) == 3 {
		h.Status, _ = strconv.Atoi(status)
	}
}

// kind says what a request asks for.
func (h *Head) kind() streamKind {
	f := h.Fields
	switch {
	case strings.EqualFold(h.Protocol(), "websocket"), strings.EqualFold(f.Get("upgrade"), "websocket"),
		f.Has("sec-websocket-version"), f.Has("sec-websocket-key"):
		return webSocket
	case h.Unknown == 0 && !h.Broken,
		h.Method != "" && h.Method != "CONNECT",
		f.Has(":protocol") && h.Protocol() != "":
		return ordinary
	}
	return unsettled
}

// trailers tells whether these are the fields behind a request's content
// (RFC 9113 §8.1), which have no pseudo-header fields among them.
func (h *Head) trailers() bool { return h.Method == "" && h.Unknown == 0 && !h.Broken }

// refutes tells whether an answer shows that its request was ordinary: where
// a WebSocket is opened there is no content to describe (RFC 9110 §9.3.6).
func (h *Head) refutes() bool {
	return h.Status >= 300 || h.Fields.Has("content-type") || h.Fields.Has("content-length")
}

// A block is a header block on its way: HEADERS or PUSH_PROMISE, and what
// continues it (RFC 9113 §4.3).
type block struct {
	open      bool
	stream    uint32
	endStream bool
	promise   bool
	buf       []byte // what came before
	table     table
}

// lose gives up a block, and what it and others may have put into the table.
func (b *block) lose() {
	b.open, b.buf = false, b.buf[:0]
	b.table.lose()
}

// breakBlock takes note that the rest of a block will not be had.
func (p *Parser) breakBlock(d dir) {
	b := &p.half[d].block
	if !b.open {
		return
	}
	stream, end, promise := b.stream, b.endStream, b.promise
	head := &Head{Broken: true}
	b.lose()
	p.facts.Broken[d]++
	if !promise {
		p.heard(d, stream, head, end)
	}
}

// readHeaders reads HEADERS (RFC 9113 §6.2) and PUSH_PROMISE (§6.6).
func (p *Parser) readHeaders(d dir, b []byte) {
	h := &p.half[d]
	f := h.frame
	bl := &h.block
	bl.open, bl.stream, bl.promise = true, f.stream, f.typ == typePush
	bl.endStream = f.typ == typeHeaders && f.has(flagEndStream)
	front, pad := 0, 0
	if f.has(flagPadded) && len(b) > 0 {
		front, pad = 1, int(b[0])
	}
	if bl.promise {
		front += 4
	} else if f.has(flagPriority) {
		front += 5
	}
	if h.missing || front+pad > len(b) {
		p.breakBlock(d)
		return
	}
	p.readBlock(d, b[front:len(b)-pad])
}

// readContinuation reads CONTINUATION (RFC 9113 §6.10).
func (p *Parser) readContinuation(d dir, b []byte) {
	switch h := &p.half[d]; {
	case !h.block.open:
		h.block.table.lose() // of a block whose beginning was lost
	case h.missing || len(h.block.buf)+len(b) > maxBlock:
		p.breakBlock(d)
	default:
		p.readBlock(d, b)
	}
}

// readBlock takes the next part of a block, and reads it once it is complete.
func (p *Parser) readBlock(d dir, b []byte) {
	h := &p.half[d]
	bl := &h.block
	end := h.frame.has(flagEndHeaders)
	if len(bl.buf) > 0 || !end {
		bl.buf = append(bl.buf, b...)
		b = bl.buf
	}
	if !end {
		return
	}
	head := &h.block.table.head
	wanted := !bl.promise && p.wanted(d, bl.stream)
	if !bl.table.decode(b, wanted) {
		p.facts.Broken[d]++
	}
	head.Size = len(b)
	bl.open, bl.buf = false, bl.buf[:0]
	if cap(bl.buf) > maxRest {
		bl.buf = nil
	}
	if wanted {
		head.fill()
		p.heard(d, bl.stream, head, bl.endStream)
	} else if s := p.streams.byID[bl.stream]; s != nil && bl.endStream && !bl.promise {
		p.end(d, s, EndStream, 0)
	}
}

// wanted tells whether what a block holds is of interest.
func (p *Parser) wanted(d dir, id uint32) bool {
	if id%2 == 0 {
		return false // RFC 9113 §5.1.1: opened by the server, which asks for no WebSocket
	}
	s := p.streams.byID[id]
	if d == client {
		return s == nil && id > p.streams.seen || s != nil && !s.asked
	}
	s = p.streams.find(p, d, id)
	return s != nil && s.kind != ordinary && !s.answered
}

// heard goes on behind a head. It is lent: what is kept of it is copied.
func (p *Parser) heard(d dir, id uint32, head *Head, end bool) {
	var s *stream
	if d == client {
		s = p.requested(id, head)
	} else {
		s = p.answered(id, head)
	}
	if s != nil && end {
		p.end(d, s, EndStream, 0)
	}
}

// requested goes on behind the head of a request, or trailers.
func (p *Parser) requested(id uint32, head *Head) *stream {
	t := &p.streams
	s := t.byID[id]
	if id%2 == 0 || s != nil && s.asked || s == nil && id <= t.seen {
		return s
	}
	kind := head.kind()
	if head.trailers() && !t.gapless {
		return t.find(p, client, id)
	}
	if s == nil && (kind != ordinary || !t.gapless) {
		s = t.track(p, id)
	}
	if t.gapless {
		t.seen = max(t.seen, id)
	}
	if s == nil {
		return nil
	}
	s.asked = true
	if kind == ordinary {
		p.dismiss(s)
		return s
	}
	s.kind = kind
	e := s.of(Opened, client)
	e.Head = head.clone()
	p.add(e)
	return s
}

// answered goes on behind the head of an answer, or trailers. Those before
// the final one (RFC 9110 §15.2) are passed over.
func (p *Parser) answered(id uint32, head *Head) *stream {
	s := p.streams.byID[id]
	if s == nil || s.kind == ordinary || s.answered || head.Status >= 100 && head.Status < 200 {
		return s
	}
	s.answered = true
	if s.kind == unsettled && head.refutes() {
		p.dismiss(s)
		return s
	}
	e := s.of(Answered, server)
	e.Head = head.clone()
	p.add(e)
	return s
}

func (h *Head) clone() *Head {
	c := *h
	c.Fields = append(handshake.Fields(nil), h.Fields...)
	return &c
}

// sizeUpdate gives the length of the Dynamic Table Size Update that b begins
// with, 0 if it begins with something else (RFC 7541 §6.3).
func sizeUpdate(b []byte) int {
	if len(b) == 0 || b[0]>>5 != 1 {
		return 0
	}
	if b[0]&31 != 31 {
		return 1
	}
	if _, n := binary.Uvarint(b[1:]); n > 0 { // RFC 7541 §5.1 counts on as a varint does
		return 1 + n
	}
	return 0
}

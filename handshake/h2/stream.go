package h2

import (
	"encoding/binary"
	"slices"
)

const defaultStreams = 256

// A streamKind says what is known of a stream.
type streamKind uint8

const (
	unsettled streamKind = iota // its request was not seen, or not to be understood
	ordinary
	webSocket
)

// A stream is one that is, or may be, a WebSocket; or, where not all requests
// were seen, one that is known to be none.
type stream struct {
	id       uint32
	kind     streamKind
	asked    bool // its request was seen
	answered bool // its final answer was seen
	told     bool // there was an event of it
	ended    [2]bool
	window   [2]int64 // what that side may send yet
	stalled  [2]bool
}

// streams are those of a connection. A client numbers its own upwards with
// odd numbers (RFC 9113 §5.1.1), so that those that were seen to be ordinary
// need no memory.
type streams struct {
	list    []*stream // in the order they became known
	byID    map[uint32]*stream
	seen    uint32 // each stream up to this one that is not in the list is ordinary
	gapless bool   // no byte of the client has been missed since
}

// find gives the stream that a frame belongs to, nil if it is of no interest.
func (t *streams) find(p *Parser, d dir, id uint32) *stream {
	if s := t.byID[id]; s != nil {
		return s
	}
	if id%2 == 0 || id <= t.seen || t.gapless && d == client {
		return nil
	}
	return t.track(p, id)
}

// track takes up a stream. Where there are too many, one that has ended makes
// room, then one that is ordinary, then the oldest that may be.
func (t *streams) track(p *Parser, id uint32) *stream {
	limit := p.MaxStreams
	if limit <= 0 {
		limit = defaultStreams
	}
	if len(t.list) >= limit && !t.evict(p) {
		p.facts.Untracked++
		return nil
	}
	if t.byID == nil {
		t.byID = map[uint32]*stream{}
	}
	s := &stream{id: id}
	for d := range s.window {
		s.window[d] = p.flow[d].initial()
	}
	t.byID[id] = s
	t.list = append(t.list, s)
	return s
}

// evict drops the stream that will be missed least.
func (t *streams) evict(p *Parser) bool {
	for _, free := range []func(*stream) bool{
		func(s *stream) bool { return s.ended[client] && s.ended[server] },
		func(s *stream) bool { return s.kind == ordinary },
		func(s *stream) bool { return s.kind == unsettled },
	} {
		i := slices.IndexFunc(t.list, free)
		if i < 0 {
			continue
		}
		s := t.list[i]
		if s.kind == unsettled && !(s.ended[client] && s.ended[server]) {
			p.facts.Untracked++
		}
		p.dismiss(s)
		delete(t.byID, s.id)
		t.list = slices.Delete(t.list, i, i+1)
		return true
	}
	return false
}

// dismiss takes note that a stream is no WebSocket.
func (p *Parser) dismiss(s *stream) {
	if s.kind != unsettled {
		return
	}
	if s.told && !(s.ended[client] && s.ended[server]) {
		p.add(s.of(Dismissed, server))
	}
	s.kind = ordinary
}

// end takes note that a stream has ended, in one direction or both.
func (p *Parser) end(d dir, s *stream, how How, code ErrorCode) {
	if s.ended[client] && s.ended[server] || how == EndStream && s.ended[d] {
		return
	}
	if how != EndStream {
		p.torn(d, s)
		p.torn(d.other(), s)
		s.ended[d.other()] = true
	}
	s.ended[d] = true
	if s.kind == ordinary || s.kind == unsettled && !s.told {
		return
	}
	e := s.of(Ended, d)
	e.How, e.Code = how, code
	p.add(e)
}

// An ending is the end of a stream that one side has told, and that waits for
// what the other one had sent before.
type ending struct {
	d    dir
	s    *stream
	how  How
	code ErrorCode
}

// tear takes note that one side has given up a stream.
func (p *Parser) tear(d dir, s *stream, how How, code ErrorCode) {
	if p.Behind[d.other()] && len(p.late) < defaultStreams {
		p.late = append(p.late, ending{d, s, how, code})
		return
	}
	p.end(d, s, how, code)
}

// readReset reads RST_STREAM (RFC 9113 §6.4).
func (p *Parser) readReset(d dir, b []byte) {
	s := p.streams.byID[p.half[d].frame.stream]
	if s == nil {
		return
	}
	code := unknownCode
	if len(b) >= 4 {
		code = ErrorCode(binary.BigEndian.Uint32(b))
	}
	p.tear(d, s, Reset, code)
}

// readGoAway reads GOAWAY (RFC 9113 §6.8).
func (p *Parser) readGoAway(d dir, b []byte) {
	if len(b) < 8 {
		return
	}
	last := binary.BigEndian.Uint32(b) &^ (1 << 31)
	code := ErrorCode(binary.BigEndian.Uint32(b[4:]))
	p.add(Event{Kind: Away, FromClient: d == client, Stream: last, Code: code, Data: b[8:]})
	if d == client {
		return // it speaks of streams that the server opened
	}
	for _, s := range p.streams.list {
		if s.id > last {
			p.tear(d, s, GoneAway, code)
		}
	}
}

// An ErrorCode says why a stream or a connection was given up (RFC 9113 §7).
type ErrorCode uint32

// HTTP11 is HTTP_1_1_REQUIRED: the client is to ask again in HTTP/1.1 (RFC 9113 §7).
const HTTP11 = ErrorCode(0xd)

// unknownCode stands for a code that the capture lost.
const unknownCode = ErrorCode(1<<32 - 1)

var errorNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
	"STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
	"CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String is the code's name, or "" for one that has none.
func (c ErrorCode) String() string {
	if int64(c) < int64(len(errorNames)) {
		return errorNames[c]
	}
	return ""
}

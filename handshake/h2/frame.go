package h2

import "encoding/binary"

const (
	headerLen = 9 // RFC 9113 §4.1
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	maxControl = 1 << 10 // bytes looked at of a frame that is neither DATA nor a header block
	maxBlock   = 1 << 16 // bytes of a header block
	maxRest    = 1 << 12 // bytes of memory that a direction keeps for the next frame
)

// Flags of frames (RFC 9113 §6).
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// A header is what stands before a frame's payload (RFC 9113 §4.1).
type header struct {
	length uint32
	typ    uint8
	flags  uint8
	stream uint32
	r      bool
}

// decodeHeader reads the first nine bytes of b.
func decodeHeader(b []byte) header {
	_ = b[headerLen-1]
	id := binary.BigEndian.Uint32(b[5:])
	return header{uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]), b[3], b[4], id &^ (1 << 31), id>>31 == 1}
}

func (h header) has(flag uint8) bool { return h.flags&flag != 0 }

// Types of frames (RFC 9113 §6).
const (
	typeData uint8 = iota
	typeHeaders
	typePriority
	typeReset
	typeSettings
	typePush
	typePing
	typeGoAway
	typeWindow
	typeContinuation
)

// A frameType says what a frame of a type looks like when it is rightly made
// (RFC 9113 §6), and who reads its payload: as much of it as stood before
// anything was missing.
type frameType struct {
	flags    uint8
	min, max uint32 // of the length
	unit     uint32 // the length is a multiple of it
	onZero   bool   // may be on stream 0, the connection
	onStream bool   // may be on another
	keep     int    // how much of the payload is looked at, in bytes
	read     func(p *Parser, d dir, b []byte)
}

const anyLength = 1<<24 - 1

var frameTypes = [...]frameType{
	typeData:         {flagEndStream | flagPadded, 0, anyLength, 1, false, true, 0, (*Parser).readData},
	typeHeaders:      {flagEndStream | flagEndHeaders | flagPadded | flagPriority, 1, anyLength, 1, false, true, maxBlock, (*Parser).readHeaders},
	typePriority:     {0, 5, 5, 1, false, true, 0, (*Parser).readNothing},
	typeReset:        {0, 4, 4, 1, false, true, maxControl, (*Parser).readReset},
	typeSettings:     {flagAck, 0, anyLength, 6, true, false, maxControl, (*Parser).readSettings},
	typePush:         {flagEndHeaders | flagPadded, 4, anyLength, 1, false, true, maxBlock, (*Parser).readHeaders},
	typePing:         {flagAck, 8, 8, 1, true, false, 0, (*Parser).readPing},
	typeGoAway:       {0, 8, anyLength, 1, true, false, maxControl, (*Parser).readGoAway},
	typeWindow:       {0, 4, 4, 1, true, true, maxControl, (*Parser).readWindow},
	typeContinuation: {flagEndHeaders, 0, anyLength, 1, false, true, maxBlock, (*Parser).readContinuation},
}

// ignored are the frames of a type that is not known (RFC 9113 §5.5).
var ignored = frameType{read: (*Parser).readNothing}

func (h header) rules() *frameType {
	if int(h.typ) < len(frameTypes) {
		return &frameTypes[h.typ]
	}
	return &ignored
}

// A state says what a half expects.
type state uint8

const (
	starting  state = iota // the first bytes
	inHeader               // a header, some bytes of which it may have
	inPayload              // more of a payload
	searching              // the beginning of a frame is not known
)

// A half is what is known of the bytes that one side sends.
type half struct {
	state    state
	cutLen   uint8
	cut      [len(preface)]byte // of a header or the preface, where the bytes so far ended
	frame    header
	left     uint32  // bytes of the payload that have not come
	data     uint32  // those of them that are neither padding nor its length
	unpadded bool    // data is known
	target   *stream // of DATA: nil if it is of no interest
	missing  bool    // some of the payload was lost, or was too much
	held     []byte  // the payload so far, where it did not come at once
	block    block
	settings Settings
	quest    quest
}

// step takes at least one byte off b, or leaves the state for another.
func (p *Parser) step(d dir, b []byte) int {
	switch h := &p.half[d]; h.state {
	case inHeader:
		return p.takeHeader(d, b)
	case inPayload:
		return p.takePayload(d, b)
	case searching:
		return p.search(d, b)
	default:
		return p.start(d, b)
	}
}

// start looks whether the first bytes are those of a connection
// (RFC 9113 §3.4). Where they are not, the capture has joined late.
func (p *Parser) start(d dir, b []byte) int {
	h := &p.half[d]
	want := len(preface)
	if d == server {
		want = headerLen
	}
	had := int(h.cutLen)
	n := copy(h.cut[had:want], b)
	first := h.cut[:had+n]
	if !begins(d, first) {
		h.cutLen = 0
		p.facts.Unread[d] += uint64(had)
		p.outOfStep(d, unknownGap)
		return 0
	}
	h.cutLen += uint8(n)
	if len(first) < want {
		return n
	}
	h.state, h.cutLen = inHeader, 0
	p.flow[d].begun = true
	if d == client {
		p.streams.gapless = true
		if p.Upgraded {
			p.streams.seen = max(p.streams.seen, 1)
		}
		return n
	}
	p.openFrame(d, decodeHeader(first))
	return n
}

// takeHeader takes a header off b, or off what earlier bytes left of one and b.
func (p *Parser) takeHeader(d dir, b []byte) int {
	h := &p.half[d]
	if h.cutLen == 0 && len(b) >= headerLen {
		p.openFrame(d, decodeHeader(b))
		return headerLen
	}
	n := copy(h.cut[h.cutLen:headerLen], b)
	if h.cutLen += uint8(n); h.cutLen == headerLen {
		h.cutLen = 0
		p.openFrame(d, decodeHeader(h.cut[:]))
	}
	return n
}

// openFrame goes on behind a header.
func (p *Parser) openFrame(d dir, f header) {
	h := &p.half[d]
	h.frame, h.left, h.missing, h.state = f, f.length, false, inPayload
	if f.typ == typeData {
		p.openData(d, f)
	}
	if h.left == 0 {
		p.closeFrame(d, nil)
	}
}

// closeFrame goes on behind a payload.
func (p *Parser) closeFrame(d dir, payload []byte) {
	h := &p.half[d]
	h.state = inHeader
	if h.block.open && (h.frame.typ != typeContinuation || h.frame.stream != h.block.stream) {
		p.breakBlock(d) // RFC 9113 §6.10: nothing may stand in between
	}
	h.frame.rules().read(p, d, payload)
	if h.held = h.held[:0]; cap(h.held) > maxRest {
		h.held = nil
	}
}

// takePayload takes as much of a payload as there is.
func (p *Parser) takePayload(d dir, b []byte) int {
	h := &p.half[d]
	if h.frame.typ == typeData {
		return p.takeData(d, b)
	}
	n := min(len(b), int(h.left))
	b = b[:n]
	h.left -= uint32(n)
	keep := h.frame.rules().keep
	if h.left == 0 && len(h.held) == 0 && !h.missing {
		if len(b) > keep {
			h.missing, b = true, b[:keep]
		}
		p.closeFrame(d, b)
		return n
	}
	if !h.missing {
		room := keep - len(h.held)
		h.missing = len(b) > room
		h.held = append(h.held, b[:min(len(b), room)]...)
	}
	if h.left == 0 {
		p.closeFrame(d, h.held)
	}
	return n
}

// lose takes note of n bytes that were lost.
func (p *Parser) lose(d dir, n uint64) {
	h := &p.half[d]
	if h.state != inPayload {
		if h.state != searching {
			p.outOfStep(d, n)
			return
		}
		p.unread(d, uint64(len(h.quest.bytes)))
		h.quest = quest{gap: h.quest.gap + n}
		return
	}
	beyond := n > uint64(h.left)
	part := uint32(min(n, uint64(h.left)))
	h.missing = true
	if h.frame.typ == typeData {
		p.loseData(d, part)
	}
	if h.left -= part; h.left == 0 {
		p.closeFrame(d, h.held)
	}
	if beyond {
		p.outOfStep(d, n-uint64(part))
	}
}

// unknownGap is as long as any.
const unknownGap = 1 << 62

// outOfStep gives up knowing where frames begin, and what the n bytes held that
// were lost: header blocks, grants of flow control, DATA of any stream.
func (p *Parser) outOfStep(d dir, n uint64) {
	h := &p.half[d]
	p.facts.Unread[d] += uint64(h.cutLen)
	h.state, h.cutLen, h.quest = searching, 0, quest{gap: n + uint64(h.cutLen)}
	h.block.lose()
	p.flow[client].known, p.flow[server].known = false, false
	p.flow[client].begun, p.flow[server].begun = false, false
	if d == client {
		p.streams.gapless = false
	}
}

// torn tells of a stream some bytes of which may be among those that were not
// read. None are if there is no room for them behind a frame's header, and
// behind the answer that comes before all DATA of a server.
func (p *Parser) torn(d dir, s *stream) {
	if p.half[d].state != searching || s.kind == ordinary || s.ended[d] {
		return
	}
	gap, room := p.half[d].quest.gap, uint64(headerLen)
	if d == server && !s.answered {
		room += headerLen + 1
	}
	switch {
	case gap >= unknownGap:
		p.add(s.of(Torn, d))
	case gap > room:
		e := s.of(Torn, d)
		e.Lost = gap - room
		p.add(e)
	}
}

func (p *Parser) readNothing(dir, []byte) {}

func (p *Parser) readPing(d dir, _ []byte) {
	if !p.half[d].frame.has(flagAck) {
		p.facts.Pings[d]++
	}
}

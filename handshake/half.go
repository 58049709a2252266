package handshake

import "bytes"

// A side is the sender of a direction.
type side uint8

const (
	fromClient side = iota
	fromServer
)

// A place is where in HTTP a direction stands.
type place uint8

const (
	outside    place = iota // at the beginning of a connection or a tunnel: HTTP or a message before it
	inPrelude               // in a message before HTTP
	inRest                  // of one, left bytes to go
	between                 // before a start line
	inStart                 // in a start line
	inFields                // behind it
	inBody                  // left bytes to go
	inSize                  // of a chunk
	inExt                   // behind the size, to the end of its line
	inChunk                 // left bytes to go
	behindData              // the line end behind them
	inTrailer               // lines up to an empty one
	untilClose              // a body that only the end of the connection ends
	over                    // not HTTP any more
)

// A fallback is what becomes of bytes that should be a start line and are not.
type fallback uint8

const (
	toForeign fallback = iota // the direction is not HTTP
	toSeek                    // look again at the next call: where the reader joined, or lost bytes
	toBody                    // they belong to the body that was taken for finished
)

// maxMethod bounds the bytes that may pass for a method; the longest
// registered one has 17.
const maxMethod = 20

// keptBody bounds what is kept of the body of a refusal.
const keptBody = 1024

// A half is one direction of a connection.
type half struct {
	place     place
	otherwise fallback
	part      part   // which message, in a prelude
	buf       []byte // what earlier calls took of this head, up to the limit
	size      int    // bytes earlier calls took of it
	column    int    // bytes earlier calls took of the current line
	cr        bool   // and all of them is one CR
	target    bool   // the method of a request line is over
	status    int    // of the status line
	left      int64  // bytes of the body or the chunk to go
	digits    bool   // the chunk size has begun
	keep      bool   // the body is kept
	body      []byte
}

// seek gives up the current message and looks for another.
func (h *half) seek() {
	h.reset()
	h.place, h.otherwise, h.keep = between, toSeek, false
}

// reset makes ready for a head. A large buffer is not kept for it.
func (h *half) reset() {
	const usual = 8 << 10
	if cap(h.buf) > usual {
		h.buf = nil
	}
	h.buf, h.size, h.column, h.cr, h.target = h.buf[:0], 0, 0, false, false
}

// end leaves HTTP behind. What was taken of a start line that is none stays in buf.
func (h *half) end() {
	h.place, h.keep = over, false
}

// next is where a message is over.
func (h *half) next() {
	h.place, h.keep = between, false
}

// hold keeps b as part of the head.
func (h *half) hold(b []byte, limit int) {
	h.size += len(b)
	if room := limit - len(h.buf); room > 0 {
		h.buf = append(h.buf, b[:min(room, len(b))]...)
	}
}

// whole is the head whose last bytes are b, as far as it is kept, and its size.
func (h *half) whole(b []byte, limit int) (head []byte, size int) {
	if h.size == 0 {
		return b[:min(limit, len(b))], len(b)
	}
	h.hold(b, limit)
	return h.buf, h.size
}

// start takes bytes of a start line. It returns how many, whether they end
// it, and whether they can be one at all: known at the first byte that cannot.
func (h *half) start(s side, b []byte, limit int) (n int, done, ok bool) {
	part := b[:min(len(b), limit-h.size)]
	end := bytes.IndexByte(part, '\n')
	if end >= 0 {
		part = part[:end]
	}
	if s == fromClient && !h.requestBytes(part) || s == fromServer && !statusBytes(h.size, part) {
		return 0, false, false
	}
	switch {
	case end >= 0:
		return end + 1, true, h.complete(s, b[:end+1], limit)
	case len(part) < len(b):
		return 0, false, false
	}
	return len(b), false, true
}

// complete tells whether the line that b ends is a start line.
func (h *half) complete(s side, b []byte, limit int) bool {
	before, size := h.buf, h.size
	line, _ := h.whole(b, limit)
	h.buf, h.size = h.buf[:len(before)], size
	if s == fromClient {
		_, _, _, ok := splitRequestLine(line)
		return ok
	}
	var ok bool
	_, h.status, _, ok = splitStatusLine(line)
	return ok
}

// requestBytes tells whether b can be the next bytes of a request line.
func (h *half) requestBytes(b []byte) bool {
	for i, c := range b {
		switch at := h.size + i; {
		case c == ' ' && at > 0 || h.target:
			h.target = true
			return allText(b[i:])
		case at >= maxMethod || !isToken(c):
			return false
		case h.otherwise == toSeek && !('A' <= c && c <= 'Z' || c == '-'): // stricter, for this may be the middle of any text
			return false
		}
	}
	return true
}

// allText tells whether each byte may stand in a request line behind its method.
func allText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// statusBytes tells whether b can be the bytes of a status line from that offset on.
func statusBytes(at int, b []byte) bool {
	const n = len(protoName)
	if at < n {
		name := protoName[at:min(n, at+len(b))]
		if string(b[:len(name)]) != name {
			return false
		}
	}
	return at > n || at+len(b) <= n || isDigit(b[n-at])
}

// emptyLine takes the bytes of lines up to and with an empty one.
func (h *half) emptyLine(b []byte) (n int, done bool) {
	for n < len(b) {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			h.cr = len(b)-n == 1 && b[n] == '\r' // matters in column 0 alone
			h.column += len(b) - n
			return len(b), false
		}
		empty := h.column+i == 0 ||
			h.column+i == 1 && (h.cr || i == 1 && b[n] == '\r')
		n += i + 1
		h.column, h.cr = 0, false
		if empty {
			return n, true
		}
	}
	return n, false
}

// take takes bytes of a body. ok is false at the first byte that does not fit
// the chunked coding (RFC 9112 §7.1).
func (h *half) take(b []byte) (n int, ok bool) {
	switch h.place {
	case inBody, inChunk, inRest:
		n = int(min(h.left, int64(len(b))))
		h.store(b[:n])
		h.advance(int64(n))
		return n, true
	case inSize:
		return h.takeSize(b)
	case inExt:
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return len(b), true
		}
		h.place = inChunk
		if h.left == 0 {
			h.place, h.column, h.cr = inTrailer, 0, false
		}
		return i + 1, true
	case behindData:
		return h.takeLineEnd(b)
	case inTrailer:
		n, done := h.emptyLine(b)
		if done {
			h.next()
		}
		return n, true
	}
	h.store(b) // untilClose
	return len(b), true
}

// advance passes over n of the bytes left.
func (h *half) advance(n int64) {
	switch h.left -= n; {
	case h.left > 0:
	case h.place == inBody:
		h.next()
	case h.place == inRest:
		h.place = outside
	default:
		h.place, h.cr = behindData, false
	}
}

// takeSize takes one byte of a chunk size, or finds its end.
func (h *half) takeSize(b []byte) (n int, ok bool) {
	const most = 1 << 56 // one digit more still fits
	d := hexDigit(b[0])
	switch {
	case d < 0 && h.digits:
		h.place = inExt
		return 0, true
	case d < 0 || h.left >= most:
		return 0, false
	}
	h.left, h.digits = h.left<<4|int64(d), true
	return 1, true
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// takeLineEnd takes one byte of the line end behind a chunk.
func (h *half) takeLineEnd(b []byte) (n int, ok bool) {
	switch {
	case b[0] == '\n':
		h.chunks()
	case b[0] == '\r' && !h.cr:
		h.cr = true
	default:
		return 0, false
	}
	return 1, true
}

// chunks begins a chunk.
func (h *half) chunks() { h.place, h.left, h.digits = inSize, 0, false }

// bytes begins a body of n bytes.
func (h *half) bytes(n int64) {
	h.place, h.left = inBody, n
	if n == 0 {
		h.next()
	}
}

func (h *half) store(b []byte) {
	if !h.keep {
		return
	}
	h.body = append(h.body, b[:min(len(b), keptBody-len(h.body))]...)
	h.keep = len(h.body) < keptBody
}

// skip passes over n lost bytes, and tells whether the place was lost with them.
func (h *half) skip(n int64) (lost bool) {
	if n <= 0 || h.place == over || h.place == untilClose {
		h.keep = h.keep && n <= 0
		return false
	}
	if (h.place == inBody || h.place == inChunk || h.place == inRest) && n <= h.left {
		h.keep = false
		h.advance(n)
		return false
	}
	h.seek()
	return true
}

package handshake

import "bytes"

// A part is a message that may stand before HTTP, or what follows one.
type part uint8

const (
	tunnel     part = iota // none: what follows is a connection of its own
	alien                  // none: what follows cannot be read
	headerRest             // the end of a PROXY header that is not kept
	headerV1
	headerV2
	request4
	greeting5 // SOCKS 5 of the client
	request5  // or the user name and password before it
	reply4    // SOCKS of the server
	method5
	login5
	reply5
	bound5
)

// maxPrelude bounds the bytes kept of one message.
const maxPrelude = 4 << 10

// wrong is the size of bytes that are not the message.
const wrong = -1

// parts are the messages. size is that of the message that b begins with:
// more than len(b) where b does not tell yet, or does not hold all of it. take
// notes a whole one and tells what follows in this direction.
var parts = [...]struct {
	size func(r *Reader, b []byte) int
	take func(r *Reader, b []byte) part
}{
	headerV1:  {sizeV1, takeV1},
	headerV2:  {sizeV2, takeV2},
	request4:  {sizeRequest4, takeRequest4},
	greeting5: {sizeGreeting5, takeGreeting5},
	request5:  {sizeRequest5, takeRequest5},
	reply4:    {sizeReply4, takeReply4},
	method5:   {sizeMethod5, takeMethod5},
	login5:    {sizeLogin5, takeLogin5},
	reply5:    {sizeReply5, takeReply5},
	bound5:    {sizeBound5, takeBound5},
}

// opens is the message that may begin with byte c at the beginning of a
// connection or of a tunnel.
func (r *Reader) opens(s side, c byte) part {
	if s == fromServer {
		v := r.asksSOCKS()
		switch {
		case v == nil:
			return tunnel
		case v.Kind == SOCKS4:
			return reply4
		}
		return method5
	}
	if len(r.via) == maxVia {
		return tunnel
	}
	switch c {
	case 4:
		return request4
	case 5:
		return greeting5
	case signatureV1[0]:
		return headerV1
	case signatureV2[0]:
		return headerV2
	}
	return tunnel
}

// prelude takes bytes of a message before HTTP. It keeps them where they are
// only a part of it.
func (r *Reader) prelude(s side, h *half, b []byte) (n int, step Step) {
	m, before := &parts[h.part], len(h.buf)
	for {
		if len(h.buf) == 0 {
			switch size := m.size(r, b); {
			case size == wrong:
				return r.noPrelude(s, h)
			case size <= len(b):
				return size, h.behind(m.take(r, b[:size]))
			}
			h.buf = append(h.buf, b...)
			return len(b), More
		}
		size := m.size(r, h.buf)
		if size == wrong {
			h.buf = h.buf[:before]
			return r.noPrelude(s, h)
		}
		if size <= len(h.buf) {
			return n, h.behind(m.take(r, h.buf))
		}
		k := min(size-len(h.buf), len(b)-n)
		if k == 0 {
			return n, More
		}
		h.buf = append(h.buf, b[n:n+k]...)
		n += k
	}
}

// behind goes on behind a message.
func (h *half) behind(p part) Step {
	h.reset()
	switch p {
	case alien:
		h.end()
		return Foreign
	case tunnel:
		h.place = outside
	case headerRest:
		h.place = inRest
	default:
		h.part = p
	}
	return More
}

// noPrelude reads as HTTP what earlier calls took for a message that it is not.
func (r *Reader) noPrelude(s side, h *half) (n int, step Step) {
	held := bytes.Clone(h.buf)
	h.reset()
	h.place = between
	n, step = r.read(s, h, held)
	if step == Foreign {
		h.buf = append(h.buf, held[n:]...)
	}
	return 0, step
}

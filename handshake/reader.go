package handshake

// defaultMaxHead is the limit of a head where Reader.MaxHead is zero. Common
// servers stop at 8 to 32 KiB.
const defaultMaxHead = 64 << 10

// A Reader reads the two directions of an HTTP/1.1 connection up to the
// answer that makes it a WebSocket connection. The zero value is ready.
//
// What a proxy wants to be told before HTTP, or before what is inside its
// tunnel, is stepped over and noted in Via: PROXY headers, SOCKS, CONNECT.
//
// It keeps at most one head for each direction while that is incomplete, and
// nothing but Via of exchanges that do not ask for a WebSocket.
type Reader struct {
	MaxHead   int             // bytes kept of a head; 0 means 64 KiB. A start line must fit; fields behind it count for nothing
	MidStream bool            // the capture joined in the middle: skip up to a call that begins with a start line
	Exchanges int64           // requests seen that do not ask for a WebSocket
	Odd       [Oddities]int64 // of those exchanges, by Oddity

	client, server half
	began          bool
	facts          facts
	via            []Via
	tunnel         bool // the client asked last for what via ends with
	awaited        []run
	room           [2]run   // of awaited, at first
	pending        *attempt // asked, and not answered
	waiting        bool     // the client's bytes wait for its answer
	lost           bool     // the capture lost bytes where its answer may have been
	last           *attempt
	spare          *attempt // memory for the next
	h2c            bool     // a 101 went over to HTTP/2
	begins         bool     // the body of the server is, or was last, that of an answer which begins a session
}

// Reuse makes the Reader as new. The memory of its Handshake is used again:
// nobody may look at that any more, though its strings stay good.
func (r *Reader) Reuse() {
	last := r.last
	*r = Reader{}
	if last != nil {
		last.clear()
		r.spare = last
	}
}

// Client takes the next bytes of what the client sent, in any pieces. It
// returns how many it took, at most up to the first step, and the step
// there. From Asked until Server says Answered it takes none: more bytes are
// then to be offered again. A (0, Foreign) stands for all later bytes.
func (r *Reader) Client(b []byte) (n int, s Step) {
	r.begin()
	if r.waiting {
		if r.server.place == over {
			return 0, Foreign
		}
		return 0, More
	}
	return r.read(fromClient, &r.client, b)
}

// Server takes the next bytes of what the server sent, in any pieces. It
// returns how many it took, at most up to the first step, and the step
// there. Behind an answer that established a WebSocket it takes none and
// says (0, Foreign).
func (r *Reader) Server(b []byte) (n int, s Step) {
	r.begin()
	return r.read(fromServer, &r.server, b)
}

func (r *Reader) begin() {
	if !r.began && r.MidStream {
		r.client.seek()
		r.server.seek()
	}
	r.began = true
}

// Handshake is the attempt that was answered last, nil before. It is the
// caller's own: the Reader does not touch it any more.
func (r *Reader) Handshake() *Handshake { return r.last.whole() }

// Pending is the last attempt if it was not answered, or not so that the
// capture shows it; else nil. It is good until Server says Answered.
func (r *Reader) Pending() *Handshake { return r.pending.whole() }

// AnswerLost tells that the capture lost bytes where the answer to Pending
// may have been: what follows may be frames or more of HTTP. The client's
// bytes do not wait any more.
func (r *Reader) AnswerLost() bool { return r.lost }

// Seeking tells which directions are skipped until a call begins with a start
// line, because the capture lost bytes or joined in the middle.
func (r *Reader) Seeking() (client, server bool) {
	return r.client.otherwise == toSeek, r.server.otherwise == toSeek
}

// ClientRest is what earlier calls of Client took of a line, before its next
// byte showed that the direction is Foreign: it stands before the first byte
// that was not taken. It is lent.
func (r *Reader) ClientRest() []byte { return r.client.rest() }

// ServerRest is ClientRest of the other direction.
func (r *Reader) ServerRest() []byte { return r.server.rest() }

// AnswerBegun is how many bytes of the head of an answer to Pending there are,
// where it is not complete.
func (r *Reader) AnswerBegun() int {
	if h := &r.server; r.pending != nil && (h.place == inStart || h.place == inFields) {
		return h.size
	}
	return 0
}

// UpgradedH2C tells that a 101 went over to HTTP/2 (RFC 7540 §3.2): what both
// sides send behind its head and that of its request is that.
func (r *Reader) UpgradedH2C() bool { return r.h2c }

// RefusalBody is the body of the answer that refused the last attempt, without
// its chunked coding: at most its first 1,024 bytes, and none behind a loss.
// more tells that it still grows as Server takes bytes. It is lent.
func (r *Reader) RefusalBody() (body []byte, more bool) {
	return r.server.body, r.server.keep
}

// SkipClient passes over n bytes that the client sent and the capture lost.
// Where they were not all of a body, the direction looks for a start line at
// the beginning of the calls that follow.
func (r *Reader) SkipClient(n int64) {
	r.begin()
	r.client.skip(n)
}

// SkipServer is SkipClient of the other direction. If the answer of an
// attempt may have been among the bytes, AnswerLost tells.
func (r *Reader) SkipServer(n int64) {
	r.begin()
	if !r.server.skip(n) {
		return
	}
	ahead := r.ahead()
	r.awaited = r.awaited[:0]
	if !r.asked() {
		return
	}
	// Until the client asks for something else, the next answer found is
	// taken for the awaited one; but a refusal may be the answer to one of
	// the requests before it, as long as nobody knows how many were lost.
	if ahead > 0 {
		r.awaited = append(r.awaited, run{unseen, ahead})
	}
	r.await(upgrade)
	r.lost = true
	if r.waiting {
		r.waiting = false
		r.client.seek()
	}
}

func (r *Reader) limit() int {
	if r.MaxHead > 0 {
		return r.MaxHead
	}
	return defaultMaxHead
}

// read takes bytes of one direction up to a step.
func (r *Reader) read(s side, h *half, b []byte) (n int, step Step) {
	for n < len(b) {
		if h.otherwise == toSeek && h.place == between && n > 0 {
			return len(b), More
		}
		switch h.place {
		case over:
			return n, Foreign
		case outside:
			h.reset()
			h.place = between
			if p := r.opens(s, b[n]); p != tunnel {
				h.place, h.part = inPrelude, p
			}
		case inPrelude:
			var k int
			k, step = r.prelude(s, h, b[n:])
			if n += k; step != More {
				return n, step
			}
		case between:
			if c := b[n]; h.otherwise != toSeek && (c == '\r' || c == '\n') { // RFC 9112 §2.2
				h.store(b[n : n+1])
				n++
				continue
			}
			h.reset()
			h.place = inStart
			fallthrough
		case inStart, inFields:
			var k int
			k, step = r.head(s, h, b[n:])
			if n += k; step != More {
				return n, step
			}
		default:
			k, ok := h.take(b[n:])
			if n += k; !ok {
				r.unchunked(s, h)
			}
		}
	}
	if h.place == over {
		return n, Foreign
	}
	return n, More
}

// unchunked goes on behind a chunk that is none.
func (r *Reader) unchunked(s side, h *half) {
	if s == fromServer {
		h.place = untilClose
		return
	}
	h.reset()
	h.end()
}

// head takes bytes of a head.
func (r *Reader) head(s side, h *half, b []byte) (n int, step Step) {
	if h.place == inStart {
		k, done, ok := h.start(s, b, r.limit())
		if !ok {
			return r.notHead(h, b)
		}
		if !done {
			h.hold(b, r.limit())
			return k, More
		}
		n = k
		h.place, h.otherwise, h.keep = inFields, toForeign, false
	}
	k, done := h.emptyLine(b[n:])
	n += k
	if !done {
		h.hold(b, r.limit())
		return n, More
	}
	head, size := h.whole(b[:n], r.limit())
	r.facts.read(head)
	if s == fromClient {
		return n, r.request(head, size)
	}
	return n, r.response(head, size)
}

// notHead goes on where b, behind what the half holds, is no start line.
func (r *Reader) notHead(h *half, b []byte) (n int, step Step) {
	switch h.otherwise {
	case toForeign:
		h.end()
		return 0, Foreign
	case toBody:
		h.store(h.buf)
		h.reset()
		h.place, h.otherwise = untilClose, toForeign
		return 0, More
	}
	again := h.size > 0 // this call may itself begin with a start line
	h.seek()
	if again {
		return 0, More
	}
	return len(b), More
}

// rest is what a direction that is Foreign holds of a line that was none.
func (h *half) rest() []byte {
	if h.place != over {
		return nil
	}
	return h.buf
}

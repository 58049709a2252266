package handshake

import "bytes"

// A kind is what the answer to a request depends on.
type kind uint8

const (
	unseen   kind = iota // no request was captured
	ordinary             // any request without more to say
	bodiless             // HEAD, RFC 9110 §9.3.2: the answer has no body
	connect              // RFC 9110 §9.3.6: an answer of 2xx has none, and what follows is read as a connection inside
	upgrade              // Reader.pending
	polling              // of Engine.IO, for a session that it will go on with
)

// A run is a number of requests of the same kind that wait for their answers.
type run struct {
	kind kind
	n    int
}

// maxRuns bounds the requests remembered where a capture holds no answers.
const maxRuns = 64

// await remembers a request.
func (r *Reader) await(k kind) {
	last := len(r.awaited) - 1
	if last+1 >= maxRuns && k != upgrade {
		k = r.awaited[last].kind
	}
	if last >= 0 && r.awaited[last].kind == k {
		r.awaited[last].n++
		return
	}
	if r.awaited == nil {
		r.awaited = r.room[:0]
	}
	r.awaited = append(r.awaited, run{k, 1})
}

// front is the kind of the request that is to be answered next.
func (r *Reader) front() kind {
	if len(r.awaited) == 0 {
		return unseen
	}
	return r.awaited[0].kind
}

// ahead is how many requests before an upgrade are to be answered.
func (r *Reader) ahead() (n int) {
	for _, a := range r.awaited {
		if a.kind == upgrade {
			break
		}
		n += a.n
	}
	return n
}

// asked tells whether the answer to Reader.pending is still to come.
func (r *Reader) asked() bool { return r.pending != nil && (r.waiting || r.lost) }

// pop forgets the request that was answered.
func (r *Reader) pop() {
	if len(r.awaited) == 0 {
		return
	}
	if r.awaited[0].n--; r.awaited[0].n == 0 {
		r.awaited = r.awaited[:copy(r.awaited, r.awaited[1:])]
	}
}

// kindOf is the kind of an ordinary request.
func kindOf(request []byte) kind {
	method, _, _ := bytes.Cut(request, []byte(" "))
	switch string(method) {
	case "HEAD":
		return bodiless
	case "CONNECT":
		return connect
	}
	return ordinary
}

// request goes on behind the head of a request.
func (r *Reader) request(b []byte, size int) Step {
	if r.lost { // the client knows the answer that the capture lost, and goes on
		r.lost = false
		r.awaited = r.awaited[:0]
	}
	h, f := &r.client, &r.facts
	switch {
	case f.chunked:
		h.chunks()
	case f.length >= 0 && !f.coded:
		h.bytes(f.length)
	case f.twoKeys:
		h.bytes(8) // hixie-76's third key
	default:
		h.next()
	}
	if r.server.place == untilClose {
		// The client takes the answer before for complete; its server may
		// just have left out the length of an empty body.
		r.server.place, r.server.otherwise = between, toBody
	}
	if !f.asks() {
		r.Exchanges++
		r.ordinary(b)
		return More
	}
	r.pending = r.attempt()
	r.pending.read(fromClient, b, size, f)
	r.tunnel = false
	r.waiting = true
	r.await(upgrade)
	return Asked
}

// ordinary remembers a request that does not ask for a WebSocket.
func (r *Reader) ordinary(b []byte) {
	r.noteOdd(b)
	k := kindOf(b)
	if k == ordinary && asksForSession(b) {
		k = polling
	}
	r.await(k)
	r.tunnel = false
	if k != connect {
		return
	}
	r.connects(b)
	if r.client.place == between {
		r.client.place = outside
	}
}

// response goes on behind the head of a response.
func (r *Reader) response(b []byte, size int) Step {
	status := r.server.status
	switch {
	case status == 101:
		return r.switched(b, size)
	case status < 200: // RFC 9110 §15.2: the final answer is still to come
		r.server.next()
		return More
	}
	k := r.front()
	r.pop()
	if k == connect {
		r.connected(status, b)
	}
	if f := &r.facts; status == 426 && k != unseen && k != upgrade && (!f.upgrades || f.websocket) {
		r.Odd[UpgradeRequired]++
	}
	h := &r.server
	r.respond(k, status)
	if k == polling && status == 200 {
		h.body, h.keep, r.begins = h.body[:0], h.place != between, true
	}
	if k != upgrade || !r.asked() {
		return More
	}
	h.body, h.keep, r.begins = h.body[:0], h.place != between, false
	r.answer(b, size)
	return Answered
}

// respond says what follows the head of a final response (RFC 9112 §6.3).
func (r *Reader) respond(k kind, status int) {
	h, f := &r.server, &r.facts
	if k == upgrade && r.asked() {
		k = kindOf([]byte(r.pending.Request.Method + " "))
	}
	switch {
	case k == connect && status < 300:
		h.next()
		h.place = outside
	case k == bodiless, status == 204, status == 304:
		h.next()
	case f.chunked:
		h.chunks()
	case f.length >= 0 && !f.coded:
		h.bytes(f.length)
	default:
		h.place = untilClose
	}
}

// switched goes on behind a 101. What it opens is a WebSocket if it says so,
// or if a WebSocket was asked for and it does not name something else.
func (r *Reader) switched(b []byte, size int) Step {
	f, asked := &r.facts, r.front() == upgrade && r.asked()
	opens := f.websocket || f.accept || asked && !f.upgrades
	r.client.reset()
	r.client.end()
	r.server.end()
	r.awaited = nil
	if !opens && !asked {
		r.server.reset()
		r.h2c = f.h2c
		return Foreign
	}
	r.answer(b, size).Established = opens
	r.server.reset()
	r.client.buf, r.server.buf = nil, nil
	return Answered
}

// answer keeps the head that answers an attempt. That is the one asked last,
// even ahead of its turn, unless it was asked in bytes that the capture lost.
func (r *Reader) answer(b []byte, size int) *Handshake {
	if r.last = r.pending; !r.asked() {
		r.last = r.attempt()
	}
	r.last.read(fromServer, b, size, &r.facts)
	r.last.proof = r.last.prove()
	r.pending, r.waiting, r.lost = nil, false, false
	return &r.last.Handshake
}

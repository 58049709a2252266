package handshake

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// spoken is a conversation and what a Reader must make of it.
type spoken struct {
	lines          []string
	want           []string
	exchanges      int64
	client, server int // bytes before the frames
}

// random speaks some exchanges and refused attempts, pipelined or not, and
// ends with an attempt that is granted and a frame each way.
func random(seed uint64) spoken {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var s spoken
	var requests, answers string
	say := func() {
		s.lines = append(s.lines, ">"+requests, "<"+answers)
		s.client += len(requests)
		s.server += len(answers)
		requests, answers = "", ""
	}
	for range rnd.IntN(6) {
		if rnd.IntN(4) == 0 {
			requests += ask
			answers += "HTTP/1.1 403 Forbidden\r\n" + body(rnd, "\r\n")
			s.want = append(s.want, "asked /chat", "refused 403")
			say()
			continue
		}
		s.exchanges++
		switch rnd.IntN(4) {
		case 0:
			requests += "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
			answers += "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"
		case 1:
			requests += "POST / HTTP/1.1\r\nExpect: 100-continue\r\n" + body(rnd, "\r\n")
			answers += "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
		default:
			requests += "PUT /a HTTP/1.1\r\n" + body(rnd, "\n")
			answers += "HTTP/1.1 200 OK\r\n" + body(rnd, "\n")
		}
		if rnd.IntN(2) == 0 {
			say()
		}
	}
	requests += ask
	answers += agree
	s.want = append(s.want, "asked /chat", "established 101")
	say()
	s.lines = append(s.lines, ">"+frame, "<"+frame)
	return s
}

// body is the end of a head and a body behind it that looks like more heads.
func body(rnd *rand.Rand, eol string) string {
	text := strings.Repeat(ask+agree, rnd.IntN(3))
	if rnd.IntN(2) == 0 {
		return fmt.Sprintf("Content-Length: %d%s%s%s", len(text), eol, eol, text)
	}
	b := "Transfer-Encoding: chunked" + eol + eol
	for len(text) > 0 {
		n := 1 + rnd.IntN(len(text))
		b += fmt.Sprintf("%x;ext%s%s%s", n, eol, text[:n], eol)
		text = text[n:]
	}
	return b + "0" + eol + "Trailer: x" + eol + eol
}

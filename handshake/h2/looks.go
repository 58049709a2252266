package h2

import (
	"bytes"
	"strings"
)

// A Look says what the first bytes of a direction look like.
type Look uint8

// The looks.
const (
	Other    Look = iota // no HTTP/2
	Partly               // what is there of them could be a preface, or SETTINGS: more is needed
	Preface              // a client that knows that the server has HTTP/2 (RFC 9113 §3.3, §3.4)
	Settled              // a server's SETTINGS
	Upgraded             // an HTTP/1.1 server's 101 to a request for h2c (RFC 7540 §3.2), the head complete
)

// Looks tells what the first bytes of a direction look like, and how many
// there are of them before the first byte that is for a Parser.
func Looks(fromClient bool, b []byte) (look Look, before int) {
	d := from(fromClient)
	want := len(preface)
	if d == server {
		want = headerLen
		if n := upgrade(b); n > 0 {
			return Upgraded, n
		}
	}
	switch n := min(len(b), want); {
	case n == 0 || !begins(d, b[:n]):
		return Other, 0
	case n < want:
		return Partly, 0
	case d == client:
		return Preface, 0
	}
	return Settled, 0
}

// begins tells whether b could be the beginning of a direction.
func begins(d dir, b []byte) bool {
	if d == client {
		return strings.HasPrefix(preface, string(b))
	}
	// SETTINGS on stream 0, and no ACK: what one sends first is its own
	if len(b) < headerLen {
		for i, c := range b {
			if i == 3 && c != typeSettings || i != 1 && i != 2 && i != 3 && c != 0 {
				return false
			}
		}
		return true
	}
	f := decodeHeader(b)
	return f.typ == typeSettings && f.flags == 0 && f.stream == 0 && !f.r && f.length%6 == 0 && f.length < 1<<14
}

// upgrade gives the length of the head of a 101 that goes over to h2c, 0 if b
// does not begin with one.
func upgrade(b []byte) int {
	const start = "HTTP/1.1 101"
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || !bytes.HasPrefix(b, []byte(start)) {
		return 0
	}
	for line := range bytes.SplitSeq(b[:end], []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("upgrade")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("h2c")) {
			return end + 4
		}
	}
	return 0
}

// LooksJoined says whether b, from somewhere in the middle of a direction, is
// frames from its first byte to its last (RFC 9113 §4.1).
func LooksJoined(fromClient bool, b []byte) bool {
	var p Parser
	return len(b) > headerLen && p.chain(from(fromClient), b) && lowStreams(b)
}

// lowStreams says of frames whether their streams have numbers as small as
// connections come to.
func lowStreams(b []byte) bool {
	const low = 1 << 24
	for len(b) > 0 {
		f := decodeHeader(b)
		if f.stream >= low {
			return false
		}
		b = b[headerLen+f.length:]
	}
	return true
}

// DataJoined gives what DATA frames hold that are not padded, if LooksJoined
// says of b that it is frames, whoever sent them.
func DataJoined(b []byte) (data [][]byte) {
	if !LooksJoined(false, b) {
		return nil
	}
	for len(b) > 0 {
		f := decodeHeader(b)
		if f.typ == typeData && !f.has(flagPadded) {
			data = append(data, b[headerLen:headerLen+f.length])
		}
		b = b[headerLen+f.length:]
	}
	return data
}

package h2

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// What follows writes HTTP/2 in the plainest way there is: each field a
// literal, nothing compressed, no table but where a test asks for one.

// frame writes a frame (RFC 9113 §4.1).
func frame(typ, flags byte, stream uint32, payload string) string {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), typ, flags}
	return string(binary.BigEndian.AppendUint32(head, stream)) + payload
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

func settings(pairs ...uint32) string {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = binary.BigEndian.AppendUint16(b, uint16(pairs[i]))
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	return frame(4, 0, 0, string(b))
}

// literal writes a field: with first 0x00 it is not put into the table, with
// 0x40 it is (RFC 7541 §6.2).
func literal(first byte, name, value string) string {
	return string([]byte{first, byte(len(name))}) + name + string([]byte{byte(len(value))}) + value
}

// fields writes "name value" lines as a block.
func fields(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		b.WriteString(literal(0, name, value))
	}
	return b.String()
}

var (
	connect = fields(":method CONNECT", ":protocol websocket", ":scheme http", ":authority a.example", ":path /chat",
		"sec-websocket-version 13")
	get      = fields(":method GET", ":scheme http", ":authority a.example", ":path /")
	accepted = fields(":status 200", "server s")
	page     = fields(":status 200", "content-type text/html")
)

// A said is bytes of one direction; lost, if that is not 0, are their number
// and they were not captured.
type said struct {
	client bool
	bytes  string
	lost   bool
}

func c(parts ...string) said { return said{client: true, bytes: strings.Join(parts, "")} }
func s(parts ...string) said { return said{bytes: strings.Join(parts, "")} }

func gone(x said) said { x.lost = true; return x }

// hello is how a connection begins on which WebSockets are welcome.
func hello(more ...said) []said {
	return append([]said{c(preface, settings()), s(settings(8, 1), frame(4, 1, 0, "")), c(frame(4, 1, 0, ""))}, more...)
}

// talk tells what a parser makes of it. Data that comes in pieces is told in one.
func talk(p *Parser, all []said, size int) string {
	var out []string
	last := ""
	note := func(e *Event) {
		line := tell(e)
		if key := fmt.Sprint(e.Stream, who(e), e.Sure); e.Kind == Data && e.Lost == 0 && key == last {
			out[len(out)-1] += string(e.Data)
			return
		} else if last = ""; e.Kind == Data && e.Lost == 0 {
			last = key
		}
		out = append(out, line)
	}
	for _, x := range all {
		if x.lost {
			for e := range p.Lost(x.client, uint64(len(x.bytes))) {
				note(e)
			}
			continue
		}
		for b := []byte(x.bytes); len(b) > 0; {
			piece := append([]byte(nil), b[:min(size, len(b))]...)
			b = b[len(piece):]
			for e := range p.Bytes(x.client, piece) {
				note(e)
			}
			clear(piece) // what was lent is gone
		}
	}
	for e := range p.End() {
		note(e)
	}
	return strings.Join(out, "\n")
}

func who(e *Event) string {
	if e.FromClient {
		return "c"
	}
	return "s"
}

var kindNames = [...]string{"opened", "answered", "data", "torn", "ended", "dismissed", "set", "away", "stalled", "granted", "resumed"}

func tell(e *Event) string {
	line := fmt.Sprintf("%d %s %s", e.Stream, who(e), kindNames[e.Kind])
	if e.Kind <= Dismissed && !e.Sure {
		line += "?"
	}
	switch e.Kind {
	case Opened, Answered:
		h := e.Head
		line += fmt.Sprintf(" [%s %s %d] %d fields", h.Method, h.Target, h.Status, len(h.Fields))
		if h.Unknown > 0 || h.Broken {
			line += fmt.Sprintf(" %d unknown broken=%v", h.Unknown, h.Broken)
		}
	case Data:
		if e.Lost > 0 {
			return line + fmt.Sprintf(" lost %d", e.Lost)
		}
		line += " " + string(e.Data)
	case Ended:
		line += fmt.Sprintf(" %d %v", e.How, e.Code)
	case Away:
		line += fmt.Sprintf(" %v %q", e.Code, e.Data)
	}
	return line
}

// expect compares line by line; what is wanted is indented as the test is.
func expect(t *testing.T, got, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if want := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

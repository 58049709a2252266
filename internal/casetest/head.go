package casetest

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A head is what the words of a script say about a request and its answer
// (RFC 6455 §4.1, §4.2.2).
type head struct {
	target     string
	host       string
	key        string
	accept     string // "": the right one; "none": no such field
	proto      string // offered
	protoSent  string // answered; "": the first one offered; "none": no such field
	ext        string
	extSent    string
	status     int
	reason     string
	fields     []string // of the request
	sentFields []string // of the answer
	content    string   // of the answer
}

// sampleKey is the key of the example in RFC 6455 §1.3.
const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// headWords are the words of open, request and response.
var headWords = map[string]func(*head, string) error{
	"host":   func(h *head, v string) error { h.host = v; return nil },
	"key":    func(h *head, v string) error { h.key = v; return nil },
	"accept": func(h *head, v string) error { h.accept = v; return nil },
	"proto":  func(h *head, v string) error { h.proto = v; return nil },
	"proto2": func(h *head, v string) error { h.protoSent = v; return nil },
	"ext":    func(h *head, v string) error { h.ext = v; return nil },
	"ext2":   func(h *head, v string) error { h.extSent = v; return nil },
	"reason": func(h *head, v string) error { h.reason = v; return nil },
	"field":  func(h *head, v string) error { h.fields = append(h.fields, v); return nil },
	"field2": func(h *head, v string) error { h.sentFields = append(h.sentFields, v); return nil },
	"body":   func(h *head, v string) error { h.content = v; return nil },
	"status": func(h *head, v string) (err error) { h.status, err = strconv.Atoi(v); return err },
}

func (h *head) take(w word) (bool, error) {
	if set, ok := headWords[w.name]; ok && w.valued {
		return true, set(h, w.value)
	}
	if !w.valued && strings.HasPrefix(w.name, "/") {
		h.target = w.name
		return true, nil
	}
	return false, nil
}

// acceptFor is the sum of RFC 6455 §4.2.2 item 5.4.
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// request writes the client's opening handshake.
func (h *head) request() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", h.target, h.host)
	fmt.Fprintf(&b, "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n", h.key)
	writeField(&b, "Sec-WebSocket-Protocol", h.proto)
	writeField(&b, "Sec-WebSocket-Extensions", h.ext)
	for _, f := range h.fields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n")
	return []byte(b.String())
}

// response writes the server's answer.
func (h *head) response() []byte {
	var b strings.Builder
	reason := h.reason
	if reason == "" {
		reason = http.StatusText(h.status)
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", h.status, reason)
	if h.status == http.StatusSwitchingProtocols {
		b.WriteString("Upgrade: websocket\r\nConnection: Upgrade\r\n")
		accept := h.accept
		if accept == "" {
			accept = acceptFor(h.key)
		}
		writeField(&b, "Sec-WebSocket-Accept", accept)
		chosen := h.protoSent
		if chosen == "" {
			chosen, _, _ = strings.Cut(h.proto, ",")
		}
		writeField(&b, "Sec-WebSocket-Protocol", chosen)
		writeField(&b, "Sec-WebSocket-Extensions", h.extSent)
	} else {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(h.content))
	}
	for _, f := range h.sentFields {
		b.WriteString(f + "\r\n")
	}
	b.WriteString("\r\n" + h.content)
	return []byte(b.String())
}

func writeField(b *strings.Builder, name, value string) {
	if value != "" && value != "none" {
		fmt.Fprintf(b, "%s: %s\r\n", name, value)
	}
}

// fromBody gives the lines of a body as a script has them, each with its CRLF,
// {key} and {accept} filled in, \ at its end taking the CRLF away.
func (h *head) fromBody(lines []string) []byte {
	var b strings.Builder
	fill := strings.NewReplacer("{key}", h.key, "{accept}", acceptFor(h.key))
	for _, l := range lines {
		if cut, ok := strings.CutSuffix(l, `\`); ok {
			b.WriteString(fill.Replace(cut))
			continue
		}
		b.WriteString(fill.Replace(l) + "\r\n")
	}
	return []byte(b.String())
}

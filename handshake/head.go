package handshake

import (
	"bytes"
	"strings"
)

// maxFields bounds the fields kept of one head, which could otherwise cost
// many times the memory of its bytes.
const maxFields = 1000

// A line is the place of one field line in a head, its line end left out.
type line struct {
	start, end int
	colon      int  // -1 if it has none
	folded     bool // it continues the line before (RFC 9112 §5.2)
}

// nextLine finds the field line at an offset in a head, and the offset behind
// it. A bare LF ends a line as CRLF does (RFC 9112 §2.2). ok is false at the
// empty line that ends the head, or where a cut head ends without it.
func nextLine(head []byte, at int) (l line, next int, ok bool) {
	l.start = at
	l.end, next = len(head), len(head)
	if i := bytes.IndexByte(head[at:], '\n'); i >= 0 {
		l.end, next = at+i, at+i+1
	}
	if l.end > at && head[l.end-1] == '\r' {
		l.end--
	}
	if l.end == at {
		return l, next, false
	}
	l.folded = head[at] == ' ' || head[at] == '\t'
	if l.colon = bytes.IndexByte(head[at:l.end], ':'); l.colon >= 0 {
		l.colon += at
	}
	return l, next, true
}

// splitRequestLine cuts a request line (RFC 9112 §3) into its parts. What
// stands between the first and the last space is the target, even if it holds
// spaces itself.
func splitRequestLine(b []byte) (method, target, proto []byte, ok bool) {
	b = trim(trimLineEnd(b))
	i, j := bytes.IndexByte(b, ' '), bytes.LastIndexByte(b, ' ')
	if i <= 0 || i == j || string(b[:i]) == "PRI" { // RFC 9113 §3.4: HTTP/2 begins with it
		return nil, nil, nil, false
	}
	method, target, proto = b[:i], trim(b[i+1:j]), b[j+1:]
	return method, target, proto, isProto(proto)
}

// splitStatusLine cuts a status line (RFC 9112 §4) into its parts.
func splitStatusLine(b []byte) (proto []byte, status int, reason []byte, ok bool) {
	b = trim(trimLineEnd(b))
	i := bytes.IndexByte(b, ' ')
	if i < 0 || !isProto(b[:i]) {
		return nil, 0, nil, false
	}
	proto, b = b[:i], trim(b[i:])
	if len(b) < 3 || len(b) > 3 && b[3] != ' ' {
		return nil, 0, nil, false
	}
	for _, c := range b[:3] {
		if c < '0' || c > '9' {
			return nil, 0, nil, false
		}
		status = 10*status + int(c-'0')
	}
	return proto, status, trim(b[3:]), status >= 100
}

// trimLineEnd cuts CR and LF off the end.
func trimLineEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

const protoName = "HTTP/"

func isProto(b []byte) bool {
	const longest = len("HTTP/1.1")
	return len(b) > len(protoName) && len(b) <= longest &&
		string(b[:len(protoName)]) == protoName && isDigit(b[len(protoName)])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isToken tells whether c may stand in a method (RFC 9110 §5.6.2).
func isToken(c byte) bool { return token[c] }

var token = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		is[c] = true
	}
	return is
}()

// read keeps the head b, of size bytes on the wire. Its strings share one copy
// of the bytes; the memory of its fields is used again.
func (h *Head) read(s side, b []byte, size int) {
	*h = Head{Size: size, Truncated: size > len(b), Fields: h.Fields[:0]}
	all := string(b)
	shared := func(part []byte) string { // part is a slice of b, and their capacities end together
		if len(part) == 0 {
			return ""
		}
		at := cap(b) - cap(part)
		return all[at : at+len(part)]
	}
	at := bytes.IndexByte(b, '\n') + 1
	if s == fromClient {
		method, target, proto, _ := splitRequestLine(b[:at])
		h.Method, h.Target, h.Proto = shared(method), shared(target), shared(proto)
	} else {
		proto, status, reason, _ := splitStatusLine(b[:at])
		h.Proto, h.Status, h.Reason = shared(proto), status, shared(reason)
	}
	if lines := min(bytes.Count(b[at:], []byte("\n")), maxFields); lines > cap(h.Fields) {
		h.Fields = make(Fields, 0, lines)
	}
	for {
		l, next, ok := nextLine(b, at)
		if !ok {
			return
		}
		at = next
		if last := len(h.Fields) - 1; l.folded && last >= 0 {
			at = h.unfold(&h.Fields[last], b, l, next)
			continue
		}
		if len(h.Fields) == maxFields {
			h.Truncated = true
			return
		}
		f := Field{Offset: l.start, Value: trim(all[l.start:l.end])}
		if l.colon >= 0 {
			f.Name, f.Value = all[l.start:l.colon], trim(all[l.colon+1:l.end])
		}
		h.Fields = append(h.Fields, f)
	}
}

// unfold joins the continuation lines that begin with l to the field before
// them, and returns the offset behind them. They are joined at once: one by
// one, many short ones would cost the square of their number.
func (h *Head) unfold(f *Field, b []byte, l line, next int) int {
	value := []byte(f.Value)
	for ok := true; ok && l.folded; {
		h.Folded++
		if more := trim(b[l.start:l.end]); len(more) > 0 {
			value = append(append(value, ' '), more...)
		}
		at := next
		if l, next, ok = nextLine(b, at); !ok || !l.folded {
			f.Value = string(trim(value))
			return at
		}
	}
	return next
}

// facts are what a head says about what follows it.
type facts struct {
	length     int64 // Content-Length, -1 without a usable one
	coded      bool  // there is a Transfer-Encoding
	chunked    bool  // and chunked is the last of it
	hop        bool  // Connection has the token upgrade
	upgrades   bool  // Upgrade names something
	h2c        bool  // namely HTTP/2
	websocket  bool  // and a WebSocket among it
	key        bool  // Sec-WebSocket-Key: only a WebSocket client sends it
	version    bool  // Sec-WebSocket-Version: likewise
	twoKeys    bool  // Sec-WebSocket-Key1 or -Key2, of hixie-76
	accept     bool  // Sec-WebSocket-Accept: only a WebSocket server sends it
	location   bool  // Sec-WebSocket-Location, or WebSocket-Location: only one of a draft sends it
	conflicted bool  // Content-Length says two things
}

// A noter notes what the value of a field says.
type noter struct {
	name  string // as nearly all write it
	note  func(*facts, []byte)
	lower string // the name in lower case
}

// noted are the fields that say something about what follows.
var noted = [...]noter{
	{name: "Content-Length", note: (*facts).noteLength},
	{name: "Transfer-Encoding", note: (*facts).noteCoding},
	{name: "Connection", note: (*facts).noteConnection},
	{name: "Upgrade", note: (*facts).noteUpgrade},
	{name: "Sec-WebSocket-Key", note: func(f *facts, _ []byte) { f.key = true }},
	{name: "Sec-WebSocket-Version", note: func(f *facts, _ []byte) { f.version = true }},
	{name: "Sec-WebSocket-Key1", note: func(f *facts, _ []byte) { f.twoKeys = true }},
	{name: "Sec-WebSocket-Key2", note: func(f *facts, _ []byte) { f.twoKeys = true }},
	{name: "Sec-WebSocket-Accept", note: func(f *facts, _ []byte) { f.accept = true }},
	{name: "Sec-WebSocket-Location", note: func(f *facts, _ []byte) { f.location = true }},
	{name: "WebSocket-Location", note: func(f *facts, _ []byte) { f.location = true }},
}

// read fills f from a head, without keeping anything of it.
func (f *facts) read(head []byte) {
	*f = facts{length: -1}
	var note func(*facts, []byte)
	for at := bytes.IndexByte(head, '\n') + 1; ; {
		l, next, ok := nextLine(head, at)
		if !ok || head[next-1] != '\n' { // a line cut by the limit may say something else than it did
			return
		}
		at = next
		value := head[l.start:l.end]
		if !l.folded {
			note = nil
			if l.colon < 0 {
				continue
			}
			note = noteOf(trim(head[l.start:l.colon]))
			value = head[l.colon+1 : l.end]
		}
		if note != nil {
			note(f, trim(value))
		}
	}
}

// notedNames are those rows by the length of their names: of most fields it says enough.
var notedNames = func() (rows [23][]noter) {
	for _, row := range noted {
		row.lower = strings.ToLower(row.name)
		rows[len(row.name)] = append(rows[len(row.name)], row)
	}
	return rows
}()

func noteOf(name []byte) func(*facts, []byte) {
	if len(name) >= len(notedNames) {
		return nil
	}
	rows := notedNames[len(name)]
	for i := range rows {
		if row := &rows[i]; string(name) == row.name || equalFold(name, row.lower) {
			return rows[i].note
		}
	}
	return nil
}

// noteLength reads a Content-Length. The same length said again is one
// length; two lengths are none (RFC 9112 §6.3).
func (f *facts) noteLength(value []byte) {
	for len(value) > 0 {
		var element []byte
		if element, value = cutElement(value); len(element) == 0 {
			continue
		}
		n := decimal(element)
		if n < 0 || f.length >= 0 && n != f.length {
			f.conflicted = true
		}
		f.length = n
	}
	if f.conflicted {
		f.length = -1
	}
}

func (f *facts) noteCoding(value []byte) {
	for len(value) > 0 {
		var element []byte
		if element, value = cutElement(value); len(element) > 0 {
			f.coded, f.chunked = true, equalFold(element, "chunked")
		}
	}
}

func (f *facts) noteConnection(value []byte) {
	for len(value) > 0 {
		var element []byte
		element, value = cutElement(value)
		f.hop = f.hop || equalFold(element, "upgrade")
	}
}

func (f *facts) noteUpgrade(value []byte) {
	const name = "websocket"
	for len(value) > 0 {
		var element []byte
		if element, value = cutElement(value); len(element) == 0 {
			continue
		}
		f.upgrades = true
		if len(element) > len(name) && element[len(name)] == '/' { // RFC 9110 §7.8: a protocol may have a version
			element = element[:len(name)]
		}
		f.websocket = f.websocket || equalFold(element, name)
		f.h2c = f.h2c || equalFold(element, "h2c")
	}
}

// asks tells whether a request with these facts wants a WebSocket. The keys
// alone are enough: a proxy which strips Upgrade leaves them behind.
func (f *facts) asks() bool { return f.websocket || f.key || f.version || f.twoKeys }

// obsolete recognises the drafts up to hixie-76 (hybi-00) by what they alone
// send: two keys and a body, or an answer that names its own location.
func (f *facts) obsolete() bool { return f.twoKeys && !f.key || f.location && !f.accept }

// decimal is the number b, -1 if it is none or does not fit.
func decimal(b []byte) int64 {
	const enough = 18 // digits that always fit
	if len(b) == 0 || len(b) > enough {
		return -1
	}
	n := int64(0)
	for _, c := range b {
		if !isDigit(c) {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

package subprotocol

import "unicode/utf8"

// The forms that Sniff tells apart, as Info.Protocol has them.
const (
	formJSON        = "json"
	formMessagePack = "msgpack"
	formCBOR        = "cbor"
	formProtobuf    = "protobuf"
)

// sniffed is how many bytes a binary form needs: in fewer, anything looks
// like something.
const sniffed = 8

// typeMembers are the members of a JSON object by which applications tell
// their messages apart.
var typeMembers = [...]string{"type", "event", "op", "action", "cmd", "command", "method", "kind"}

// Sniff looks at a message of no known protocol and says what form it has, if
// it is whole and hardly anything else: JSON, and in binary messages
// MessagePack, CBOR, protobuf. Of JSON, Info.Name is what its type member says.
func Sniff(m *Message, in *Info) bool {
	*in = Info{}
	b := m.Data
	switch {
	case !m.Whole || len(b) < 2:
		return false
	case LooksJSON(b):
		if at, _ := JSONFault(b); at >= 0 {
			return false
		}
		in.Protocol, in.Type = formJSON, "object"
		if b[skipSpace(b, 0)] == '[' {
			in.Type = "array"
			return true
		}
		for o := objectIn(b); o.next(); {
			for _, name := range typeMembers {
				if string(o.key) == name && len(o.value) > 2 && o.value[0] == '"' {
					in.Name = plain(o.value)
					return true
				}
			}
		}
		return true
	case m.Text || len(b) < sniffed:
		return false
	}
	for _, form := range [...]struct {
		name  string
		whole func([]byte) string
	}{{formMessagePack, packForm}, {formCBOR, cborForm}, {formProtobuf, protobufForm}} {
		if kind := form.whole(b); kind != "" {
			in.Protocol, in.Type = form.name, kind
			return true
		}
	}
	return false
}

// packForm is what whole MessagePack holds: a map or an array.
func packForm(b []byte) string {
	kind := ""
	switch c := b[0]; {
	case c >= 0x80 && c < 0x90, c == 0xde, c == 0xdf:
		kind = "map"
	case c >= 0x90 && c < 0xa0, c == 0xdc, c == 0xdd:
		kind = "array"
	}
	if kind == "" || packValue(b, 0, 0) != len(b) {
		return ""
	}
	if kind == "map" { // the keys of one are strings
		if head, _, _ := packHead(b, 0); head < len(b) && packString(b[head:]) == nil {
			return ""
		}
	}
	return kind
}

// cborForm is what whole CBOR (RFC 8949) holds: a map or an array.
func cborForm(b []byte) string {
	kind := map[byte]string{4: "array", 5: "map", 6: "tag"}[b[0]>>5]
	if kind == "" || cborValue(b, 0, 0) != len(b) {
		return ""
	}
	return kind
}

// cborValue is the place behind the value that begins at i, -1 if it is cut
// off, is none, or is nested too deep (RFC 8949 §3).
func cborValue(b []byte, i, depth int) int {
	const indefinite = 31
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	major, info := b[i]>>5, b[i]&0x1f
	i++
	n := uint64(info)
	switch {
	case info >= 28 && info < indefinite:
		return -1
	case info == indefinite:
		return cborOpen(b, i, major, depth)
	case info >= 24:
		width := 1 << (info - 24)
		if i+width > len(b) {
			return -1
		}
		n = 0
		for _, c := range b[i : i+width] {
			n = n<<8 | uint64(c)
		}
		i += width
	}
	values := uint64(0)
	switch major {
	case 2, 3: // bytes, text
		if n > uint64(len(b)-i) || major == 3 && !utf8.Valid(b[i:i+int(n)]) {
			return -1
		}
		return i + int(n)
	case 4:
		values = n
	case 5:
		if n > uint64(len(b)) {
			return -1
		}
		values = 2 * n
	case 6:
		values = 1
	}
	for range values { // each takes a byte at least: it ends with b
		if i = cborValue(b, i, depth+1); i < 0 {
			return -1
		}
	}
	return i
}

// cborOpen is cborValue of what ends with a break (RFC 8949 §3.2.1).
func cborOpen(b []byte, i int, major byte, depth int) int {
	const end = 0xff
	if major < 2 || major > 5 {
		return -1
	}
	for i < len(b) {
		if b[i] == end {
			return i + 1
		}
		if i = cborValue(b, i, depth+1); i < 0 {
			return -1
		}
	}
	return -1
}

// protobufForm says that all of b are fields of a protobuf message, in an
// order and with numbers as programs write them: from low numbers on, with
// a string among them that is text.
func protobufForm(b []byte) string {
	const highest = 64
	text, last := false, uint64(0)
	for i := 0; i < len(b); {
		key, n := uvarint(b[i:])
		field := key >> 3
		if n <= 0 || field == 0 || field > highest || field < last {
			return ""
		}
		i, last = i+n, field
		switch key & 7 {
		case 0:
			if _, n = uvarint(b[i:]); n <= 0 {
				return ""
			}
			i += n
		case 1:
			i += 8
		case 2:
			length, n := uvarint(b[i:])
			if n <= 0 || length > uint64(len(b)-i-n) {
				return ""
			}
			i += n
			text = text || length > 3 && printable(b[i:i+int(length)])
			i += int(length)
		case 5:
			i += 4
		default:
			return ""
		}
		if i > len(b) {
			return ""
		}
	}
	if !text {
		return ""
	}
	return "message"
}

// printable tells whether b is text.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(b)
}

package subprotocol

import "bytes"

// A Fault says why text is not JSON (RFC 8259).
type Fault uint8

// The faults. None is the zero value.
const (
	NoFault     Fault = iota
	Truncated         // it ends inside a value
	Joined            // one value follows another: {}{}
	Lines             // one value follows another on a line of its own
	Behind            // something else follows the value
	ByteOrder         // a byte order mark comes first
	NUL               // it ends with a NUL byte
	Markup            // it is HTML or XML
	Object            // it is what JavaScript makes of an object that is not serialised
	SingleQuote       // a string in single quotes
	BareWord          // NaN, undefined, None, True and the like
	BareName          // a member's name without quotes
	Comma             // a comma before a closing bracket, or two in a row
	Control           // a control character inside a string
	Escape            // a backslash before what is no escape
	Number            // a number in another form: 01, +1, .5, 0x10
	Comment           // a comment
	Base64            // base64, perhaps of JSON
	Unexpected        // anything else
	TooDeep           // not a fault: it was not looked at to its end
)

var faultNames = [...]string{
	"", "it ends inside a value", "a second value follows without a separator", "a second value follows on a new line",
	"something follows the value", "a byte order mark comes first", "a NUL byte ends it", "it is HTML or XML",
	"it is an object that was not serialised", "a string in single quotes", "a word that is no JSON value",
	"a name without quotes", "a comma too many", "a control character in a string", "an escape that JSON does not have",
	"a number in a form that JSON does not have", "a comment", "it is base64", "an unexpected character", "nested too deep",
}

// String says it in words.
func (f Fault) String() string { return faultNames[f] }

// maxJSONDepth bounds how deep JSON is judged.
const maxJSONDepth = 128

// LooksJSON tells whether b begins as JSON objects and arrays do.
func LooksJSON(b []byte) bool {
	i := skipSpace(b, 0)
	return i < len(b) && (b[i] == '{' || b[i] == '[')
}

// JSONFault says at which byte text stops being JSON (RFC 8259 §2), and what
// is wrong there; -1 if it is JSON, or is nested deeper than is looked at.
func JSONFault(b []byte) (at int, fault Fault) {
	p := judge{b: b}
	p.space()
	if f := p.first(); f != NoFault {
		return p.i, f
	}
	if f := p.value(0); f != NoFault {
		if f == TooDeep {
			return -1, NoFault
		}
		return p.i, f
	}
	end := p.i
	p.space()
	if p.i == len(b) {
		return -1, NoFault
	}
	switch c := b[p.i]; {
	case c == 0 && len(bytes.Trim(b[p.i:], "\x00")) == 0:
		return p.i, NUL
	case (c == '{' || c == '[') && bytes.IndexByte(b[end:p.i], '\n') >= 0:
		return p.i, Lines
	case c == '{' || c == '[':
		return p.i, Joined
	}
	return p.i, Behind
}

// A judge reads JSON strictly. i is where it stands, and stays at a fault.
type judge struct {
	b []byte
	i int
}

func (p *judge) space() { p.i = skipSpace(p.b, p.i) }

// first knows what is wrong from the first bytes alone.
func (p *judge) first() Fault {
	b := p.b[p.i:]
	switch {
	case len(b) == 0:
		return Truncated
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return ByteOrder
	case b[0] == '<':
		return Markup
	case bytes.HasPrefix(b, []byte("[object ")):
		return Object
	case looksBase64(b):
		return Base64
	}
	return NoFault
}

// looksBase64 tells whether all of b is base64 and longer than a word.
func looksBase64(b []byte) bool {
	const shortest = 16
	n := len(b)
	b = bytes.TrimRight(b, "=")
	if len(b) < shortest {
		return false
	}
	upper, lower, digit := false, false, len(b) < n
	for _, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			upper = true
		case 'a' <= c && c <= 'z':
			lower = true
		case '0' <= c && c <= '9', c == '+', c == '/', c == '-', c == '_':
			digit = true
		default:
			return false
		}
	}
	return upper && lower && digit
}

// value reads a value.
func (p *judge) value(depth int) Fault {
	if p.i == len(p.b) {
		return Truncated
	}
	if depth > maxJSONDepth {
		return TooDeep
	}
	switch c := p.b[p.i]; {
	case c == '"':
		return p.str()
	case c == '{':
		return p.list('}', depth)
	case c == '[':
		return p.list(']', depth)
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case c == '\'':
		return SingleQuote
	case c == ',' || c == ']' || c == '}':
		return Comma
	case c == '+' || c == '.':
		return Number
	case c == '/':
		return Comment
	}
	return p.literal()
}

// list reads an object or an array.
func (p *judge) list(end byte, depth int) Fault {
	p.i++
	for n := 0; ; n++ {
		p.space()
		if p.i == len(p.b) {
			return Truncated
		}
		if p.b[p.i] == end && n == 0 {
			p.i++
			return NoFault
		}
		if end == '}' {
			if f := p.name(); f != NoFault {
				return f
			}
		}
		if f := p.value(depth + 1); f != NoFault {
			return f
		}
		p.space()
		switch {
		case p.i == len(p.b):
			return Truncated
		case p.b[p.i] == end:
			p.i++
			return NoFault
		case p.b[p.i] == '/':
			return Comment
		case p.b[p.i] != ',':
			return Unexpected
		}
		p.i++
	}
}

// name reads the name of a member and its colon.
func (p *judge) name() Fault {
	switch c := p.b[p.i]; {
	case c == '"':
	case c == '\'':
		return SingleQuote
	case c == '}' || c == ',':
		return Comma
	case c == '/':
		return Comment
	case c == '_' || c == '$' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9':
		return BareName
	default:
		return Unexpected
	}
	if f := p.str(); f != NoFault {
		return f
	}
	if p.space(); p.i == len(p.b) {
		return Truncated
	}
	if p.b[p.i] != ':' {
		return Unexpected
	}
	p.i++
	p.space()
	return NoFault
}

// str reads a string (RFC 8259 §7).
func (p *judge) str() Fault {
	for p.i++; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return NoFault
		case c < ' ':
			return Control
		case c != '\\':
			continue
		}
		if p.i+1 == len(p.b) {
			break
		}
		switch c := p.b[p.i+1]; c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			p.i++
		case 'u':
			if len(p.b)-p.i > 5 && hex4(p.b[p.i+2:]) < 0 {
				return Escape
			}
			p.i = min(p.i+5, len(p.b)-1)
		default:
			return Escape
		}
	}
	p.i = len(p.b)
	return Truncated
}

// number reads a number (RFC 8259 §6).
func (p *judge) number() Fault {
	if p.b[p.i] == '-' {
		p.i++
	}
	n := digits(p.b[p.i:])
	switch {
	case n == 0 && p.i == len(p.b):
		return Truncated
	case n == 0 && p.b[p.i] == 'I':
		return BareWord
	case n == 0, n > 1 && p.b[p.i] == '0':
		return Number
	}
	p.i += n
	if p.i < len(p.b) && p.b[p.i] == '.' {
		p.i++
		if f := p.run(); f != NoFault {
			return f
		}
	}
	if p.i < len(p.b) && p.b[p.i]|0x20 == 'e' {
		p.i++
		if p.i < len(p.b) && (p.b[p.i] == '+' || p.b[p.i] == '-') {
			p.i++
		}
		return p.run()
	}
	if p.i < len(p.b) && (p.b[p.i]|0x20 == 'x' || p.b[p.i] == '_') {
		return Number
	}
	return NoFault
}

// run reads digits, one at least.
func (p *judge) run() Fault {
	n := digits(p.b[p.i:])
	p.i += n
	switch {
	case n > 0:
		return NoFault
	case p.i == len(p.b):
		return Truncated
	}
	return Number
}

// literal reads true, false and null.
func (p *judge) literal() Fault {
	b := p.b[p.i:]
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(b, []byte(word)) {
			p.i += len(word)
			return NoFault
		}
		if bytes.HasPrefix([]byte(word), b) {
			p.i = len(p.b)
			return Truncated
		}
	}
	if c := b[0] | 0x20; 'a' <= c && c <= 'z' {
		return BareWord
	}
	return Unexpected
}

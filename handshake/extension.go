package handshake

import "strings"

// An Extension is one element of Sec-WebSocket-Extensions (RFC 6455 §9.1),
// offered or in use.
type Extension struct {
	Name   string
	Params []Param
}

// A Param is a parameter of an extension: a name, or a name and a value.
type Param struct {
	Name, Value string // the value without its quotes and escapes
	HasValue    bool   // there is an equals sign, even with nothing behind it
	Quoted      bool   // the value was a quoted string
}

// ParseExtensions reads the value of a Sec-WebSocket-Extensions field. It
// takes whatever is there: odd white space, empty elements and parameters, a
// quoted string that never ends.
func ParseExtensions(value string) []Extension {
	var list []Extension
	for rest := value; rest != ""; {
		var e Extension
		e, rest = cutExtension(rest)
		if e.Name != "" || len(e.Params) > 0 {
			list = append(list, e)
		}
	}
	return list
}

// cutExtension cuts one extension and the comma behind it off s.
func cutExtension(s string) (e Extension, rest string) {
	end := before(s, ",;")
	e.Name, rest = trim(s[:end]), s[end:]
	for strings.HasPrefix(rest, ";") {
		var p Param
		p, rest = cutParam(rest[1:])
		if p.Name != "" || p.HasValue {
			e.Params = append(e.Params, p)
		}
	}
	return e, strings.TrimPrefix(rest, ",")
}

// cutParam cuts one parameter off s; what is left begins with the comma or
// semicolon behind it.
func cutParam(s string) (p Param, rest string) {
	end := before(s, ",;=")
	p.Name, rest = trim(s[:end]), s[end:]
	if !strings.HasPrefix(rest, "=") {
		return p, rest
	}
	p.HasValue = true
	rest = strings.TrimLeft(rest[1:], " \t")
	if strings.HasPrefix(rest, `"`) {
		p.Quoted = true
		p.Value, rest = unquote(rest[1:])
		return p, rest[before(rest, ",;"):]
	}
	end = before(rest, ",;")
	p.Value = trim(rest[:end])
	return p, rest[end:]
}

// unquote reads a quoted string (RFC 9110 §5.6.4) up to its closing quote.
func unquote(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// before returns how many bytes of s stand before the first of chars.
func before(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}

// String is the extension as a field value has it.
func (e Extension) String() string {
	var b strings.Builder
	b.WriteString(e.Name)
	for _, p := range e.Params {
		b.WriteString("; ")
		b.WriteString(p.String())
	}
	return b.String()
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// String is the parameter as a field value has it.
func (p Param) String() string {
	switch {
	case !p.HasValue:
		return p.Name
	case p.Quoted:
		return p.Name + `="` + escapes.Replace(p.Value) + `"`
	}
	return p.Name + "=" + p.Value
}

func extensions(head *Head) []Extension {
	if head == nil {
		return nil
	}
	var list []Extension
	const name = "Sec-WebSocket-Extensions"
	for i := head.Fields.next(name, 0); i >= 0; i = head.Fields.next(name, i+1) {
		list = append(list, ParseExtensions(head.Fields[i].Value)...)
	}
	return list
}

// Deflate holds the parameters of permessage-deflate (RFC 7692 §7.1).
type Deflate struct {
	ServerNoContextTakeover bool // the server begins each message with an empty window
	ClientNoContextTakeover bool // the client does
	ServerMaxWindowBits     int  // of the server's window, base-2 logarithm: 8 to 15
	ClientMaxWindowBits     int  // of the client's
}

// Deflate returns the parameters under which messages are compressed, and
// whether the answer agreed to that at all. A window size that makes no sense
// counts as the largest: that one can be inflated whatever was meant.
func (h *Handshake) Deflate() (d Deflate, agreed bool) {
	d.ServerMaxWindowBits, d.ClientMaxWindowBits = maxWindowBits, maxWindowBits
	if !h.Established {
		return d, false
	}
	for _, e := range h.Extensions() {
		if !strings.EqualFold(e.Name, "permessage-deflate") {
			continue
		}
		for _, p := range e.Params {
			d.set(p)
		}
		return d, true
	}
	return d, false
}

const minWindowBits, maxWindowBits = 8, 15 // RFC 7692 §7.1.2

func (d *Deflate) set(p Param) {
	switch strings.ToLower(p.Name) {
	case "server_no_context_takeover":
		d.ServerNoContextTakeover = true
	case "client_no_context_takeover":
		d.ClientNoContextTakeover = true
	case "server_max_window_bits":
		d.ServerMaxWindowBits = windowBits(p.Value)
	case "client_max_window_bits":
		d.ClientMaxWindowBits = windowBits(p.Value)
	}
}

func windowBits(s string) int {
	bits := 0
	for i := 0; i < len(s) && bits <= maxWindowBits; i++ {
		if s[i] < '0' || s[i] > '9' {
			return maxWindowBits
		}
		bits = 10*bits + int(s[i]-'0')
	}
	if bits < minWindowBits || bits > maxWindowBits {
		return maxWindowBits
	}
	return bits
}

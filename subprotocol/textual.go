package subprotocol

import "bytes"

// SIP (RFC 7118) and XMPP (RFC 7395), as far as their first line or tag says.

var sipMethods = []word{
	{"REGISTER", Request}, {"INVITE", Request}, {"ACK", Event}, {"BYE", Request}, {"CANCEL", Request}, {"OPTIONS", Request},
	{"MESSAGE", Request}, {"SUBSCRIBE", Request}, {"NOTIFY", Request}, {"INFO", Request}, {"UPDATE", Request}, {"PRACK", Request}, {"REFER", Request}, {"PUBLISH", Request},
}

func readSIP(_ *Reader, m *Message, in *Info) bool {
	if len(bytes.Trim(m.Data, "\r\n")) == 0 { // RFC 7118 §6
		in.Type, in.Kind = "CRLF", Ping
		if len(m.Data) == 2 {
			in.Kind = Pong
		}
		return true
	}
	line, rest, ok := bytes.Cut(m.Data, []byte("\r\n"))
	if !ok {
		return false
	}
	in.ID = sipField(rest, "CSeq")
	if status, ok := bytes.CutPrefix(line, []byte("SIP/2.0 ")); ok {
		code, reason, _ := bytes.Cut(status, []byte(" "))
		in.Type, in.Kind, in.Code, in.Text = "response", Reply, code, reason
		switch n := number(code); {
		case n == 401 || n == 407: // asks for the credentials that follow
		case n >= 400:
			in.Kind, in.Answer = Error, true
		}
		return true
	}
	method, _, _ := bytes.Cut(line, []byte(" "))
	w := find(sipMethods, method)
	if w == nil || !bytes.HasSuffix(line, []byte(" SIP/2.0")) {
		return false
	}
	in.Type, in.Kind = w.text, w.kind
	return true
}

// sipField is the value of a field.
func sipField(b []byte, name string) []byte {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		if got, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(got)) == name {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

var xmppElements = []word{
	{"open", Hello}, {"close", Bye}, {"message", Event}, {"presence", Event}, {"iq", Request}, {"auth", Other}, {"response", Other},
	{"challenge", Other}, {"success", Welcome}, {"failure", Error}, {"stream:features", Other}, {"stream:error", Error}, {"error", Error},
	{"a", Reply}, {"r", Ping}, {"enable", Other}, {"enabled", Other}, {"resume", Other}, {"resumed", Other}, {"failed", Error},
}

func readXMPP(_ *Reader, m *Message, in *Info) bool {
	b := bytes.TrimLeft(m.Data, " \t\r\n")
	if len(b) == 0 {
		in.Type, in.Kind = "white space", Ping
		return true
	}
	if b[0] != '<' {
		return false
	}
	tag, inner, ok := bytes.Cut(b[1:], []byte(">"))
	name := tag
	if i := bytes.IndexAny(tag, " \t\r\n/"); i >= 0 {
		name = tag[:i]
	}
	w := find(xmppElements, name)
	if w == nil || !ok {
		return false
	}
	in.Type, in.Kind, in.ID = w.text, w.kind, attribute(tag, "id")
	in.Secret = w.text == "auth" || w.text == "response"
	switch kind := attribute(tag, "type"); {
	case w.kind == Error:
		in.Fatal = true
		in.Code = firstTag(inner)
	case string(kind) == "error":
		in.Kind, in.Answer = Error, true
	case w.kind == Request && string(kind) == "result":
		in.Kind = Reply
	case w.kind == Hello && !m.FromClient:
		in.Kind, in.ID = Other, nil
	}
	return true
}

// attribute is the value of a tag's attribute.
func attribute(tag []byte, name string) []byte {
	for {
		i := bytes.Index(tag, []byte(name))
		if i < 0 {
			return nil
		}
		rest := tag[i+len(name):]
		if i > 0 && tag[i-1] <= ' ' && len(rest) > 1 && rest[0] == '=' && (rest[1] == '"' || rest[1] == '\'') {
			if end := bytes.IndexByte(rest[2:], rest[1]); end >= 0 {
				return rest[2 : 2+end]
			}
			return nil
		}
		tag = rest
	}
}

// firstTag is the name of the first element.
func firstTag(b []byte) []byte {
	i := bytes.IndexByte(b, '<')
	if i < 0 {
		return nil
	}
	b = b[i+1:]
	if i = bytes.IndexAny(b, " />\t\r\n"); i >= 0 {
		b = b[:i]
	}
	return b
}

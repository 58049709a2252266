package diagnose

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/wssniff/wssniff/credential"
	"github.com/wssniff/wssniff/handshake"
)

// What is a secret in requests and messages, by its name. credential has the names.

// secretsOf names what in a request is a secret: never its value.
func (w *World) secretsOf(h *handshake.Handshake) (names []string) {
	for i := range h.Request.Fields {
		f := &h.Request.Fields[i]
		if f.Value != "" && w.secretField(f.Name) {
			names = append(names, fmt.Sprintf("%s (%s%d bytes)", f.Name, carried(f.Name, f.Value), len(f.Value)))
		}
	}
	if name := secretParameter(h.Target()); name != "" {
		names = append(names, "parameter "+name)
	}
	return names
}

// carried says in what form a field carries a secret: the scheme of
// Authorization, the names of cookies.
func carried(name, value string) string {
	const most = 4
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization":
		if scheme, _, ok := strings.Cut(value, " "); ok && len(scheme) <= credential.MaxName {
			return scheme + ", "
		}
	case "cookie":
		var names []string
		for pair := range strings.SplitSeq(value, ";") {
			name, _, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if !ok || name == "" || len(name) > credential.MaxName {
				continue
			}
			if len(names) == most {
				names = append(names, "…")
				break
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			return strings.Join(names, " ") + ", "
		}
	}
	return ""
}

// secretField tells whether a field is a secret by its name. Most names come
// with every request, and are looked at once.
func (w *World) secretField(name string) bool {
	secret, known := w.fields[name]
	if known {
		return secret
	}
	secret = credential.Field(name) && !credential.PublicField(name)
	if w.fields == nil {
		w.fields = make(map[string]bool)
	}
	if len(w.fields) < maxFields && len(name) <= credential.MaxName {
		w.fields[strings.Clone(name)] = secret
	}
	return secret
}

// maxFields bounds the names of fields that are remembered.
const maxFields = 1 << 10

// webToken is the shape of a JSON Web Token (RFC 7519 §3).
var webToken = regexp.MustCompile(`^eyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*$`)

// secretParameter is the name of the first parameter of the query that is a secret, "" if there is none.
func secretParameter(target string) string {
	_, query, _ := strings.Cut(target, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if ok && value != "" && (credential.Name([]byte(name), false) || strings.HasPrefix(value, "eyJ") && webToken.MatchString(value)) {
			if !ownSession(target, name) {
				return name
			}
		}
	}
	return ""
}

// ownSession tells that a parameter names a session as the protocol has it in
// each URL, beside what lets a user in: sid of Engine.IO, session_id of a
// Jupyter kernel's channels.
func ownSession(target, name string) bool {
	switch name {
	case "sid":
		return strings.Contains(target, "EIO=")
	case "session_id":
		return strings.HasSuffix(path(target), "/channels")
	}
	return false
}

// secretMembers are how secrets are named in messages.
var secretMembers = [...]string{
	"password", "token", "access_token", "refresh_token", "jwt", "secret", "apikey", "apiKey", "api_key", "api_Key",
}

// secretMember is the name of a secret in a message, "" if there is none: of a
// member that has a string.
func secretMember(data []byte) string {
	for at := 0; ; at++ {
		i := bytes.IndexByte(data[at:], ':')
		if i < 0 {
			return ""
		}
		at += i
		if at < 2 || at+2 >= len(data) || !quotes(data[at-1]) || !quotes(data[at+1]) {
			continue // nearly all
		}
		from, to := at, at+1
		for from > 0 && isBlank(data[from-1]) {
			from--
		}
		for to < len(data) && isBlank(data[to]) {
			to++
		}
		if from < 2 || data[from-1] != '"' || to+1 >= len(data) || data[to] != '"' || data[to+1] == '"' {
			continue
		}
		if name := secretAtEnd(data[:from-1]); name != "" {
			return name
		}
	}
}

// quotes tells whether c can stand beside the colon of a member with a string.
func quotes(c byte) bool { return c == '"' || isBlank(c) }

// secretAtEnd is the name of a secret with which b ends, a quotation mark
// before it; "" if it ends with none.
func secretAtEnd(b []byte) string {
	switch b[len(b)-1] { // nearly all names are over here
	case 'd', 'n', 't', 'y':
	default:
		return ""
	}
	for _, s := range secretMembers {
		if n := len(b) - len(s); n > 0 && b[len(b)-1] == s[len(s)-1] && b[n-1] == '"' && string(b[n:]) == s {
			return s
		}
	}
	return ""
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// namesSecret tells whether anything in text that a colon or an equals sign
// stands behind has the name of a secret, whatever quotes it is in.
func namesSecret(text []byte) bool {
	word := func(c byte) bool {
		return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	}
	for i, c := range text {
		if c != ':' && c != '=' {
			continue
		}
		to := i
		for to > 0 && !word(text[to-1]) && i-to < 4 {
			to--
		}
		from := to
		for from > 0 && word(text[from-1]) {
			from--
		}
		if from < to && credential.Name(text[from:to], false) {
			return true
		}
	}
	return false
}

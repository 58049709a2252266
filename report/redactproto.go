package report

import (
	"strings"

	"github.com/wssniff/wssniff/credential"
	"github.com/wssniff/wssniff/handshake"
)

// Tokens travel as subprotocols because a browser can set no other field. Two
// habits are common: a name and the token as the next element, and a name
// with the token behind it in the same element.

// tokenNames announce that the next element is a token.
var tokenNames = [...]string{
	"bearer", "accesstoken", "token", "authorization", "auth", "jwt", "apikey", "idtoken", "basic", "ticket", "session",
}

// tokenMarks stand before a token in the same element. The longest goes first.
var tokenMarks = [...]string{
	"base64url.bearer.authorization.k8s.io.", "base64url.bearer.authorization.",
	"bearer.", "bearer_", "bearer-", "bearer:", "bearer ", "api-key.", "api_key.", "apikey.",
	"token.", "token-", "token_", "token:", "token=", "authorization.", "auth.", "auth-", "jwt.", "jwt-", "jwt_",
}

// shortToken is how long a token is at least, where only its place speaks for one.
const shortToken = 8

// protocols masks the elements of Sec-WebSocket-Protocol that are tokens.
// They are changed in place.
func (r *redactor) protocols(list []string) []string {
	if r.shown {
		return list
	}
	announced := false
	for i, s := range list {
		if announced {
			list[i] = mask
		} else {
			list[i] = r.protocol(s)
		}
		var buf [credential.MaxName]byte
		announced = credential.OneOf(credential.Plain(&buf, []byte(s)), tokenNames[:])
	}
	return list
}

// protocolList is protocols for the value of a field.
func (r *redactor) protocolList(value string) string {
	list := strings.Split(value, ",")
	for i, s := range list {
		list[i] = strings.Trim(s, " \t")
	}
	return strings.Join(r.protocols(list), ", ")
}

// chosen masks the subprotocol that a server chose, by the same measure as in
// the client's offer.
func (r *redactor) chosen(h *handshake.Handshake, s string) string {
	if r.shown || s == "" {
		return s
	}
	offered := h.SubprotocolsOffered()
	masked := r.protocols(h.SubprotocolsOffered())
	for i := range offered {
		if offered[i] == s {
			return masked[i]
		}
	}
	return r.protocolList(s)
}

// protocol masks one element.
func (r *redactor) protocol(s string) string {
	lower := strings.ToLower(s)
	for _, m := range tokenMarks {
		i := strings.Index(lower, m)
		if i < 0 || len(lower) != len(s) {
			continue
		}
		if rest := len(s) - i - len(m); rest >= shortToken || rest > 0 && (strings.HasPrefix(m, "b") || strings.Contains(m, "key")) {
			return s[:i+len(m)] + mask
		}
	}
	if looksRandom(s) {
		return mask
	}
	return r.string(s)
}

// looksRandom tells whether a subprotocol looks made by a machine for one
// client, not chosen by people: a long run without a separator, a long hex
// number or UUID, or upper and lower case and digits all mixed.
func looksRandom(s string) bool {
	var upper, lower, digits, others, hex, run, longest int
	for i := range len(s) {
		c := s[i]
		run++
		switch {
		case 'A' <= c && c <= 'Z':
			upper++
		case 'a' <= c && c <= 'z':
			lower++
		case '0' <= c && c <= '9':
			digits++
		case c == '-':
			run = 0
		default:
			others++
			run = 0
		}
		if credential.Hex(c) || c == '-' {
			hex++
		}
		longest = max(longest, run)
	}
	switch {
	case longest >= 20:
		return true
	case hex == len(s) && len(s) >= 16 && digits >= 2:
		return true
	}
	return len(s) >= 16 && upper >= 2 && lower >= 2 && digits >= 2 && others == 0
}

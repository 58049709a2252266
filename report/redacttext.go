package report

import "github.com/wssniff/wssniff/credential"

// A scan says what text is looked through for secrets.
type scan struct {
	url bool // a URL or the end of one, not prose with one in it
	cut bool // more followed
}

// A hit is a secret: bytes to be masked.
type hit struct {
	from, to int
	quote    int // one more than the backslashes before the quotes that the mask needs; 0 for none
}

// A scanner finds secrets by what stands around them: a name and = or : (a
// query, JSON, a field, STOMP), a URL's userinfo, the word Bearer, or the
// look of a JSON Web Token. JSON inside JSON strings is seen through its
// backslashes. It takes time in proportion to the text.
type scanner struct {
	scan
	b     []byte
	noJWT int // no JSON Web Token begins before it
}

// appendRedacted appends b with its secrets masked.
func appendRedacted(dst, b []byte, how scan) []byte {
	s := scanner{scan: how, b: b}
	done := 0
	for i := 0; i < len(b); i++ {
		h, ok := s.at(i)
		if !ok {
			continue
		}
		dst = append(dst, b[done:h.from]...)
		dst = appendMask(dst, h.quote)
		done = h.to
		i = max(i, h.to-1)
	}
	return append(dst, b[done:]...)
}

func appendMask(dst []byte, quote int) []byte {
	if quote == 0 {
		return append(dst, mask...)
	}
	dst = appendQuote(dst, quote)
	dst = append(dst, mask...)
	return appendQuote(dst, quote)
}

func appendQuote(dst []byte, quote int) []byte {
	for range quote - 1 {
		dst = append(dst, '\\')
	}
	return append(dst, '"')
}

// at finds a secret that is announced by the byte at i.
func (s *scanner) at(i int) (hit, bool) {
	switch s.b[i] {
	case '=':
		return s.pair(i, i+1)
	case ':':
		if s.has(i+1, "//") {
			return s.userinfo(i + len("://"))
		}
		return s.pair(i, i+1)
	case '%':
		if s.has(i+1, "3D") || s.has(i+1, "3d") {
			return s.pair(i, i+len("%3D"))
		}
	case 'e':
		if s.has(i+1, "yJ") || s.has(i+1, "yAi") {
			return s.jwt(i)
		}
	case 'b', 'B':
		return s.bearer(i)
	}
	return hit{}, false
}

func (s *scanner) has(i int, what string) bool {
	return len(s.b)-i >= len(what) && string(s.b[i:i+len(what)]) == what
}

// userinfo is what stands before the @ of an authority (RFC 3986 §3.2.1).
func (s *scanner) userinfo(from int) (hit, bool) {
	at, colon, i := -1, -1, from
	for ; i < len(s.b) && !endsAuthority(s.b[i]); i++ {
		switch s.b[i] {
		case '@':
			at = i
		case ':':
			colon = i
		}
	}
	switch {
	case at > from:
		return hit{from: from, to: at}, true
	case at < 0 && s.cut && i == len(s.b) && colon >= 0: // a port, or a password whose @ was cut off
		return hit{from: colon + 1, to: i}, colon+1 < i
	}
	return hit{}, false
}

func endsAuthority(c byte) bool {
	switch c {
	case '/', '?', '#', '"', '\'', '\\', '<', '>':
		return true
	}
	return c <= ' '
}

// jwt is a JSON Web Token (RFC 7519 §3): parts of base64url with dots between.
func (s *scanner) jwt(from int) (hit, bool) {
	const shortest = 10 // of the first part
	if from < s.noJWT {
		return hit{}, false
	}
	i := s.run(from, isBase64URL)
	s.noJWT = i
	if i == len(s.b) {
		return hit{from: from, to: i}, s.cut
	}
	if i-from < shortest || s.b[i] != '.' {
		return hit{}, false
	}
	j := s.run(i+1, isBase64URL)
	if j-i < 5 && (j < len(s.b) || !s.cut) {
		return hit{}, false
	}
	return hit{from: from, to: s.run(j, func(c byte) bool { return isBase64URL(c) || c == '.' || c == '=' })}, true
}

func (s *scanner) run(i int, in func(byte) bool) int {
	for i < len(s.b) && in(s.b[i]) {
		i++
	}
	return i
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isBase64URL(c byte) bool { return isAlnum(c) || c == '-' || c == '_' }

// isTokenChar tells whether c may stand in a bearer token (RFC 6750 §2.1).
func isTokenChar(c byte) bool {
	switch c {
	case '-', '_', '.', '~', '+', '/', '=':
		return true
	}
	return isAlnum(c)
}

// prose are words that follow Bearer in sentences about it.
var prose = [...]string{"authentication", "authorization", "credentials", "challenge", "scheme"}

// bearer is a token behind the word Bearer.
func (s *scanner) bearer(i int) (hit, bool) {
	const word = "bearer"
	if len(s.b)-i < len(word) || i > 0 && isAlnum(s.b[i-1]) {
		return hit{}, false
	}
	for k := range len(word) {
		if s.b[i+k]|0x20 != word[k] {
			return hit{}, false
		}
	}
	from := i + len(word)
	switch {
	case s.has(from, " "):
		from = s.run(from, isBlank)
	case s.has(from, "%20"):
		from += len("%20")
	case s.has(from, "+"):
		from++
	default:
		return hit{}, false
	}
	to := s.run(from, isTokenChar)
	if to == from || to-from < shortToken && (to < len(s.b) || !s.cut) {
		return hit{}, false
	}
	var buf [credential.MaxName]byte
	if s.has(from, "realm=") || s.has(from, "error=") || credential.OneOf(credential.Plain(&buf, s.b[from:to]), prose[:]) {
		return hit{}, false
	}
	return hit{from: from, to: to}, true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

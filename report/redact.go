package report

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/wssniff/wssniff/credential"
	"github.com/wssniff/wssniff/handshake"
)

// mask stands for a secret.
const mask = "••••••••"

// nestedMask is how a mask ends in JSON that is a string in other JSON.
var nestedMask = []byte(mask + `\"`)

// A redactor masks secrets. The zero value masks them, a shown one changes
// nothing. It keeps a buffer: it belongs to one sink.
type redactor struct {
	shown bool
	buf   []byte
}

// newRedactor is the redactor that the options ask for.
func newRedactor(o *Options) redactor { return redactor{shown: o.ShowSecrets} }

// string masks secrets in text that is not a message: a reason phrase, a field.
func (r *redactor) string(s string) string {
	if r.shown || s == "" {
		return s
	}
	r.buf = appendRedacted(r.buf[:0], []byte(s), scan{})
	return r.changed(s)
}

// url masks the secrets of a request target, an origin, a URL.
func (r *redactor) url(s string) string {
	if r.shown || s == "" {
		return s
	}
	r.buf = appendRedacted(r.buf[:0], []byte(s), scan{url: true})
	return r.changed(s)
}

// changed is what the buffer holds, without a copy where that is s.
func (r *redactor) changed(s string) string {
	if string(r.buf) == s {
		return s
	}
	return string(r.buf)
}

// host masks what stands before the host of an authority.
func (r *redactor) host(s string) string {
	if i := strings.LastIndexByte(s, '@'); i >= 0 && !r.shown {
		return mask + s[i:]
	}
	return s
}

// text masks secrets in the payload of a message, which may be JSON in a
// binary one, or of a control frame. What it returns is b or is
// lent until the next call. cut says that b is only the beginning of it.
func (r *redactor) text(b []byte, cut bool) []byte {
	if r.shown || len(b) == 0 {
		return b
	}
	r.buf = appendRedacted(r.buf[:0], b, scan{cut: cut})
	if !cut && bytes.Contains(r.buf, nestedMask) && json.Valid(b) && !json.Valid(r.buf) {
		// Quotes inside quotes inside quotes: all of it is masked rather than
		// that a program gets what it cannot parse.
		r.buf = append(append(append(r.buf[:0], '"'), mask...), '"')
	}
	return r.buf
}

// fieldOf is the value of a field of a handshake's head, its secret part masked.
func (r *redactor) fieldOf(h *handshake.Handshake, head *handshake.Head, i int) string {
	f := &head.Fields[i]
	if head == h.Response && strings.EqualFold(strings.TrimRight(f.Name, " \t"), "Sec-WebSocket-Protocol") {
		return r.chosen(h, f.Value)
	}
	return r.field(f.Name, f.Value)
}

// field masks the secret part of a field's value.
func (r *redactor) field(name, value string) string {
	if r.shown || value == "" {
		return value
	}
	name = strings.TrimRight(name, " \t")
	lower := strings.ToLower(name)
	switch {
	case credential.PublicField(name):
		return value
	case lower == "sec-websocket-protocol":
		return r.protocolList(value)
	case lower == "cookie", lower == "cookie2":
		return cookies(value)
	case lower == "set-cookie", lower == "set-cookie2":
		return setCookie(value)
	case strings.HasSuffix(lower, "authorization"):
		return credentials(value)
	case urlField(lower):
		return r.url(value)
	case credential.Field(name):
		return mask
	}
	return r.string(value)
}

// urlField tells whether a field's value is a URL: Referer, Location,
// X-Forwarded-Uri and the like.
func urlField(lower string) bool {
	for _, s := range [...]string{"referer", "origin", "location", "uri", "url", "link", "path", "refresh"} {
		if strings.HasSuffix(lower, s) {
			return true
		}
	}
	return false
}

// cookies keeps the names of a Cookie field (RFC 6265 §4.2).
func cookies(value string) string {
	parts := strings.Split(value, ";")
	for i, p := range parts {
		parts[i] = maskPair(p)
	}
	return strings.Join(parts, ";")
}

// maskPair masks what follows the first equals sign, or all without one.
func maskPair(pair string) string {
	if strings.Trim(pair, " \t") == "" {
		return pair
	}
	if name, _, ok := strings.Cut(pair, "="); ok && len(name) <= credential.MaxName {
		return name + "=" + mask
	}
	return pair[:len(pair)-len(strings.TrimLeft(pair, " \t"))] + mask
}

// cookieAttributes are those of RFC 6265 §4.1 and its successors.
var cookieAttributes = [...]string{
	"expires", "max-age", "domain", "path", "secure", "httponly", "samesite", "partitioned", "priority",
}

// setCookie keeps the name and the attributes of a Set-Cookie field.
func setCookie(value string) string {
	parts := strings.Split(value, ";")
	for i, p := range parts {
		name, attribute, _ := strings.Cut(p, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		if i > 0 && credential.OneOf([]byte(name), cookieAttributes[:]) && !strings.Contains(attribute, "=") {
			continue
		}
		parts[i] = maskPair(p)
	}
	return strings.Join(parts, ";")
}

// schemes are the authentication schemes that may be shown; another first
// word may be the credentials themselves.
var schemes = [...]string{
	"basic", "bearer", "digest", "negotiate", "ntlm", "token", "apikey", "api-key", "dpop", "hawk",
	"hoba", "mutual", "oauth", "vapid", "aws4-hmac-sha256", "scram-sha-1", "scram-sha-256", "key", "jwt",
}

// credentials keeps the scheme of an Authorization field (RFC 9110 §11.4).
func credentials(value string) string {
	scheme, rest, ok := strings.Cut(value, " ")
	if ok && strings.Trim(rest, " ") != "" && credential.OneOf([]byte(strings.ToLower(scheme)), schemes[:]) {
		return scheme + " " + mask
	}
	return mask
}

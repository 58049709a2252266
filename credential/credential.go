// Package credential knows by their names what is secret: fields of HTTP
// heads, parameters of URLs, members of JSON. It is asked by what masks them
// and by what warns of them, so that both speak of the same.
package credential

import "strings"

// secretEnds are the ends of names that mark a credential wherever they
// stand: in a query, a field, a JSON member. Names are compared in lower case
// with everything but letters and digits left out.
var secretEnds = [...]string{
	"token", "secret", "password", "passwd", "passwort", "passphrase", "passcode",
	"apikey", "accesskey", "authkey", "privatekey", "secretkey", "sharedkey", "signingkey",
	"encryptionkey", "sessionkey", "accountkey", "accesskeyid", "signature",
	"credential", "credentials", "jwt", "authorization", "cookie", "cookies",
	"sessionid", "sessid", "bearer", "otp", "pincode", "oauth", "userpass",
}

// secretNames are whole names that mark one.
var secretNames = [...]string{
	"auth", "sid", "pwd", "pass", "sign", "csrf", "xsrf", "authn", "authdata",
	"authheader", "authinfo", "authparams", "authresponse", "xauth", "xauthkey",
	"tokens", "accesstokens", "passwords", "secrets", "sessiontokens", "connectsid",
}

// secretQueryNames are names that mark one in a URL only: elsewhere they are
// the names of anything.
var secretQueryNames = [...]string{
	"key", "code", "session", "sess", "sig", "hmac", "ticket", "pin", "sso", "state",
	"samlresponse", "samlrequest", "assertion", "cred", "creds",
}

// MaxName bounds the bytes looked at as a name. What is longer is judged by its end.
const MaxName = 64

// Plain brings a name into the form of the tables. It is written to buf
// and is the part behind the last separator of an encoded URL.
func Plain(buf *[MaxName]byte, name []byte) []byte {
	if len(name) > MaxName {
		name = name[len(name)-MaxName:]
	}
	b := buf[:0]
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '%' && i+2 < len(name) && Hex(name[i+1]) && Hex(name[i+2]) {
			c = unhex(name[i+1])<<4 | unhex(name[i+2])
			i += 2
		}
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b = append(b, c)
		case c == '?', c == '&', c == ';', c == '/', c == '#':
			b = b[:0]
		}
	}
	return b
}

// Name tells whether what a name stands for is secret. A URL's names are judged
// more strictly.
func Name(name []byte, query bool) bool {
	var buf [MaxName]byte
	b := Plain(&buf, name)
	if len(b) == 0 {
		return false
	}
	for _, s := range secretEnds {
		if len(b) >= len(s) && b[len(b)-1] == s[len(s)-1] && string(b[len(b)-len(s):]) == s {
			return true
		}
	}
	if OneOf(b, secretNames[:]) {
		return true
	}
	return query && OneOf(b, secretQueryNames[:])
}

// OneOf tells whether b is in the list.
func OneOf(b []byte, list []string) bool {
	for _, s := range list {
		if string(b) == s {
			return true
		}
	}
	return false
}

// publicFields are fields whose names look secret and whose values are not.
var publicFields = [...]string{
	"Sec-WebSocket-Key", "Sec-WebSocket-Key1", "Sec-WebSocket-Key2", "Sec-WebSocket-Accept",
	"Sec-WebSocket-Version", "Sec-WebSocket-Extensions",
}

// secretFieldParts are parts of field names whose values are secret.
var secretFieldParts = [...]string{
	"token", "secret", "password", "passwd", "apikey", "credential", "signature", "session",
	"jwt", "csrf", "xsrf", "authorization", "cookie", "accesskey", "xauth", "authkey",
}

// PublicField tells whether the value of a field is none though its name looks so.
func PublicField(name string) bool {
	for _, s := range publicFields {
		if strings.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// Field tells whether the value of a field of an HTTP head is secret.
func Field(name string) bool {
	var buf [MaxName]byte
	b := string(Plain(&buf, []byte(name)))
	for _, s := range secretFieldParts {
		if strings.Contains(b, s) {
			return true
		}
	}
	return Name([]byte(name), false)
}

// Hex tells whether c is a hexadecimal digit.
func Hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

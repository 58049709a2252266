package session

import (
	"bytes"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// maxGreeting is how much is kept of what a server says that is no HTTP.
const maxGreeting = 24

// greets says whether the first bytes of the server are neither HTTP nor TLS,
// where nothing else is expected of it: in answer to a request, or before any
// byte of the client. The client may speak HTTP all the same: it went to the
// wrong port.
func (c *Conn) greets(r *reassembly.Chunk) bool {
	b := r.Data
	if c.joined || r.Offset > 0 || len(b) == 0 || c.tls != nil || c.outer != nil || len(c.opener.reader.Via()) > 0 ||
		c.opener.reader.Pending() == nil && c.stream.Sent(reassembly.FromClient) > 0 {
		return false
	}
	http := []byte("HTTP/")
	if n := min(len(b), len(http)); bytes.Equal(b[:n], http[:n]) || tlsdecrypt.MayBegin(b) || tlsdecrypt.Looks(b) {
		return false
	}
	c.Greeting = string(b[:min(len(b), maxGreeting)])
	return true
}

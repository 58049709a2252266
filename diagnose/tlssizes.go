package diagnose

import (
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// What shows of a failure in TLS without keys: how long records are that come
// instead of others, and who ends the connection where.

// Lengths of records of TLS 1.3 (RFC 8446 §4.4): a Finished by the hash, and
// the Certificate message of a client that has none.
const (
	finished256   = 4 + 32 + 1 + 16
	finished384   = 4 + 48 + 1 + 16
	noCertificate = 4 + 4 + 1 + 16
)

func isFinished(n int) bool { return n == finished256 || n == finished384 }

// showsNone tells that a client begins its second flight with a Certificate
// message that has none: it was asked for one (RFC 8446 §4.4.2).
func showsNone(s *tlsdecrypt.Counts) bool {
	const together = noCertificate - 1 - 16
	first := s.First[0]
	return s.Encrypted >= 2 && first == noCertificate && isFinished(s.First[1]) || s.Encrypted >= 1 && isFinished(first-together)
}

// certRequired reports a server of TLS 1.3 that says nothing to a client
// without a certificate but an alert.
func certRequired(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	server := &f.Sides[tlsdecrypt.Server]
	n := int(server.Encrypted)
	if f.Version != tlsdecrypt.TLS13 || f.State == tlsdecrypt.Decrypting || f.Lost() || f.Resumed || n < 2 || n > len(server.First) ||
		server.First[n-1] != alertBody || n > 2 && !isFinished(server.First[n-2]) || !showsNone(&f.Sides[tlsdecrypt.Client]) ||
		c.TCP.End == reassembly.NotEnded {
		return
	}
	p.from(reassembly.FromClient)
	p.Report("", "an empty Certificate of the client by its length, and an alert of the server by its length, and nothing else").As(Likely).In(c.TCP.EndedIn)
}

// soleHTTP2 reports a server with which HTTP/2 was agreed on in clear, and which
// ends the connection at the client's first words.
func soleHTTP2(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	const few = 200 // bytes: SETTINGS, GOAWAY and close_notify
	client, server := &f.Sides[tlsdecrypt.Client], &f.Sides[tlsdecrypt.Server]
	if f.ServerHello == nil || f.ServerHello.ALPN != "h2" || f.Version > tlsdecrypt.TLS12 || f.State == tlsdecrypt.Decrypting || f.Lost() ||
		c.TCP.End == reassembly.NotEnded || c.TCP.EndedBy != reassembly.FromServer || c.TCP.EndedAt.Sub(f.ServerHello.Time) > time.Second ||
		client.Encrypted < 2 || client.Encrypted > 3 || server.CipherBytes > few {
		return
	}
	p.from(reassembly.FromClient)
	p.Report("h2-selected", "HTTP/2 by the ServerHello, and the end by the server at the first words of the client").As(Likely).
		In(f.ServerHello.Packet, c.TCP.EndedIn)
}

// hungUp tells that a ClientHello had no byte for an answer, and was not
// waited for in vain.
func hungUp(c *session.Conn, f *tlsdecrypt.Facts) bool {
	return f.Sides[tlsdecrypt.Server].Records == 0 && f.Alerts == nil && c.Mismatch == session.NoMismatch && c.State == session.Refused &&
		c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == reassembly.FromServer
}

// shutOut reports a server that ends the connection at a ClientHello, without
// a byte.
func shutOut(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	if f.ClientHello.Length >= largeHello || !hungUp(c, f) || len(c.Via) > 0 { // behind a proxy, it may be that which ends it
		return
	}
	if _, speaks := p.World.took(c.Server); speaks > 0 {
		return
	}
	p.from(reassembly.FromClient)
	p.Report("tls-to-http", "%v ends the connection at a ClientHello, without a byte", c.Server).At(Warning).As(Possible).
		In(f.ClientHello.Packet, c.TCP.EndedIn)
}

// helloLost reports a large ClientHello without an answer, unless small ones
// have none either.
func helloLost(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	h := f.ClientHello
	gaveUp := c.State == session.Unanswered || c.State == session.Refused && c.TCP.EndedBy == reassembly.FromClient
	if h.Length < largeHello || f.Sides[tlsdecrypt.Server].Records > 0 || c.Mismatch != session.NoMismatch || !gaveUp && !hungUp(c, f) {
		return
	}
	greeted := p.World.greeted[pathOf(c)]
	if s := p.World.shakes[c.Server]; s != nil && s.deaf > 0 || greeted.large > 0 {
		return
	}
	p.from(reassembly.FromServer)
	found := p.Report("", "ClientHello of %d bytes%s", h.Length, quantum(h)).As(Likely).In(h.Packet)
	if !gaveUp {
		found.Message += ", and the end by the server without a byte"
	}
	if greeted.small > 0 {
		found.In(greeted.small).As(Certain).Message += "; a smaller one of the same client was answered"
	}
}

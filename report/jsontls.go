package report

import (
	"time"

	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// tls writes what is known of the TLS connection outside of something; f may
// be nil.
func (o *object) tls(f *tlsdecrypt.Facts) {
	if f == nil {
		return
	}
	o.begin("tls", '{')
	o.tlsFacts(f)
	o.bool("decrypted", f.State == tlsdecrypt.Decrypting)
	o.end('}')
}

func (o *object) tlsFacts(f *tlsdecrypt.Facts) {
	if f.Version != 0 {
		o.word("version", f.Version.String())
		o.word("cipher", tlsdecrypt.SuiteName(f.Suite))
	}
	if f.ClientHello != nil {
		o.known("sni", f.ClientHello.ServerName)
	}
	o.known("alpn", f.ALPN)
}

// sealed writes a TLS connection that could not be looked into.
func (s *jsonSink) sealed(e *session.Sealed) {
	c, f := &e.Conn.Facts, e.Conn.TLS
	s.open("tls", &e.Where)
	s.address("client", c.Client)
	s.address("server", c.Server)
	s.via(c.Via)
	s.int("tcp_stream", c.Stream)
	s.time("start", c.Start)
	s.time("end", c.End)
	s.tlsFacts(f)
	if f.ClientHello != nil && len(f.ClientHello.ALPN) > 0 {
		s.strings("alpn_offered", f.ClientHello.ALPN)
	}
	s.word("why", sealedBy(f))
	if m := makerOf(f.ClientHello); m != nil {
		s.word("client_like", m.name)
		if keyless(f) {
			s.word("keylog_hint", m.how)
		}
	}
	s.begin("certificates", '[')
	for i := range f.Certificates[tlsdecrypt.Server] {
		s.comma()
		s.certificate(&f.Certificates[tlsdecrypt.Server][i])
	}
	s.end(']')
	s.records("sent_by_client", &f.Sides[tlsdecrypt.Client])
	s.records("sent_by_server", &f.Sides[tlsdecrypt.Server])
}

func (o *object) certificate(c *tlsdecrypt.Certificate) {
	o.b = append(o.b, '{')
	o.known("subject", c.Subject)
	o.known("issuer", c.Issuer)
	o.strings("names", c.Names)
	if !c.Unreadable {
		o.word("not_before", c.NotBefore.UTC().Format(time.RFC3339))
		o.word("not_after", c.NotAfter.UTC().Format(time.RFC3339))
	}
	o.b = append(o.b, '}')
}

func (o *object) records(name string, c *tlsdecrypt.Counts) {
	o.begin(name, '{')
	o.int("records", c.Records)
	o.int("encrypted_bytes", c.CipherBytes)
	o.end('}')
}

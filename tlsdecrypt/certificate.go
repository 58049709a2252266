package tlsdecrypt

import (
	"bytes"
	"crypto/x509"
	"time"
)

// A Certificate is one of a chain, as far as it could be read.
type Certificate struct {
	Subject, Issuer     string // distinguished names
	CommonName          string
	Names               []string // DNS names and addresses it is valid for
	NotBefore, NotAfter time.Time
	SelfSigned          bool // issuer and subject are one
	Unreadable          bool // it is no certificate that could be read: all else is empty

	parsed *x509.Certificate
}

// Covers says whether the certificate is valid for a host name or address
// (RFC 6125 §6.4).
func (c *Certificate) Covers(host string) bool {
	return c.parsed != nil && c.parsed.VerifyHostname(host) == nil
}

// Bounds on what is read of a chain.
const (
	maxChain = 10
	maxCert  = 64 << 10
)

// parseChain reads the body of a Certificate message (RFC 5246 §7.4.2, RFC
// 8446 §4.4.2).
func parseChain(b []byte, v Version) (chain []Certificate) {
	c := cursor{b: b}
	if v == TLS13 {
		c.vector(1) // certificate_request_context
	}
	for list := c.vector(3); list.more() && len(chain) < maxChain; {
		cert := list.vector(3)
		if v == TLS13 {
			list.vector(2) // extensions
		}
		chain = append(chain, parseCertificate(cert.b))
	}
	return chain
}

func parseCertificate(der []byte) Certificate {
	if len(der) > maxCert {
		return Certificate{Unreadable: true}
	}
	x, err := x509.ParseCertificate(bytes.Clone(der))
	if err != nil {
		return Certificate{Unreadable: true}
	}
	names := x.DNSNames
	for _, ip := range x.IPAddresses {
		names = append(names, ip.String())
	}
	return Certificate{
		Subject: x.Subject.String(), Issuer: x.Issuer.String(), CommonName: x.Subject.CommonName, Names: names,
		NotBefore: x.NotBefore, NotAfter: x.NotAfter, SelfSigned: bytes.Equal(x.RawIssuer, x.RawSubject), parsed: x,
	}
}

package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// tlsRules are about TLS below the WebSocket, as far as it shows without keys.
var tlsRules = []Rule{
	{
		ID: "tls-cert-rejected", Severity: Error, Clause: "RFC 8446 §6.2",
		Title:   "the client refused the server's certificate",
		Advice:  "serve the full chain, with a name and dates that fit; install a private CA in the client's runtime",
		Seen:    "an alert of the client about the certificate, or, where alerts are encrypted, one small record instead of its Finished; or its FIN there",
		Means:   "browsers give no prompt for wss: they report an error without a reason",
		Causes:  []string{"a certificate of a private CA, or self-signed", "it has expired", "it is for another name", "the intermediate certificate is missing: browsers fetch it, programs do not", "a scanner of TLS whose CA this runtime does not know"},
		Fixes:   []Fix{{"nginx", "ssl_certificate fullchain.pem;"}, {"Node", "NODE_EXTRA_CA_CERTS=ca.pem"}, {"browser", "open https://host:port once, or use a trusted CA"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST",
		NotWhen: "the client's Finished was seen, and a request; where the client comes back at once and gets in, form retried says so on that connection",
		Variants: []Variant{
			{ID: "retried", Severity: Info, Title: "a client that had left at the certificate came back at once, asked for something else, and got in", Advice: "nothing is broken for this client; the first attempt costs it a round trip or two"},
			{ID: "left", Severity: Info, Title: "the client left right behind the TLS handshake", Advice: "if it is no probe, look at the certificate: some clients check it last, and say nothing"},
		},
		Closed: secured(certRejected),
		Sealed: func(p *Pass, e *session.Sealed) {
			secured(certRejected)(p, &session.Closed{Where: e.Where})
			p.retried(e.Conn)
		},
		Handshake: func(p *Pass, e *session.Handshake) {
			if e.Established {
				p.retried(e.Conn)
			}
		},
	},
	endedBare,
	{
		ID: "tls-cert-bad", Severity: Error, Clause: "RFC 5280 §4.1.2.5",
		Title:   "the server's certificate has a fault",
		Advice:  "renew the certificate, with all names and the full chain",
		Seen:    "the certificate, which TLS up to 1.2 sends in clear, at the time of the packet",
		Means:   "clients that check fail the connection",
		Causes:  []string{"renewal does not run", "a name is missing", "a self-signed certificate of the first set-up"},
		Fixes:   []Fix{{"", "certbot renew, and reload the server"}, {"TLS 1.3", "the certificate is encrypted: openssl s_client -connect HOST:PORT -servername HOST"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST | openssl x509 -noout -dates -subject -issuer -ext subjectAltName",
		NotWhen: "the clock of the capture is off by more than a day, by the Date of answers: then the server's counts; or it stands before 1996, when there was no TLS: then no date is judged",
		Variants: []Variant{
			{ID: "expired", Title: "the certificate has expired"},
			{ID: "not-yet-valid", Title: "the certificate is not valid yet"},
			{ID: "name-mismatch", Title: "the certificate is for other names", Clause: "RFC 9525 §6"},
			{ID: "self-signed", Title: "the certificate is self-signed", Advice: "use a CA that the clients trust, or give them this certificate"},
			{ID: "chain-incomplete", Title: "the server sends its certificate alone", Clause: "RFC 8446 §4.4.2", Advice: "serve the intermediate certificates, too: fullchain.pem"},
			{ID: "expires-soon", Severity: Warning, Title: "the certificate expires within two weeks"},
			{ID: "intercepted", Severity: Info, Title: "the certificate is of a product that looks into TLS on the way", Clause: "RFC 8446 §4.4.2", Advice: "install its CA in the client's runtime, or have it leave this host alone"},
		},
		Closed: secured(certBad),
		Sealed: func(p *Pass, e *session.Sealed) { certBad(p, e.Conn, e.Conn.TLS) },
	},
	{
		ID: "tls-version-or-cipher", Severity: Error, Clause: "RFC 8446 §4.1.1",
		Title:   "client and server have no TLS version or cipher suite in common",
		Advice:  "let both ends have TLS 1.2 and 1.3; update the older one",
		Seen:    "an alert of the server that answers the ClientHello: protocol_version, handshake_failure, insufficient_security",
		Means:   "not a byte of HTTP was sent",
		Causes:  []string{"the server has no TLS 1.0 and 1.1 any more, and the client is old", "the server is old, and the client has no old versions", "an ECDSA certificate and a client with RSA alone"},
		Fixes:   []Fix{{"nginx", "ssl_protocols TLSv1.2 TLSv1.3;"}, {"", "add an RSA certificate for old clients"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST with -tls1_2, and with -tls1_3: which of them the server takes",
		NotWhen: "a client certificate was asked for, or the ClientHello has no server name",
		Variants: []Variant{
			{ID: "none", Title: "client and server have no TLS version or cipher suite in common"},
			{ID: "obsolete", Severity: Warning, Title: "an obsolete version of TLS is in use", Clause: "RFC 8996 §4", Advice: "use TLS 1.2 or 1.3"},
		},
		Closed: secured(noCommon),
		Sealed: func(p *Pass, e *session.Sealed) { noCommon(p, e.Conn, e.Conn.TLS) },
	},
	{
		ID: "tls-sni-problem", Severity: Error, Clause: "RFC 6066 §3",
		Title:   "the server does not know the name that it was asked for, or was not told one",
		Advice:  "connect by name, and send it: a server with several names chooses by it",
		Seen:    "unrecognized_name, or a failure behind a ClientHello without a name; or the end without a byte there, where others with another name are answered",
		Means:   "the certificate, and the program behind, are chosen by this name",
		Causes:  []string{"the client connects by address, or its library sends no name", "a proxy that sends none to its backend", "the name is not configured at the server"},
		Fixes:   []Fix{{"nginx", "proxy_ssl_server_name on; proxy_ssl_name $host;"}, {"Go", "tls.Config.ServerName"}},
		Confirm: "openssl s_client -connect HOST:PORT with -servername NAME, and with -noservername: compare what the server answers",
		NotWhen: "other clients without a name succeed there",
		Closed:  secured(badName),
	},
	{
		ID: "tls-alpn-h2-only", Severity: Error, Clause: "RFC 7301 §3.2",
		Title:   "the two ends do not agree on HTTP/1.1 for the WebSocket",
		Advice:  "let the client's dialer offer http/1.1, and the server allow it",
		Seen:    "no_application_protocol, or a request in HTTP/1.1 where HTTP/2 was agreed on; without keys, the end by the server at the client's first words",
		Means:   "Upgrade does not exist in HTTP/2; servers close or answer with HTTP/2",
		Causes:  []string{"a client that uses an HTTP transport whose TLS offers h2", "a proxy that copies the offer", "a gateway with h2 alone"},
		Fixes:   []Fix{{"Go", `NextProtos: []string{"http/1.1"}`}, {"", "enable HTTP/1.1 at the gateway for this host"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST -alpn http/1.1 prints what was agreed on",
		NotWhen: "the client opens a WebSocket in HTTP/2 (RFC 8441)",
		Variants: []Variant{
			{ID: "no-overlap", Title: "client and server have no protocol for ALPN in common"},
			{ID: "h2-selected", Title: "HTTP/2 was agreed on, and the client sends a request in HTTP/1.1", Clause: "RFC 9113 §3.2"},
		},
		Closed: secured(noProtocol),
		Sealed: func(p *Pass, e *session.Sealed) { soleHTTP2(p, e.Conn, e.Conn.TLS) },
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			if h.TLS != nil && h.TLS.ALPN == "h2" && h.H2 == nil {
				p.Report("h2-selected", "%s in HTTP/1.1", h.Request.Method)
			}
		}),
	},
	{
		ID: "tls-plaintext-mismatch", Severity: Error, Clause: "RFC 6455 §3",
		Title:   "one end speaks TLS and the other does not: ws and wss are mixed up",
		Advice:  "let scheme and port fit: ws:// to a port without TLS, wss:// to one with it",
		Seen:    "HTTP of one end and TLS of the other; or a server that ends the connection at a ClientHello, without a byte",
		Means:   "clients report a wrong version number, or a connection that was closed",
		Causes:  []string{"the scheme of the URL does not fit the port", "a proxy on another port ends TLS", "a page with a fixed ws:// behind a proxy with TLS"},
		Fixes:   []Fix{{"browser", "build the URL by location.protocol"}, {"nginx", "proxy_pass http:// to a backend without TLS"}},
		Confirm: "curl -v http://HOST:PORT/ and curl -vk https://HOST:PORT/: one of the two is answered",
		NotWhen: "the protocol begins in clear and goes over to TLS",
		Variants: []Variant{
			{ID: "http-to-tls", Title: "the client speaks HTTP to a port with TLS"},
			{ID: "tls-to-http", Title: "the client speaks TLS to a port without it"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			switch p.from(reassembly.FromClient); {
			case c.Mismatch == session.TLSToHTTP:
				p.Report("tls-to-http", "%v answers a ClientHello in HTTP: the client began with 16 03, the server with \"HTTP/\"", c.Server)
			case c.Mismatch == session.HTTPToTLS:
				p.Report("http-to-tls", "%v answers a request with a TLS alert: the client began with %q, the server with 15 03", c.Server, began(c)).In(p.Conn.Requested.Packet)
			default:
				secured(shutOut)(p, e)
			}
		},
		Refusal: func(p *Pass, e *session.Refusal) {
			if says("plain HTTP request was sent to HTTPS port", "HTTP request to an HTTPS server")(p, e) {
				p.explained = true
				p.from(reassembly.FromClient)
				p.Report("http-to-tls", "%v says so in its answer %d to what began with %q", p.Conn.Server, e.Status(), began(p.Conn.Conn)).In(e.Requested.Packet)
			}
		},
	},
	{
		ID: "clienthello-blackhole", Severity: Error, Clause: "RFC 8446 §4.1.2",
		Title:   "a large ClientHello has no answer",
		Advice:  "update what stands between; to prove it, try once without post-quantum key exchange",
		Seen:    "a TCP connection, a ClientHello of more than one segment, and no byte of the server",
		Means:   "something on the way reads the first segment alone",
		Causes:  []string{"a firewall or load balancer that does not put the ClientHello together", "a server that reads it in one go", "full-size packets do not pass"},
		Fixes:   []Fix{{"Go", "GODEBUG=tlsmlkem=0, to prove it"}, {"Chromium", "the policy PostQuantumKeyAgreementEnabled, to prove it"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST -groups X25519, whose ClientHello is small, is answered",
		NotWhen: "the server does not answer small ones either; that the same client has an answer to a smaller one proves it",
		Closed:  secured(helloLost),
	},
	{
		ID: "tls-client-cert-required", Severity: Error, Clause: "RFC 8446 §4.4.2",
		Title:   "the server wants a certificate of the client",
		Advice:  "give the client a certificate, or leave the WebSocket's path out of mutual TLS",
		Seen:    "a request for a certificate, none of the client, and an alert; certificate_required; an answer that says so; in TLS 1.3 without keys, records of the lengths of these",
		Means:   "browsers do not ask their users for one on wss",
		Causes:  []string{"an ingress with mutual TLS", "the browser has no certificate that fits"},
		Fixes:   []Fix{{"nginx", "ssl_verify_client optional; and in all other locations if ($ssl_client_verify != SUCCESS) { return 403; }"}, {"Istio", "PeerAuthentication with PERMISSIVE for this port"}},
		Confirm: "openssl s_client -connect HOST:PORT -servername HOST lists under Acceptable client certificate CA names whose it takes",
		NotWhen: "the client showed a certificate",
		Closed: secured(func(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
			if a := alertOf(f, tlsdecrypt.Server, 116, 40, 42); a != nil && (a.Description == 116 || withoutCertificate(f)) {
				p.from(reassembly.FromClient)
				p.alert("", a)
			}
		}),
		Sealed: func(p *Pass, e *session.Sealed) { certRequired(p, e.Conn, e.Conn.TLS) },
		Refusal: func(p *Pass, e *session.Refusal) {
			if says("No required SSL certificate was sent", "The SSL certificate error")(p, e) {
				p.explained = true
				p.from(reassembly.FromClient)
				p.Report("", "%v says so in its answer %d", p.Conn.Server, e.Status()).In(e.Requested.Packet)
			}
		},
	},
}

// began are the first bytes of a request in clear.
func began(c *session.Conn) string {
	if c.Handshake == nil || c.Handshake.Request == nil {
		return "GET"
	}
	return c.Handshake.Request.Method[:min(3, len(c.Handshake.Request.Method))]
}

const (
	firstTLS   = 1996 // when there was SSL 3.0
	largeHello = 1300
	expirySoon = 14 * 24 * time.Hour
	alertBody  = 2 + 1 + 16 // of a record with an alert, in TLS 1.3
)

// secured makes a hook of what looks at a connection with TLS whose handshake
// was seen.
func secured(check func(*Pass, *session.Conn, *tlsdecrypt.Facts)) func(*Pass, *session.Closed) {
	return func(p *Pass, e *session.Closed) {
		if f := e.Conn.TLS; f != nil && f.ClientHello != nil && e.Conn.H2 == nil {
			check(p, e.Conn, f)
		}
	}
}

// alertOf finds a fatal alert of that side with one of the descriptions.
func alertOf(f *tlsdecrypt.Facts, of tlsdecrypt.Side, descriptions ...uint8) *tlsdecrypt.Alert {
	for i := range f.Alerts {
		if a := &f.Alerts[i]; a.From == of && a.Fatal() && slices.Contains(descriptions, a.Description) {
			return a
		}
	}
	return nil
}

// alert reports an alert.
func (p *Pass) alert(variant string, a *tlsdecrypt.Alert) *Finding {
	return p.Report(variant, "alert %d %s", a.Description, tlsdecrypt.AlertName(a.Description)).In(a.Packet).
		With("alert", int64(a.Description)).With("alert_name", tlsdecrypt.AlertName(a.Description))
}

func certBad(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	chain := f.Certificates[tlsdecrypt.Server]
	if len(chain) == 0 || chain[0].Unreadable || c.Start == capture.NoTime {
		return
	}
	p.from(reassembly.FromServer)
	cert, failed := &chain[0], c.State == session.Refused || leftUnasked(c, f)
	now, corrected := p.World.right(c.Start.UTC())
	p.intercepted(f)
	report := func(variant string, accepted Severity, format string, args ...any) {
		if !failed && accepted == 0 {
			return
		}
		found := p.Report(variant, format, args...)
		if !failed {
			found.At(accepted)
		}
		if corrected > 0 {
			found.As(Likely).In(corrected).Message += ", by the server's clock"
		}
	}
	name := p.serverName(c, f)
	switch {
	case now.Year() < firstTLS: // a clock that was never set
	case now.After(cert.NotAfter):
		report("expired", Warning, "not after %s, captured %s", day(cert.NotAfter), day(now))
	case now.Before(cert.NotBefore):
		report("not-yet-valid", Warning, "not before %s, captured %s", day(cert.NotBefore), day(now))
	case cert.NotAfter.Sub(now) < expirySoon && !cert.SelfSigned:
		p.Report("expires-soon", "not after %s, captured %s", day(cert.NotAfter), day(now))
	}
	switch rejected := alertOf(f, tlsdecrypt.Client, 48, 46, 42); {
	case !cert.Covers(name) && (rejected != nil || !nameless(f.ClientHello)): // what the user had typed is not known
		report("name-mismatch", Warning, "%s is not among %s", name, namesOf(cert))
	case cert.SelfSigned:
		report("self-signed", Info, "subject and issuer are %s", cert.Subject)
	case len(chain) > 1 || now.Year() >= firstTLS && (now.After(cert.NotAfter) || now.Before(cert.NotBefore)):
	case rejected != nil:
		p.Report("chain-incomplete", "one certificate, of %s", cert.Issuer).As(Likely).In(rejected.Packet)
	case leftAtOnce(c, f):
		p.Report("chain-incomplete", "one certificate, of %s, and the client left", cert.Issuer).As(Possible).At(Warning)
	}
}

// namesOf are the names of a certificate, as they are compared: the common name
// is none of them (RFC 9525 §2).
func namesOf(c *tlsdecrypt.Certificate) string {
	if len(c.Names) == 0 {
		return "its names: it has none, only the subject " + c.Subject
	}
	return strings.Join(c.Names, ", ")
}

// leftUnasked tells that the handshake of TLS came to its end, and that the
// client then ended TCP without a request, as clients do that look at the
// certificate last.
func leftUnasked(c *session.Conn, f *tlsdecrypt.Facts) bool {
	s := &f.Sides[tlsdecrypt.Client]
	silent := s.DataBytes == 0 && (f.State == tlsdecrypt.Decrypting || s.Encrypted <= 2) // Finished, close_notify
	return silent && s.Encrypted > 0 && c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == reassembly.FromClient
}

// serverName is the name that was asked for, or the address where none was.
func (p *Pass) serverName(c *session.Conn, f *tlsdecrypt.Facts) string {
	if f.ClientHello != nil && f.ClientHello.ServerName != "" {
		return f.ClientHello.ServerName
	}
	return c.Server.Addr().Unmap().String()
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func noCommon(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	if f.Version.Obsolete() {
		p.from(reassembly.FromServer)
		p.Report("obsolete", "%v", f.Version)
	}
	a := alertOf(f, tlsdecrypt.Server, 70, 40, 71, 86)
	if a == nil || f.ClientHello == nil || f.ServerHello != nil || f.CertRequest || a.Description == 40 && p.unnamed(c, f.ClientHello) {
		return
	}
	p.from(reassembly.FromServer)
	h := f.ClientHello
	others, packet := p.World.took(c.Server)
	p.alert("none", a).In(h.Packet, packet).With("legacy_version", h.LegacyVersion.String()).With("versions_offered", versions(h)).
		With("suites_offered", int64(len(h.Suites))).With("groups_offered", groupsOf(h)).Message += others
}

func groupsOf(h *tlsdecrypt.ClientHello) []string {
	var names []string
	for _, g := range h.Groups {
		if !tlsdecrypt.GREASE(g) {
			names = append(names, tlsdecrypt.GroupName(g))
		}
	}
	return names
}

func versions(h *tlsdecrypt.ClientHello) []string {
	var names []string
	for _, v := range h.Versions {
		if !tlsdecrypt.GREASE(uint16(v)) {
			names = append(names, v.String())
		}
	}
	if names == nil {
		names = []string{h.LegacyVersion.String()}
	}
	return names
}

func noProtocol(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	if a := alertOf(f, tlsdecrypt.Server, 120); a != nil {
		p.from(reassembly.FromClient)
		p.alert("no-overlap", a).With("alpn_offered", f.ClientHello.ALPN)
	}
	if c.Mismatch == session.HTTP1ToHTTP2 {
		p.from(reassembly.FromClient)
		p.Report("h2-selected", "GET in HTTP/1.1, and SETTINGS of the server").In(f.ClientHello.Packet)
	}
}

// quantum says whether the ClientHello is large for a reason.
func quantum(h *tlsdecrypt.ClientHello) string {
	for _, g := range h.KeyShares {
		if name := tlsdecrypt.GroupName(g); strings.Contains(name, "MLKEM") || strings.Contains(name, "Kyber") {
			return ", with a key share of " + name
		}
	}
	return ""
}

// withoutCertificate tells that the client was asked for a certificate and showed none.
func withoutCertificate(f *tlsdecrypt.Facts) bool {
	return f.CertRequest && len(f.Certificates[tlsdecrypt.Client]) == 0
}

package main

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// An authority signs certificates for the cases below, whose packets are of
// the second day of 2026.
type authority struct {
	key     *ecdsa.PrivateKey
	cert    *x509.Certificate
	trusted *x509.CertPool
}

var (
	year2020 = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	year2030 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	onTheDay = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func (a *authority) sign(t *testing.T, template *x509.Certificate, chain ...[]byte) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject.CommonName = "test " + template.SerialNumber.String()
	template.BasicConstraintsValid = true
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: append([][]byte{der}, chain...), PrivateKey: key, Leaf: leaf}
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	root := (&authority{}).sign(t, &x509.Certificate{
		Subject: pkix.Name{Organization: []string{name}}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: year2020, NotAfter: year2030,
	})
	pool := x509.NewCertPool()
	pool.AddCert(root.Leaf)
	return &authority{root.PrivateKey.(*ecdsa.PrivateKey), root.Leaf, pool}
}

// leaf is a certificate for echo.example.
func (a *authority) leaf(t *testing.T, from, to time.Time, names ...string) tls.Certificate {
	if names == nil {
		names = []string{"echo.example"}
	}
	return a.sign(t, &x509.Certificate{DNSNames: names, NotBefore: from, NotAfter: to}, a.cert.Raw)
}

// shake lets two ends of crypto/tls try, and gives what they sent. If they
// come to terms, each says something.
func shake(t *testing.T, client, server *tls.Config, says ...sentRun) (outside []sentRun, keylog []byte) {
	t.Helper()
	var mu sync.Mutex
	var keys bytes.Buffer
	note := func(d reassembly.Dir, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		outside = append(outside, sentRun{d, bytes.Clone(b)})
	}
	near, far := net.Pipe()
	client.KeyLogWriter, client.Time, server.Time = &keys, func() time.Time { return onTheDay }, func() time.Time { return onTheDay }
	if client.ServerName == "" && !client.InsecureSkipVerify {
		client.ServerName = "echo.example"
	}
	ends := [2]*tls.Conn{tls.Client(&wire{near, reassembly.FromClient, note}, client), tls.Server(&wire{far, reassembly.FromServer, note}, server)}
	var both sync.WaitGroup
	failed := [2]error{}
	for i, c := range ends {
		both.Go(func() {
			if failed[i] = c.Handshake(); failed[i] != nil {
				c.NetConn().(*wire).Conn.Close()
			} else if i == 0 && server.ClientAuth == tls.RequireAnyClientCert { // in TLS 1.3 it says no behind that
				_, failed[i] = c.Read(make([]byte, 1))
			}
		})
	}
	both.Wait()
	if failed[0] == nil && failed[1] == nil {
		for _, r := range says {
			both.Go(func() { ends[r.dir].Write(r.data) })
			ends[r.dir.Other()].Read(make([]byte, 1<<14))
			both.Wait()
		}
	}
	return outside, keys.Bytes()
}

const (
	asks    = "GET /chat HTTP/1.1\r\nHost: echo.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	answers = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

var conversation = []sentRun{
	{reassembly.FromClient, []byte(asks)}, {reassembly.FromServer, []byte(answers)},
	{reassembly.FromClient, []byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xe8}}, {reassembly.FromServer, []byte{0x88, 2, 3, 0xe8}},
}

// A tlsCase is a conversation of TLS in which a rule must speak, or must not.
type tlsCase struct {
	name   string
	wants  []string // rules that must be found
	nots   []string // and that must not
	keys   bool     // with the secrets
	late   int      // so many of the runs at the beginning are not captured
	says   int      // so many of the runs inside are said; 0: all, less: none
	end    string   // instead of a FIN of each side, the server's first
	client *tls.Config
	server *tls.Config
	script string      // instead of what the two ends would say; {hello} is a ClientHello
	before string      // on another connection
	first  *tls.Config // a client that the server was asked by on another connection
}

func tlsCases(t *testing.T) []tlsCase {
	ca := newAuthority(t, "wssniff test CA")
	good := ca.leaf(t, year2020, year2030)
	v12 := func(c *tls.Config) *tls.Config {
		c = c.Clone()
		c.MaxVersion, c.MinVersion = tls.VersionTLS12, tls.VersionTLS12
		return c
	}
	serve := func(certs ...tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: certs, SessionTicketsDisabled: true}
	}
	trusting := &tls.Config{RootCAs: ca.trusted}
	strangers := &tls.Config{RootCAs: x509.NewCertPool()}
	bad := func(form string) []string { return []string{"tls-cert-bad." + form} }
	middle := ca.sign(t, &x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: year2020, NotAfter: year2030})
	below := &authority{middle.PrivateKey.(*ecdsa.PrivateKey), middle.Leaf, nil}
	alone := below.sign(t, &x509.Certificate{DNSNames: []string{"echo.example"}, NotBefore: year2020, NotAfter: year2030})
	own := (&authority{}).sign(t, &x509.Certificate{DNSNames: []string{"echo.example"}, NotBefore: year2020, NotAfter: year2030})
	anonymous := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
	demanding := v12(serve(good))
	demanding.ClientAuth = tls.RequireAnyClientCert
	offering := func(c *tls.Config, protocols ...string) *tls.Config {
		c = c.Clone()
		c.NextProtos = protocols
		return c
	}
	hello := strings.TrimSpace("syn\n{hello}\n")
	inspector := newAuthority(t, "DO_NOT_TRUST_FiddlerRoot")
	small := &tls.Config{RootCAs: ca.trusted, CurvePreferences: []tls.CurveID{tls.X25519}}
	unnamed := &tls.Config{InsecureSkipVerify: true}
	silent := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	demanding13 := serve(good)
	demanding13.ClientAuth = tls.RequireAnyClientCert
	modern := serve(good)
	modern.MinVersion = tls.VersionTLS13
	doubting := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "old.example"}
	addressed := &tls.Config{RootCAs: ca.trusted, ServerName: "10.0.0.2"} // crypto/tls sends no name then
	elsewhereStrict := &tls.Config{RootCAs: ca.trusted, ServerName: "other.example"}
	asked := serve(good)
	asked.ClientAuth = tls.RequestClientCert
	dated := func(date string) string {
		return "open /chat field2=\"Date: " + date + "\"\nc close 1000\ns close 1000\nfin\n"
	}
	lapsed := v12(serve(ca.leaf(t, year2020, onTheDay.AddDate(0, 0, -3))))

	healthy := []string{
		"tls-cert-rejected", "tls-sni-problem", "clienthello-blackhole", "tls-client-cert-required",
		"tls-cert-bad.expired", "tls-cert-bad.not-yet-valid", "tls-cert-bad.name-mismatch", "tls-cert-bad.self-signed",
		"tls-cert-bad.chain-incomplete", "tls-cert-bad.expires-soon", "tls-version-or-cipher.none", "tls-version-or-cipher.obsolete",
		"tls-alpn-h2-only.no-overlap", "tls-alpn-h2-only.h2-selected", "tls-plaintext-mismatch.http-to-tls", "tls-plaintext-mismatch.tls-to-http",
		"handshake-request-invalid.no-sni-host-mismatch", "tls-cert-rejected.left", "tls-no-close-notify", "tls-cert-bad.intercepted",
	}
	elsewhere := &tls.Config{InsecureSkipVerify: true, ServerName: "other.example"}
	return []tlsCase{
		{name: "healthy 1.2", nots: healthy, client: trusting, server: v12(serve(good))},
		{name: "healthy 1.3", nots: healthy, client: trusting, server: serve(good)},
		{name: "nothing asked", wants: []string{"handshake-no-response.no-request"}, keys: true, says: -1, end: "wait 10s\nfin\n", client: trusting, server: serve(good)},
		{name: "nothing asked, no secrets", nots: []string{"handshake-no-response.no-request"}, says: -1, end: "wait 10s\nfin\n", client: trusting, server: serve(good)},
		{name: "healthy 1.3 decrypted", nots: healthy, keys: true, client: trusting, server: serve(good)},
		{name: "unknown CA", wants: []string{"tls-cert-rejected"}, nots: bad("self-signed"), client: strangers, server: v12(serve(good))},
		{name: "unknown CA 1.3", wants: []string{"tls-cert-rejected"}, client: strangers, server: serve(good)},
		{name: "unknown CA 1.3 decrypted", wants: []string{"tls-cert-rejected"}, keys: true, client: strangers, server: serve(good)},
		{name: "left", wants: []string{"tls-cert-rejected.left"}, nots: []string{"tls-no-close-notify"}, client: trusting, server: serve(good), says: -1, end: "fin c\nfin\n"},
		{name: "left, decrypted", wants: []string{"tls-cert-rejected.left"}, keys: true, client: trusting, server: v12(serve(good)), says: -1, end: "fin c\nfin\n"},
		{name: "left late", nots: []string{"tls-cert-rejected.left"}, client: trusting, server: serve(good), says: -1, end: "wait 30s\nfin c\nfin\n"},
		{name: "no close_notify", wants: []string{"tls-no-close-notify"}, keys: true, client: trusting, server: serve(good), says: 2},
		{name: "expired", wants: append(bad("expired"), "tls-cert-rejected"), client: trusting, server: v12(serve(ca.leaf(t, year2020, onTheDay.AddDate(0, 0, -3))))},
		{name: "early", wants: bad("not-yet-valid"), client: trusting, server: v12(serve(ca.leaf(t, onTheDay.AddDate(0, 0, 3), year2030)))},
		{name: "other name", wants: bad("name-mismatch"), client: trusting, server: v12(serve(ca.leaf(t, year2020, year2030, "www.example")))},
		{name: "self-signed", wants: bad("self-signed"), nots: bad("chain-incomplete"), client: trusting, server: v12(serve(own))},
		{name: "alone", wants: bad("chain-incomplete"), nots: bad("self-signed"), client: trusting, server: v12(serve(alone))},
		{name: "soon", wants: bad("expires-soon"), nots: bad("expired"), client: trusting, server: v12(serve(ca.leaf(t, year2020, onTheDay.AddDate(0, 0, 3))))},
		{name: "versions", wants: []string{"tls-version-or-cipher.none"}, nots: []string{"tls-sni-problem"}, client: v12(trusting), server: &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS13}},
		{name: "obsolete", wants: []string{"tls-version-or-cipher.obsolete"}, client: &tls.Config{RootCAs: ca.trusted, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, server: &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS10}},
		{name: "name", wants: []string{"tls-sni-problem"}, nots: []string{"tls-version-or-cipher.none"}, client: trusting, server: anonymous},
		{name: "protocols", wants: []string{"tls-alpn-h2-only.no-overlap"}, nots: []string{"tls-alpn-h2-only.h2-selected"}, client: offering(trusting, "http/1.1"), server: offering(serve(good), "mqtt")},
		{name: "h2", wants: []string{"tls-alpn-h2-only.h2-selected"}, nots: []string{"tls-alpn-h2-only.no-overlap"}, keys: true, client: offering(trusting, "h2"), server: offering(serve(good), "h2")},
		{name: "certificate wanted", wants: []string{"tls-client-cert-required"}, nots: []string{"tls-version-or-cipher.none"}, client: trusting, server: demanding},
		{name: "joined late", nots: healthy, late: 1, client: trusting, server: v12(serve(good))},
		{name: "two names", wants: []string{"handshake-request-invalid.no-sni-host-mismatch"}, keys: true, client: elsewhere, server: serve(good)},
		{name: "TLS to HTTP", wants: []string{"tls-plaintext-mismatch.tls-to-http"}, client: trusting, script: hello + "\ns raw \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"\nfin\n"},
		{name: "HTTP to TLS", wants: []string{"tls-plaintext-mismatch.http-to-tls"}, script: "syn\nrequest /chat\ns raw hex=15030100020246\nfin\n"},
		{name: "looked into", wants: bad("intercepted"), client: strangers, server: v12(serve(inspector.leaf(t, year2020, year2030)))},
		{name: "looked into, on the way", wants: bad("intercepted"), first: trusting, client: &tls.Config{RootCAs: inspector.trusted}, server: v12(serve(inspector.leaf(t, year2020, year2030)))},
		{name: "expired, by both clocks", wants: bad("expired"), before: dated("Fri, 02 Jan 2026 03:04:09 GMT"), client: trusting, server: lapsed},
		{name: "not expired, by the server's clock", nots: bad("expired"), before: dated("Mon, 01 Dec 2025 03:04:05 GMT"), client: trusting, server: lapsed},
		{name: "early, by the server's clock", wants: bad("not-yet-valid"), before: dated("Tue, 01 Jan 2019 03:04:05 GMT"), client: strangers, server: lapsed},
		{name: "others without a name", wants: []string{"tls-version-or-cipher.none"}, nots: []string{"tls-sni-problem"}, first: unnamed, client: silent, server: modern},
		{name: "certificate wanted, 1.3", wants: []string{"tls-client-cert-required"}, client: trusting, server: demanding13},
		{name: "certificate asked for, 1.3", nots: []string{"tls-client-cert-required"}, client: trusting, server: asked},
		{name: "h2, no secrets", wants: []string{"tls-alpn-h2-only.h2-selected"}, client: offering(trusting, "h2"), server: offering(v12(serve(good)), "h2"), says: 1},
		{name: "h2, no secrets, left by the client", nots: []string{"tls-alpn-h2-only.h2-selected"}, client: offering(trusting, "h2"), server: offering(v12(serve(good)), "h2"), says: 1, end: "fin c\nfin\n"},
		{name: "hung up", wants: []string{"tls-plaintext-mismatch.tls-to-http"}, nots: []string{"clienthello-blackhole"}, client: small, script: hello + "\nfin\n"},
		{name: "hung up at a large one", wants: []string{"clienthello-blackhole"}, nots: []string{"tls-plaintext-mismatch.tls-to-http"}, client: trusting, script: hello + "\nrst\n"},
		{name: "no answer to small ones", nots: []string{"clienthello-blackhole"}, before: "syn\n{hello}\nwait 20s\nfin c\n", first: small, client: trusting, script: hello + "\nwait 20s\nfin c\n"},
		{name: "no answer to large ones", wants: []string{"clienthello-blackhole"}, first: small, server: serve(good), client: trusting, script: hello + "\nwait 20s\nfin c\n"},
		{name: "back at once with another name", wants: []string{"tls-cert-rejected.retried"}, first: doubting, client: trusting, server: serve(good)},
		{name: "back at once with another name, decrypted", wants: []string{"tls-cert-rejected.retried"}, keys: true, first: doubting, client: trusting, server: serve(good)},
		{name: "back at once with an older version", wants: []string{"tls-cert-rejected.retried"}, first: strangers, client: v12(trusting), server: serve(good)},
		{name: "back at once with the same", nots: []string{"tls-cert-rejected.retried"}, first: strangers, client: trusting, server: serve(good)},
		{name: "back, and refuses again", nots: []string{"tls-cert-rejected.retried"}, first: doubting, client: strangers, server: serve(good)},
		{name: "another name's certificate", wants: []string{"tls-sni-problem"}, client: addressed, server: v12(serve(good))},
		{name: "another name's certificate, asked for", nots: []string{"tls-sni-problem"}, client: elsewhereStrict, server: v12(serve(good))},
		{name: "hung up without a name", wants: []string{"tls-sni-problem"}, nots: []string{"tls-plaintext-mismatch.tls-to-http", "clienthello-blackhole"}, first: trusting, server: serve(good), client: unnamed, script: hello + "\nfin\n"},
		{name: "hung up at another name", wants: []string{"tls-sni-problem"}, nots: []string{"tls-plaintext-mismatch.tls-to-http"}, first: trusting, server: serve(good), client: elsewhere, script: hello + "\nfin\n"},
		{name: "hung up at the same name", nots: []string{"tls-sni-problem", "tls-plaintext-mismatch.tls-to-http"}, first: trusting, server: serve(good), client: trusting, script: hello + "\nfin\n"},
		{name: "hung up without a name, as nobody has one", nots: []string{"tls-sni-problem"}, first: unnamed, server: serve(good), client: silent, script: hello + "\nfin\n"},
		{name: "no answer", wants: []string{"clienthello-blackhole"}, client: trusting, script: hello + "\nwait 20s\nfin c\n"},
	}
}

// helloIn puts a ClientHello of that client in its place.
func helloIn(t *testing.T, script string, client *tls.Config) string {
	t.Helper()
	if !strings.Contains(script, "{hello}") {
		return script
	}
	outside, _ := shake(t, client.Clone(), &tls.Config{})
	line, _, _ := strings.Cut(strings.TrimPrefix(scriptOf(outside[:1], 1460), "syn\n"), "\n")
	return strings.Replace(script, "{hello}", line, 1)
}

// spoken is what the two ends say, and before that others.
func (c *tlsCase) spoken(t *testing.T, keys *tlsdecrypt.Keys) string {
	t.Helper()
	before := helloIn(t, c.before, cmp.Or(c.first, c.client))
	if c.first != nil && before == "" {
		outside, _ := shake(t, c.first.Clone(), c.server.Clone(), conversation...)
		before = scriptOf(outside, 1460)
	}
	if before != "" {
		before += "conn 2\n"
	}
	if c.script != "" {
		return before + helloIn(t, c.script, c.client)
	}
	says := conversation
	if c.says != 0 {
		says = says[:max(c.says, 0)]
	}
	outside, keylog := shake(t, c.client.Clone(), c.server.Clone(), says...)
	script := scriptOf(outside[c.late:], 1460)
	if c.end != "" {
		script = strings.TrimSuffix(script, "fin\n") + c.end
	}
	if c.keys {
		if w := keys.Log("test").Write(keylog); w != nil {
			t.Fatal(w)
		}
	}
	return before + script
}

func (c *tlsCase) judge(t *testing.T) []*diagnose.Finding {
	t.Helper()
	keys := new(tlsdecrypt.Keys)
	script := c.spoken(t, keys)
	packets, err := casetest.Of("0.0", script).Packets()
	if err != nil {
		t.Fatal(err)
	}
	var f found
	if _, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{Keys: keys}, 1, diagnose.New(diagnose.All(), &f)); err != nil {
		t.Fatal(err)
	}
	return f.all
}

// testTLSRules holds that the rules about TLS speak of what two ends of
// crypto/tls do, and are silent where they do well. It notes what it tried.
func testTLSRules(t *testing.T, wanted, unwanted map[string]bool) {
	cases := tlsCases(t)
	for i := range cases {
		c := &cases[i]
		all := c.judge(t)
		for _, rule := range c.wants {
			wanted[rule] = true
			if !slices.ContainsFunc(all, func(f *diagnose.Finding) bool { return is(f, rule) }) {
				t.Errorf("TLS, %s: %s is not found; found are %v", c.name, rule, named(all))
			}
		}
		for _, rule := range c.nots {
			unwanted[rule] = true
			if slices.ContainsFunc(all, func(f *diagnose.Finding) bool { return is(f, rule) }) {
				t.Errorf("TLS, %s: %s is found", c.name, rule)
			}
		}
	}
}

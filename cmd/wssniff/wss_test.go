package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A run of bytes that one end sent.
type sentRun struct {
	dir  reassembly.Dir
	data []byte
}

// runsOf gives what the two ends of a case said, in its order, if there is one
// connection and nothing of it is lost.
func runsOf(t *testing.T, packets []capture.Packet) (runs []sentRun, ok bool) {
	t.Helper()
	var ip reassembly.IP
	var stream reassembly.Stream
	var client *reassembly.Segment
	clean := true
	take := func(c *reassembly.Chunk) {
		if clean = clean && c.Lost == 0; len(c.Data) > 0 {
			runs = append(runs, sentRun{c.Dir, bytes.Clone(c.Data)})
		}
	}
	for i := range packets {
		g := ip.Segment(&packets[i])
		if g == nil {
			continue
		}
		if client == nil {
			first := *g
			client = &first
			clean = g.Flags.Has(reassembly.FlagSYN) && g.Length() == 0
		}
		d := reassembly.FromServer
		if g.Src == client.Src && g.Dst == client.Dst {
			d = reassembly.FromClient
		} else if g.Src != client.Dst {
			return nil, false
		}
		if stream.Begins(d, g) {
			return nil, false
		}
		for c := range stream.Chunks(d, g) {
			take(c)
		}
	}
	for c := range stream.Flush(0, 0) {
		take(c)
	}
	return runs, clean && len(runs) > 1
}

// A wire is one end of a connection whose writes are noted.
type wire struct {
	net.Conn
	dir  reassembly.Dir
	note func(reassembly.Dir, []byte)
}

func (w *wire) Write(b []byte) (int, error) {
	w.note(w.dir, b)
	return w.Conn.Write(b)
}

// wrapped says the same inside TLS, as the standard library does it.
func wrapped(t *testing.T, runs []sentRun, version uint16, cert tls.Certificate) (outside []sentRun, keylog []byte) {
	t.Helper()
	var mu sync.Mutex
	var keys bytes.Buffer
	note := func(d reassembly.Dir, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		outside = append(outside, sentRun{d, bytes.Clone(b)})
	}
	near, far := net.Pipe()
	client := tls.Client(&wire{near, reassembly.FromClient, note}, &tls.Config{
		InsecureSkipVerify: true, ServerName: "echo.example", MinVersion: version, MaxVersion: version, KeyLogWriter: &keys,
	})
	server := tls.Server(&wire{far, reassembly.FromServer, note}, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
	ends := [...]*tls.Conn{reassembly.FromClient: client, reassembly.FromServer: server}
	var both sync.WaitGroup
	for _, c := range ends {
		both.Go(func() {
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for _, r := range runs {
		both.Go(func() {
			if _, err := ends[r.dir].Write(r.data); err != nil {
				t.Error(err)
			}
		})
		if _, err := io.ReadFull(ends[r.dir.Other()], make([]byte, len(r.data))); err != nil {
			t.Fatal(err)
		}
		both.Wait()
	}
	return outside, keys.Bytes()
}

// scriptOf is a conversation of those bytes, in segments of at most n bytes.
func scriptOf(runs []sentRun, n int) string {
	var b strings.Builder
	b.WriteString("syn\n")
	for _, r := range runs {
		fmt.Fprintf(&b, "%s raw hex=%s split=%d\n", "cs"[r.dir:r.dir+1], hex.EncodeToString(r.data), n)
	}
	b.WriteString("fin\n")
	return b.String()
}

// A content of events: all that must be the same inside TLS.
type inside struct{ lines []string }

func (l *inside) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Handshake:
		l.add("handshake", e.Status(), e.Target(), e.Established)
	case *session.Refusal:
		l.add("refusal", string(e.Body))
	case *session.Frame:
		l.add("frame", e.Dir, e.Header.Opcode, e.FIN, e.RSV(), e.Masked, e.PayloadLength, e.Offset, e.Missing)
	case *session.Message:
		l.add("message", e.Dir, e.Opcode, e.Length, e.Complete, e.InvalidAt, string(e.Data))
	case *session.Lost:
		l.add("lost", e.Dir, e.Length)
	case *session.Sealed:
		l.add("sealed")
	}
}

func (l *inside) add(parts ...any) { l.lines = append(l.lines, fmt.Sprint(parts...)) }

func seen(t *testing.T, script string, keys *tlsdecrypt.Keys) (lines []string, totals *session.Totals, text string) {
	t.Helper()
	packets, err := casetest.Of("0.0", script).Packets()
	if err != nil {
		t.Fatal(err)
	}
	var l inside
	var out bytes.Buffer
	sink := formatNamed(t, "ndjson").New(&out, &report.Options{})
	checker := diagnose.New(diagnose.All(), sink)
	totals, err = session.Run(casetest.Poison(casetest.Source(packets)), session.Config{Keys: keys, Keep: 1 << 10}, 1, &l, checker)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Finish(&report.Summary{Totals: totals, Counts: checker.Counts()}); err != nil {
		t.Fatal(err)
	}
	return l.lines, totals, out.String()
}

// TestSameInsideTLS says every conversation of the cases once more inside
// TLS, in segments of several sizes: with the keys it must read the same,
// without them nothing of it may be told.
func TestSameInsideTLS(t *testing.T) {
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	cert := selfSigned(t)
	said := 0
	for i, c := range cases {
		packets, err := c.Packets()
		if err != nil {
			t.Fatal(err)
		}
		runs, ok := runsOf(t, packets)
		if !ok || bytes.HasPrefix(runs[0].data, []byte{22, 3}) {
			continue
		}
		said++
		t.Run(c.Number, func(t *testing.T) {
			version := [...]uint16{tls.VersionTLS12, tls.VersionTLS13}[i%2]
			want, _, _ := seen(t, scriptOf(runs, 1460), nil)
			outside, keylog := wrapped(t, runs, version, cert)
			size := [...]int{1460, 1, 100}[i%3]
			if size == 1 && len(keylog) > 0 && total(outside) > 8000 {
				size = 37
			}
			keys := new(tlsdecrypt.Keys)
			log := keys.Log("test")
			if w := log.Write(keylog); w != nil {
				t.Fatal(w)
			}
			got, totals, text := seen(t, scriptOf(outside, size), keys)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("segments of %d bytes (-in clear +inside TLS):\n%s", size, diff)
			}
			if totals.Decrypted != 1 || totals.TLS != 0 || totals.Connections > 0 && !strings.Contains(text, `"sni":"echo.example"`) {
				t.Errorf("%d decrypted, %d TLS", totals.Decrypted, totals.TLS)
			}
			blind, totals, _ := seen(t, scriptOf(outside, 1460), nil)
			if diff := cmp.Diff([]string{"sealed"}, blind); diff != "" || totals.TLS != 1 {
				t.Errorf("without keys: %d TLS\n%s", totals.TLS, diff)
			}
		})
	}
	if said < 60 {
		t.Errorf("%d cases fit, expected at least 60", said)
	}
}

func total(runs []sentRun) (n int) {
	for _, r := range runs {
		n += len(r.data)
	}
	return n
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"echo.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

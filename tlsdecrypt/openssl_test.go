package tlsdecrypt

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"crypto/x509"

	"github.com/wssniff/wssniff/reassembly"
)

// relay passes one connection on from one Unix socket to another, and records.
func relay(l net.Listener, to string, r *recording) error {
	a, err := l.Accept()
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := net.Dial("unix", to)
	if err != nil {
		return err
	}
	defer b.Close()
	var wg sync.WaitGroup
	for _, way := range []struct {
		from net.Conn
		to   *tap
	}{{a, &tap{b, reassembly.FromClient, r}}, {b, &tap{a, reassembly.FromServer, r}}} {
		wg.Go(func() {
			io.Copy(way.to, way.from)
			way.to.Conn.(*net.UnixConn).CloseWrite()
		})
	}
	wg.Wait()
	return nil
}

// answers says what s_client prints behind a line.
var answers = map[string]string{
	"the first line\n": "enil tsrif eht", "the end\n": "dne eht", "K\n": "KEYUPDATE", "R\n": "RENEGOTIATING",
}

// A pair is an s_client and an s_server with a relay between them.
type pair struct {
	recording
	client, server     *exec.Cmd
	toClient, toServer io.Writer // their standard input
	says, hears        io.Reader // what s_client prints, and what s_server does
	keyFile            string
	relayed            chan error
}

// start starts one of the two, with pipes.
func (p *pair) start(t *testing.T, c *exec.Cmd) (in io.Writer, out io.Reader) {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return in, out
}

// certified makes a folder with the certificates and keys, in files 0 and 1.
func certified(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, c := range certificates() {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func startPair(t *testing.T, server, client []string) *pair {
	t.Helper()
	dir := certified(t)
	front := filepath.Join(dir, "c")
	p := &pair{keyFile: filepath.Join(dir, "keys"), relayed: make(chan error, 1)}
	p.server = exec.Command("openssl", append([]string{"s_server", "-unix", "s", // the whole path is more than it can say
		"-naccept", "1", "-keylogfile", p.keyFile, "-cert", filepath.Join(dir, "0"), "-dcert", filepath.Join(dir, "1")}, server...)...)
	p.server.Dir = dir
	p.toServer, p.hears = p.start(t, p.server)
	var said bytes.Buffer
	for b := make([]byte, 512); !strings.Contains(said.String(), "ACCEPT"); {
		n, err := p.hears.Read(b)
		if said.Write(b[:n]); err != nil {
			t.Skipf("openssl cannot do this: %s", said.String())
		}
	}
	l, err := net.Listen("unix", front)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { p.relayed <- relay(l, filepath.Join(dir, "s"), &p.recording) }()
	p.client = exec.Command("openssl", append([]string{"s_client", "-unix", front, "-servername", "chat.example"}, client...)...)
	p.toClient, p.says = p.start(t, p.client)
	return p
}

// end stops both and takes the keys.
func (p *pair) end(t *testing.T) *recording {
	t.Helper()
	p.client.Process.Kill()
	p.server.Process.Kill()
	<-p.relayed
	text, err := os.ReadFile(p.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	p.keys.Write(text)
	return &p.recording
}

// openssl has s_client send lines to an s_server that echoes each reversed.
func openssl(t *testing.T, server, client []string, input string) *recording {
	t.Helper()
	p := startPair(t, append([]string{"-rev"}, server...), client)
	go io.Copy(io.Discard, p.hears)
	got, buf := "", make([]byte, 4096)
	for line := range strings.Lines(input) { // a command must be a line that comes alone
		io.WriteString(p.toClient, line)
		for want := answers[line]; !strings.Contains(got, want); {
			n, err := p.says.Read(buf)
			if got += string(buf[:n]); err != nil {
				t.Fatalf("s_client ended: %s; relay: %v", got, <-p.relayed)
			}
		}
	}
	io.WriteString(p.toClient, "Q\n")
	return p.end(t)
}

// TestOpenSSL holds that what crypto/tls cannot do is read, too.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: encrypt-then-MAC, CCM, DHE and KeyUpdate are not tested here")
	}
	const text = "the first line\nthe end\n"
	tls12 := func(cipher string, more ...string) []string {
		return append([]string{"-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"}, more...)
	}
	tls13 := func(suite string) []string { return []string{"-tls1_3", "-ciphersuites", suite} }
	for _, test := range []struct {
		name           string
		server, client []string
		input          string
		check          func(*Facts) bool
	}{
		{"etm-sha", nil, tls12("ECDHE-RSA-AES128-SHA"), text, func(f *Facts) bool { return f.EncryptThenMAC }},
		{"etm-sha256", nil, tls12("ECDHE-RSA-AES128-SHA256"), text, func(f *Facts) bool { return f.EncryptThenMAC }},
		{"etm-sha384", nil, tls12("ECDHE-RSA-AES256-SHA384"), text, func(f *Facts) bool { return f.EncryptThenMAC }},
		{"sha384", nil, tls12("ECDHE-RSA-AES256-SHA384", "-no_etm"), text, func(f *Facts) bool { return !f.EncryptThenMAC }},
		{"rsa-gcm", nil, tls12("AES256-GCM-SHA384"), text, nil},
		{"dhe-gcm", nil, tls12("DHE-RSA-AES128-GCM-SHA256"), text, nil},
		{"dhe-chacha", nil, tls12("DHE-RSA-CHACHA20-POLY1305"), text, nil},
		{"ccm", nil, tls12("AES128-CCM"), text, nil},
		{"ccm8", nil, tls12("ECDHE-ECDSA-AES256-CCM8"), text, nil},
		{"renegotiation", []string{"-legacy_renegotiation", "-client_renegotiation"}, tls12("ECDHE-RSA-AES128-GCM-SHA256"), "the first line\nR\nthe end\n",
			func(f *Facts) bool { return f.Renegotiated == 1 }},
		{"13-ccm", tls13("TLS_AES_128_CCM_SHA256"), tls13("TLS_AES_128_CCM_SHA256"), text, nil},
		{"13-ccm8", tls13("TLS_AES_128_CCM_8_SHA256"), tls13("TLS_AES_128_CCM_8_SHA256"), text, nil},
		{"key-update", nil, tls13("TLS_AES_256_GCM_SHA384"), "the first line\nK\nthe end\n",
			func(f *Facts) bool { return f.KeyUpdates[Client] == 1 && f.KeyUpdates[Server] == 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := openssl(t, append([]string{"-cipher", "ALL:@SECLEVEL=0"}, test.server...), test.client, test.input)
			d := &Decrypter{Keys: keysOf(t, r.keys.Bytes())}
			var got result
			got.run(d, r.flights, 37)
			f := d.Facts()
			if !bytes.Contains(got.data[0], []byte("the first line\n")) || !bytes.Contains(got.data[0], []byte("the end\n")) || !bytes.Contains(got.data[1], []byte("dne eht")) {
				t.Errorf("%v, %s: %q and %q", f.State, SuiteName(f.Suite), got.data[0], got.data[1])
			}
			if test.check != nil && !test.check(f) {
				t.Errorf("not as it was: %+v", f)
			}
		})
	}
}

// pass writes n bytes that are no text, and waits until the other end has
// printed as many.
func pass(t *testing.T, to io.Writer, from io.Reader, n int) []byte {
	t.Helper()
	sent := make([]byte, n)
	for i := range sent {
		sent[i] = 0x80 | byte(i*7+i>>9)
	}
	written := make(chan error, 1)
	go func() {
		_, err := to.Write(sent)
		written <- err
	}()
	for buf := make([]byte, 64<<10); n > 0; {
		k, err := from.Read(buf)
		for _, b := range buf[:k] {
			n -= int(b >> 7)
		}
		if err != nil {
			t.Fatalf("%d bytes did not arrive: %v", n, err)
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestOpenSSLSizes holds that what each end sends is what comes out, from one
// byte to a mebibyte, with suites that crypto/tls does not have and with some
// that it has.
func TestOpenSSLSizes(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: encrypt-then-MAC, CCM and DHE are not tested here")
	}
	tls12 := func(cipher string, more ...string) []string {
		return append([]string{"-tls1_2", "-cipher", cipher + ":@SECLEVEL=0"}, more...)
	}
	tls13 := func(suite string, more ...string) []string {
		return append([]string{"-tls1_3", "-ciphersuites", suite}, more...)
	}
	for name, client := range map[string][]string{
		"etm":        tls12("ECDHE-RSA-AES128-SHA256"),
		"etm-sha":    tls12("ECDHE-RSA-AES256-SHA"),
		"mte":        tls12("ECDHE-RSA-AES256-SHA384", "-no_etm"),
		"rsa-gcm":    tls12("AES256-GCM-SHA384"),
		"ccm":        tls12("AES128-CCM"),
		"ccm8":       tls12("ECDHE-ECDSA-AES256-CCM8"),
		"dhe-chacha": tls12("DHE-RSA-CHACHA20-POLY1305"),
		"small":      tls12("ECDHE-RSA-AES128-GCM-SHA256", "-max_send_frag", "700"),
		"13-ccm":     tls13("TLS_AES_128_CCM_SHA256"),
		"13-ccm8":    tls13("TLS_AES_128_CCM_8_SHA256"),
		"13-gcm":     tls13("TLS_AES_128_GCM_SHA256"),
		"13-chacha":  tls13("TLS_CHACHA20_POLY1305_SHA256"),
		"13-padded":  tls13("TLS_AES_256_GCM_SHA384", "-record_padding", "777"),
	} {
		t.Run(name, func(t *testing.T) {
			server := []string{"-cipher", "ALL:@SECLEVEL=0", "-ciphersuites", "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"}
			p := startPair(t, server, client)
			var want [2][]byte
			for _, n := range []int{1, 15, 16, 17, 1000, 16383, 16384, 16385, 1 << 20} {
				want[0] = append(want[0], pass(t, p.toClient, p.hears, n)...)
				want[1] = append(want[1], pass(t, p.toServer, p.says, n)...)
			}
			r := p.end(t)
			for _, size := range []int{1 << 20, 1448, 211} {
				d := &Decrypter{Keys: keysOf(t, r.keys.Bytes())}
				var got result
				got.run(d, r.flights, size)
				for dir := range want {
					if !bytes.Equal(got.data[dir], want[dir]) || got.lost[dir] != 0 {
						t.Errorf("in pieces of %d: %v: %v, %s: %d bytes and %d lost, want %d", size, reassembly.Dir(dir),
							d.Facts().State, SuiteName(d.Facts().Suite), len(got.data[dir]), got.lost[dir], len(want[dir]))
					}
				}
			}
		})
	}
}

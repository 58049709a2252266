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

// openssl has s_client send lines to an s_server that echoes each reversed.
func openssl(t *testing.T, server, client []string, input string) *recording {
	t.Helper()
	dir := t.TempDir()
	pair := certificates()
	for i, c := range pair {
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
	back, front, keys := filepath.Join(dir, "s"), filepath.Join(dir, "c"), filepath.Join(dir, "keys")
	s := exec.Command("openssl", append([]string{"s_server", "-unix", "s", // the whole path is more than it can say
		"-rev", "-naccept", "1", "-keylogfile", keys,
		"-cert", filepath.Join(dir, "0"), "-dcert", filepath.Join(dir, "1")}, server...)...)
	s.Dir = dir
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Stderr = s.Stdout
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { s.Process.Kill(); s.Wait() }()
	var said bytes.Buffer
	for b := make([]byte, 512); !strings.Contains(said.String(), "ACCEPT"); {
		n, err := out.Read(b)
		if said.Write(b[:n]); err != nil {
			t.Skipf("openssl cannot do this: %s", said.String())
		}
	}
	go io.Copy(io.Discard, out)
	l, err := net.Listen("unix", front)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var r recording
	done := make(chan error, 1)
	go func() { done <- relay(l, back, &r) }()
	c := exec.Command("openssl", append([]string{"s_client", "-unix", front, "-servername", "chat.example"}, client...)...)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	got, buf := "", make([]byte, 4096)
	for line := range strings.Lines(input) { // a command must be a line that comes alone
		io.WriteString(in, line)
		for want := answers[line]; !strings.Contains(got, want); {
			n, err := reply.Read(buf)
			if got += string(buf[:n]); err != nil {
				t.Fatalf("s_client ended: %s; relay: %v", got, <-done)
			}
		}
	}
	io.WriteString(in, "Q\n")
	c.Process.Kill()
	c.Wait()
	s.Process.Kill()
	<-done
	text, err := os.ReadFile(keys)
	if err != nil {
		t.Fatal(err)
	}
	r.keys.Write(text)
	return &r
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

// TestOpenSSLSizes holds that what s_client sends is what comes out, from one
// byte to a full record, with the suites that crypto/tls does not have.
func TestOpenSSLSizes(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: encrypt-then-MAC, CCM and DHE are not tested here")
	}
	var input strings.Builder
	for _, n := range []int{0, 1, 15, 16, 17, 1000, 16383, 16384} {
		input.WriteString(strings.Repeat("x", n) + "\n")
	}
	input.WriteString("the end\n")
	for name, client := range map[string][]string{
		"etm":        {"-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:@SECLEVEL=0"},
		"mte":        {"-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384:@SECLEVEL=0", "-no_etm"},
		"ccm":        {"-tls1_2", "-cipher", "AES128-CCM:@SECLEVEL=0"},
		"ccm8":       {"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM8:@SECLEVEL=0"},
		"dhe-chacha": {"-tls1_2", "-cipher", "DHE-RSA-CHACHA20-POLY1305:@SECLEVEL=0"},
		"13-ccm":     {"-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"},
	} {
		t.Run(name, func(t *testing.T) {
			server := []string{"-cipher", "ALL:@SECLEVEL=0"}
			if name == "13-ccm" {
				server = append(server, "-ciphersuites", "TLS_AES_128_CCM_SHA256")
			}
			r := openssl(t, server, client, input.String())
			d := &Decrypter{Keys: keysOf(t, r.keys.Bytes())}
			var got result
			got.run(d, r.flights, 1448)
			if want := input.String(); !strings.HasPrefix(string(got.data[0]), want) || got.lost[0] != 0 {
				t.Errorf("%v, %s: %d bytes and %d lost, want %d", d.Facts().State, SuiteName(d.Facts().Suite), len(got.data[0]), got.lost[0], len(want))
			}
		})
	}
}

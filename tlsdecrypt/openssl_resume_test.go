package tlsdecrypt

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/reassembly"
)

// await reads until text has come.
func await(t *testing.T, from io.Reader, text string) {
	t.Helper()
	var said bytes.Buffer
	for b := make([]byte, 512); !strings.Contains(said.String(), text); {
		n, err := from.Read(b)
		if said.Write(b[:n]); err != nil {
			t.Fatalf("%q did not come: %s", text, said.String())
		}
	}
}

// TestSessionID holds that a session that is resumed by its id, as servers
// without tickets do it (RFC 5246 §7.3), is read with the secret of the
// connection that began it, for the log may have no other.
func TestSessionID(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: resumption by session id is not tested here")
	}
	dir := certified(t)
	p := new(pair)
	server := exec.Command("openssl", "s_server", "-unix", "s", "-naccept", "2", "-rev", "-tls1_2", "-no_ticket", "-keylogfile", "keys",
		"-cert", "0", "-dcert", "1")
	server.Dir = dir
	_, hears := p.start(t, server)
	await(t, hears, "ACCEPT")
	go io.Copy(io.Discard, hears)
	var first []flight
	var secrets []byte
	for i, session := range []string{"-sess_out", "-sess_in"} {
		var r recording
		l, err := net.Listen("unix", filepath.Join(dir, "c"+session))
		if err != nil {
			t.Fatal(err)
		}
		relayed := make(chan error, 1)
		go func() { relayed <- relay(l, filepath.Join(dir, "s"), &r) }()
		client := exec.Command("openssl", "s_client", "-unix", l.Addr().String(), "-tls1_2", "-no_ticket", session, filepath.Join(dir, "session"))
		to, says := p.start(t, client)
		if _, err := io.WriteString(to, "the first line\n"); err != nil {
			t.Fatal(err)
		}
		await(t, says, "enil tsrif eht")
		if _, err := io.WriteString(to, "Q\n"); err != nil {
			t.Fatal(err)
		}
		client.Wait()
		if err := <-relayed; err != nil {
			t.Fatal(err)
		}
		if secrets == nil {
			if secrets, err = os.ReadFile(filepath.Join(dir, "keys")); err != nil {
				t.Fatal(err)
			}
			first = r.flights
			continue
		}
		keys := keysOf(t, secrets)
		for n, flights := range [][]flight{first, r.flights} {
			d := &Decrypter{Keys: keys}
			var got result
			got.run(d, flights, 100)
			f := d.Facts()
			if string(got.data[0]) != "the first line\n" || f.Resumed != (n == i) || f.ClientHello.Ticket {
				t.Errorf("connection %d: %v, resumed %v, %q", n, f.State, f.Resumed, got.data[0])
			}
		}
	}
}

// TestEarlyData holds that early data that the server takes is read, and that
// which it does not take is not, whichever flight is lost that says so.
func TestEarlyData(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: early data is not tested here")
	}
	dir := certified(t)
	const early, later = "said early\n", "the first line\n"
	if err := os.WriteFile(filepath.Join(dir, "early"), []byte(early), 0o600); err != nil {
		t.Fatal(err)
	}
	p := new(pair)
	server := exec.Command("openssl", "s_server", "-unix", "s", "-naccept", "3", "-tls1_3", "-early_data", "-keylogfile", "keys", "-cert", "0", "-dcert", "1")
	server.Dir = dir
	_, hears := p.start(t, server)
	await(t, hears, "ACCEPT")
	session := filepath.Join(dir, "session")
	for i, more := range [][]string{
		{"-sess_out", session},
		{"-sess_in", session, "-early_data", filepath.Join(dir, "early")},
		{"-sess_in", session, "-early_data", filepath.Join(dir, "early")}, // a replay, for all that the server knows
	} {
		var r recording
		l, err := net.Listen("unix", filepath.Join(dir, "c"+string(rune('0'+i))))
		if err != nil {
			t.Fatal(err)
		}
		relayed := make(chan error, 1)
		go func() { relayed <- relay(l, filepath.Join(dir, "s"), &r) }()
		client := exec.Command("openssl", append([]string{"s_client", "-unix", l.Addr().String(), "-tls1_3"}, more...)...)
		to, says := p.start(t, client)
		go io.Copy(io.Discard, says)
		if _, err := io.WriteString(to, later); err != nil {
			t.Fatal(err)
		}
		await(t, hears, later)
		for kept := []byte(nil); !bytes.Contains(kept, []byte("END SSL SESSION")); time.Sleep(time.Millisecond) { // the test's time ends it
			kept, _ = os.ReadFile(session)
		}
		if _, err := io.WriteString(to, "Q\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-relayed; err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		want := later
		if taken := i == 1; taken {
			want = early + later
		}
		keys := keysOf(t, text)
		d, whole := &Decrypter{Keys: keys}, result{}
		whole.run(d, r.flights, 100)
		if f := d.Facts(); !f.EarlyData || f.EarlyRefused != (want == later) || string(whole.data[0]) != want {
			t.Errorf("attempt %d: early data %v, refused %v, %q", i, f.EarlyData, f.EarlyRefused, whole.data[0])
		}
		for lost := range len(r.flights) {
			got := without(keys, r.flights, lost)
			data, gone := string(got.data[0]), r.flights[lost]
			if data != want && (gone.dir == reassembly.FromServer || !strings.Contains(want, data)) {
				t.Errorf("attempt %d without flight %d of %v, %d bytes: %q, want %q", i, lost, gone.dir, len(gone.data), data, want)
			}
		}
	}
}

// TestKeyUpdateLost holds that no flight costs more than what was in it, where
// each side changes its keys on the way (RFC 8446 §4.6.3), not even that which
// says so.
func TestKeyUpdateLost(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: the loss of a KeyUpdate is not tested here")
	}
	r := openssl(t, nil, []string{"-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"}, "the first line\nK\nthe end\n")
	keys := keysOf(t, r.keys.Bytes())
	lines := [2][]string{{"the first line\n", "the end\n"}, {"enil tsrif eht\n", "dne eht\n"}}
	costly := 0
	for lost, gone := range r.flights {
		got := without(keys, r.flights, lost)
		for dir := range lines {
			missing := 0
			for _, line := range lines[dir] {
				if !bytes.Contains(got.data[dir], []byte(line)) {
					missing++
				}
			}
			if missing > 1 || missing > 0 && reassembly.Dir(dir) != gone.dir {
				t.Errorf("without flight %d of the %v, %d bytes: %q of the %v", lost, gone.dir, len(gone.data), got.data[dir], reassembly.Dir(dir))
			}
			costly += missing
		}
	}
	if costly != 4 {
		t.Errorf("%d lines are missing in all, want one for each of four flights", costly)
	}
}

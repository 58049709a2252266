package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretless gives a recording without its secrets, and these.
func secretless(t *testing.T, name string) (packets, secrets []byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(capturesDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return withoutSecrets(b)
}

// TestSeveralKeyLogs holds that the lines of all key logs count, and that one
// that is not understood is a warning with its number that repeats none of it.
func TestSeveralKeyLogs(t *testing.T) {
	packets, secrets := secretless(t, "wss-go.pcapng")
	dir := t.TempDir()
	file := filepath.Join(dir, "no-secrets.pcapng")
	var logs [2]bytes.Buffer
	n := 0
	for line := range strings.Lines(string(secrets)) {
		logs[n%2].WriteString(line)
		n++
	}
	logs[0].WriteString("# what follows is cut off\nCLIENT_RANDOM 0123 4567\n")
	args := []string{"-r", file, "-f", "ndjson"}
	for i := range logs {
		name := filepath.Join(dir, []string{"first.log", "second.log"}[i])
		args = append(args, "--keylog", name)
		if err := os.WriteFile(name, logs[i].Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, packets, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(args, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if whole := ndjson(t, 1, filepath.Join(capturesDir, "wss-go.pcapng")); bytes.Count(out.Bytes(), []byte(`{"type":"message"`)) != bytes.Count(whole, []byte(`{"type":"message"`)) {
		t.Errorf("other messages than with the secrets in the capture:\n%.2000s", out.String())
	}
	want := "first.log:" + string(rune('0'+bytes.Count(logs[0].Bytes(), []byte("\n")))) + ": the client random has not got 64 hexadecimal digits\n"
	if said := errs.String(); !strings.HasSuffix(said, want) || strings.Count(said, "\n") != 1 || strings.Contains(said, "4567") {
		t.Errorf("%q, want it to end with %q", said, want)
	}
}

// A growing reader writes to a file when it is read, and is empty.
type growing struct {
	name string
	text []byte
	err  error
}

func (g *growing) Read([]byte) (int, error) {
	if g.text != nil {
		g.err = os.WriteFile(g.name, g.text, 0o600)
	}
	g.text = nil
	return 0, io.EOF
}

// TestKeyLogGrows holds that a key log is read on while packets come through
// standard input: it is not there yet when the first are read, and has the
// secrets when the connections are under way.
func TestKeyLogGrows(t *testing.T) {
	for _, name := range []string{"wss-go.pcapng", "wss-nginx.pcapng", "wss-early.pcapng"} {
		packets, secrets := secretless(t, name)
		want := ndjson(t, 1, filepath.Join(capturesDir, name))
		for _, part := range []int{50, 10, 5} {
			late := &growing{name: filepath.Join(t.TempDir(), "keys.log"), text: secrets}
			at := len(packets) / part
			stdin := io.MultiReader(bytes.NewReader(packets[:at]), late, bytes.NewReader(packets[at:]))
			var out, errs bytes.Buffer
			if code := run([]string{"-r", "-", "--keylog", late.name, "-f", "ndjson"}, stdin, &out, &errs); code != exitOK || late.err != nil {
				t.Fatalf("exit %d: %s %v", code, errs.String(), late.err)
			}
			for _, what := range []string{`{"type":"message"`, `{"type":"handshake"`} {
				if got, want := bytes.Count(out.Bytes(), []byte(what)), bytes.Count(want, []byte(what)); got != want {
					t.Errorf("%s, secrets behind a %dth: %d times %s, want %d", name, part, got, what, want)
				}
			}
			if !strings.Contains(errs.String(), "not there yet") {
				t.Errorf("%s", errs.String())
			}
		}
	}
}

// TestWithoutKeys holds what is told of TLS that no key opens: what its
// handshake showed, and how a key log is had of that client.
func TestWithoutKeys(t *testing.T) {
	for name, want := range map[string][]string{
		"wss-go.pcapng": {
			"#2: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; certificate for localhost, 127.0.0.1 by CN=wssniff recordings, 2026-11-28 to 2036-11-25",
			"#1: TLS_AES_128_GCM_SHA256", "the client looks like Go; for a key log set KeyLogWriter", "no key",
		},
		"wss-node.pcapng":     {"the client looks like Node; for a key log start it with node --tls-keylog=FILE", "localhost"},
		"wss-python.pcapng":   {"start curl or Python 3.8 with SSLKEYLOGFILE=FILE"},
		"wss-chromium.pcapng": {"a browser of Chromium's or Safari's kind; for a key log start it anew with SSLKEYLOGFILE=FILE", "http/1.1"},
	} {
		packets, _ := secretless(t, name)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, packets, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run([]string{"-r", file}, nil, &out, &errs); code != exitOK {
			t.Fatalf("exit %d: %s", code, errs.String())
		}
		said := strings.Join(strings.Fields(out.String()), " ")
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: not told: %q\n%s", name, w, out.String())
			}
		}
	}
}

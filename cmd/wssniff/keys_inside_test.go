package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeysStayInside holds that nothing the program prints has a secret of the
// key log in it, in any form of report, not even where a line of the log was
// not understood. A file that is kept has them, for it is to open by itself.
func TestKeysStayInside(t *testing.T) {
	name := filepath.Join(capturesDir, "wss-go.pcapng")
	packets, keys := recorded(t, name)
	if len(packets) == 0 || keys.Len() == 0 {
		t.Fatal("no packets, or no secrets")
	}
	var secrets [][]byte
	var log bytes.Buffer
	for _, c := range spokenIn(t, packets, keys) {
		random := c[0].bytes[11:43] // of the ClientHello (RFC 8446 §4.1.2)
		lines := keys.Lines([32]byte(random))
		log.Write(lines)
		for line := range strings.Lines(string(lines)) {
			secret, err := hex.DecodeString(strings.Fields(line)[2])
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, secret)
		}
	}
	if len(secrets) < 5 {
		t.Fatalf("%d secrets, want those of a connection of TLS 1.3 and one of 1.2", len(secrets))
	}
	log.WriteString("CLIENT_RANDOM 0123 " + hex.EncodeToString(secrets[0]) + "\n") // not understood
	dir := t.TempDir()
	file, kept := filepath.Join(dir, "keys.log"), filepath.Join(dir, "kept.pcapng")
	if err := os.WriteFile(file, log.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"-f", "ndjson", "--payload", "all", "--no-redact"}, {"-f", "json", "--payload", "all"}, {"--follow", "1"}, {"--follow", "2", "--no-redact"},
		{"--list", "frames"}, {"--list", "messages"}, {"-w", kept},
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"-r", name, "--keylog", file}, args...), nil, &out, &errs); code != exitOK {
			t.Fatalf("%v: exit %d: %s", args, code, errs.String())
		}
		if !strings.Contains(errs.String(), "keys.log") {
			t.Errorf("%v: nothing is said of the line that was not understood: %s", args, errs.String())
		}
		all := append(out.Bytes(), errs.Bytes()...)
		for _, s := range secrets {
			if i := leaks(all, s); i != "" {
				t.Errorf("%v: a secret is printed %s", args, i)
			}
		}
	}
	written, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		if leaks(written, s) == "" {
			t.Error("the file that was kept does not have all secrets of what is in it")
		}
	}
}

// leaks says in which form a secret is in b, "" if it is not. Half of one is
// as good as all.
func leaks(b, secret []byte) string {
	half := secret[:len(secret)/2]
	lower := bytes.ToLower(b)
	switch {
	case bytes.Contains(lower, []byte(hex.EncodeToString(half))):
		return "in hexadecimal"
	case bytes.Contains(lower, []byte(hexSpaced(half))):
		return "in hexadecimal with spaces"
	case bytes.Contains(b, half):
		return "as it is"
	case bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString(half[:len(half)/3*3]))):
		return "in base64"
	}
	return ""
}

func hexSpaced(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = hex.EncodeToString([]byte{c})
	}
	return strings.Join(parts, " ")
}

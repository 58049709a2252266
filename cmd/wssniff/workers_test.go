package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/internal/trafficgen"
)

// TestWorkersAgree holds the output of several workers against that of one,
// byte by byte.
func TestWorkersAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcap*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	many := filepath.Join(t.TempDir(), "many.pcap")
	out, err := os.Create(many)
	if err != nil {
		t.Fatal(err)
	}
	shape := trafficgen.Shapes[slices.IndexFunc(trafficgen.Shapes, func(s trafficgen.Shape) bool { return s.Name == "many" })]
	shape.Packets = 30_000
	if _, err := trafficgen.Write(out, shape); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, many) {
		alone := ndjson(t, 1, file)
		if len(alone) == 0 {
			t.Fatalf("%s: no output", file)
		}
		for _, workers := range []int{2, 3, 7} {
			if got := ndjson(t, workers, file); !bytes.Equal(got, alone) {
				t.Errorf("%s: %d workers print something else than one: %s", file, workers, firstDifference(alone, got))
			}
		}
	}
}

// TestWorkersAgreeWithKeys holds the same of a key log.
func TestWorkersAgreeWithKeys(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	unlocked := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rest, secrets := withoutSecrets(b)
		if len(secrets) == 0 {
			continue
		}
		dir := t.TempDir()
		plain, keylog := filepath.Join(dir, "no-secrets.pcapng"), filepath.Join(dir, "keys.log")
		for name, b := range map[string][]byte{plain: rest, keylog: secrets} {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		alone := ndjson(t, 1, plain, "--keylog", keylog)
		if bytes.Equal(alone, ndjson(t, 1, plain)) {
			continue // the secrets are of a session that fails
		}
		unlocked++
		for _, workers := range []int{2, 4} {
			if got := ndjson(t, workers, plain, "--keylog", keylog); !bytes.Equal(got, alone) {
				t.Errorf("%s: %d workers print something else than one: %s", file, workers, firstDifference(alone, got))
			}
		}
	}
	if unlocked < 8 {
		t.Errorf("%d captures that a key log unlocks, want more", unlocked)
	}
}

// TestWorkersAgreeOnLateSecrets holds the same of secrets that stand behind
// packets: before the hellos, between them and the data, in the middle of it,
// and at the end of the file.
func TestWorkersAgreeOnLateSecrets(t *testing.T) {
	told := map[string]bool{}
	for _, name := range []string{"wss-go", "wss-nginx", "wss-python", "wss-early", "midstream-wss", "h2-go", "tls-more"} {
		b, err := os.ReadFile(filepath.Join(capturesDir, name+".pcapng"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "late.pcapng")
		for _, behind := range []int{1, 4, 8, 15, 30, 60, 1 << 20} {
			if err := os.WriteFile(file, withSecretsBehind(b, behind), 0o600); err != nil {
				t.Fatal(err)
			}
			alone := ndjson(t, 1, file)
			told[string(alone)] = true
			for _, workers := range []int{2, 4} {
				if got := ndjson(t, workers, file); !bytes.Equal(got, alone) {
					t.Errorf("%s, secrets behind packet %d: %d workers print something else than one: %s", name, behind, workers, firstDifference(alone, got))
				}
			}
		}
	}
	if len(told) < 20 {
		t.Errorf("%d different outputs: where secrets stand seems to make no difference", len(told))
	}
}

// withSecretsBehind puts all secrets of a pcapng file behind its packet n, or
// behind the last one.
func withSecretsBehind(file []byte, n int) (moved []byte) {
	rest, _ := withoutSecrets(file)
	var secrets []byte
	for b := file; len(b) >= 12; b = b[binary.LittleEndian.Uint32(b[4:]):] {
		if binary.LittleEndian.Uint32(b) == 10 {
			secrets = append(secrets, b[:binary.LittleEndian.Uint32(b[4:])]...)
		}
	}
	for ; len(rest) >= 12 && n > 0; rest = rest[binary.LittleEndian.Uint32(rest[4:]):] {
		if moved = append(moved, rest[:binary.LittleEndian.Uint32(rest[4:])]...); binary.LittleEndian.Uint32(rest) == 6 {
			n--
		}
	}
	return append(append(moved, secrets...), rest...)
}

// withoutSecrets takes the decryption secrets blocks out of a pcapng file (pcapng §4.7).
func withoutSecrets(file []byte) (rest, secrets []byte) {
	for len(file) >= 12 {
		n := binary.LittleEndian.Uint32(file[4:])
		if block := file[:n]; binary.LittleEndian.Uint32(block) == 10 {
			secrets = append(secrets, block[16:][:binary.LittleEndian.Uint32(block[12:])]...)
		} else {
			rest = append(rest, block...)
		}
		file = file[n:]
	}
	return rest, secrets
}

func ndjson(t *testing.T, workers int, file string, more ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(append([]string{"-r", file, "-f", "ndjson", "--workers", fmt.Sprint(workers)}, more...), nil, &out, &errs); code != exitOK {
		t.Fatalf("%s with %d workers: exit %d: %s", file, workers, code, errs.String())
	}
	return out.Bytes()
}

func firstDifference(a, b []byte) string {
	la, lb := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range la {
		if i >= len(lb) || !bytes.Equal(la[i], lb[i]) {
			other := []byte("(nothing)")
			if i < len(lb) {
				other = lb[i]
			}
			return fmt.Sprintf("line %d: %s, not %s", i+1, other, la[i])
		}
	}
	return "more lines"
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
)

// TestTLSFaults holds that where real software failed over TLS, the reason is
// found, as an error if it can be sure, and on no other connection. The ports of the servers say
// what was wrong: testdata/record/scenarios.py has the rows.
func TestTLSFaults(t *testing.T) {
	testTLSFaults(t, "tls-faults.pcapng", map[int]string{
		8500: "tls-cert-bad.expired", 8501: "tls-cert-bad.not-yet-valid", 8502: "tls-cert-bad.name-mismatch", 8503: "tls-cert-bad.self-signed",
		8504: "tls-cert-bad.expired", 8505: "tls-version-or-cipher.none", 8506: "tls-client-cert-required", 8507: "tls-client-cert-required",
		8520: "tls-alpn-h2-only.no-overlap", 8522: "tls-plaintext-mismatch.tls-to-http", 8523: "tls-cert-rejected",
	})
	testTLSFaults(t, "tls-refusals.pcapng", map[int]string{
		8540: "tls-version-or-cipher.none", 8541: "tls-sni-problem", 8542: "tls-cert-rejected", 8543: "tls-cert-rejected.left", 8544: "tls-cert-rejected",
	})
}

func testTLSFaults(t *testing.T, name string, want map[int]string) {
	both := []string{"tls-cert-rejected", "tls-plaintext-mismatch.http-to-tls"} // of two connections of port 8521
	var out, errs bytes.Buffer
	if code := run([]string{"-f", "ndjson", "-r", filepath.Join(capturesDir, name)}, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	type line struct {
		Type, Rule, Variant, Severity string
		Connection                    int64
		Server                        struct{ Port int }
	}
	ports, found := map[int64]int{}, map[int64]map[string]bool{}
	for dec := json.NewDecoder(&out); dec.More(); {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if l.Server.Port != 0 {
			ports[l.Connection] = l.Server.Port
		}
		if l.Type == "finding" && (l.Severity == "error" || l.Rule == "tls-cert-rejected") {
			id := l.Rule
			if l.Variant != "" {
				id += "." + l.Variant
			}
			if found[l.Connection] == nil {
				found[l.Connection] = map[string]bool{}
			}
			found[l.Connection][id] = true
		}
	}
	seen := 0
	for id, port := range ports {
		rules := found[id]
		if port == 8521 {
			if !rules[both[0]] && !rules[both[1]] {
				t.Errorf("#%d, port %d: neither of %v is found, but %v", id, port, both, rules)
			}
			continue
		}
		if seen++; !rules[want[port]] {
			t.Errorf("#%d, port %d: %s is not found, but %v", id, port, want[port], rules)
		}
		for _, other := range want {
			selfSigned := other == "tls-cert-bad.self-signed" && port >= 8500 && port <= 8504         // all of these are
			rejected := other == "tls-cert-rejected" && strings.HasPrefix(want[port], "tls-cert-bad") // and for that reason
			if rules[other] && other != want[port] && !selfSigned && !rejected {
				t.Errorf("#%d, port %d: %s is found where %s was wrong", id, port, other, want[port])
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d connections, want one for each of %d faults", seen, len(want))
	}
}

// portsFound are the findings, by the port of the server.
type portsFound []string

func (*portsFound) Observe(session.Event) {}

func (p *portsFound) Finding(f *diagnose.Finding) {
	*p = append(*p, fmt.Sprint(f.Conn.Server.Port(), " ", f.ID()))
}

// TestTLSMore holds the same of what is no error, or not sure to be one.
func TestTLSMore(t *testing.T) {
	for name, want := range map[string][]string{
		"tls-more.pcapng": {
			"8550 tls-cert-bad.chain-incomplete", "8551 tls-cert-bad.expires-soon", "8552 tls-version-or-cipher.obsolete",
			"8553 tls-alpn-h2-only.h2-selected", "8561 tls-cert-bad.intercepted",
		},
		"tls-names.pcapng": {
			"8570 tls-sni-problem", "8571 tls-sni-problem", "8572 tls-sni-problem", "8573 tls-cert-rejected", "8573 tls-cert-rejected.retried",
		},
		"tls-killed.pcapng":     {"8080 tls-no-close-notify"},
		"tls-unanswered.pcapng": {"8565 clienthello-blackhole"},
	} {
		var got portsFound
		packets, keys := recorded(t, filepath.Join(capturesDir, name))
		if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys}, 1, diagnose.New(diagnose.All(), &got)); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: %s is not found, but %q", name, w, got)
			}
		}
	}
}

// TestTLSNames holds that a server that does not know a name, or was not told
// one, is reported on the connections where that happened, whatever it does
// then, and taken for nothing else.
func TestTLSNames(t *testing.T) {
	var got portsFound
	packets, keys := recorded(t, filepath.Join(capturesDir, "tls-names.pcapng"))
	if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys}, 1, diagnose.New(diagnose.All(), &got)); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, g := range got {
		n[g]++
	}
	for id, want := range map[string]int{
		"8570 tls-sni-problem": 1, "8571 tls-sni-problem": 2, "8572 tls-sni-problem": 1, "8573 tls-sni-problem": 0,
		"8570 tls-version-or-cipher.none": 0, "8571 tls-plaintext-mismatch.tls-to-http": 0, "8571 clienthello-blackhole": 0,
		"8573 tls-cert-rejected": 1, "8573 tls-cert-rejected.retried": 1,
	} {
		if n[id] != want {
			t.Errorf("%s is found %d times, want %d: %q", id, n[id], want, got)
		}
	}
}

// TestTLSOthers holds that a handshake that fails is compared with those of
// others at that server, where there were some.
func TestTLSOthers(t *testing.T) {
	type told struct {
		others string
		proofs int // the ClientHello, the alert, and the ServerHello of the others
	}
	for _, c := range tlsCases(t) {
		want, ok := map[string]told{"others without a name": {"; of others it took TLS 1.3", 3}, "versions": {"", 2}}[c.name]
		if !ok {
			continue
		}
		all := c.judge(t)
		i := slices.IndexFunc(all, func(f *diagnose.Finding) bool { return f.ID() == "tls-version-or-cipher.none" })
		if i < 0 {
			t.Fatalf("%s: found are %v", c.name, named(all))
		}
		f := all[i]
		if message := "alert 70 protocol_version" + want.others; f.Message != message {
			t.Errorf("%s: %q, want %q", c.name, f.Message, message)
		}
		if len(f.Related) != want.proofs {
			t.Errorf("%s: proved by packets %v, want %d", c.name, f.Related, want.proofs)
		}
	}
}

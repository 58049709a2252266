package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// What the raw peers of the recordings do wrong, a rule for each play of
// testdata/record/scenarios.py, in its order: who wrote the plays knows.
var (
	faultsOfClient = []string{
		"masking-wrong.client-unmasked", "unknown-opcode", "unknown-opcode", "reserved-bits-set", "reserved-bits-set",
		"control-frame-invalid.too-long", "control-frame-invalid.fragmented", "text-not-utf8", "text-not-utf8",
		"fragment-sequence-broken.nothing-to-continue", "fragment-sequence-broken.nested",
		"close-code-illegal", "close-code-illegal", "close-code-illegal", "close-code-illegal",
	}
	faultsOfServer = []string{
		"masking-wrong.server-masked", "text-not-utf8", "control-frame-invalid.fragmented", "unknown-opcode", "close-code-illegal", "reserved-bits-set",
	}
	unsendable = []string{"close-code-illegal", "close-code-illegal", "close-code-illegal", "close-code-illegal"} // 1004, 1005, 1006, 1015
	violations = []string{
		"reserved-bits-set", "unknown-opcode", "unknown-opcode", "unknown-opcode",
		"control-frame-invalid.too-long", "control-frame-invalid.fragmented", "control-frame-invalid.fragmented",
		"reserved-bits-set", "fragment-sequence-broken.nothing-to-continue",
		"text-not-utf8", "text-not-utf8", "text-not-utf8", "text-not-utf8",
		"close-code-illegal", "close-code-illegal", "close-code-illegal", "close-code-illegal", "close-code-illegal", "close-code-illegal",
		"data-after-close.data", "length-encoding-invalid.not-minimal",
		"ws-key-invalid.missing", "ws-key-invalid.length", "upgrade-header-missing", "upgrade-headers-malformed.no-token",
		"ws-version-unsupported", "ws-version-unsupported", "handshake-request-invalid.no-host",
		"extension-negotiation-invalid.wrong-offer",
	}
)

// broken are the recordings of raw peers, and how the target of a play is spelt.
var broken = []struct {
	capture, target string
	rules           []string
}{
	{"faults-ws.pcap", "/fault/%d", faultsOfClient},
	{"faults-gorilla.pcap", "/fault/%d", faultsOfClient},
	{"faults-coder.pcapng", "/fault/%d", faultsOfClient},
	{"faults-websockets.pcap", "/fault/%d", faultsOfClient},
	{"faults-aiohttp.pcap", "/fault/%d", faultsOfClient},
	{"violations-ws.pcap", "/violation/%d", violations},
	{"violations-gorilla.pcap", "/violation/%d", violations},
	{"violations-coder.pcap", "/violation/%d", violations},
	{"violations-aiohttp.pcap", "/violation/%d", violations},
	{"close-codes-raw.pcap", "/client/ws/%d", unsendable},
	{"close-codes-raw.pcap", "/client/coder/%d", unsendable},
	{"close-codes-raw.pcap", "/client/gorilla/%d", unsendable},
	{"close-codes-raw.pcap", "/client/websockets/%d", unsendable},
	{"close-codes-raw.pcap", "/client/aiohttp/%d", unsendable},
	{"close-codes-raw.pcap", "/server/ws/%d", unsendable},
	{"close-codes-raw.pcap", "/server/coder/%d", unsendable},
	{"close-codes-raw.pcap", "/server/gorilla/%d", unsendable},
	{"close-codes-raw.pcap", "/server/undici/%d", unsendable},
	{"close-codes-raw.pcap", "/server/websockets/%d", unsendable},
	{"close-codes-raw.pcap", "/server/aiohttp/%d", unsendable},
	{"server-faults.pcap", "/ws/%d", faultsOfServer},
	{"server-faults.pcap", "/coder/%d", faultsOfServer},
	{"server-faults.pcap", "/gorilla/%d", faultsOfServer},
}

// byTarget keeps the findings of each connection by its target.
type byTarget struct {
	now   map[int64][]string
	found map[string][]string
}

func (b *byTarget) Observe(e session.Event) {
	if e, ok := e.(*session.Closed); ok {
		b.found[e.Conn.Target] = b.now[e.Conn.ID]
	}
}

func (b *byTarget) Finding(f *diagnose.Finding) {
	id := f.Where.Conn.ID
	b.now[id] = append(b.now[id], f.ID())
}

// TestViolations: real endpoints answered in their ways to what a raw peer did
// wrong; each of its faults is found, on its connection.
func TestViolations(t *testing.T) {
	distinct := map[string]bool{}
	for _, b := range broken {
		src, err := capture.Open([]string{filepath.Join("../../testdata/captures", b.capture)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := byTarget{map[int64][]string{}, map[string][]string{}}
		if _, err := session.Run(src, session.Config{}, 1, diagnose.New(diagnose.All(), &w)); err != nil {
			t.Fatal(err)
		}
		src.Close()
		for i, rule := range b.rules {
			target := fmt.Sprintf(b.target, i+1)
			distinct[fmt.Sprint(b.target[:3], i)] = true
			if !slices.Contains(w.found[target], rule) {
				t.Errorf("%s %s: %s is not found: %v", b.capture, target, rule, w.found[target])
			}
		}
	}
	if len(distinct) < 25 {
		t.Errorf("%d different violations", len(distinct))
	}
}

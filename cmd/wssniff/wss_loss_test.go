package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A heard counts whole messages by their content.
type heard map[string]int

func (h heard) Observe(e session.Event) {
	if m, ok := e.(*session.Message); ok && m.Complete {
		h[fmt.Sprint(m.Dir, m.Length, sha256.Sum256(m.Data))]++
	}
}

// TestOnePacketLess holds that a recording of TLS of which any one packet is
// missing is read to its end, and that no message comes out that was not sent.
func TestOnePacketLess(t *testing.T) {
	for _, name := range []string{"wss-go", "wss-python", "wss-node"} {
		packets, keys := recorded(t, filepath.Join(capturesDir, name+".pcapng"))
		all := listen(t, packets, keys)
		if len(all) == 0 {
			t.Errorf("%s: no messages", name)
		}
		for i := range packets {
			for what, n := range listen(t, append(packets[:i:i], packets[i+1:]...), keys) {
				if n > all[what] {
					t.Errorf("%s without packet %d: %d times a message that was sent %d times", name, i+1, n, all[what])
				}
			}
		}
	}
}

// recorded gives the packets of a file, and the secrets in it.
func recorded(t *testing.T, file string) (packets []capture.Packet, keys *tlsdecrypt.Keys) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	ring, err := openKeys(nil, false, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	unlocked := &watched{Source: src, files: src, keys: ring, broken: func() bool { return false }}
	keys = unlocked.unlocks(1)
	for p, err := range capture.Packets(unlocked) {
		if err != nil {
			t.Fatal(err)
		}
		kept := *p
		kept.Data = bytes.Clone(p.Data)
		packets = append(packets, kept)
	}
	return packets, keys
}

func listen(t *testing.T, packets []capture.Packet, keys *tlsdecrypt.Keys) heard {
	t.Helper()
	h := heard{}
	if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys}, 1, h); err != nil {
		t.Fatal(err)
	}
	return h
}

package main

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A heard counts whole messages by their content.
type heard map[string]int

func (h heard) Observe(e session.Event) {
	if m, ok := e.(*session.Message); ok && m.Complete {
		src, dst := m.Conn.Client, m.Conn.Server
		if m.Dir == reassembly.FromServer {
			src, dst = dst, src
		}
		stream := uint32(0)
		if m.Conn.H2 != nil {
			stream = m.Conn.H2.Stream
		}
		key := messageKey(src, dst, stream, m.Data)
		if m.Compressed && !m.Inflated {
			key = wireKey(src, dst, stream, m.WireLength)
		}
		h[key]++
	}
}

// An excuse says why messages of a direction may be lost that a missing packet
// did not touch.
type excuse struct {
	packet int64
	dir    reassembly.Dir
	lost   int // messages
	why    string
}

// TestOnePacketLess holds that a recording of TLS of which any one packet is
// missing loses the messages that were in its records, and no other, and that
// no message comes out that was not sent.
func TestOnePacketLess(t *testing.T) {
	const (
		noHello = "ServerHello of TLS 1.2: its random is in every key"
		// A ping with 7 bytes, of 9 + 2 + 4 + 7 in all, stood between two fragments of
		// the message. A third fragment with 7 bytes is as long, and nothing else in
		// either direction depends on which it was but the pong, which a server may
		// send unasked (RFC 6455 §5.5.3).
		between = "what is lost may have been a fragment of it, of 7 bytes"
		// 34 bytes are lost, of which HEADERS needs 10. The other 24 are room for a
		// DATA frame with 15 bytes, and so for the header of a frame whose payload goes
		// on with what the server sent next: 81 05, and five bytes. Nothing of that
		// stream follows that could speak against it.
		answer = "in what is lost there was room for the answer and the header of a frame"
	)
	for name, excuses := range map[string][]excuse{
		"wss-go": {{46, reassembly.FromClient, 4, noHello}, {46, reassembly.FromServer, 4, noHello}},
		"wss-python": {
			{36, reassembly.FromClient, 4, noHello}, {36, reassembly.FromServer, 4, noHello},
			{13, reassembly.FromServer, 1, "the next one has a record for its header alone, so that a payload may be what begins this one"},
		},
		"wss-node":  nil,
		"wss-early": nil,
		"wss-nginx": {
			{6, reassembly.FromClient, 4, noHello}, {6, reassembly.FromServer, 4, noHello},
			{70, reassembly.FromClient, 4, noHello}, {70, reassembly.FromServer, 4, noHello},
			{121, reassembly.FromServer, 1, "it begins in a record of the one before, whose header is lost"},
		},
		"wss-chromium": {{17, reassembly.FromServer, 1, "compressed; what is lost may have been before it in the window"}},
		"h2-chromium":  nil,
		"h2-haproxy":   nil,
		"h2-go":        {{37, reassembly.FromClient, 1, between}},
		"h2-hypercorn": nil,
		"h2-stalls":    nil,
		"h2-streams":   {{36, reassembly.FromClient, 1, between}},
		"h2-ends":      {{15, reassembly.FromServer, 1, answer}},
	} {
		t.Run(name, func(t *testing.T) { oneLess(t, name, excuses) })
	}
}

func oneLess(t *testing.T, name string, excuses []excuse) {
	packets, keys := recorded(t, filepath.Join(capturesDir, name+".pcapng"))
	all := listen(t, packets, keys)
	conns := spokenIn(t, packets, keys)
	told := 0
	for _, c := range conns {
		for _, s := range c {
			told += len(s.messages)
			for _, m := range s.messages {
				if all[m.what] == 0 {
					t.Errorf("%v %s is not reported from all packets", s.dir, m.what)
				}
				all[m.wire]++
			}
		}
	}
	if told < 6 {
		t.Fatalf("%d messages, want some", told)
	}
	for i := range packets {
		less := listen(t, append(packets[:i:i], packets[i+1:]...), keys)
		for what, n := range less {
			if n > all[what] {
				t.Errorf("without packet %d: %d times a message that was sent %d times", i+1, n, all[what])
			}
		}
		var missing [2]int
		for _, c := range conns {
			for _, s := range c {
				missing[s.dir] += s.missing(less, packets[i].Number)
			}
		}
		for d, n := range missing {
			k := slices.IndexFunc(excuses, func(e excuse) bool { return e.packet == packets[i].Number && int(e.dir) == d })
			want, why := 0, "nothing excuses that"
			if k >= 0 {
				want, why = excuses[k].lost, excuses[k].why
			}
			if n != want {
				t.Errorf("without packet %d: %d messages of the %v are missing that it did not touch, want %d: %s", i+1, n, reassembly.Dir(d), want, why)
			}
		}
	}
}

// missing counts the messages that were not heard and are not in the records
// of which a packet had bytes.
func (s *spoken) missing(less heard, packet int64) (n int) {
	touched := s.touched(packet)
	for _, m := range s.messages {
		hit := slices.ContainsFunc(touched, func(r tlsRecord) bool { return m.meets(&r) })
		if !hit && less[m.what] == 0 && !(m.deflate && less[m.wire] > 0) {
			n++
		}
	}
	return n
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
	unlocked := &watched{Source: src, files: src, keys: ring}
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
	if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys, Keep: 1 << 20}, 1, h); err != nil {
		t.Fatal(err)
	}
	return h
}

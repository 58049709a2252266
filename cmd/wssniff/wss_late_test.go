package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// TestJoinedTLS lets captures of TLS 1.3 begin with each of their packets: as
// long as the client has a message to send, all messages whose first byte is
// captured, and no others, are read. In HTTP/2 nothing is said of a request
// that was not sent.
func TestJoinedTLS(t *testing.T) {
	for _, c := range []struct {
		name  string
		conns int   // of them: the others are TLS 1.2
		from  int64 // a packet
	}{
		{name: "wss-go", conns: 1, from: 1},
		{name: "wss-node", conns: 2, from: 1},
		{name: "wss-chromium", conns: 1, from: 1},
		// Two streams have fragments on their way where packets 19 and 20
		// begin, and another one begins its last message in 24.
		{name: "h2-streams", conns: 1, from: 25},
	} {
		packets, keys := recorded(t, filepath.Join(capturesDir, c.name+".pcapng"))
		all := listen(t, packets, keys)
		targets := targetsOf(t, packets, keys)
		every := spokenIn(t, packets, keys)
		conns := every[:c.conns]
		starts := 0
		for k := range packets {
			late := packets[k:]
			less := listen(t, late, keys)
			for what, n := range less {
				if n > all[what] && !wireOnly(every, what) {
					t.Errorf("%s from packet %d: %d times a message that was sent %d times", c.name, k+1, n, all[what])
				}
			}
			for _, target := range targetsOf(t, late, keys) {
				if target != "" && !slices.Contains(targets, target) {
					t.Errorf("%s from packet %d: a request for %q", c.name, k+1, target)
				}
			}
			for _, s := range conns {
				client, server := s[0].since(int64(k+1)), s[1].since(int64(k+1))
				if int64(k+1) < c.from || len(client) == 0 {
					continue
				}
				starts++
				for _, m := range append(client, server...) {
					if less[m.what] == 0 && !(m.deflate && less[m.wire] > 0) {
						t.Errorf("%s from packet %d: %s is missing", c.name, k+1, m.what)
					}
				}
			}
		}
		if starts < 5 {
			t.Errorf("%s: %d places to begin, want some", c.name, starts)
		}
	}
}

// since gives the messages whose first record is complete with a packet or
// behind it, and begins with them.
func (s *spoken) since(packet int64) (left []spokenMessage) {
	for _, m := range s.messages {
		i := slices.IndexFunc(s.records, func(r tlsRecord) bool { return r.in.meets(m.in[0]) })
		if first := s.records[i]; s.carried[first.out.from] >= packet {
			left = append(left, m)
		}
	}
	return left
}

// wireOnly says whether what was heard is a compressed message of which no more
// than its length was told.
func wireOnly(conns [][2]*spoken, what string) bool {
	for _, c := range conns {
		for _, s := range c {
			if slices.ContainsFunc(s.messages, func(m spokenMessage) bool { return m.wire == what }) {
				return true
			}
		}
	}
	return false
}

type heardTargets struct{ all []string }

func (h *heardTargets) Observe(e session.Event) {
	if e, ok := e.(*session.Handshake); ok {
		h.all = append(h.all, e.Target())
	}
}

// targetsOf gives what was requested.
func targetsOf(t *testing.T, packets []capture.Packet, keys *tlsdecrypt.Keys) []string {
	t.Helper()
	var h heardTargets
	if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys}, 1, &h); err != nil {
		t.Fatal(err)
	}
	return h.all
}

// TestJoinedHTTP2 holds that WebSockets in a connection of HTTP/2 whose
// beginning was not captured are read from their first captured frame on, and
// that their targets are not known.
func TestJoinedHTTP2(t *testing.T) {
	messages, conns := map[int64]int{}, 0
	for _, e := range events(t, exitOK, "-r", filepath.Join(capturesDir, "midstream-h2c.pcap")) {
		switch e.Type {
		case "message":
			messages[e.Connection]++
		case "connection":
			if conns++; e.State != "mid-stream" || e.Target != "" || e.HandshakeSeen {
				t.Errorf("#%d: state %s, target %q, handshake seen: %v", e.Connection, e.State, e.Target, e.HandshakeSeen)
			}
			if n := messages[e.Connection]; n != 8 {
				t.Errorf("#%d: %d messages, want 4 of each end", e.Connection, n)
			}
		}
	}
	if conns != 2 {
		t.Errorf("%d connections, want 2", conns)
	}
}

package diagnose

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// Engine.IO begins with long polling, and goes over to a WebSocket once a
// probe on it was answered: the client sends 2probe, the server 3probe.

// probe notes such a message.
func (s *Side) probe(e *session.Message) {
	if len(e.Data) == len("2probe") && string(e.Data[1:]) == "probe" && (e.Data[0] == '2' || e.Data[0] == '3') {
		s.probed = e.Packet
	}
}

// An issuer is who began a session of Engine.IO.
type issuer struct {
	server       netip.AddrPort
	conn, packet int64
}

// issue notes that a session was begun.
func (w *World) issue(e *session.Issued) {
	if len(w.issued) >= maxFleet {
		return
	}
	if w.issued == nil {
		w.issued = make(map[uint64]issuer)
	}
	w.issued[sumOf(e.Session)] = issuer{e.Conn.Server, e.Conn.ID, e.Packet}
}

// sticky says who began the session that a server does not know.
func (p *Pass) sticky(e *session.Refusal) (text string, packet int64, sure Certainty) {
	_, query, _ := strings.Cut(e.Target(), "?")
	for pair := range strings.SplitSeq(query, "&") {
		id, ok := strings.CutPrefix(pair, "sid=")
		if !ok {
			continue
		}
		switch by, known := p.World.issued[sumOf([]byte(id))]; {
		case !known:
		case by.server != p.Conn.Server:
			return fmt.Sprintf("; %v began the session, on connection %d, and %v was asked to go on", by.server, by.conn, p.Conn.Server), by.packet, Certain
		default:
			return fmt.Sprintf("; %v began it itself, on connection %d: it was restarted, or several programs share its port", by.server, by.conn), by.packet, Likely
		}
	}
	return "", 0, Likely
}

// pollingRules are about programs that work, and not by a WebSocket.
var pollingRules = []Rule{
	{
		ID: "fallback-to-polling", Severity: Warning, Clause: "RFC 6202 §2",
		Title:    "the program goes on by long polling: its WebSocket failed, or was opened and did not carry",
		Advice:   "look at what passes the handshake on this path and not the frames behind it",
		Seen:     "the probe of Engine.IO on an open WebSocket, and no answer to it within ten seconds; or long polling that goes on behind a WebSocket that failed",
		Means:    "users see a slow program, not an error",
		Causes:   []string{"what other findings say of the WebSocket that failed", "a proxy or scanner that holds frames back", "a server behind a load balancer that does not know the session", "compression that a proxy cannot pass"},
		Fixes:    []Fix{{"", "sticky sessions"}, {"", "turn inspection of bodies, and compression, off for this path"}},
		NotWhen:  "the capture ends, or the client closes, before ten seconds; polling before the WebSocket is tried",
		Ordinary: func(p *Pass, e *session.Ordinary) { p.fellBack(e.Conn.HTTP) },
		Closed: func(p *Pass, e *session.Closed) {
			p.fellBack(e.Conn.HTTP)
			client, server := &p.Conn.Sides[reassembly.FromClient], &p.Conn.Sides[reassembly.FromServer]
			if client.probed == 0 || server.probed > 0 || server.Lost || e.Conn.OneSided {
				return
			}
			if waited := e.Time.Sub(p.Conn.Answered.Time); waited >= 10*time.Second {
				p.from(reassembly.FromServer)
				p.Report("", "2probe has no 3probe for %v", waited.Round(time.Second)).In(client.probed)
			}
		},
	},
}

package diagnose

import (
	"strings"

	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// extendedRules are about the opening handshake in HTTP/2: an extended CONNECT
// (RFC 8441).
var extendedRules = []Rule{
	{
		ID: "h2-websocket-refused", Severity: Error, Clause: "RFC 8441 §5",
		Title:   "the WebSocket in HTTP/2 was not opened",
		Advice:  "let the hop that speaks HTTP/2 open WebSockets, or offer http/1.1 alone on that host",
		Seen:    "an extended CONNECT that was answered with other than 2xx, or reset, or may not have been sent",
		Means:   "browsers that have an HTTP/2 connection to the host ask there, and do not try HTTP/1.1 again",
		Causes:  []string{"a proxy allows extended CONNECT, and what is behind it has HTTP/1.1 alone", "a client that does not look at the server's settings", "a server that has a handler for GET only"},
		Fixes:   []Fix{{"HAProxy", "ws h1 on the server's line; or h2-workaround-bogus-websocket-clients"}, {"Envoy", "allow_connect: true, on each hop"}, {"Node", "http2.createSecureServer({settings: {enableConnectProtocol: true}})"}, {"", "without support, do not send SETTINGS_ENABLE_CONNECT_PROTOCOL"}},
		NotWhen: "an attempt in HTTP/1.1 follows and works: then form fallback says so on that connection, and this one is the way there",
		Variants: []Variant{
			{ID: "not-advertised", Title: "the client asked for a WebSocket in HTTP/2, and the server's settings do not allow that", Clause: "RFC 8441 §3", Advice: "use a client that looks at SETTINGS_ENABLE_CONNECT_PROTOCOL, or set it at the server"},
			{ID: "status", Title: "an extended CONNECT was answered with other than 2xx"},
			{ID: "reset", Title: "an extended CONNECT was answered with RST_STREAM"},
			{ID: "advertised-not-supported", Title: "the server allows extended CONNECT, and cannot do it"},
			{ID: "fallback", Severity: Info, Title: "a WebSocket that was refused in HTTP/2 is opened in HTTP/1.1", Clause: "RFC 9113 §7", Advice: "nothing is broken for this client; a server without support should not send SETTINGS_ENABLE_CONNECT_PROTOCOL"},
			{ID: "forbidden-headers", Title: "the request in HTTP/2 has fields of HTTP/1.1", Clause: "RFC 9113 §8.2.2", Advice: "leave Upgrade, Connection and Sec-WebSocket-Key out in HTTP/2"},
		},
		Handshake: ofRequest(func(p *Pass, e *session.Handshake) {
			if e.H2 == nil {
				p.cameThrough(e)
				return
			}
			if e.H2.Settled && !e.H2.Connect {
				p.Report("not-advertised", "the SETTINGS of %v do not have ENABLE_CONNECT_PROTOCOL", p.Conn.Server)
			}
			for _, name := range [...]string{"upgrade", "connection", "sec-websocket-key"} {
				if e.Request.Fields.Has(name) {
					p.Report("forbidden-headers", "%s", name)
				}
			}
		}),
		Refusal: func(p *Pass, e *session.Refusal) {
			h := p.Conn.extended
			if h == nil || h.Settled && !h.Connect {
				return
			}
			p.from(reassembly.FromServer)
			switch e.Status() {
			case 404, 405, 501, 502:
				if h.Settled {
					p.explained = true
					p.Report("advertised-not-supported", "%d, though ENABLE_CONNECT_PROTOCOL is set", e.Status()).As(Likely).In(e.Requested.Packet)
				}
			case 400:
				p.Report("status", "%d", e.Status()).In(e.Requested.Packet)
			}
		},
		Closed: func(p *Pass, e *session.Closed) {
			h := e.Conn.H2
			if h == nil || e.Conn.State != session.Unanswered || !h.Over || h.How != h2.Reset || h.Settled && !h.Connect {
				return
			}
			p.from(reassembly.FromServer)
			f := p.Report("reset", "%s", strings.TrimSuffix("RST_STREAM "+h.Code.String(), " ")).In(p.Conn.Requested.Packet)
			if h.Code == h2.HTTP11 { // the client is told to ask again in HTTP/1.1
				f.At(Warning)
			}
		},
	},
}

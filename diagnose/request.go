package diagnose

import (
	"encoding/base64"
	"strings"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What a proxy needs to pass an upgrade on.
var upgradeFixes = []Fix{
	{"nginx, in http", "map $http_upgrade $connection_upgrade { default upgrade; '' close; }"},
	{"nginx, in the location", "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"},
	{"Apache 2.4.47", `ProxyPass "/ws" "http://backend/ws" upgrade=websocket`},
	{"Azure Front Door", "no caching on the route"},
	{"CloudFront", "the origin request policy AllViewer"},
	{"Vite, webpack, http-proxy-middleware", "ws: true"},
}

// requestRules are about the request of an opening handshake (RFC 6455 §4.1, §4.2.1).
var requestRules = []Rule{
	{
		ID: "upgrade-header-missing", Severity: Error, Clause: "RFC 6455 §4.2.1",
		Title:    "the server never saw an upgrade request",
		Advice:   "make the proxy pass Upgrade and Connection on: both end at each hop unless it is told",
		Seen:     "Sec-WebSocket-Key or Sec-WebSocket-Version in a request without Upgrade, or a target that says transport=websocket",
		Means:    "no client sends a key without Upgrade: a proxy before this place took it away",
		Causes:   []string{"an nginx location without the two header lines", "a switch for WebSockets that is off in the proxy's panel", "an Apache ProxyPass without upgrade=websocket", "a route of a CDN with caching, or without WebSocket support", "a development proxy without ws: true"},
		Fixes:    upgradeFixes,
		Confirm:  "capture before the proxy: there the request has Upgrade",
		NotWhen:  "the request is a health check or a page load: it has no key",
		Ordinary: func(p *Pass, e *session.Ordinary) { p.bareTarget(e.Conn.HTTP) },
		Closed:   func(p *Pass, e *session.Closed) { p.bareTarget(e.Conn.HTTP) },
		ByHeads:  true,
		Handshake: ofUpgrade(func(p *Pass, h *session.Handshake) {
			f := h.Request.Fields
			if f.Has("Upgrade") {
				return
			}
			p.fails(LineUpgrade)
			if n, _ := f.CountToken("Connection", "upgrade"); n == 0 {
				p.fails(LineConnection)
			}
			left, sure := "Sec-WebSocket-Key", Certain
			if !f.Has(left) {
				left, sure = "other fields of a WebSocket", Likely
			}
			p.Report("", "%s with %s and without Upgrade; Connection is %q", h.Request.Method, left, f.Get("Connection")).As(sure)
		}),
	},
	{
		ID: "http10-to-backend", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "the upgrade was asked for in HTTP/1.0",
		Advice:  "let the proxy speak HTTP/1.1 to the server: nginx before 1.29.7 needs proxy_http_version 1.1",
		Seen:    "a request for a WebSocket whose line ends in HTTP/1.0",
		Means:   "servers answer 400, 426 or 505; a 101 to HTTP/1.0 is ignored",
		Causes:  []string{"nginx before 1.29.7 without proxy_http_version 1.1", "a simple client"},
		Fixes:   []Fix{{"nginx", "proxy_http_version 1.1;"}},
		Confirm: "capture before the proxy: there the request is in HTTP/1.1",
		NotWhen: "the client itself speaks HTTP/1.0: then it is no WebSocket client",
		ByHeads: true,
		Handshake: ofUpgrade(func(p *Pass, h *session.Handshake) {
			if h.Request.Proto < "HTTP/1.1" {
				p.fails(LineProto)
				p.Report("", "%s of %s", h.Request.Proto, h.Request.Method)
			}
		}),
	},
	{
		ID: "upgrade-headers-malformed", Severity: Error, Clause: "RFC 6455 §4.2.1",
		Title:   "Upgrade or Connection is there and wrong",
		Advice:  "set the two headers in one place of each hop, and set rather than add them",
		Seen:    "Upgrade that is not websocket alone, or Connection without the token upgrade",
		Means:   "strict servers compare the whole value of Upgrade, and answer 400 or 403",
		Causes:  []string{"two proxies both add the header", "Connection is fixed in one place and Upgrade is not", "the variable of a template was not filled in"},
		Fixes:   upgradeFixes,
		Confirm: "capture before the proxy and compare Upgrade and Connection: who has set them twice, or one of them only",
		Variants: []Variant{
			{ID: "no-token", Title: "Connection does not have the token upgrade"},
			{ID: "duplicated", Title: "Upgrade says websocket more than once"},
			{ID: "wrong-value", Title: "Upgrade does not say websocket"},
			{ID: "extra-protocols", Severity: Warning, Title: "Upgrade names other protocols beside websocket"},
		},
		NotWhen: "only the case differs",
		ByHeads: true,
		Handshake: ofUpgrade(func(p *Pass, h *session.Handshake) {
			f := h.Request.Fields
			if !f.Has("Upgrade") {
				return
			}
			switch websockets, all := f.CountToken("Upgrade", "websocket"); {
			case websockets == 0:
				p.fails(LineUpgrade)
				p.Report("wrong-value", "Upgrade: %s", strings.Join(f.Values("Upgrade"), ", "))
			case websockets > 1:
				p.fails(LineUpgrade)
				p.Report("duplicated", "Upgrade: %s", strings.Join(f.Values("Upgrade"), ", "))
			case all > 1:
				p.Report("extra-protocols", "Upgrade: %s", strings.Join(f.Values("Upgrade"), ", "))
			}
			if n, _ := f.CountToken("Connection", "upgrade"); n == 0 {
				p.fails(LineConnection)
				p.Report("no-token", "Connection: %s", strings.Join(f.Values("Connection"), ", "))
			}
		}),
	},
	{
		ID: "ws-key-invalid", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "Sec-WebSocket-Key is missing or wrong",
		Advice:  "send 16 fresh random bytes in base64 with each handshake",
		Seen:    "no key, a key that is not 16 bytes in base64, several keys, or one that was used before",
		Means:   "strict servers answer 400",
		Causes:  []string{"a client or a curl command written by hand", "a proxy drops the field", "the key of the RFC's example"},
		Fixes:   []Fix{{"", "use a WebSocket library for the handshake"}},
		Confirm: "open the same URL with a browser or wscat, whose keys are right",
		Variants: []Variant{
			{ID: "missing", Title: "the request has no Sec-WebSocket-Key", Zeek: "websocket_missing_key_header"},
			{ID: "length", Title: "Sec-WebSocket-Key is not 16 bytes in base64"},
			{ID: "multiple", Title: "Sec-WebSocket-Key is there more than once", Zeek: "websocket_multiple_key_headers"},
			{ID: "static", Severity: Warning, Title: "Sec-WebSocket-Key is used again"},
		},
		NotWhen: "only the two unused low bits of the last character are set",
		Handshake: ofUpgrade(func(p *Pass, h *session.Handshake) {
			switch n, key := h.Request.Fields.Count("Sec-WebSocket-Key"), h.Key(); {
			case h.Obsolete:
			case n == 0:
				p.fails(LineKey)
				p.Report("missing", "no Sec-WebSocket-Key")
			case n > 1:
				p.fails(LineKey)
				p.Report("multiple", "%d of them", n)
			default:
				var room [32]byte
				nonce, err := base64.StdEncoding.AppendDecode(room[:0], []byte(key))
				if err != nil || len(nonce) != 16 {
					p.fails(LineKey)
					p.Report("length", "%q has %d bytes", key, len(nonce))
				} else if conn, packet, ok := p.World.KeySeen(p.Conn.Client.Addr(), key, h.Requested.Packet); ok {
					p.Report("static", "used on connection %d before", conn).In(packet)
				}
			}
		}),
	},
	{
		ID: "ws-version-unsupported", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "Sec-WebSocket-Version is not 13",
		Advice:  "use a client of RFC 6455, and let the field pass the proxy",
		Seen:    "no version, or another than 13, or the two keys of drafts before RFC 6455",
		Means:   "servers answer 400 or 426 and name the version they speak",
		Causes:  []string{"a very old or embedded client", "a proxy or CDN drops the field"},
		Fixes:   []Fix{{"", "update the client"}},
		Confirm: "the answer's Sec-WebSocket-Version has what the server speaks; capture before the proxy: there the request has 13",
		Variants: []Variant{
			{ID: "plain-http-426", Severity: Info, Title: "a WebSocket server was opened as a page", Clause: "RFC 9110 §15.5.22", Advice: "open it by ws:// or wss://; let health checks ask for another path"},
		},
		NotWhen:  "the 426 names another protocol, as TLS",
		Ordinary: func(p *Pass, e *session.Ordinary) { p.upgradeRequired(e.Conn.HTTP) },
		Closed:   func(p *Pass, e *session.Closed) { p.upgradeRequired(e.Conn.HTTP) },
		ByHeads:  true,
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			v := h.Version()
			if h.Obsolete || v != "13" {
				p.fails(LineVersion)
			}
			switch {
			case h.Obsolete:
				p.Report("", "the handshake is of a draft (hixie-76)")
			case v == "" && !h.Request.Fields.Has("Sec-WebSocket-Version"):
				p.Report("", "no Sec-WebSocket-Version")
			case v != "13":
				p.Report("", "Sec-WebSocket-Version: %s", v)
			}
		}),
	},
	{
		ID: "handshake-request-invalid", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "the request breaks another rule of the opening handshake",
		Advice:  "use a WebSocket client, and send nothing before the connection is open",
		Seen:    "a method other than GET, no Host, a body, a fragment in the target, frames before the 101, or a Host that is not the name TLS was asked for",
		Means:   "servers answer 400 or 405",
		Causes:  []string{"a client written by hand", "a proxy that changes the request"},
		Fixes:   []Fix{{"", "use a WebSocket library for the handshake"}},
		Confirm: "open the same URL with a browser or wscat, and compare the two requests",
		NotWhen: "the request is no WebSocket's: it has neither Upgrade nor a key",
		Variants: []Variant{
			{ID: "method", Title: "the method is not GET"},
			{ID: "no-host", Title: "the request has no Host", Clause: "RFC 9112 §3.2"},
			{ID: "body", Severity: Warning, Title: "the request has a body"},
			{ID: "early-data", Title: "the client sent frames before the 101", Clause: "RFC 6455 §4.1"},
			{ID: "fragment", Title: "the request target has a fragment", Clause: "RFC 6455 §3"},
			{ID: "no-sni-host-mismatch", Severity: Warning, Title: "Host is another name than the one that TLS was asked for", Clause: "RFC 6066 §3"},
		},
		ByHeads: true,
		Handshake: ofUpgrade(func(p *Pass, h *session.Handshake) {
			r := h.Request
			if r.Method != "GET" {
				p.fails(LineMethod)
				p.Report("method", "%s", r.Method)
			}
			if !r.Fields.Has("Host") {
				p.fails(LineHost)
				p.Report("no-host", "no Host")
			}
			if n := strings.TrimSpace(r.Fields.Get("Content-Length")); n != "" && n != "0" || r.Fields.Has("Transfer-Encoding") {
				p.Report("body", "Content-Length %q, Transfer-Encoding %q", n, r.Fields.Get("Transfer-Encoding"))
			}
			if h.Early > 0 && h.Established {
				p.Report("early-data", "%d bytes behind the request", h.Early).In(h.EarlyIn)
			}
			if asked := serverName(h); asked != "" && !strings.EqualFold(asked, hostname(h.Host())) {
				p.Report("no-sni-host-mismatch", "TLS for %s, Host %s", asked, h.Host())
			}
			if strings.Contains(r.Target, "#") {
				p.Report("fragment", "%d bytes behind the #", len(r.Target)-strings.IndexByte(r.Target, '#')-1)
			}
		}),
	},
}

// serverName is the name that TLS was asked for, "" without one.
func serverName(h *session.Handshake) string {
	if h.TLS == nil || h.TLS.ClientHello == nil {
		return ""
	}
	return h.TLS.ClientHello.ServerName
}

// ofUpgrade is ofRequest of what HTTP/1.1 alone has: in HTTP/2 the WebSocket is
// asked for in another way (RFC 8441 §4).
func ofUpgrade(check func(*Pass, *session.Handshake)) func(*Pass, *session.Handshake) {
	hook := ofRequest(check)
	return func(p *Pass, h *session.Handshake) {
		if h.H2 == nil {
			hook(p, h)
		}
	}
}

// ofRequest makes a hook of what looks at a request: it is called if the
// capture has one, whole, and what it reports is where the request is.
func ofRequest(check func(*Pass, *session.Handshake)) func(*Pass, *session.Handshake) {
	return func(p *Pass, h *session.Handshake) {
		if h.Request == nil || h.Request.Truncated {
			return
		}
		if h.Requested.Packet > 0 {
			p.related = h.Requested.Packet
		}
		p.Where.Dir = reassembly.FromClient
		check(p, h)
		p.Where.Dir, p.related = h.Dir, 0
	}
}

package diagnose

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const wrongAccept = "websocket_wrong_accept_header"

// answerRules are about a 101 (RFC 6455 §4.1, §4.2.2).
var answerRules = []Rule{
	{
		ID: "accept-mismatch", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "Sec-WebSocket-Accept does not fit the key",
		Advice:  "compute it as base64(SHA-1(key + the GUID of RFC 6455)); keep caches and proxies out of the path",
		Seen:    "a 101 whose Sec-WebSocket-Accept is not the one that the key asks for, or that has none",
		Means:   "clients must fail the connection: browsers name an incorrect Sec-WebSocket-Accept value",
		Causes:  []string{"a server written by hand", "a proxy that changes the key on one side only", "a cache that answered with an old 101"},
		Fixes:   []Fix{{"", "hash the key as sent, as text, with 258EAFA5-E914-47DA-95CA-C5AB0DC85B11 behind it"}},
		Confirm: "printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' KEY | openssl sha1 -binary | base64",
		Variants: []Variant{
			{ID: "missing", Title: "the 101 has no Sec-WebSocket-Accept", Zeek: "websocket_missing_accept_header"},
			{ID: "multiple", Severity: Warning, Title: "the 101 has Sec-WebSocket-Accept more than once", Clause: "RFC 6455 §11.3.3", Zeek: "websocket_multiple_accept_headers"},
			{ID: "no-guid", Title: "Sec-WebSocket-Accept was computed without the GUID", Zeek: wrongAccept},
			{ID: "decoded-key", Title: "Sec-WebSocket-Accept was computed from the decoded key", Zeek: wrongAccept},
			{ID: "hex", Title: "Sec-WebSocket-Accept is in hexadecimal, not in base64", Zeek: wrongAccept},
			{ID: "case-changed", Title: "something changed the case of Sec-WebSocket-Accept", Zeek: wrongAccept},
			{ID: "key-of-other-leg", Title: "Sec-WebSocket-Accept answers the key of another connection", Zeek: wrongAccept},
			{ID: "other", Title: "Sec-WebSocket-Accept belongs to another key", Zeek: wrongAccept},
		},
		NotWhen: "the request was not captured",
		Handshake: func(p *Pass, h *session.Handshake) {
			if h.Status() == 101 {
				if n := h.Response.Fields.Count("Sec-WebSocket-Accept"); n > 1 {
					p.Report("multiple", "%d of them", n).In(h.Requested.Packet)
				}
			}
			valid, known := h.AcceptValid()
			if !known && h.Status() == 101 && h.Request != nil && h.H2 == nil && !h.Obsolete && h.Key() == "" && !h.Response.Fields.Has("Sec-WebSocket-Accept") && !h.Request.Truncated && !h.Response.Truncated {
				p.fails(LineAccept)
				p.Report("missing", "neither a key nor an answer to one").In(h.Requested.Packet)
			}
			if !known || valid {
				return
			}
			p.fails(LineAccept)
			got := h.Accept()
			form := acceptFault(h.Key(), got, h.AcceptExpected())
			other, packet, known := p.World.keyFor(got)
			if form == "other" && known {
				p.Report("key-of-other-leg", "%q answers the key of connection %d", got, other).With("accept", got).
					With("accept_expected", h.AcceptExpected()).In(packet, h.Requested.Packet)
				return
			}
			p.Report(form, "%q, and %q is right for the key", got, h.AcceptExpected()).
				With("accept", got).With("accept_expected", h.AcceptExpected()).In(h.Requested.Packet)
		},
	},
	{
		ID: "response-101-malformed", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "the 101 is one that clients must or may reject",
		Advice:  "answer with Upgrade: websocket and Connection: Upgrade; keep filters off the route",
		Seen:    "a 101 without Upgrade or Connection, in HTTP/1.0, with a length, or with an empty field",
		Means:   "clients fail the connection although the server thinks that it is open",
		Causes:  []string{"a server written by hand", "a filter of the framework wraps the answer", "a proxy writes Connection anew"},
		Fixes:   []Fix{{"", "leave the WebSocket route out of compression, caching and response filters"}},
		Confirm: "capture at the server: what its 101 has there, and what of it arrives",
		NotWhen: "the answer was not captured whole",
		Variants: []Variant{
			{ID: "no-upgrade", Title: "the 101 does not say Upgrade: websocket"},
			{ID: "no-connection", Title: "the 101 does not say Connection: Upgrade"},
			{ID: "http10", Title: "the 101 is in HTTP/1.0"},
			{ID: "has-length", Severity: Warning, Title: "the 101 has the length of a body", Clause: "RFC 9110 §8.6"},
			{ID: "reason", Severity: Info, Title: "the reason of the 101 is an odd one", Clause: "RFC 9112 §4"},
			{ID: "bytes-before-frame", Title: "a body follows the 101, not frames", Clause: "RFC 9110 §15.2"},
			{ID: "no-fields", Title: "neither the request nor the 101 has a Sec-WebSocket field", Zeek: "websocket_established_unexpected", Advice: "look at what asked and what answered: a WebSocket library sends Sec-WebSocket-Key and its answer"},
			{ID: "empty-header", Title: "the 101 has an empty Sec-WebSocket-Protocol or Sec-WebSocket-Extensions"},
		},
		ByHeads: true,
		Handshake: ofAnswer(func(p *Pass, h *session.Handshake) {
			f := h.Response.Fields
			if n, _ := f.CountToken("Upgrade", "websocket"); n == 0 {
				p.Report("no-upgrade", "Upgrade: %s", strings.Join(f.Values("Upgrade"), ", "))
			}
			if n, _ := f.CountToken("Connection", "upgrade"); n == 0 {
				p.Report("no-connection", "Connection: %s", strings.Join(f.Values("Connection"), ", "))
			}
			if h.Request != nil && !h.Request.Truncated && !ofWebSocket(h.Request) && !ofWebSocket(h.Response) {
				p.Report("no-fields", "it only says Upgrade: %s", strings.Join(f.Values("Upgrade"), ", "))
			}
			if h.Response.Proto == "HTTP/1.0" {
				p.Report("http10", "%s 101", h.Response.Proto)
			}
			if r := h.Response.Reason; r != "" && !strings.EqualFold(r, "Switching Protocols") {
				p.Report("reason", "%q", r)
			}
			if f.Has("Content-Length") || f.Has("Transfer-Encoding") {
				p.Report("has-length", "Content-Length %q, Transfer-Encoding %q", f.Get("Content-Length"), f.Get("Transfer-Encoding"))
			}
			for _, name := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
				if f.Has(name) && strings.TrimSpace(strings.Join(f.Values(name), "")) == "" {
					p.Report("empty-header", "%s has no value", name)
				}
			}
		}),
		Frame: func(p *Pass, f *session.Frame) {
			if s := &p.Conn.Sides[f.Dir]; f.Dir != reassembly.FromServer || s.Frames > 0 || s.Lost || !p.Conn.Answer {
				return
			}
			if what := bodyLike(f); what != "" {
				p.frame("bytes-before-frame", f, "%s where the first frame of the server should be", what).In(p.Conn.Answered.Packet)
			}
		},
	},
	{
		ID: "subprotocol-mismatch", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "client and server disagree about the subprotocol",
		Advice:  "answer with exactly one of the subprotocols that the client offers; offer none where none is used",
		Seen:    "an answer that chooses what was not offered, or several; or none of those offered",
		Means:   "browsers fail the connection where they offered one and got none, other clients often go on",
		Causes:  []string{"the server is not set up for the name", "a token is passed as subprotocol and not echoed", "a proxy drops the field from the answer"},
		Fixes:   []Fix{{"Node ws", "handleProtocols"}, {"Phoenix", ":subprotocols of the websocket transport"}, {"ASGI", "subprotocol= in accept"}, {"", "leave the argument out, or pass [], where no subprotocol is used"}},
		Confirm: "open the URL without a subprotocol, and with each of those that the server lists: wscat -s NAME",
		NotWhen: "the client goes on without a subprotocol: then it is a warning",
		Variants: []Variant{
			{ID: "none-selected", Severity: Warning, Title: "the server chose none of the subprotocols offered"},
			{ID: "not-offered", Title: "the server chose a subprotocol that was not offered"},
			{ID: "several", Title: "the server chose more than one subprotocol", Zeek: "websocket_multiple_protocol_headers"},
			{ID: "token", Severity: Info, Title: "the client passes a token as a subprotocol", Clause: "RFC 6455 §1.9"},
			{ID: "null", Severity: Warning, Title: "the client offers null or undefined as a subprotocol"},
		},
		ByHeads: true,
		Handshake: ofAnswer(func(p *Pass, h *session.Handshake) {
			if h.Request == nil {
				return
			}
			offered, chosen := h.SubprotocolsOffered(), h.Response.Fields.Tokens("Sec-WebSocket-Protocol")
			switch {
			case len(chosen) > 1:
				p.Report("several", "%d of them", len(chosen))
			case len(chosen) == 1 && !slices.Contains(offered, chosen[0]):
				p.Report("not-offered", "%q, offered were %d", chosen[0], len(offered))
			}
			if i := slices.IndexFunc(offered, tokenLike); i >= 0 {
				p.Report("token", "one of %d bytes: logs of servers and proxies will have it", len(offered[i])).In(h.Requested.Packet)
			}
			if slices.Contains(offered, "null") || slices.Contains(offered, "undefined") {
				p.Report("null", "offered: %s", strings.Join(offered, ", ")).In(h.Requested.Packet)
			}
		}),
		Closed: noneSelected,
	},
}

// noneSelected reports, once it is over, a connection whose server chose none of
// the subprotocols: by then it is known whether the client has put up with it.
func noneSelected(p *Pass, e *session.Closed) {
	c := e.Conn
	h := c.Handshake
	if h == nil || h.Request == nil || h.Response == nil || h.Status() != 101 || h.Obsolete || c.H2 != nil || len(h.Response.Fields.Tokens("Sec-WebSocket-Protocol")) > 0 {
		return
	}
	offered := h.SubprotocolsOffered()
	if len(offered) == 0 {
		return
	}
	text, severity := "", Warning
	if left := c.TCP.EndedAt.Sub(p.Conn.Answered.Time); c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == reassembly.FromClient &&
		c.Sides[reassembly.FromClient].Messages == 0 && c.CloseCode == frames.AbnormalClosure && left <= max(time.Second, 2*c.TCP.RTT) {
		text, severity = fmt.Sprintf("; the client left %v later, as browsers do", left.Round(time.Microsecond)), Error
	}
	p.from(reassembly.FromServer)
	p.Report("none-selected", "%d offered%s", len(offered), text).At(severity).In(p.Conn.Requested.Packet, p.Conn.Answered.Packet)
}

// ofWebSocket tells whether a head has a field that only a WebSocket's has.
func ofWebSocket(h *handshake.Head) bool {
	return slices.ContainsFunc(h.Fields, func(f handshake.Field) bool {
		return len(f.Name) > 14 && strings.EqualFold(f.Name[:14], "Sec-WebSocket-")
	})
}

// bodies are how the bodies of HTTP messages begin that have been seen behind
// a 101: none of them can be the beginning of a frame.
var bodies = []struct {
	begins *regexp.Regexp // of the bytes in hexadecimal
	what   string
}{
	{regexp.MustCompile("^(0d|0a|20)*3c(21|[46].|[57][0-9a])"), "a page"},
	{regexp.MustCompile("^1f8b"), "compressed data (gzip)"},
	{regexp.MustCompile("^(3[0-9]|[46][1-6])0d"), "the size of a chunk"},
}

// bodyLike says what the bytes are that read as a frame, "" if they may be one.
func bodyLike(f *session.Frame) string {
	head := hex.AppendEncode(nil, f.AppendTo(nil))
	for _, b := range bodies {
		if b.begins.Match(head) && (f.Opcode.IsReserved() || f.RSV2 || f.RSV3) {
			return b.what
		}
	}
	return ""
}

// tokenLike tells a credential by its looks: a JSON Web Token, or what is
// said to be a bearer's.
func tokenLike(s string) bool {
	lower := strings.ToLower(s)
	return len(s) > 20 && strings.HasPrefix(s, "eyJ") || strings.HasPrefix(lower, "bearer") || strings.Contains(lower, ".bearer.")
}

// acceptFault says how a wrong Sec-WebSocket-Accept came about.
func acceptFault(key, got, want string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	nonce, _ := base64.StdEncoding.DecodeString(key)
	whole, bare, decoded := sha1.Sum([]byte(key+guid)), sha1.Sum([]byte(key)), sha1.Sum(append(nonce, guid...))
	switch {
	case got == "":
		return "missing"
	case got == base64.StdEncoding.EncodeToString(bare[:]):
		return "no-guid"
	case got == base64.StdEncoding.EncodeToString(decoded[:]):
		return "decoded-key"
	case strings.EqualFold(got, hex.EncodeToString(whole[:])):
		return "hex"
	case strings.EqualFold(got, want):
		return "case-changed"
	}
	return "other"
}

// ofAnswer makes a hook of what looks at a 101 to an upgrade of RFC 6455.
func ofAnswer(check func(*Pass, *session.Handshake)) func(*Pass, *session.Handshake) {
	return func(p *Pass, h *session.Handshake) {
		if h.Response != nil && h.Status() == 101 && !h.Response.Truncated && !h.Obsolete {
			check(p, h)
		}
	}
}

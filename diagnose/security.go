package diagnose

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"golang.org/x/net/publicsuffix"
)

// securityRules are about what could be done to the two ends, or was tried.
var securityRules = []Rule{
	{
		ID: "credentials-in-clear", Severity: Error, Clause: "RFC 6455 §10.6",
		Title:   "secrets are sent without TLS",
		Advice:  "use wss, and cookies with Secure",
		Seen:    "a cookie, Authorization, a token or a member such as password, in a connection without TLS",
		Means:   "everybody on the way can read and use them",
		Causes:  []string{"a ws:// URL", "TLS ends at a proxy before this place"},
		Fixes:   []Fix{{"", "wss://, Secure and HttpOnly cookies, Strict-Transport-Security"}},
		Confirm: "--follow ID shows the request or the message, with the value masked",
		NotWhen: "it is on one machine, or on a private network behind what ends TLS",
		Variants: []Variant{
			{ID: "handshake", Title: "the opening handshake has secrets, and no TLS"},
			{ID: "message", Title: "a message has secrets, and no TLS"},
		},
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			if h.TLS != nil {
				return
			}
			if names := p.World.secretsOf(h.Handshake); names != nil {
				p.Report("handshake", "%s", strings.Join(names, ", ")).At(exposure(p.Conn.Conn)).With("names", names)
			}
		}),
		Message: func(p *Pass, e *session.Message) {
			if !p.Conn.clear {
				return
			}
			if name := secretMember(e.Data); name != "" {
				p.Report("message", "a member %s", name).At(exposure(p.Conn.Conn)).With("names", []string{name})
			}
		},
	},
	{
		ID: "token-in-url", Severity: Warning, Clause: "RFC 6750 §2.3",
		Title:   "a secret is in the request target",
		Advice:  "use a cookie, a first message, or a ticket that is good once and for seconds",
		Seen:    "a parameter of the query whose name is that of a secret, or whose value is a JSON Web Token",
		Means:   "targets are kept in the logs of servers and proxies",
		Causes:  []string{"scripts in browsers cannot set Authorization", "SignalR does so by design (access_token)"},
		Fixes:   []Fix{{"", "a cookie, a first message, or a ticket that is good once; take queries out of logs"}},
		Confirm: "look for the parameter's name in the access logs of the server and of the proxies",
		NotWhen: "it is a ticket that is good once",
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			if name := secretParameter(h.Target()); name != "" {
				p.Report("", "parameter %s", name).With("name", name)
			}
		}),
	},
	{
		ID: "cross-site-origin-accepted", Severity: Warning, Clause: "RFC 6455 §10.2",
		Title:   "the server opens a WebSocket for a page of another site, with the visitor's credentials",
		Advice:  "let the server allow the Origins it knows, and no others",
		Seen:    "a 101 for a browser whose Origin is of another site than Host, with a cookie or a password of the browser (Basic, NTLM, Negotiate), and no token that the page must know",
		Means:   "any page can open a WebSocket as the visitor: browsers do not apply the same-origin policy to them",
		Causes:  []string{"the check of the Origin is off, or allows all"},
		Fixes:   []Fix{{"gorilla", "CheckOrigin"}, {"Django", "AllowedHostsOriginValidator"}, {"", "cookies with SameSite; a token in the first message"}},
		Confirm: "curl with the fields of an upgrade, a valid Cookie and Origin: https://example.org is answered with 101",
		NotWhen: "the two sites belong together, and no third one is let in",
		Variants: []Variant{
			{ID: "other-site", Title: "a page of another site was let in, with the visitor's credentials"},
			{ID: "null", Title: "a page without an Origin was let in, with the visitor's credentials"},
		},
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			if !h.Established || !sentUnasked(h.Request) || !strings.HasPrefix(h.UserAgent(), "Mozilla/") || secretParameter(h.Target()) != "" {
				return
			}
			switch _, host, ok := strings.Cut(h.Origin(), "://"); {
			case h.Origin() == "null":
				p.Report("null", "Origin null, Host %s", h.Host())
			case ok && site(hostname(host)) != site(hostname(h.Host())):
				p.letIn(h.Handshake, site(hostname(host)), p.Report("other-site", "Origin %s, Host %s", h.Origin(), h.Host()).As(Likely))
			}
		}),
	},
	{
		ID: "mask-key-weak", Severity: Warning, Clause: "RFC 6455 §5.3",
		Title:   "the masking keys are not random",
		Advice:  "let the client take a new key from a strong random source for each frame",
		Seen:    "eight frames or more of a client whose keys are all the same, all zero, or count; three connections in a row of a client to a server that begin with the same key",
		Means:   "a page could put what it likes on the wire, and mislead a proxy that takes it for HTTP",
		Causes:  []string{"a client written by hand", "a random source that was not seeded"},
		Fixes:   []Fix{{"", "four new bytes from a strong random source for each frame"}},
		Confirm: "-l frames shows the masking key of each frame that has one",
		NotWhen: "a program that talks to a server of its own leaves the key zero to save time",
		Variants: []Variant{
			{ID: "zero", Severity: Info, Title: "the masking keys are zero: the frames are not masked in effect"},
			{ID: "constant", Title: "all masking keys are the same"},
			{ID: "counter", Title: "the masking keys count"},
			{ID: "reused", Title: "each connection of a client begins with the same masking key", Advice: "seed the random source anew in each process, or take a cryptographic one"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			s := &p.Conn.Sides[reassembly.FromClient]
			p.sameStart(e.Conn)
			masked := s.right()
			if masked < fewKeys {
				return
			}
			p.from(reassembly.FromClient)
			switch {
			case s.keys == sameKey && s.key == 0:
				p.Report("zero", "%d frames", masked)
			case s.keys == sameKey:
				p.Report("constant", "%d frames with %08x", masked, s.key)
			case s.keys == nextKey:
				p.Report("counter", "%d frames, the last with %08x", masked, s.key)
			}
		},
	},
	{
		ID: "deflate-bomb", Severity: Error, Clause: "RFC 7692 §8",
		Title:   "a small message inflates to a very large one",
		Advice:  "limit the size of a message after inflating: maxPayload of ws, SetReadLimit of coder/websocket",
		Seen:    "a message of more than 10 MiB that was sent in less than a hundredth; or several within ten seconds that come to as much, each of more than 32 KiB",
		Means:   "a receiver without such a limit runs out of memory, or of time",
		Causes:  []string{"an attack", "very large messages of one and the same byte"},
		Fixes:   []Fix{{"Node ws", "maxPayload (100 MiB by default)"}, {"coder/websocket", "SetReadLimit (32 KiB by default)"}, {"", "limit what comes out of inflating, not what goes in"}, {"", "limit how many messages one client may send in a second"}},
		Confirm: "-f ndjson --list messages has wire_length and length of each: what was sent, and what it inflates to",
		NotWhen: "the messages are meant to be that large; a chat that says the same again and again inflates thirtyfold, and one that repeats earlier messages more, but no message of it is longer than the 32 KiB that it can refer back to",
		Variants: []Variant{
			{ID: "many", Severity: Warning, Title: "small messages inflate to very much, one after the other", Advice: "limit what a client may have inflated in a second, and the size of a message after inflating"},
		},
		Message: func(p *Pass, e *session.Message) {
			s := p.Conn.Sides[e.Dir].load
			switch {
			case !e.Compressed:
			case e.Length > bombLeast && isBomb(e):
				p.Report("", "%d bytes from %d", e.Length, e.WireLength).With("ratio", int64(e.Length/max(1, e.WireLength)))
			case e.Obstacle == frames.TooMuchInflated:
				p.Report("many", "what the %v sends inflates to more than is followed", e.Dir).At(Error)
			case isBomb(e) && s.bombs.to > bombLeast:
				p.Report("many", "%d messages in %v: %d bytes from %d", s.bombs.n, e.Time.Sub(s.bombs.since).Round(time.Millisecond), s.bombs.to, s.bombs.from).
					As(Likely).In(s.bombs.first).With("messages", s.bombs.n).With("ratio", int64(s.bombs.to/max(1, s.bombs.from)))
			}
		},
	},
	{
		ID: "fake-upgrade-tunnel", Severity: Error, Stands: Opening, Clause: "RFC 6455 §4.2.2",
		Title:   "what follows the 101 is another protocol",
		Advice:  "let the proxy pass upgrades on for exact paths, and look at what this client does",
		Seen:    "the first bytes of a side behind the 101 begin TLS or SSH, or a request in HTTP of the client, where a frame should be",
		Means:   "the WebSocket is a way through a proxy for something else",
		Causes:  []string{"a tunnel that looks like a WebSocket", "smuggling of requests past a proxy"},
		Fixes:   []Fix{{"", "let the proxy look at status 101 and at the version, and pass upgrades on for exact paths"}},
		Confirm: "--follow ID shows what comes behind the 101",
		NotWhen: "the two ends have agreed on it",
		Frame: func(p *Pass, f *session.Frame) {
			if p.Conn.Sides[f.Dir].Frames > 0 || !p.Conn.Opened {
				return
			}
			b := f.Header.AppendTo(nil)
			for _, t := range tunnelled {
				if bytes.HasPrefix(b, []byte(t.begins)) {
					p.Report("", "the first bytes of the %v are those of %s", f.Dir, t.name).As(Likely)
					return
				}
			}
		},
	},
	{
		ID: "exploit-shape", Severity: Warning, Clause: "RFC 6455 §10.7",
		Title:   "the request has a shape that only attacks have",
		Advice:  "update the WebSocket library, and look at what else this client has sent",
		Seen:    "100 spaces in a row, a quote with 20 backslashes that does not end, an extension called constructor or __proto__, or more than 200 fields; 500 requests for a WebSocket within 10 s from one address that is no proxy's",
		Means:   "known faults of libraries are tried: slow expressions, crashes; or how many connections the server can hold",
		Causes:  []string{"a scanner", "an attack"},
		Fixes:   []Fix{{"", "update the WebSocket library; limit the size and number of fields"}},
		Confirm: "--follow ID shows the request as it was sent, and -l connections what else this client asked for",
		NotWhen: "the program is a test of such things, or of load; many people share the address",
		Variants: []Variant{
			{ID: "spaces", Title: "a field holds a long run of spaces: it makes slow expressions slow"},
			{ID: "quote", Title: "an extension begins a quote with many backslashes, and does not end it"},
			{ID: "prototype", Title: "an extension is named like a property that all objects have"},
			{ID: "fields", Title: "the request has hundreds of fields"},
			{ID: "flood", Severity: Info, Title: "one address asks for hundreds of WebSockets within seconds", Clause: "RFC 6455 §10.4", Advice: "limit how many connections one address may open in a time; if it is a proxy, let it add X-Forwarded-For, and count by that"},
		},
		ByHeads: true,
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			f := h.Request.Fields
			protocols, extensions := strings.Join(f.Values("Sec-WebSocket-Protocol"), ","), strings.Join(f.Values("Sec-WebSocket-Extensions"), ",")
			if strings.Contains(protocols+extensions, strings.Repeat(" ", 100)) {
				p.Report("spaces", "100 spaces or more")
			}
			if strings.Count(extensions, `\`) >= 20 && strings.Count(extensions, `"`)%2 == 1 {
				p.Report("quote", "%d backslashes", strings.Count(extensions, `\`))
			}
			if name := prototype.FindString(extensions); name != "" {
				p.Report("prototype", "%s", name)
			}
			if len(f) > manyFields {
				p.Report("fields", "%d fields", len(f))
			}
		}),
		Closed: (*Pass).floods,
	},
}

// A stranger is a page of another site that a server has let in.
type stranger struct {
	site, origin string
	packet       int64
}

// letIn says whether a page of a third site was let in at the same place: then
// it is no partner's, and nobody looks.
func (p *Pass) letIn(h *handshake.Handshake, of string, f *Finding) {
	k := sum(h.Host(), path(h.Target()))
	other, known := p.World.guests[k]
	switch {
	case known && other.site != of:
		f.As(Certain).In(other.packet).Message += "; at the same path " + other.origin + " was let in, too"
	case !known && len(p.World.guests) < maxFleet:
		if p.World.guests == nil {
			p.World.guests = make(map[uint64]stranger)
		}
		p.World.guests[k] = stranger{strings.Clone(of), strings.Clone(h.Origin()), p.Where.Packet} // not the whole head
	}
}

// tunnelled is what other protocols begin with, as far as a header of two bytes
// shows it: as a frame, each has a reserved bit set or a reserved opcode.
var tunnelled = [...]struct{ begins, name string }{
	{"\x16\x03", "TLS"}, {"SS", "SSH"}, {"GE", "a request in HTTP"}, {"PO", "a request in HTTP"}, {"HE", "a request in HTTP"},
	{"PU", "a request in HTTP"}, {"DE", "a request in HTTP"}, {"OP", "a request in HTTP"}, {"CO", "a request in HTTP"},
}

const (
	fewKeys    = 8
	bombLeast  = 10 << 20
	bombRatio  = 100
	bombPart   = 32 << 10 // more than a message can take over from those before it
	bombTime   = 10 * time.Second
	manyFields = 200
)

// bombs are messages of one side, each small before it was inflated.
type bombs struct {
	since    capture.Time // the first of them
	first    int64        // its packet
	n        int64
	from, to uint64 // their bytes
}

// isBomb tells that a compressed message was sent in less than a hundredth of
// its size, and not because it repeats earlier ones.
func isBomb(e *session.Message) bool { return e.Length > bombPart && e.Length > bombRatio*e.WireLength }

// add counts a message with those shortly before it. It tells whether it is one too many.
func (b *bombs) add(e *session.Message) bool {
	if !isBomb(e) {
		return false
	}
	if b.n == 0 || e.Time.Sub(b.since) > bombTime {
		*b = bombs{since: e.Time, first: e.FirstPacket}
	}
	b.n++
	b.from += e.WireLength
	b.to += e.Length
	return b.to > bombLeast
}

var prototype = regexp.MustCompile(`\b(?:constructor|__proto__|hasOwnProperty|toString)\b`)

// sentUnasked tells that a request has what browsers send by themselves, whoever's
// page asks: a cookie, or a password that the user was asked for.
func sentUnasked(r *handshake.Head) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(r.Fields.Get("Authorization")), " ")
	return r.Fields.Has("Cookie") || scheme == "basic" || scheme == "ntlm" || scheme == "negotiate"
}

// exposure is how severe it is that a connection is in clear: where both ends
// are on one machine or one private network, TLS may end before it.
func exposure(c *session.Conn) Severity {
	private := func(a netip.Addr) bool {
		a = a.Unmap()
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	if private(c.Client.Addr()) && private(c.Server.Addr()) {
		return Info
	}
	return Error
}

// site is the part of a host name that one owner has registered.
func site(host string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(host)); err == nil {
		return s
	}
	return strings.ToLower(host)
}

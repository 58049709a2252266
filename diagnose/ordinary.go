package diagnose

import (
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// ordinaryRules are about what a WebSocket shares servers and proxies with:
// ordinary requests.
var ordinaryRules = []Rule{
	{
		ID: "connection-upgrade-hardcoded", Severity: Warning, Clause: "RFC 9110 §7.8",
		Title:    "a proxy says Connection: upgrade in every request",
		Advice:   "let Connection depend on whether the client asked for an upgrade: map $http_upgrade $connection_upgrade",
		Seen:     "at least three ordinary requests from one address with the token upgrade in Connection, and no Upgrade or an empty one",
		Means:    "connections to the server behind it are not used again; some servers hang on, or reject, such requests",
		Causes:   []string{"Connection \"upgrade\" in an nginx location that serves ordinary requests, too", "the lines for WebSockets were copied into the server block", "a panel that writes them for all of a site"},
		Fixes:    upgradeFixes[:1],
		Confirm:  "send an ordinary request through the proxy: what reaches the server says Connection: close or nothing",
		NotWhen:  "Upgrade says to what: h2c, TLS, websocket",
		Ordinary: func(p *Pass, e *session.Ordinary) { p.bareUpgrades(e.Conn.HTTP) },
		Closed:   func(p *Pass, e *session.Closed) { p.bareUpgrades(e.Conn.HTTP) },
	},
}

// bareEnough is how many requests must say upgrade and not to what.
const bareEnough = 3

// A bare is what one address has sent of them.
type bare struct {
	requests int64
	packets  []int64
}

// bareUpgrades counts the requests of a connection that say upgrade, and
// reports once of each address that sent them.
func (p *Pass) bareUpgrades(h *session.HTTP) {
	n := seen(h, handshake.BareUpgrade)
	if n == 0 {
		return
	}
	w, from := p.World, p.Conn.Client.Addr()
	b, known := w.bare[from]
	if !known && len(w.bare) >= maxFleet {
		return
	}
	if w.bare == nil {
		w.bare = make(map[netip.Addr]bare)
	}
	before := b.requests
	b.requests += n
	if before < bareEnough {
		b.packets = append(b.packets, h[handshake.BareUpgrade].First.Packet)
	}
	if before < bareEnough && b.requests >= bareEnough {
		p.from(reassembly.FromClient)
		p.Report("", "%d ordinary requests from %v to %v with Connection: upgrade and no Upgrade", b.requests, from, p.Conn.Server).
			In(b.packets...).With("requests", b.requests)
		b.packets = nil
	}
	w.bare[from] = b
}

// seen is how many ordinary exchanges of a connection were odd in that way.
func seen(h *session.HTTP, what handshake.Oddity) int64 {
	if h == nil {
		return 0
	}
	return h[what].Count
}

// upgradeRequired reports a 426 that answers an ordinary request.
func (p *Pass) upgradeRequired(h *session.HTTP) {
	if n := seen(h, handshake.UpgradeRequired); n > 0 {
		p.from(reassembly.FromServer)
		p.Report("plain-http-426", "426 of %v to a request without a word of WebSocket", p.Conn.Server).In(h[handshake.UpgradeRequired].First.Packet).With("count", n)
	}
}

// bareTarget reports a request whose target alone asks for a WebSocket.
func (p *Pass) bareTarget(h *session.HTTP) {
	if n := seen(h, handshake.Stripped); n > 0 {
		p.from(reassembly.FromClient)
		p.Report("", "a request to %v says transport=websocket in its target, and its fields say nothing of it", p.Conn.Server).
			As(Likely).In(h[handshake.Stripped].First.Packet).With("count", n)
	}
}

// A client polls because its WebSocket failed if it did so that often, that
// long behind it.
const (
	pollsEnough = 3
	pollsOn     = 5 * time.Second
)

// A setback is a WebSocket that failed.
type setback struct {
	conn, packet int64
	at           capture.Time
}

// fellBack reports a client that polls behind a WebSocket that failed.
func (p *Pass) fellBack(h *session.HTTP) {
	if seen(h, handshake.Poll) < pollsEnough {
		return
	}
	was, failed := p.World.setbacks[[2]netip.Addr{p.Conn.Client.Addr(), p.Conn.Server.Addr()}]
	last := &h[handshake.Poll].Last
	if !failed || last.Time.Sub(was.at) < pollsOn {
		return
	}
	p.from(reassembly.FromClient)
	p.Report("", "%d requests by long polling, the last %v behind the WebSocket that failed on connection %d",
		h[handshake.Poll].Count, last.Time.Sub(was.at).Round(time.Second), was.conn).As(Likely).In(was.packet, last.Packet)
}

// fail notes a WebSocket that was not to be had.
func (w *World) fail(c *session.Conn) {
	asked := c.Handshake != nil && (c.State == session.Refused || c.State == session.Unanswered || c.State == session.Rejected)
	if !asked && !(c.State == session.Aborted && c.Sides[0].Messages+c.Sides[1].Messages == 0) {
		return
	}
	k := [2]netip.Addr{c.Client.Addr(), c.Server.Addr()}
	if _, known := w.setbacks[k]; !known && len(w.setbacks) >= maxFleet {
		return
	}
	if w.setbacks == nil {
		w.setbacks = make(map[[2]netip.Addr]setback)
	}
	w.setbacks[k] = setback{c.ID, c.EndPacket, c.End}
}

// requestIn is how long a client may take to say what it wants.
const requestIn = 5 * time.Second

// noRequest reports a client that opened a connection and asked for nothing.
func (p *Pass) noRequest(c *session.Conn, now time.Duration) {
	waited := now
	how := "until the capture ended"
	if c.TCP.End != reassembly.NotEnded {
		waited = c.TCP.EndedAt.Sub(c.Start)
		how = "until the " + c.TCP.EndedBy.String() + " ended TCP" + among(p.World.known(opening, c.TCP.EndedBy, waited, anyNear))
	}
	if waited < requestIn {
		return
	}
	opened := "TCP was opened"
	if c.TLS != nil {
		opened = "TLS was opened"
	}
	p.from(reassembly.FromClient)
	p.Report("no-request", "%s to %v and not a byte came from the client for %.1f s, %s", opened, c.Server, waited.Seconds(), how).
		In(c.StartPacket, c.TCP.EndedIn).With("waited_ms", waited.Milliseconds())
}

// unusedTLS tells that the TLS handshake was completed and nothing sent in it.
func unusedTLS(f *tlsdecrypt.Facts) bool {
	client := &f.Sides[tlsdecrypt.Client]
	return f.State == tlsdecrypt.Decrypting && client.Finished && client.DataBytes == 0 && client.Undecryptable == 0 && !f.Lost()
}

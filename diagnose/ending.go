package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// endingRules are about how the connection ended (RFC 6455 §7.1).
var endingRules = []Rule{
	{
		ID: "peer-vanished", Severity: Error, Clause: "RFC 9293 §3.8.3",
		Title:   "one side disappeared: it neither closed nor answered any more",
		Advice:  "send pings and close when no pong comes, on both sides; reconnect when the network is back",
		Seen:    "bytes of one side that the other did not acknowledge for seconds, then the end by the side that was left",
		Means:   "who was left learns of it from its own timer only; its API reports 1006 much later",
		Causes:  []string{"a laptop that sleeps, a phone that changed the network", "a machine or container that was killed", "a NAT or firewall that forgot the connection and says nothing"},
		Fixes:   []Fix{{"", "a ping every 20 to 25 s, and 20 s for its pong"}, {"browser", "reconnect on the events online and visibilitychange"}},
		Confirm: "capture at the other end: what it sent, and whether it was still there",
		NotWhen: "acknowledgments still come: then the machine is alive, and the program is stuck",
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; p.Conn.vanished(c) {
				left := c.TCP.EndedBy
				gone, sent, acked := left.Other(), c.Segments().Sent(left), c.Segments().Acked(left)
				p.from(gone)
				p.Report("", "the last %d bytes of the %v were not acknowledged; nothing came from the %v for %v before the end", sent-acked, left, gone, c.TCP.EndedAt.Sub(p.Conn.heard(gone)).Round(time.Millisecond)).
					As(Likely).In(p.Conn.Sides[left].Last, c.TCP.EndedIn)
			}
		},
	},
	{
		ID: "closed-without-close-frame", Severity: Error, Clause: "RFC 6455 §7.1.4",
		Title:   "TCP was closed without a Close frame",
		Advice:  "look at who closed: its process or a proxy ended the socket; the log of that side has the time",
		Seen:    "a FIN in an open WebSocket, with no Close frame of either side",
		Means:   "the host of that side is alive, and closed the socket politely; APIs report 1006",
		Causes:  []string{"a proxy's timeout", "the process ended or crashed", "the library gave up on a timer of its own, or on a message too large", "an exception in a handler", "a mobile system put the program to sleep"},
		Fixes:   []Fix{{"", "send a Ping every 20 to 25 s, more often than the timeouts on the way"}, {"", "close with a Close frame when a process shuts down"}},
		Confirm: "capture on both sides of a proxy: the side that sees the FIN first has who closed behind it",
		NotWhen: "both sides sent Close frames",
		Variants: []Variant{
			{ID: "stream", Title: "the stream of HTTP/2 was closed without a Close frame", Clause: "RFC 8441 §5"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; cutOff(c) && c.TCP.End == reassembly.FIN && !p.Conn.vanished(c) {
				p.ended(c, "FIN", streamForm(c))
			}
		},
	},
	{
		ID: "closed-by-reset", Severity: Error, Clause: "RFC 9293 §3.5.2",
		Title:   "TCP was reset in an open WebSocket",
		Advice:  "look at who sent the RST: its process died or dropped the socket, or a box on the way did",
		Seen:    "a RST in an open WebSocket, with no Close frame of either side",
		Means:   "APIs report 1006, often with ECONNRESET; data on its way is gone",
		Causes:  []string{"the process was killed", "the program destroyed the socket with data unread", "a NAT or load balancer had forgotten the connection", "an intrusion prevention system"},
		Fixes:   []Fix{{"", "shut down with Close 1001 and then FIN"}, {"", "send a Ping every 20 to 25 s, before an idle connection is forgotten"}},
		Confirm: "capture at both ends: does the one that is said to have reset send a RST?",
		NotWhen: "a Close frame went before it: see reset-after-close",
		Variants: []Variant{
			{ID: "stream", Title: "the stream of HTTP/2 was reset in an open WebSocket", Clause: "RFC 8441 §5", Advice: "look at who sent it: the program behind that stream, or a proxy that lost what it leads to"},
			{ID: "middlebox", Title: "a box on the way may have sent the RST", Advice: "capture at both ends: a RST that only one of them sees was made between them; let the box keep, or allow, the connection"},
			{ID: "kill", Title: "several connections were reset at once"},
			{ID: "after-late-data", Title: "a RST answered data that came after a long silence"},
			{ID: "linger0", Title: "a side sent data and then a RST at once"},
			{ID: "with-unread", Title: "a side reset the connection with data unread"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if !cutOff(c) || c.TCP.End != reassembly.RST || p.Conn.vanished(c) {
				return
			}
			if c.H2 != nil { // one RST resets all that a connection carries
				p.ended(c, "RST", streamForm(c))
				return
			}
			inRow, before := p.World.reset(sender(c), c.TCP.EndedAt, c.TCP.EndedIn)
			if h, sure, ok := injected(c, p.Conn.Sides[c.TCP.EndedBy.Other()].LastAt); ok {
				p.ended(c, fmt.Sprintf("RST with TTL %d in the name", h.End), "middlebox").As(sure).
					With("ttl_rst", int64(h.End)).With("ttl_low", int64(h.Low)).With("ttl_high", int64(h.High))
				return
			}
			if inRow >= manyAtOnce {
				p.from(c.TCP.EndedBy)
				p.Report("kill", "%d connections by %v, each within %v of the one before", inRow, sender(c), burstGap).In(before, c.TCP.EndedIn)
				return
			}
			p.ended(c, "RST", p.Conn.resetForm(c))
		},
	},
	{
		ID: "closing-handshake-incomplete", Severity: Warning, Clause: "RFC 6455 §5.5.1",
		Title:   "a Close frame was sent and the closing handshake not finished",
		Advice:  "keep reading until the connection is closed, and answer a Close at once",
		Seen:    "a Close frame of one side and none of the other when TCP ends; another code in the answer; or both Close frames, and a TCP connection that one side does not close",
		Means:   "who sent the Close waits for its timer; its API may report that it was not clean",
		Causes:  []string{"a handler that is blocked, or reads no more", "a proxy that ends both ways at the first FIN", "the other side closes TCP as its answer"},
		Fixes:   []Fix{{"", "keep a read loop running until closed, and set a timeout for closing"}},
		Confirm: "capture at the other end: does the Close arrive, and is it read?",
		NotWhen: "the capture lost what the other side sent",
		Variants: []Variant{
			{ID: "no-echo", Title: "a Close frame was not answered"},
			{ID: "tcp-left-open", Title: "both sides sent Close, and the server did not close TCP", Clause: "RFC 6455 §7.1.1"},
			{ID: "half-closed", Title: "one side closed TCP, and the other did not follow", Clause: "RFC 9293 §3.6"},
			{ID: "client-closed-first", Severity: Info, Title: "the client closed TCP before the server", Clause: "RFC 6455 §7.1.1"},
			{ID: "echo-differs", Severity: Info, Title: "a Close was answered with another code"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			p.leftOpen(e)
			p.unanswered(e)
			for d := range c.Sides {
				from := reassembly.Dir(d)
				if other := from.Other(); c.Sides[d].Close != nil && c.Sides[other].Close == nil && c.State == session.Ended && whole(c, other) &&
					c.ClosedBy != session.ClosedByUnknown && !p.Conn.reset(c) {
					p.from(other)
					waited := c.TCP.EndedAt.Sub(c.Sides[d].Close.Time)
					p.Report("no-echo", "Close of the %v in packet %d has no answer; TCP was ended by the %v %v later%s", from, c.Sides[d].Close.Packet, c.TCP.EndedBy, waited.Round(time.Millisecond), closeTimer(waited, c.TCP.EndedBy == from)).In(c.Sides[d].Close.Packet, c.TCP.EndedIn)
				}
			}
		},
	},
	{
		ID: "reset-after-close", Severity: Warning, Clause: "RFC 9293 §3.6.1",
		Title:   "a Close frame may not have been read: a RST follows it",
		Advice:  "after Close, read on until the other side's Close or a timeout; then close TCP",
		Seen:    "a RST of the side that had sent Close, before the other had answered it",
		Means:   "a RST discards what the receiver has not read: its API may report 1006 although a code was sent",
		Causes:  []string{"close() with data unread", "the socket is destroyed right after the Close", "a message that was too big was still on its way"},
		Fixes:   []Fix{{"", "shut down writing first and read the rest"}},
		Confirm: "ss -tni at the side that closes: Recv-Q is not 0 when it does",
		NotWhen: "both Close frames were sent",
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; c.State == session.Ended && p.Conn.reset(c) {
				d := c.TCP.EndedBy
				p.from(d)
				p.Report("", "RST of the %v after its Close with %v", d, c.CloseCode).In(c.Sides[d].Close.Packet, c.TCP.EndedIn)
			}
		},
	},
	{
		ID: "closed-right-after-upgrade", Severity: Error, Clause: "RFC 6455 §7.1.7",
		Title:   "the connection was accepted and ended at once",
		Advice:  "look at what the side that closed could not accept, and at its log at that time",
		Seen:    "the end within two seconds of the 101, not cleanly, with at most one message sent",
		Means:   "the handshake went through, and what comes behind it does not work",
		Causes:  []string{"the client does not accept the 101: key, subprotocol or extension", "a proxy that cannot pass frames, or compressed ones", "an exception in the server's handler"},
		Fixes:   []Fix{{"", "mend what other findings name; take inspection of bodies off upgrades"}},
		Confirm: "the log of the side that closed at that time; the same client directly at the server",
		NotWhen: "the connection was closed cleanly",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			aborted := c.State == session.Aborted || c.State == session.Rejected
			if !aborted || c.TCP.End == reassembly.NotEnded || c.CloseCode != frames.AbnormalClosure || !p.Conn.Opened || c.Sides[0].Frames+c.Sides[1].Frames > 1 {
				return
			}
			if d := c.End.Sub(p.Conn.Answered.Time); d >= 0 && d <= max(2*time.Second, 5*c.TCP.RTT) {
				p.from(c.TCP.EndedBy)
				text := ""
				if by := whoClosed(c); by.Proxy.IsValid() {
					text = "; " + by.String() + " did, and the leg behind it was open"
				}
				p.Report("", "%v after the 101 by the %v, %d frames%s", d.Round(time.Microsecond), c.TCP.EndedBy, c.Sides[0].Frames+c.Sides[1].Frames, text).In(p.Conn.Answered.Packet, c.TCP.EndedIn)
			}
		},
	},
}

// cutOff tells that an open WebSocket has ended without any Close frame, and
// that none can have been missed.
func cutOff(c *session.Conn) bool {
	return c.State == session.Aborted && c.CloseCode == frames.AbnormalClosure
}

// What is long without a sign of the other side, and a long silence.
const (
	unheard     = 5 * time.Second
	longSilence = 10 * time.Second
	closeInTime = 5 * time.Second // for the server to close TCP behind both Close frames
)

// vanished tells that who ended the connection had no acknowledgment of its
// last bytes, and had not heard of the other side for long.
func (c *Conn) vanished(of *session.Conn) bool {
	s, left := of.Segments(), of.TCP.EndedBy
	if of.TCP.End == reassembly.NotEnded || of.H2 != nil || of.OneSided || of.State != session.Aborted || s.Acked(left) < 0 {
		return false
	}
	return s.Sent(left) > s.Acked(left) && of.TCP.EndedAt.Sub(c.heard(left.Other())) >= unheard && of.Sides[left.Other()].LostBytes == 0
}

// heard is when d last sent a frame, or its part of the handshake.
func (c *Conn) heard(d reassembly.Dir) capture.Time {
	return cmp.Or(c.Sides[d].LastAt, c.Answered.Time)
}

// resetForm says how an open WebSocket was reset.
func (c *Conn) resetForm(of *session.Conn) string {
	by, s := of.TCP.EndedBy, of.Segments()
	last := of.TCP.EndedAt.Sub(c.LastAt)
	mine, others := c.Sides[by].LastAt == c.LastAt, c.Sides[by.Other()].LastAt == c.LastAt
	switch {
	case c.LastAt == 0, of.H2 != nil:
		return ""
	case others && c.Quiet >= longSilence && last <= max(time.Second, 3*of.TCP.RTT):
		return "after-late-data"
	case s.Counts(by).ZeroWindows > 0 || s.Sent(by.Other()) > s.Acked(by.Other()):
		return "with-unread"
	case mine && last <= time.Second:
		return "linger0"
	}
	return ""
}

// sender is the address of who ended TCP.
func sender(c *session.Conn) netip.Addr {
	if c.TCP.EndedBy == reassembly.FromServer {
		return c.Server.Addr()
	}
	return c.Client.Addr()
}

// answerIn is how soon a Close is answered by a side that reads.
const answerIn = 2 * time.Second

// unanswered reports a Close without an answer on a connection that has not ended.
func (p *Pass) unanswered(e *session.Closed) {
	c := e.Conn
	if c.TCP.End != reassembly.NotEnded || c.H2 != nil || c.OneSided || c.ClosedBy == session.ClosedByUnknown {
		return
	}
	for d := range c.Sides {
		mine, other := c.Sides[d].Close, &c.Sides[1-d]
		if mine == nil || other.Close != nil || other.LostBytes+other.UnfollowedBytes > 0 || e.Time.Sub(mine.Time) < answerIn {
			continue
		}
		from := reassembly.Dir(d)
		p.from(from.Other())
		p.Report("no-echo", "Close of the %v in packet %d has no answer for %v, and TCP is open", from, mine.Packet, e.Time.Sub(mine.Time).Round(time.Second)).In(mine.Packet)
	}
}

// closeTimer names who waits that long for the answer to its Close.
func closeTimer(waited time.Duration, own bool) string {
	if !own {
		return ""
	}
	for _, t := range [...]struct {
		after time.Duration
		who   string
	}{{5 * time.Second, "coder/websocket"}, {10 * time.Second, "Python websockets"}, {30 * time.Second, "Node ws or Tomcat"}} {
		if d := waited - t.after; d > -100*time.Millisecond && d < 500*time.Millisecond {
			return ", as long as " + t.who + " waits"
		}
	}
	return ""
}

// leftOpen reports what is wrong with the end of TCP behind Close frames.
func (p *Pass) leftOpen(e *session.Closed) {
	c := e.Conn
	if c.H2 != nil { // its connection stays open for the other streams
		return
	}
	client, server := c.Sides[reassembly.FromClient].Close, c.Sides[reassembly.FromServer].Close
	waited := e.Time.Sub(c.TCP.EndedAt)
	if client == nil || server == nil {
		first := c.TCP.EndedBy
		if c.TCP.End != reassembly.FIN || !whole(c, first.Other()) {
			return
		}
		p.from(first.Other())
		if n := c.Segments().Counts(first.Other()).HalfClosed; n > 0 && c.End.Sub(c.TCP.EndedAt) > time.Second {
			p.Report("half-closed", "FIN of the %v, and %d bytes of the %v behind it, for %v", first, n, first.Other(), c.End.Sub(c.TCP.EndedAt).Round(time.Millisecond)).In(c.TCP.EndedIn)
		} else if !c.Segments().Over(first.Other()) && waited >= longSilence {
			p.Report("half-closed", "FIN of the %v, and none of the %v for %v", first, first.Other(), waited.Round(time.Second)).In(c.TCP.EndedIn)
		}
		return
	}
	both := max(client.Time, server.Time)
	if client.HasCode && server.HasCode && client.Code != server.Code && c.ClosedBy != session.ClosedByBoth && c.ClosedBy != session.ClosedByUnknown {
		p.Report("echo-differs", "client %v, server %v", client.Code, server.Code).In(client.Packet, server.Packet)
	}
	p.from(reassembly.FromServer)
	switch open := e.Time.Sub(both); {
	case c.TCP.End == reassembly.RST, c.OneSided:
	case !c.Segments().Over(reassembly.FromServer) && open > closeInTime:
		p.Report("tcp-left-open", "no FIN of the server for %v", open.Round(time.Second)).In(client.Packet, server.Packet)
	case c.TCP.End == reassembly.FIN && c.TCP.EndedBy == reassembly.FromClient && c.TCP.EndedAt >= both:
		p.from(reassembly.FromClient)
		p.Report("client-closed-first", "FIN of the client %v after the last Close", c.TCP.EndedAt.Sub(both).Round(time.Microsecond)).In(c.TCP.EndedIn)
	}
}

// reset tells that who sent Close then sent a RST at once, or to more data, and
// had no answer.
func (c *Conn) reset(of *session.Conn) bool {
	d := of.TCP.EndedBy
	mine, theirs := of.Sides[d].Close, c.Sides[d.Other()].LastAt
	return of.TCP.End == reassembly.RST && mine != nil && of.Sides[d.Other()].Close == nil &&
		(of.TCP.EndedAt.Sub(mine.Time) <= time.Second || theirs > mine.Time)
}

// endWord is how the connection was ended, or the stream of HTTP/2 that it was.
func endWord(c *session.Conn, how string) string {
	switch h := c.H2; {
	case h == nil || !h.Over:
		return how
	case h.How == h2.Reset:
		return strings.TrimSuffix("RST_STREAM "+h.Code.String(), " ")
	case h.How == h2.GoneAway:
		return strings.TrimSuffix("GOAWAY "+h.Code.String(), " ")
	}
	return "END_STREAM"
}

// streamForm is the variant for a WebSocket whose stream ended, and not TCP.
func streamForm(c *session.Conn) string {
	if c.H2 != nil && c.H2.Over {
		return "stream"
	}
	return ""
}

// ended reports who ended TCP, and what was before.
func (p *Pass) ended(c *session.Conn, how, form string) *Finding {
	d := c.TCP.EndedBy
	how = endWord(c, how)
	p.from(d)
	text := ""
	if because := p.Conn.broken(d.Other()); because != "" {
		text = "; it may follow from " + because
	}
	if who := whoClosed(c); who.Proxy.IsValid() || who.Leg != nil {
		text = "; " + who.String() + " began it" + text
	}
	return p.Report(form, "%s of the %v, longest silence %v%s", how, d, c.IdleMax.Round(time.Millisecond), text).
		In(p.Conn.Sides[0].Last, p.Conn.Sides[1].Last, c.TCP.EndedIn).With("idle_max_ms", c.IdleMax.Milliseconds()).
		With("ended_by", d.String())
}

package diagnose

import (
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// endingRules are about how the connection ended (RFC 6455 §7.1).
var endingRules = []Rule{
	{
		ID: "closed-without-close-frame", Severity: Error, Clause: "RFC 6455 §7.1.4",
		Title:   "TCP was closed without a Close frame",
		Advice:  "look at who closed: its process or a proxy ended the socket; the log of that side has the time",
		Seen:    "a FIN in an open WebSocket, with no Close frame of either side",
		Means:   "the host of that side is alive, and closed the socket politely; APIs report 1006",
		Causes:  []string{"a proxy's timeout", "the process ended or crashed", "the library gave up on a timer of its own, or on a message too large", "an exception in a handler", "a mobile system put the program to sleep"},
		Fixes:   []Fix{{"", "send a Ping more often than the shortest timeout on the way"}, {"", "close with a Close frame when a process shuts down"}},
		Confirm: "capture on both sides of a proxy: the side that sees the FIN first has who closed behind it",
		NotWhen: "both sides sent Close frames",
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; cutOff(c) && c.TCP.End == reassembly.FIN {
				p.ended(c, "FIN")
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
		Fixes:   []Fix{{"", "shut down with Close 1001 and then FIN"}, {"", "send a Ping more often than idle connections are forgotten"}},
		NotWhen: "a Close frame went before it: see reset-after-close",
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; cutOff(c) && c.TCP.End == reassembly.RST {
				p.ended(c, "RST")
			}
		},
	},
	{
		ID: "closing-handshake-incomplete", Severity: Warning, Clause: "RFC 6455 §5.5.1",
		Title:   "a Close frame was sent and the closing handshake not finished",
		Advice:  "keep reading until the connection is closed, and answer a Close at once",
		Seen:    "a Close frame of one side, none of the other, and the end of TCP",
		Means:   "who sent the Close waits for its timer; its API may report that it was not clean",
		Causes:  []string{"a handler that is blocked, or reads no more", "a proxy that ends both ways at the first FIN", "the other side closes TCP as its answer"},
		Fixes:   []Fix{{"", "keep a read loop running until closed, and set a timeout for closing"}},
		NotWhen: "the capture lost what the other side sent",
		Variants: []Variant{
			{ID: "no-echo", Title: "a Close frame was not answered"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			for d := range c.Sides {
				from := reassembly.Dir(d)
				if other := from.Other(); c.Sides[d].Close != nil && c.Sides[other].Close == nil && c.State == session.Ended && whole(c, other) &&
					c.ClosedBy != session.ClosedByUnknown && !p.Conn.reset(c) {
					p.from(other)
					p.Report("no-echo", "Close of the %v in packet %d has no answer; TCP was ended by the %v", from, c.Sides[d].Close.Packet, c.TCP.EndedBy).In(c.Sides[d].Close.Packet, c.TCP.EndedIn)
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
		NotWhen: "the connection was closed cleanly",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			aborted := c.State == session.Aborted || c.State == session.Rejected
			if !aborted || c.CloseCode != frames.AbnormalClosure || !p.Conn.Opened || c.Sides[0].Frames+c.Sides[1].Frames > 1 {
				return
			}
			if d := c.End.Sub(p.Conn.Answered.Time); d >= 0 && d <= max(2*time.Second, 5*c.TCP.RTT) {
				p.from(c.TCP.EndedBy)
				p.Report("", "%v after the 101 by the %v, %d frames", d.Round(time.Microsecond), c.TCP.EndedBy, c.Sides[0].Frames+c.Sides[1].Frames).In(p.Conn.Answered.Packet, c.TCP.EndedIn)
			}
		},
	},
}

// cutOff tells that an open WebSocket has ended without any Close frame, and
// that none can have been missed.
func cutOff(c *session.Conn) bool {
	return c.State == session.Aborted && c.CloseCode == frames.AbnormalClosure
}

// reset tells that who sent Close then sent a RST, and had no answer.
func (c *Conn) reset(of *session.Conn) bool {
	d := of.TCP.EndedBy
	return of.TCP.End == reassembly.RST && of.Sides[d].Close != nil && of.Sides[d.Other()].Close == nil
}

// ended reports who ended TCP, and what was before.
func (p *Pass) ended(c *session.Conn, how string) {
	d := c.TCP.EndedBy
	p.from(d)
	text := ""
	if because := p.Conn.broken(d.Other()); because != "" {
		text = "; it may follow from " + because
	}
	p.Report("", "%s of the %v, longest silence %v%s", how, d, c.IdleMax.Round(time.Millisecond), text).
		In(p.Conn.Sides[0].Last, p.Conn.Sides[1].Last, c.TCP.EndedIn).With("idle_max_ms", c.IdleMax.Milliseconds()).
		With("ended_by", d.String())
}

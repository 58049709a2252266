package diagnose

import (
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// pongLate is how long a Pong may take before its Ping is called unanswered.
const pongLate = 20 * time.Second

// pingRules are about Ping and Pong (RFC 6455 §5.5.2, §5.5.3).
var pingRules = []Rule{
	{
		ID: "ping-unanswered", Severity: Error, Clause: "RFC 6455 §5.5.2",
		Title:   "a ping was not answered with its pong",
		Advice:  "keep a reader running on the side that did not answer; move long work off its event loop",
		Seen:    "a Ping, and for 20 s, or until its sender gave up, no Pong with the same payload",
		Means:   "who sends pings takes the other side for dead and closes: 1011, or TCP alone",
		Causes:  []string{"the event loop is blocked by a long computation", "the program does not read: no read loop, a paused stream", "a library that does not send Pong by itself", "a gateway that does not pass pings on"},
		Fixes:   []Fix{{"", "read always; work elsewhere"}, {"Python websockets, uvicorn", "ping_timeout (20 s by default), or to_thread for long work"}, {"gorilla", "a goroutine that calls ReadMessage"}, {".NET", "a ReceiveAsync that is always pending"}},
		Confirm: "the pongs of other connections of the same program at that time",
		NotWhen: "a later ping was answered: that is for the earlier ones, too",
		Variants: []Variant{
			{ID: "closed", Title: "a ping was not answered, and its sender gave up"},
			{ID: "acked", Title: "the machine acknowledged a ping, and the program did not answer it", Severity: Warning},
			{ID: "busy", Title: "a ping waits behind what the other side has not read", Advice: "read faster, or send less at once; raise the ping timeout"},
			{ID: "wrong-payload", Title: "a ping was answered with another payload", Severity: Warning, Clause: "RFC 6455 §5.5.3", Advice: "send back the payload of the ping: the sender cannot tell otherwise what was answered"},
			{ID: "unsolicited", Title: "only pongs that nobody asked for, and none for the pings", Severity: Warning, Clause: "RFC 6455 §5.5.3", Advice: ".NET before 9: keep a receive pending, or set KeepAliveTimeout of .NET 9"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			for d := range p.Conn.Sides {
				if p.Conn.heart != nil {
					p.pings(e, reassembly.Dir(d), &p.Conn.heart[d])
				}
			}
		},
	},
}

// pings reports what is wrong with the answers to the Pings of asker.
func (p *Pass) pings(e *session.Closed, asker reassembly.Dir, b *pinged) {
	c, s, silent := e.Conn, e.Conn.Segments(), asker.Other()
	if b.waiting == 0 || c.OneSided || p.Conn.vanished(c) {
		return
	}
	sure := Certain
	if p.Conn.Sides[silent].Lost {
		sure = Possible
	}
	first := b.first
	stopped, gaveUp := p.Conn.stopped(e, asker)
	waited := stopped.Sub(first.time)
	p.from(silent)
	report := func(form, format string, args ...any) {
		p.Report(form, format, args...).As(sure).In(first.packet, b.otherIn).
			With("waited_ms", waited.Milliseconds()).With("pings", b.waiting)
	}
	seen := "nothing tells whether it arrived"
	switch acked := s.Acked(asker); {
	case c.H2 != nil || acked < 0:
	case acked >= s.Sent(asker):
		seen = "TCP acknowledged it"
	default:
		seen = "TCP did not acknowledge all that was sent"
	}
	switch {
	case b.other > 0 && b.answers == 0:
		report("wrong-payload", "a pong of the %v in packet %d, with a payload of its own", silent, b.otherIn)
	case b.free > 0 && b.answers == 0 && waited >= pongLate:
		report("unsolicited", "%d pongs of the %v, none for the %d pings", b.free, silent, b.waiting)
	case waited < pongLate && !(gaveUp && p.Conn.blamesPing(c, asker)):
	case gaveUp && s.Counts(silent).ZeroWindows > 0 && c.H2 == nil:
		report("busy", "the window of the %v was closed; %.1f s without the pong", silent, waited.Seconds())
	case gaveUp:
		like := ""
		if every, ok := b.period(); ok {
			like = p.World.pinging(asker, every, waited)
		} else if b.sent == 1 {
			like = p.World.pinging(asker, first.time.Sub(p.Conn.Answered.Time), waited)
		}
		report("closed", "no pong of the %v for %.1f s, then the %v closed; %s%s", silent, waited.Seconds(), asker, seen, like)
	default:
		report("acked", "no pong of the %v for %.1f s; %s", silent, waited.Seconds(), seen)
	}
}

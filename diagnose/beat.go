package diagnose

import (
	"math"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// A beat is what one side has sent of the heartbeat that a protocol inside
// the WebSocket has: messages that are a sign of life and nothing else.
type beat struct {
	pings      int64
	ping, pong capture.Time // the last ones
	gaps       int64        // between pings, while they were steady
	mean, m2   float64      // of them (Welford)
	slow       int32        // gaps of about a minute in a row, behind shorter ones
	open       int32        // pings since the last answer
	slowFrom   int64        // packet of the first of slow
	missed     int64        // and of open
	pingIn     int64        // packet of the last ping

	fastest, slowest time.Duration // how long answers took
}

// note takes a sign of life.
func (b *beat) note(kind subprotocol.Kind, e *session.Message) {
	if kind == subprotocol.Pong {
		b.pong = e.Time
		return
	}
	gap := e.Time.Sub(b.ping)
	switch {
	case b.pings == 0:
	case b.steady() && b.mean < 0.9*float64(throttled) && (gap-throttled).Abs() <= throttled/30:
		if b.slow++; b.slow == 1 {
			b.slowFrom = e.Packet
		}
	default:
		b.slow = 0
		b.gaps++
		off := float64(gap) - b.mean
		b.mean += off / float64(b.gaps)
		b.m2 += off * (float64(gap) - b.mean)
	}
	b.pings++
	b.ping, b.pingIn = e.Time, e.Packet
	if b.open++; b.open == 1 {
		b.missed = e.Packet
	}
}

// answered takes the answer to the last ping.
func (b *beat) answered(e *session.Message) {
	if b.open == 0 {
		return
	}
	took := e.Time.Sub(b.ping)
	if b.slowest == 0 || took < b.fastest {
		b.fastest = took
	}
	b.slowest = max(b.slowest, took)
	b.open = 0
}

// steady tells that the pings come after about the same time.
func (b *beat) steady() bool {
	return b.gaps >= 2 && math.Sqrt(b.m2/float64(b.gaps)) <= b.mean/5
}

func (b *beat) period() time.Duration { return time.Duration(b.mean) }

const (
	throttled = time.Minute            // how often timers of a hidden tab run, in Chromium
	beatLate  = 150 * time.Millisecond // no pong takes so long on a path that is short
)

// beatRules are about heartbeats of the protocol inside the WebSocket.
var beatRules = []Rule{
	{
		ID: "app-heartbeat-missed", Severity: Error, Clause: "RFC 6455 §1.9",
		Title:   "the heartbeat of the application was missed, and the connection ended for it",
		Advice:  "send and answer heartbeats outside of what can block; let the timeout be twice the interval, or more",
		Seen:    "a heartbeat message of one side that the other did not answer, or one that did not come when it was due, and then the end by the side that waited",
		Means:   "the WebSocket and TCP worked: one of the two programs was busy, asleep, or set to another interval",
		Causes:  []string{"a program that is blocked: a long computation, a debugger, a garbage collection", "intervals that do not fit: the client's timeout is shorter than the server's interval", "a client library that does not speak this version of the protocol", "a browser tab in the background"},
		Fixes:   []Fix{{"Socket.IO", "pingInterval and pingTimeout of the server (25 s and 20 s); heavy work in a worker"}, {"SignalR", "ClientTimeoutInterval and serverTimeoutInMilliseconds: twice KeepAliveInterval or more"}, {"Phoenix", "heartbeatIntervalMs of the client below timeout of the transport (30 s, 60 s)"}, {"MQTT", "keepalive; the broker waits 1.5 times as long"}, {"STOMP", "heart-beat: what the one side can must be what the other wants"}},
		Confirm: "the program's load at that time; the heartbeats of its other connections",
		NotWhen: "TCP did not acknowledge: then the machine or the path is gone, see peer-vanished",
		Variants: []Variant{
			{ID: "unanswered", Title: "a heartbeat of the application was not answered, and its sender gave up"},
			{ID: "stopped", Title: "the heartbeat of the application stopped, and the other side gave up"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			t := p.Conn.talk
			if t == nil || t.beats == [2]beat{} || e.Conn.OneSided || p.Conn.vanished(e.Conn) {
				return
			}
			by, at, ok := p.gaveUp(e.Conn)
			if !ok || p.Conn.Sides[by.Other()].Lost {
				return
			}
			other := by.Other()
			p.from(other)
			mine, its := &t.beats[by], &t.beats[other]
			late := max(beatLate, 5*e.Conn.TCP.RTT)
			switch waited, quiet := at.Sub(mine.ping), at.Sub(its.ping); {
			case t.reader.Pongs() && mine.pings > 0 && mine.ping > its.pong && waited >= late && 3*waited >= mine.period():
				p.Report("unanswered", "%s: a heartbeat of the %v in packet %d had no answer of the %v for %v, then the %v ended the connection%s", p.Conn.Protocol(), by, mine.pingIn, other, waited.Round(time.Millisecond), by, p.World.usually(p.Conn.Protocol())).
					As(Likely).In(mine.pingIn).With("waited_ms", waited.Milliseconds())
			case its.steady() && its.slow == 0 && quiet >= its.period()*14/10:
				p.Report("stopped", "%s: a heartbeat of the %v every %v, then none for %v, and the %v ended the connection%s", p.Conn.Protocol(), other, its.period().Round(time.Millisecond), quiet.Round(time.Millisecond), by, p.World.usually(p.Conn.Protocol())).
					As(Likely).In(its.pingIn).With("period_ms", its.period().Milliseconds()).With("waited_ms", quiet.Milliseconds())
			}
		},
	},
	{
		ID: "background-tab-throttle", Severity: Warning, Clause: "RFC 6455 §5.5.2",
		Title:   "a browser slowed the timer of the heartbeat down: the tab was hidden",
		Advice:  "let the server send pings, which the browser answers by itself; or run the timer in a Worker",
		Seen:    "a heartbeat message of a browser that came steadily, more often than every minute, and then once a minute",
		Means:   "timers of a page that is not seen run once a minute at most; a server whose timer is shorter closes",
		Causes:  []string{"the tab is in the background, or its window is covered", "a phone whose screen is off"},
		Fixes:   []Fix{{"", "protocol pings from the server, every 25 s"}, {"browser", "setInterval in a Worker; reconnect on visibilitychange"}, {"", "a timeout of 120 s or more in the server, for browsers"}},
		Confirm: "open the page alone in front: the heartbeat is steady",
		NotWhen: "the client is no browser",
		Closed: func(p *Pass, e *session.Closed) {
			t := p.Conn.talk
			if t == nil || !p.Conn.browser {
				return
			}
			if b := &t.beats[reassembly.FromClient]; b.slow >= 2 || b.slow == 1 && e.Conn.ClosedBy == session.ClosedByServer {
				text := ""
				if by, _, ok := p.gaveUp(e.Conn); ok && by == reassembly.FromServer {
					text = ", then the server ended the connection"
				}
				p.from(reassembly.FromClient)
				p.Report("", "%s: a heartbeat every %.0f s, then %s after a minute%s", p.Conn.Protocol(), b.period().Seconds(), times(int64(b.slow)), text).As(Likely).In(b.slowFrom, b.pingIn)
			}
		},
	},
}

// gaveUp tells who ended the WebSocket of its own accord, and when.
func (p *Pass) gaveUp(c *session.Conn) (by reassembly.Dir, at capture.Time, ok bool) {
	switch c.ClosedBy {
	case session.ClosedByClient:
		by = reassembly.FromClient
	case session.ClosedByServer:
		by = reassembly.FromServer
	default:
		return 0, 0, false
	}
	if said := c.Sides[by].Close; said != nil {
		return by, said.Time, true
	}
	return by, c.TCP.EndedAt, c.TCP.End != reassembly.NotEnded
}

package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What is worth a word.
const (
	shortSilence = 5 * time.Second // less is no timer's
	minute       = 60 * time.Second
	natsForget   = 60 * time.Second // after so long without a packet
	quietFor     = 25 * time.Second // so long most paths keep an idle connection
)

// idleRules are about silence and what ends it.
var idleRules = []Rule{
	{
		ID: "idle-timeout-60s", Severity: Error, Clause: "RFC 6455 §5.5.2",
		Title:   "closed after 60 s of silence",
		Advice:  "send a ping every 20 to 25 s; raise the timeout of the proxy on the way",
		Seen:    "the server's side ended the connection when nothing had been sent for 60 s",
		Means:   "a timer of a proxy or of the server ran out; browsers report 1006 if no Close frame came",
		Causes:  []string{"nginx or ingress-nginx: proxy_read_timeout and proxy_send_timeout are 60 s", "AWS ALB or Classic ELB: idle_timeout is 60 s", "Phoenix: no heartbeat of the client for 60 s", "Apache httpd: Timeout is 60 s"},
		Fixes:   []Fix{{"", "a ping every 20 to 25 s, and a timeout for its pong"}, {"nginx", "proxy_read_timeout 3600s; proxy_send_timeout 3600s; (60s by default), with that ping: alone they hide dead peers for an hour"}, {"ingress-nginx", `nginx.ingress.kubernetes.io/proxy-read-timeout: "3600", and proxy-send-timeout`}, {"AWS ALB", "idle_timeout.timeout_seconds: 60 by default, 1 to 4000"}, {"Phoenix", "websocket: [timeout: 120_000], or a heartbeat of the client"}},
		Confirm: "send a message every 20 s: the connection stays open",
		NotWhen: "the client ended it, or a Close frame gives another reason",
		Variants: []Variant{
			{ID: "nginx", Title: "closed after 60 s of silence, by nginx as it seems", Advice: "proxy_read_timeout 3600s; proxy_send_timeout 3600s; and a ping every 20 to 25 s"},
			{ID: "alb", Title: "closed after 60 s of silence, by a load balancer of AWS as it seems", Advice: "raise idle_timeout.timeout_seconds, and send a ping every 20 to 25 s"},
			{ID: "apache", Title: "closed after 60 s of silence, by Apache httpd as it seems", Advice: "ProxyTimeout 3600, and a ping every 20 to 25 s"},
			{ID: "phoenix", Title: "closed after 60 s without a word of the client, by Phoenix as it seems", Advice: "let the client send a heartbeat every 30 s"},
			{ID: "collision", Title: "pings come as seldom as the timer allows", Advice: "send pings every 20 to 25 s: one every 60 s comes too late as often as not"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			if t, ok := p.timedOut(e); ok && t.after == minute && t.by == reassembly.FromServer {
				p.ranOut(p.Conn.minuteForm(&t), t)
			}
		},
	},
	{
		ID: "idle-timeout-close", Severity: Error, Clause: "RFC 6455 §5.5.2",
		Title:   "closed by a timer, after silence",
		Advice:  "send something more often than the timer allows: a ping twice in that time; or raise the timer",
		Seen:    "a side ended the connection after a silence that is a known timer's, or always after the same",
		Means:   "the timer of a proxy, of a server or of a client library ran out",
		Causes:  []string{"the default of a product on the way", "a timeout that somebody has set", "a heartbeat of the other side that does not come"},
		Fixes:   []Fix{{"", "a ping every 20 to 25 s keeps a connection through all known timers above 30 s"}, {"HAProxy", "timeout tunnel 1h (unset by default: then timeout client and timeout server count)"}, {"Cloudflare", "a ping within each 100 s"}, {"uWebSockets", "idleTimeout (120 s by default)"}},
		Confirm: "send a message in half the time: the connection stays open",
		NotWhen: "the ages are as alike as the silences: see lifetime-limit",
		Closed: func(p *Pass, e *session.Closed) {
			if t, ok := p.timedOut(e); ok && (t.after != minute || t.by != reassembly.FromServer) {
				p.ranOut("", t)
			}
		},
	},
	{
		ID: "lifetime-limit", Severity: Warning, Clause: "RFC 6455 §7.2.3",
		Title:   "connections are closed at a fixed age, however busy",
		Advice:  "raise the limit, or open the next connection at 80 to 95 % of it, at a random point",
		Seen:    "three connections in a row that one side ended at the same age, within 2 %, without a long silence",
		Means:   "heartbeats do not help: the age counts",
		Causes:  []string{"a load balancer's limit: 30 s of Google Cloud by default, 2 h of AWS API Gateway, 4 h of Azure Front Door", "a token that has expired", "a limit of the server: maxLifetime, max_connection_duration"},
		Fixes:   []Fix{{"GKE", "BackendConfig: spec.timeoutSec: 3600 (30 by default)"}, {"", "reconnect before the limit, with a random part"}},
		Confirm: "send a message every 10 s on one connection: it ends at the same age",
		NotWhen: "they were silent: see idle-timeout-close",
		Closed: func(p *Pass, e *session.Closed) {
			x, ok := p.Conn.endOf(e.Conn)
			if !ok {
				return
			}
			w := p.World.endsBy(e.Conn.Server, x.by)
			if w == nil || w.told {
				return
			}
			if age, ok := w.aged(); ok {
				w.told = true
				p.from(x.by)
				p.Report("", "the %v ends connections of %v at an age of %.1f s, three in a row%s", x.by, e.Conn.Server, age.Seconds(), among(p.World.known(life, x.by, age, anyNear))).
					As(Likely).In(e.Conn.TCP.EndedIn).With("life_ms", age.Milliseconds())
			}
		},
	},
	{
		ID: "silent-idle-drop", Severity: Error, Clause: "RFC 5382 §5",
		Title:   "a box on the way forgot the connection while it was silent",
		Advice:  "send a ping more often than every 60 s, or set keep-alives of TCP below the box's timeout",
		Seen:    "a long silence, no FIN and no RST in it, and no answer to the first bytes behind it but a RST",
		Means:   "who only waits for messages never learns of it",
		Causes:  []string{"a NAT or load balancer that drops idle connections without a word: Azure 4 min, AWS NLB 350 s", "a firewall with connection tracking", "the other machine slept or was gone"},
		Fixes:   []Fix{{"", "a ping every 20 to 25 s, and a timeout for its pong"}, {"", "TCP keep-alives serve one TCP connection: they do not pass a proxy, and AWS ALB does not count them"}, {"Azure Load Balancer", "TCP reset on (off by default), idleTimeoutInMinutes 4 (by default) to 30"}, {"AWS NLB", "tcp.idle_timeout.seconds: 350 by default, 60 to 6000; fixed for TLS listeners"}, {"kube-proxy", "--ipvs-tcp-timeout (900 s)"}},
		Confirm: "capture on both sides of the box: what one side sends does not arrive on the other",
		NotWhen: "the silence was shorter than 60 s",
		Variants: []Variant{
			{ID: "reset", Title: "what was sent after a long silence was answered with a RST"},
			{ID: "unanswered", Title: "what was sent after a long silence was not answered at all"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c, from := e.Conn, p.Conn.lateFrom()
			if !p.Conn.Opened || p.Conn.longest < natsForget || c.H2 != nil || from < 0 || !cutOff(c) {
				return
			}
			d, form := reassembly.Dir(from), "unanswered"
			switch {
			case p.Conn.vanished(c) && c.TCP.EndedBy == d:
			case c.TCP.End == reassembly.RST && c.TCP.EndedBy == d.Other():
				form = "reset"
			default:
				return
			}
			text := ""
			if w := p.World.endsBy(c.Server, reassembly.FromServer); w != nil && w.survived > 0 {
				text = fmt.Sprintf("; a silence of %.1f s was survived", w.survived.Seconds())
			}
			p.from(d.Other())
			p.Report(form, "%.1f s of silence, then bytes of the %v without an answer%s%s", p.Conn.longest.Seconds(), d, text, among(p.World.forgetters(p.Conn.longest))).
				As(Possible).In(p.Conn.longestTo, c.TCP.EndedIn).With("idle_ms", p.Conn.longest.Milliseconds())
		},
	},
	{
		ID: "heartbeat-slower-than-cutoff", Severity: Warning, Clause: "RFC 6455 §5.5.2",
		Title:   "the heartbeat is too slow for the path, or there is none",
		Advice:  "a ping every 20 to 25 s, of either side",
		Seen:    "the time between pings is 80 % or more of the timer that ended the connection, or of that which the product has by default that the answer names; or more than 25 s of silence, without a ping",
		Means:   "the connection lives by chance",
		Causes:  []string{"no heartbeat is set up", "its period is that of the timer, or above"},
		Fixes:   []Fix{{"Node ws", "ws.ping() in a setInterval of 25 s, and ws.terminate() where the last one had no pong"}, {"Python websockets", "ping_interval=20, as by default"}, {"CloudFront", "it counts what the server sends alone: let the server ping"}, {"Phoenix", "it counts what the client sends alone: let the client send its heartbeat"}, {"gorilla", "a ticker that writes PingMessage, and a read deadline that SetPongHandler puts off"}},
		Confirm: "leave a connection silent, without pings: after how long does it end?",
		NotWhen: "the timer counts what one side sends alone, and the other side sends the pings",
		Variants: []Variant{
			{ID: "slow", Title: "the heartbeat is slower than the timer that ended the connection"},
			{ID: "near", Title: "the heartbeat comes just before the timer that the named product has by default", Severity: Info},
			{ID: "none", Title: "there is no heartbeat, and silences are long", Severity: Info},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if by, beat, ok := p.Conn.heart.period(); ok {
				if t, timed := p.timedOut(e); timed && 5*beat >= 4*t.after {
					p.from(by)
					p.Report("slow", "a ping of the %v every %.1f s, and a timer of %.0f s", by, beat.Seconds(), t.after.Seconds()).In(t.packet)
				} else if near := p.nearly(by, beat); near != nil && !timed {
					p.from(by)
					p.Report("near", "a ping of the %v every %.1f s; the answer names %v, which ends connections after %.0f s of silence unless it is set otherwise", by, beat.Seconds(), near, near.after.Seconds()).
						As(Possible).In(p.Conn.Answered.Packet)
				}
				return
			}
			if p.Conn.Opened && p.Conn.heart == nil && p.Conn.longest > quietFor && c.State == session.Open && !c.OneSided {
				p.Report("none", "no ping, and %.1f s without a byte", p.Conn.longest.Seconds()).As(Possible).In(p.Conn.longestTo)
			}
		},
	},
}

// A timeout is the end of a connection by a timer.
type timeout struct {
	end
	after    time.Duration // what it is set to
	counts   clock
	measured time.Duration
	packet   int64
	timers   []*timer // the candidates, the best first
	often    bool     // others of the same server have ended so
	named    bool     // the answer names the product of the best one
	proxy    string   // who did it, if that is known
}

// sure is how sure it is that a timer has done it.
func (t *timeout) sure() Certainty {
	if len(t.timers) > 0 && t.timers[0].mark == 'K' {
		return Possible
	}
	if t.often || t.named || t.proxy != "" {
		return Likely
	}
	return Possible
}

// severity is less where the connection was closed as it should be.
func (t *timeout) severity() Severity {
	if t.how == byClose {
		return Warning
	}
	return Error
}

// String is what was measured, and whose timer that may be.
func (t *timeout) String() string {
	who, how := "the "+t.end.by.String(), "FIN"
	if t.reset {
		how = "RST"
	}
	if t.proxy != "" {
		who = t.proxy
	}
	if t.how == byClose {
		how = "Close"
	}
	s := fmt.Sprintf("%s of %s after %.1f s %s", how, who, t.measured.Seconds(), t.counts.describe())
	if t.often {
		s += ", as on others before"
	}
	if len(t.timers) == 0 {
		return s + fmt.Sprintf("; a timer of %.0f s", t.after.Seconds())
	}
	return s + among(t.timers)
}

// among names at most three candidates.
func among(list []*timer) string {
	if len(list) == 0 {
		return ""
	}
	return "; like " + strings.Join(timerNames(list), ", ")
}

// timerNames are those of the first three.
func timerNames(list []*timer) []string {
	var names []string
	for _, t := range list[:min(3, len(list))] {
		names = append(names, t.String())
	}
	return names
}

// ranOut reports a timer that has ended a connection.
func (p *Pass) ranOut(form string, t timeout) {
	p.Conn.beside().timers = timerNames(t.timers)
	p.from(t.by)
	p.Report(form, "%v", &t).As(t.sure()).At(t.severity()).In(t.packet).With("idle_ms", t.measured.Milliseconds())
}

// timedOut tells which timer has ended the connection, if one has.
func (p *Pass) timedOut(e *session.Closed) (t timeout, ok bool) {
	c := e.Conn
	x, ok := p.Conn.endOf(c)
	w := p.World.endsBy(c.Server, x.by)
	if !ok || w == nil {
		return t, false
	}
	if h := p.Conn.heart; h != nil && h[x.by].waiting > 0 || p.Conn.Found("app-heartbeat-missed", "") {
		return t, false // it waited for a Pong, or for what an application has in its place
	}
	switch who := whoClosed(c); {
	case who.Leg != nil, who.Proxy.IsValid() && x.by == reassembly.FromClient:
		return t, false // it is told of the leg where it began
	case who.Proxy.IsValid():
		t.proxy = who.String()
	}
	t.end, t.packet = x, c.TCP.EndedIn
	if x.how == byClose {
		t.packet = c.Sides[x.by].Close.Packet
	}
	if _, aged := w.aged(); aged {
		return t, false
	}
	return p.whose(t, w)
}

// whose finds the timers that t may be of: those of the product that the
// answer named on whichever clock, else those on the first clock that fits one.
func (p *Pass) whose(t timeout, w *ends) (_ timeout, ok bool) {
	for _, counts := range [...]clock{either, ofClient, ofServer} {
		u := t
		u.counts, u.measured = counts, t.clocks[counts]
		if u.measured < shortSilence {
			continue
		}
		u.often = w.alike(counts, u.measured)
		u.timers = p.World.known(counts, t.by, u.measured, u.fits)
		if len(u.timers) > 0 {
			u.named = p.Conn.prefer(u.timers)
			if u.after = u.timers[0].after; u.named {
				return u, true
			}
			if !ok {
				t, ok = u, true
			}
			continue
		}
		after, whole := round(u.measured)
		if counts == either && (u.often && whole && !u.reset || u.proxy != "") {
			u.after = cmp.Or(after, u.measured)
			t, ok = u, true
		}
	}
	return t, ok
}

// fits tells that a single end came when the timer runs out, or one of many
// about then. What ends with a Close frame may be a program's wish.
func (t *timeout) fits(measured time.Duration, of *timer) bool {
	if t.often {
		return about(measured, of.after)
	}
	return (measured-of.after).Abs() <= exact && t.how == of.how
}

func anyNear(measured time.Duration, of *timer) bool { return about(measured, of.after) }

// known are the timers that run out after d on a clock, for by to end the connection.
func (w *World) known(c clock, by reassembly.Dir, d time.Duration, fits func(time.Duration, *timer) bool) []*timer {
	var list []*timer
	for i := range w.data.timers {
		if t := &w.data.timers[i]; t.counts == c && t.by[by] && t.how < bySilence && fits(d, t) {
			list = append(list, t)
		}
	}
	return list
}

// forgetters are what forgets connections after a silence of d, or less.
func (w *World) forgetters(d time.Duration) []*timer {
	var list []*timer
	for i := range w.data.timers {
		if t := &w.data.timers[i]; (t.how == bySilence || t.how == byLateReset) && (t.after <= d || about(d, t.after)) {
			list = append(list, t)
		}
	}
	slices.Reverse(list) // the nearest first
	return list
}

// lateFrom is who sent what came behind the longest silence, if the other
// side sent nothing any more; -1 otherwise.
func (c *Conn) lateFrom() int {
	for d := range c.Sides {
		if c.longestTo != 0 && c.Sides[d].LastAt >= c.longestAt && c.Sides[1-d].LastAt < c.longestAt {
			return d
		}
	}
	return -1
}

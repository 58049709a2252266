package diagnose

import (
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// fleetRules are about many connections together.
var fleetRules = []Rule{
	{
		ID: "reconnect-storm", Severity: Error, Clause: "RFC 6455 §7.2.3",
		Title:   "a client comes back too fast, or always after the same time",
		Advice:  "wait a random time first, then longer each time with a random part; stop when the answer says no",
		Seen:    "the waits between the end of one connection and the next attempt of the same client, server and path",
		Means:   "when the server comes back, all clients come at once, and bring it down again",
		Causes:  []string{"a reconnect in the close handler, without a timer", "a fixed timer", "a backoff without a random part"},
		Fixes:   []Fix{{"", "delay = random(0, min(60 s, 1 s × 2^attempt))"}, {"server", "close with 1012 or 1013 when it restarts, a few connections at a time"}, {"", "after 401, 403, 404, 1002 or 1008 ask for a new login, do not try again"}},
		Confirm: "the attempts of one client in the list: -l connections",
		NotWhen: "several programs of one address visit the same path at the same time",
		Variants: []Variant{
			{ID: "immediate", Title: "a client comes back at once, each time"},
			{ID: "fixed", Title: "a client comes back always after the same time"},
			{ID: "exponential", Title: "a client waits twice as long each time, without a random part", Severity: Warning},
			{ID: "churn", Title: "the connections of a client last only seconds, again and again"},
			{ID: "fatal-retry", Title: "a client tries again although the answer says that it is in vain", Advice: "stop after 401, 403, 404, 1002 and 1008; ask for a new login, or mend the URL"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; c.Start != capture.NoTime {
				if s := p.World.visit(c); s != nil {
					p.storm(c, s)
				}
			}
		},
	},
	{
		ID: "synchronized-close", Severity: Warning, Clause: "RFC 6455 §7.4.1",
		Title:   "a server ended many connections of different ages at once",
		Advice:  "look for a reload or a deployment at that time; drain connections one by one, with 1012",
		Seen:    "ten connections of one server that it ended within two seconds, of ages that differ by a fifth or more",
		Means:   "their clients come back together",
		Causes:  []string{"a reload of the proxy's configuration", "a deployment", "the process ended", "a node of a load balancer was replaced", "a time to drain that is over: 10 s in Traefik, 30 s in Kubernetes, 240 s in ingress-nginx, 300 s in AWS ALB"},
		Fixes:   []Fix{{"ingress-nginx", "fewer reloads; a larger worker-shutdown-timeout (240 s by default)"}, {"Caddy", "stream_close_delay"}, {"Kubernetes", "preStop with a sleep, and terminationGracePeriodSeconds above it (30 by default)"}, {"AWS ALB", "deregistration_delay.timeout_seconds (300 by default)"}},
		Confirm: "the log of the proxy, or of the deployment, at that time",
		NotWhen: "all were opened together: then a limit on their age has ended them",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if !endedByServer(c) {
				return
			}
			if b := p.World.backend(c.Server); b != nil {
				if within, first, ok := b.cutAll(c); ok {
					p.from(reassembly.FromServer)
					p.Report("", "%d connections of %v within %v, the last ones with %v", manyEnds, c.Server, within.Round(time.Millisecond), c.CloseCode).
						In(first).With("within_ms", within.Milliseconds())
				}
			}
		},
	},
	{
		ID: "server-hotspot", Severity: Warning, Clause: "RFC 9110 §15.6",
		Title:   "one of several servers fails more often than the others",
		Advice:  "compare version, configuration and network of this server with the others; take it out until then",
		Seen:    "attempts at the same path on several servers, of which one fails, or takes a second or more to answer, more than twice as often, by more than chance; at the end of the capture one of three servers or more with 30 WebSockets that are open, and more than twice its part of all",
		Means:   "the fault is of that server, not of the clients",
		Causes:  []string{"an old version or configuration on one node", "long-lived connections that are never balanced again", "the network of that node"},
		Fixes:   []Fix{{"", "replace the node"}, {"", "a largest age of connections, and balancing by least connections"}},
		Confirm: "open the same path 30 times at this server directly, and 30 times at another one",
		NotWhen: "there were fewer than 30 attempts on either; or a server has a larger weight on purpose",
		Variants: []Variant{
			{ID: "slow", Title: "one of several servers answers opening handshakes later than the others", Advice: "compare load, version and network of this server with the others: what it does before it answers 101 takes long"},
			{ID: "share", Severity: Info, Title: "one of several servers holds far more open WebSockets than the others", Clause: "RFC 6455 §7.3", Advice: "let connections end after some hours, at random, and balance new ones by the fewest that are open: those that are open stay where they are when servers are added"},
		},
		Handshake: (*Pass).opensAt,
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			p.holdsMost(c)
			if c.Handshake == nil && c.State != session.Refused && c.State != session.Unanswered {
				return
			}
			took := time.Duration(0)
			if p.Conn.Requested.Packet > 0 && p.Conn.Answered.Packet > 0 {
				took = p.Conn.Answered.Time.Sub(p.Conn.Requested.Time)
			}
			own, others := p.World.share(p.Conn, c, took)
			if own == nil {
				return
			}
			p.from(reassembly.FromServer)
			if took >= slowAnswer && !own.toldSlow && own.more(others, own.slow, others.slow) {
				own.toldSlow = true
				p.Report("slow", "%v takes a second or more for %d %% of %d opening handshakes, the others for %d %% of %d", c.Server, percent(own.slow, own.tried), own.tried, percent(others.slow, others.tried), others.tried).As(Likely)
			}
			if failed(c) && !own.told && own.more(others, own.failed, others.failed) {
				own.told = true
				p.Report("", "%v fails %d %% of %d attempts, the others %d %% of %d", c.Server, percent(own.failed, own.tried), own.tried, percent(others.failed, others.tried), others.tried).As(Likely)
			}
		},
	},
	{
		ID: "connection-leak", Severity: Warning, Clause: "RFC 9293 §3.6",
		Title:   "connections are not closed: one side leaves them half open again and again",
		Advice:  "handle close, error and end of the socket alike, and close it in each",
		Seen:    "three connections or more in which the same end had a FIN, acknowledged it, and sent none for a minute; a client that opens one more beside three that were silent for a minute; ten connections of a server without a packet for five minutes",
		Means:   "descriptors and memory run out there, slowly",
		Causes:  []string{"a server that ignores the end of upgraded sockets (allowHalfOpen)", "a table of connections that is not cleaned after errors", "no ping, so that nobody notices"},
		Fixes:   []Fix{{"Node", "socket.on('end', () => socket.end()) for upgraded sockets"}, {"", "a ping with a timeout that ends the connection"}},
		Confirm: "ss -tn at that machine, with state close-wait for those half open: their number grows",
		NotWhen: "the other end still sends: then one direction is left open on purpose; several people share an address, each with a connection that is idle by design",
		Variants: []Variant{
			{ID: "close-wait", Title: "connections are not closed: one side leaves them half open again and again"},
			{ID: "client-multi", Title: "a client opens one WebSocket after the other and does not close the old ones", Advice: "close the old socket before a new one is opened, and keep one for the page", Clause: "RFC 6455 §7.1.1"},
			{ID: "half-open", Title: "many connections are open and silent: their clients may be gone", Advice: "let the server ping every 20 to 25 s, and end what does not answer", Clause: "RFC 6455 §5.5.2"},
		},
		Handshake: (*Pass).heldOpen,
		Closed: func(p *Pass, e *session.Closed) {
			p.tellUnheard(e)
			c := e.Conn
			first := c.TCP.EndedBy
			if c.H2 != nil || !p.Conn.Opened || c.TCP.End != reassembly.FIN || c.Segments().Over(first.Other()) || !whole(c, first.Other()) ||
				e.Time.Sub(c.TCP.EndedAt) < leakTime || c.Segments().Counts(first.Other()).HalfClosed > 0 {
				return
			}
			at := c.Server
			if first == reassembly.FromServer {
				at = netip.AddrPortFrom(c.Client.Addr(), 0)
			}
			if n := p.World.leak(at); n >= manyLeaks {
				p.from(first.Other())
				p.Report("close-wait", "%d connections that %v leaves half open, this one for %v", n, at.Addr(), e.Time.Sub(c.TCP.EndedAt).Round(time.Second)).
					In(c.TCP.EndedIn).With("connections", n)
			}
		},
	},
	{
		ID: "slow-accept", Severity: Warning, Clause: "RFC 6455 §4.2.2",
		Title:   "opening handshakes wait for each other at the server",
		Advice:  "move work out of the upgrade handler, or let it run in parallel; refuse with 503 what is too much",
		Seen:    "ten handshakes under way at once, answered in the order of their requests, the last one five times as late as the first; ten connections within a minute, and one in ten of the server's, whose SYN or SYN-ACK was sent again, and nothing else",
		Means:   "with more clients at once the last ones give up",
		Causes:  []string{"authentication or a database for each connection, one after the other", "too few workers", "the limit of file descriptors", "a short queue of the listener"},
		Fixes:   []Fix{{"", "authenticate after the handshake, with the first message"}, {"", "raise workers and file descriptors"}, {"Linux", "net.core.somaxconn (4096 by default, 128 before 5.4), and the backlog that the program gives to listen()"}, {"Node", "server.listen({backlog}) (511 by default)"}},
		Confirm: "open 10 connections at once and time each; ss -ltn at the server: Recv-Q is what waits to be accepted; nstat -az TcpExtListenOverflows counts what found no place",
		NotWhen: "one client is slow to send its request; segments with data were sent again, too: then the path loses them",
		Variants: []Variant{
			{ID: "backlog", Title: "a server does not take the connections that come: SYN segments have to be sent again", Clause: "RFC 9293 §3.8.1", Advice: "raise the backlog of the listener, and let the program accept before it does anything else"},
		},
		Closed: (*Pass).overflows,
		Handshake: func(p *Pass, e *session.Handshake) {
			if e.Response == nil || e.Requested.Packet == 0 || e.Time == capture.NoTime {
				return
			}
			if b := p.World.backend(e.Conn.Server); b != nil {
				if first, last, ok := b.queue(wait{e.Requested.Time, e.Time}); ok {
					p.from(reassembly.FromServer)
					p.Report("", "%d handshakes at once at %v: the first took %v, the last %v", manyWaits, e.Conn.Server, first.Round(time.Millisecond), last.Round(time.Millisecond)).
						As(Likely).In(e.Requested.Packet)
				}
			}
		},
	},
}

const (
	leakTime  = time.Minute
	manyLeaks = 3
)

// storm reports how the client of c comes back, each form once.
func (p *Pass) storm(c *session.Conn, s *series) {
	p.from(reassembly.FromClient)
	once := func(bit uint8) bool {
		first := s.told&(1<<bit) == 0
		s.told |= 1 << bit
		return first
	}
	tell := func(form, format string, args ...any) {
		f := p.Report(form, format, args...)
		f.Tally = &s.tally
		f.With("attempts", s.tally.Attempts).With("span_ms", s.tally.Last.Sub(s.tally.First).Milliseconds())
	}
	last := s.gaps[maxGaps-1].Round(time.Millisecond)
	switch kind := s.policy(); {
	case kind == immediate && once(0):
		tell("immediate", "%v comes back to %v %v after each end, %d times in a row", c.Client.Addr(), c.Server, last, s.n)
	case kind == fixed && once(1):
		tell("fixed", "%v comes back to %v after %v, %d times in a row", c.Client.Addr(), c.Server, last, s.n)
	case kind == exponential && once(2):
		tell("exponential", "%v waits %v, twice as long as before, %d times in a row", c.Client.Addr(), last, s.n)
	}
	if s.tally.Attempts >= 20 && 2*s.short > s.tally.Attempts && once(3) {
		tell("churn", "%d of %d connections of %v to %v lasted less than %v", s.short, s.tally.Attempts, c.Client.Addr(), c.Server, shortVisit)
	}
	if s.retried >= 3 && once(4) {
		tell("fatal-retry", "%d in a row, the last three tries after %d of %v", s.retried+1, s.fatal, c.Server)
	}
	s.fatal = fatal(c)
}

// endedByServer tells that the server ended an open WebSocket.
func endedByServer(c *session.Conn) bool {
	switch c.State {
	case session.Ended, session.Aborted:
		return c.ClosedBy == session.ClosedByServer
	}
	return false
}

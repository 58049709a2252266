package diagnose

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What is enough to say that a SYN has no answer.
const (
	triedOften = 2 // SYN segments that were sent again
	triedLong  = 7 * time.Second
	manyPorts  = 5 // of one server, closed to one client: it looks for open ones
)

// connectRules are about TCP below the WebSocket: a connection that was never
// made. What such a connection was for, nobody can tell.
var connectRules = []Rule{
	{
		ID: "tcp-syn-no-answer", Severity: Error, Clause: "RFC 9293 §3.8.3",
		Title:   "nothing answers the SYN",
		Advice:  "look for a firewall that drops the port, a wrong address, or a host that is down",
		Seen:    "a SYN that was sent again, and no SYN-ACK, no RST",
		Means:   "packets are lost on the way there or back; the program on the server is not the cause",
		Causes:  []string{"a firewall or security group that drops", "a wrong address: an old DNS record, a private network", "the host is down", "no route, or a VPN that is not up", "the queue of the listener is full: then other SYN segments are answered"},
		Fixes:   []Fix{{"", "open the port in the security group, in the host's firewall and for the way back"}, {"", "a connect timeout of 5 to 10 s in the client, and another try"}, {"", "try port 443"}},
		Confirm: "capture at the server: does the SYN arrive?",
		NotWhen: "the capture holds one direction only; or a client that asks over IPv6 and IPv4 came in over the other: its SYN is not sent again",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if c.State != session.Unanswered || c.Handshake != nil || c.H2 != nil || c.Unreached != nil {
				return
			}
			again, took := c.Segments().Counts(reassembly.FromClient).Retransmitted, c.End.Sub(c.Start)
			if again == 0 {
				return
			}
			sure := Likely
			if again >= triedOften || took >= triedLong {
				sure = Certain
			}
			if p.World.oneSided {
				sure = Possible
			}
			p.from(reassembly.FromServer)
			other, answered := p.World.otherPort(c.Server)
			p.Report("", "%d SYN segments to %v in %.1f s%s, and no answer%s", again+1, c.Server, took.Seconds(), pattern(c), other).As(sure).In(c.StartPacket, answered).
				With("syns", again+1).With("took_ms", took.Milliseconds()).elsewhere(c.Server.Port())
		},
	},
	{
		ID: "tcp-connect-refused", Severity: Error, Clause: "RFC 9293 §3.10.7.1",
		Title:   "the host answers that nothing listens on the port",
		Advice:  "start the server, or connect to the port and the address that it listens on: ss -ltnp",
		Seen:    "a SYN, and a RST with its acknowledgment as the answer",
		Means:   "the host is up and reached; no program has the port open, or a firewall rejects it",
		Causes:  []string{"the process is not running, or still starting", "a wrong port", "the server listens on 127.0.0.1 inside a container", "localhost is ::1 for the client, and the server listens on IPv4 alone", "a firewall that rejects with a RST", "a load balancer with no healthy server behind it"},
		Fixes:   []Fix{{"", "listen on 0.0.0.0 or ::"}, {"Node", "127.0.0.1 for localhost, or family: 4"}, {"Docker", "publish the port: -p 8080:8080"}, {"Vite", "server.hmr.clientPort"}},
		Confirm: "ss -ltnp on the host",
		NotWhen: "a box on the way sent the RST: then its TTL differs from that of the host's packets; a client that asks ::1 first and comes in over 127.0.0.1 right behind it is info",
		Variants: []Variant{
			{ID: "ipv6-localhost", Title: "nothing listens on ::1: the server may listen on 127.0.0.1 alone", Advice: "use 127.0.0.1 instead of localhost, or let the server listen on ::"},
			{ID: "some-backends", Title: "an address refuses some connections and takes others: one of the servers behind it is down", Advice: "look at which of the servers behind this address listens, and at the health checks of the load balancer"},
			{ID: "dev-server-port", Title: "nothing listens on the port of a development server, where the page came from another", Advice: "tell the client the port by which it reaches the server: server.hmr.clientPort in Vite, client.webSocketURL in webpack"},
			{ID: "after-restart", Title: "a server that was reached before refuses connections", Advice: "look at why the process ended, and how long it takes to start"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if c.State != session.Refused || c.Handshake != nil || c.TCP.End != reassembly.RST || c.H2 != nil || c.Segments().Sent(reassembly.FromClient) > 0 {
				return
			}
			form, text := "", ""
			at := p.World.turn(c.Server, true)
			next := c.Instead
			served, before := at.packet, at.packet > 0 && at.packet < c.EndPacket
			switch {
			case next != nil && next.Refused:
				text = ", as 127.0.0.1 did the next connection,"
			case next != nil:
				form = "ipv6-localhost"
			case at.turns >= someTurns:
				form, text = "some-backends", fmt.Sprintf(", which answered others, and changed between the two %d times,", at.turns)
			case devPorts[c.Server.Port()] && p.World.pageOf(c.Server.Addr()):
				form = "dev-server-port"
			case before:
				form, text = "after-restart", ", which answered before,"
			case c.Server.Addr() == netip.IPv6Loopback():
				form = "ipv6-localhost"
			}
			p.from(reassembly.FromServer)
			other, answered := p.World.otherPort(c.Server)
			f := p.Report(form, "%v%s refused the connection after %v%s", c.Server, text, c.TCP.EndedAt.Sub(c.Start).Round(time.Microsecond), other).In(served, c.StartPacket, answered)
			f.elsewhere(c.Server.Port())
			if form == "ipv6-localhost" {
				p.overIPv4(e, f)
			}
			if p.World.closedPort(c) > manyPorts {
				f.At(Info)
			}
		},
	},
	{
		ID: "explicit-proxy-refused", Severity: Error, Clause: "RFC 9110 §9.3.6",
		Title:   "the proxy did not open the tunnel",
		Advice:  "give the client the proxy's password, use wss on port 443, or ask for an allow rule",
		Seen:    "CONNECT or SOCKS, and an answer that says no",
		Means:   "the request never left the proxy: the server knows nothing of it",
		Causes:  []string{"the client library cannot authenticate to a proxy", "CONNECT is allowed to port 443 only", "the address is on a list of the proxy", "the proxy cannot reach the server"},
		Fixes:   []Fix{{"Node", "an agent: new WebSocket(url, {agent})"}, {"Squid", "acl SSL_ports has 443 alone by default: add the port, and http_access allow CONNECT SSL_ports"}, {"Squid", "http_upgrade_request_protocols WebSocket allow all, for ws:// through it: by default it takes Upgrade away"}, {"", "wss on port 443"}},
		Confirm: "curl -v -x http://PROXY:PORT https://HOST/",
		NotWhen: "the client tries again with Proxy-Authorization and comes through",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if c.State != session.Refused || len(c.Via) == 0 || !c.Via[len(c.Via)-1].Refused() {
				return
			}
			v := &c.Via[len(c.Via)-1]
			said := v.Reply
			switch {
			case v.Status != 0:
				said = strconv.Itoa(v.Status)
			case said == "":
				said = strconv.Itoa(int(v.Code))
			}
			p.from(reassembly.FromServer)
			for _, f := range v.Said {
				said += ", " + f.Name + ": " + f.Value
			}
			p.Report("", "%v at %v: %s", v.Kind, c.Server, said).In(c.StartPacket)
		},
	},
}

// overIPv4 says whether the server of c, which ::1 refused, is reached over
// 127.0.0.1: then nothing has failed.
func (p *Pass) overIPv4(e *session.Closed, f *Finding) {
	c := e.Conn
	f.In(c.TCP.EndedIn)
	if next := c.Instead; next != nil {
		f.At(Info).In(next.Packet).Message += fmt.Sprintf("; 127.0.0.1 took the next connection, %v later", next.Time.Sub(c.TCP.EndedAt).Round(time.Microsecond))
		return
	}
	other := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), c.Server.Port())
	if packet := p.World.served[other].packet; packet > 0 {
		f.At(Info).In(packet).Message += "; over 127.0.0.1 it came in before"
		return
	}
	f.Message += fmt.Sprintf("; in the %v behind that nobody asked 127.0.0.1", e.Time.Sub(c.TCP.EndedAt).Round(time.Millisecond))
}

// A knock is how many ports of a server were closed to a client.
type knock struct {
	last  uint16
	ports int
}

// closedPort counts the ports of the server that were closed to the client.
func (w *World) closedPort(c *session.Conn) int {
	k := [2]netip.Addr{c.Client.Addr(), c.Server.Addr()}
	n, known := w.knocks[k]
	if !known && len(w.knocks) >= maxFleet {
		return 0
	}
	if w.knocks == nil {
		w.knocks = make(map[[2]netip.Addr]knock)
	}
	if n.last != c.Server.Port() {
		n.last = c.Server.Port()
		n.ports++
	}
	w.knocks[k] = n
	return n.ports
}

// reach notes that a server has answered in HTTP.
func (w *World) reach(server netip.AddrPort, packet int64) {
	if _, known := w.hosts[server.Addr()]; known || len(w.hosts) < maxFleet {
		if w.hosts == nil {
			w.hosts = make(map[netip.Addr]openPort)
		}
		w.hosts[server.Addr()] = openPort{server.Port(), packet}
	}
	if at := w.turn(server, false); at.packet >= 0 {
		at.packet = packet
		w.served[server] = at
	}
}

// otherPort says that the host of a server has answered in HTTP on another
// port, and where; nothing if it has not.
func (w *World) otherPort(server netip.AddrPort) (text string, packet int64) {
	at, ok := w.hosts[server.Addr()]
	if !ok || at.port == server.Port() {
		return "", 0
	}
	return fmt.Sprintf("; port %d of it answers", at.port), at.packet
}

// An openPort is the port on which a host has answered last, and where.
type openPort struct {
	port   uint16
	packet int64
}

// A place is how an address and port answered SYN segments so far.
type place struct {
	packet  int64 // of its last answer in HTTP; -1 if nothing can be noted
	refused bool  // it refused the last time
	turns   int   // how often it changed
}

// someTurns are so many changes that no restart explains them.
const someTurns = 3

// turn notes that a server refused or answered, and gives what is known of it.
func (w *World) turn(server netip.AddrPort, refused bool) place {
	at, known := w.served[server]
	if !known && len(w.served) >= maxFleet {
		return place{packet: -1}
	}
	if w.served == nil {
		w.served = make(map[netip.AddrPort]place)
	}
	if known && at.refused != refused {
		at.turns++
	}
	at.refused = refused
	w.served[server] = at
	return at
}

// devPorts are those of servers that developers run: Vite, webpack, Next,
// Angular and the like.
var devPorts = map[uint16]bool{3000: true, 3001: true, 4200: true, 5173: true, 5174: true, 8080: true, 8081: true, 24678: true}

// pageOf tells that the host answered on a port for pages.
func (w *World) pageOf(host netip.Addr) bool {
	return w.served[netip.AddrPortFrom(host, 80)].packet > 0 || w.served[netip.AddrPortFrom(host, 443)].packet > 0
}

// pattern says when the SYN was sent again: " (again after 1.0, 3.0 and 7.0 s, each wait twice the one before)".
func pattern(c *session.Conn) string {
	again := c.Segments().SYNAgain(reassembly.FromClient)
	if len(again) == 0 {
		return ""
	}
	var after []string
	doubled := len(again) > 1
	last, wait := c.Start, time.Duration(0)
	for _, t := range again {
		after = append(after, strconv.FormatFloat(t.Sub(c.Start).Seconds(), 'f', 1, 64))
		gap := t.Sub(last)
		if ratio := float64(gap) / float64(max(wait, 1)); wait > 0 && (ratio < 1.8 || ratio > 2.2) {
			doubled = false
		}
		last, wait = t, gap
	}
	text := " (again after " + strings.Join(after, ", ") + " s"
	if doubled {
		text += ", each wait twice the one before"
	}
	return text + ")"
}

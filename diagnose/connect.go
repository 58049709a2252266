package diagnose

import (
	"net/netip"
	"strconv"
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
		Causes:  []string{"a firewall or security group that drops", "a wrong address: an old DNS record, a private network", "the host is down", "no route, or a VPN that is not up"},
		Fixes:   []Fix{{"", "open the port in the security group, in the host's firewall and for the way back"}, {"", "a connect timeout of 5 to 10 s in the client, and another try"}, {"", "try port 443"}},
		Confirm: "capture at the server: does the SYN arrive?",
		NotWhen: "the capture holds one direction only",
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
			p.Report("", "%d SYN segments to %v in %.1f s, and no answer", again+1, c.Server, took.Seconds()).As(sure).In(c.StartPacket).
				With("syns", again+1).With("took_ms", took.Milliseconds())
		},
	},
	{
		ID: "tcp-connect-refused", Severity: Error, Clause: "RFC 9293 §3.10.7.1",
		Title:   "the host answers that nothing listens on the port",
		Advice:  "start the server, or connect to the port and the address that it listens on: ss -ltnp",
		Seen:    "a SYN, and a RST with its acknowledgment as the answer",
		Means:   "the host is up and reached; no program has the port open, or a firewall rejects it",
		Causes:  []string{"the process is not running, or still starting", "a wrong port", "the server listens on 127.0.0.1 inside a container", "localhost is ::1 for the client, and the server listens on IPv4 alone", "a firewall that rejects with a RST"},
		Fixes:   []Fix{{"", "listen on 0.0.0.0 or ::"}, {"Node", "127.0.0.1 for localhost, or family: 4"}, {"Docker", "publish the port: -p 8080:8080"}, {"Vite", "server.hmr.clientPort"}},
		Confirm: "ss -ltnp on the host",
		NotWhen: "a box on the way sent the RST: then its TTL differs from that of the host's packets",
		Variants: []Variant{
			{ID: "ipv6-localhost", Title: "nothing listens on ::1: the server may listen on 127.0.0.1 alone", Advice: "use 127.0.0.1 instead of localhost, or let the server listen on ::"},
			{ID: "after-restart", Title: "a server that was reached before refuses connections", Advice: "look at why the process ended, and how long it takes to start"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if c.State != session.Refused || c.Handshake != nil || c.TCP.End != reassembly.RST || c.H2 != nil || c.Segments().Sent(reassembly.FromClient) > 0 {
				return
			}
			form, text := "", ""
			served, before := p.World.served[c.Server]
			switch {
			case c.Server.Addr() == netip.IPv6Loopback():
				form = "ipv6-localhost"
			case before:
				form, text = "after-restart", ", which answered before,"
			}
			p.from(reassembly.FromServer)
			f := p.Report(form, "%v%s refused the connection after %v", c.Server, text, c.TCP.EndedAt.Sub(c.Start).Round(time.Microsecond)).In(served, c.StartPacket)
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
		Fixes:   []Fix{{"Node", "an agent: new WebSocket(url, {agent})"}, {"Squid", "acl SSL_ports, http_access allow CONNECT"}, {"", "wss on port 443"}},
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
			p.Report("", "%v at %v: %s", v.Kind, c.Server, said).In(c.StartPacket)
		},
	},
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
	if _, known := w.served[server]; !known && len(w.served) >= maxFleet {
		return
	}
	if w.served == nil {
		w.served = make(map[netip.AddrPort]int64)
	}
	w.served[server] = packet
}

package diagnose

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What is enough to say that segments do not arrive.
const (
	oftenAgain = 3    // times that one was sent again
	fullSize   = 1000 // bytes of a segment that a narrow path may not carry
)

// pathRules are about what stands between the two ends, and about a port that
// something else has.
var pathRules = []Rule{
	{
		ID: "icmp-unreachable", Severity: Error, Clause: "RFC 5927 §4.1",
		Title:   "a router or firewall says that packets do not get through",
		Advice:  "change the rule, or the route, on the machine that sent the ICMP message: its address is in the finding",
		Seen:    "an ICMP error that quotes a segment of the connection, which was not acknowledged later",
		Means:   "the program on the server is not the cause: packets did not reach it",
		Causes:  []string{"a firewall that rejects", "no route, or a last router that does not find the host", "a wrong VPN"},
		Fixes:   []Fix{{"iptables", "find the rule with REJECT --reject-with icmp-… on that machine"}, {"Linux", "ip route get ADDRESS on that machine; unreachable and prohibit routes answer so"}, {"", "port 443, if a policy is about the port"}},
		Confirm: "traceroute -T -p PORT HOST ends at the machine that sent the ICMP message",
		NotWhen: "the segment was acknowledged later: then it was a passing error",
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			u := c.Unreached
			if u == nil || u.Kind == reassembly.TooBig || c.H2 != nil || c.Segments().Acked(u.Dir) > c.Segments().Place(u.Dir, u.Seq) {
				return
			}
			p.from(u.Dir.Other())
			p.Report("", "%v says in packet %d of a segment of %v to %v: %v", u.From, u.Packet, u.Src.Addr(), u.Dst, u.Kind).In(u.First, u.Packet, c.StartPacket).
				With("from", u.From.String()).With("times", u.Count)
		},
	},
	{
		ID: "rst-from-middlebox", Severity: Error, Clause: "RFC 9293 §3.5.2",
		Title:   "the reset of the handshake was made on the way",
		Advice:  "capture at both ends: a RST that only one of them sees was made between; use wss on port 443",
		Seen:    "a RST before the WebSocket was open, with a TTL that is not like that of the packets that its sender sent before",
		Means:   "neither end refused: a box on the way did, in the name of one of them",
		Causes:  []string{"an intrusion prevention system or URL filter that goes by Host or SNI", "a filter of the carrier or the country", "a NAT or load balancer that does not know the connection"},
		Fixes:   []Fix{{"", "a rule in that box for the host name; wss, so that it sees less"}, {"Kubernetes", "kube-proxy in IPVS mode: expired entries answer so; see --ipvs-tcp-timeout"}},
		Confirm: "the same packets captured at the server: the RST is not there, or the server got one, too",
		NotWhen: "the TTL of that end varies on all its packets: several routes, or a load balancer that writes them anew",
		Sealed:  func(p *Pass, e *session.Sealed) { p.resetOnTheWay(e.Conn) },
		Closed: func(p *Pass, e *session.Closed) {
			if !p.Conn.Opened && e.Conn.State != session.MidStream {
				p.resetOnTheWay(e.Conn)
			}
		},
	},
	{
		ID: "half-open-peer", Severity: Error, Clause: "RFC 9293 §3.5.1",
		Title:   "one side still sends, and the other side is not there any more",
		Advice:  "ping with a timeout on both sides: else it takes TCP a quarter of an hour to give up",
		Seen:    "a segment that was sent again three times or more, with longer and longer waits, and not a packet of the other side since, up to the end of the capture; or a SYN from the same port as that of an open WebSocket",
		Means:   "the side that sends believes that it is connected; Linux gives up after 13 to 30 minutes",
		Causes:  []string{"the other machine sleeps, has lost its network, or was restarted", "a box on the way has forgotten the connection", "a machine or container was killed without a FIN"},
		Fixes:   []Fix{{"", "a WebSocket ping every 20 to 25 s, and 20 s for its pong"}, {"Linux", "TCP_USER_TIMEOUT on the socket"}, {"nginx", "proxy_socket_keepalive on; towards the backend (off by default)"}},
		Confirm: "capture at the other side: do the segments arrive there?",
		NotWhen: "the window of the other side is closed, or the capture holds one direction only",
		Variants: []Variant{
			{ID: "reboot", Severity: Warning, Title: "the client begins anew from the same port, and knows nothing of the open WebSocket", Clause: "RFC 9293 §3.5.1", Advice: "let the server ping every 20 to 25 s and end what does not answer: it may still hold the old one"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			p.replaced(e)
			if c.H2 != nil || c.OneSided || c.TCP.End != reassembly.NotEnded || !p.Conn.Opened {
				return
			}
			for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
				r, ok := c.Segments().Repeated(d)
				waited := e.Time.Sub(r.Since)
				if !ok || r.Acked || r.Lively || r.Times < oftenAgain || waited < unheard || p.Conn.heard(d.Other()) > r.Since || closedWindow(c, d.Other()) || c.Sides[d.Other()].LostBytes > 0 {
					continue
				}
				p.from(d.Other())
				p.Report("", "a segment of the %v was sent again %d times in %.1f s, and no packet of the %v since", d, r.Times, waited.Seconds(), d.Other()).As(Likely).In(r.Packet, p.Conn.Sides[d].Last)
			}
		},
	},
	{
		ID: "pmtu-blackhole", Severity: Error, Clause: "RFC 4821 §3",
		Title:   "small packets get through, full ones do not",
		Advice:  "lower the MTU of the interface, or let the router clamp the MSS; let ICMP type 3 code 4 and ICMPv6 type 2 pass",
		Seen:    "a large segment that was sent again three times or more and never acknowledged, while the other side answers to smaller ones, or a router says that it is too big",
		Means:   "it looks as if the server hangs: after the certificate, after an answer with large fields, or after the first large message",
		Causes:  []string{"the MTU of a VPN or an overlay (WireGuard, VXLAN, GRE, PPPoE), and a firewall that drops the ICMP errors", "jumbo frames on a part of the path"},
		Fixes:   []Fix{{"Linux", "ip link set dev wg0 mtu 1420"}, {"iptables", "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"}, {"Linux", "sysctl net.ipv4.tcp_mtu_probing=1 (0 by default)"}},
		Confirm: "ping -M do -s 1472 HOST: the largest size that is answered is the path's, less 28",
		NotWhen: "the window of the receiver is smaller than the segment; or all is lost: see half-open-peer",
		Sealed:  func(p *Pass, e *session.Sealed) { p.blackhole(e.Conn) },
		Closed:  func(p *Pass, e *session.Closed) { p.blackhole(e.Conn) },
	},
	{
		ID: "wrong-service-on-port", Severity: Error, Clause: "RFC 9112 §2.1",
		Title:   "something listens on the port that does not speak HTTP",
		Advice:  "connect to the port that the WebSocket server listens on",
		Seen:    "a request for a WebSocket, and a server whose first bytes are no HTTP",
		Means:   "the client cannot read the answer; browsers report 1006",
		Causes:  []string{"a wrong port", "a load balancer that sends a PROXY header to a server that does not expect one, or the reverse", "a port for HTTP/2 or gRPC alone"},
		Fixes:   []Fix{{"", "correct the port in the URL, or in the target of the proxy"}, {"HAProxy", "send-proxy on the one side, accept-proxy on the other"}, {"nginx", "listen 80 proxy_protocol;"}, {"ingress-nginx", "use-proxy-protocol"}},
		Confirm: "curl -v http://HOST:PORT/",
		NotWhen: "TLS is answered: see tls-plaintext-mismatch",
		Variants: []Variant{
			{ID: "proxy-protocol", Title: "the server does not expect the PROXY header that it was sent", Advice: "let the server accept the PROXY protocol, or the load balancer not send it"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			switch asked := p.Conn.Requested.Packet; {
			case c.Greeting != "" && c.Attempts > 0:
				p.from(reassembly.FromServer)
				p.Report("", "%v answers with %q: %s", c.Server, c.Greeting, spoken(c.Greeting)).In(asked, c.StartPacket).As(spokenSure(c.Greeting))
			case p.unexpectedHeader(c):
				p.from(reassembly.FromServer)
				p.Report("proxy-protocol", "a PROXY header was sent to %v, which %s", c.Server, refusedHow(c)).As(Likely).In(asked, c.StartPacket)
			}
		},
	},
}

// replaced reports a client whose SYN comes from the port of a WebSocket that is
// open: it was restarted, or the capture missed the end.
func (p *Pass) replaced(e *session.Closed) {
	c := e.Conn
	if c.H2 != nil || c.OneSided || !p.Conn.Opened || c.TCP.End != reassembly.NotEnded || !cutOff(c) {
		return
	}
	p.from(reassembly.FromClient)
	p.Report("reboot", "a SYN of %v, %v behind the last packet of this connection, which neither side had closed", c.Client, e.Time.Sub(c.End).Round(time.Millisecond)).
		As(Possible).In(c.EndPacket)
}

// resetOnTheWay reports a RST of another machine than the one it names.
func (p *Pass) resetOnTheWay(c *session.Conn) {
	h, sure, ok := injected(c, p.Conn.Requested.Time)
	if !ok || c.TCP.End != reassembly.RST {
		return
	}
	p.from(c.TCP.EndedBy)
	p.Report("", "RST with TTL %d in the name of the %v, whose packets had %s", h.End, c.TCP.EndedBy, span(h)).As(sure).In(c.StartPacket, p.Conn.Requested.Packet, c.TCP.EndedIn).
		With("ttl_rst", int64(h.End)).With("ttl_low", int64(h.Low)).With("ttl_high", int64(h.High))
}

// blackhole reports that a segment of c that is large never arrives.
func (p *Pass) blackhole(c *session.Conn) {
	if c.H2 != nil {
		return
	}
	for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
		r, ok := c.Segments().Repeated(d)
		if !ok || r.Acked || closedWindow(c, d.Other()) {
			continue
		}
		u := c.Unreached
		told := u != nil && u.Kind == reassembly.TooBig && u.Dir == d
		heard := p.Conn.heard(d.Other())
		if !told && (r.Times < oftenAgain || r.Length < fullSize || !r.Lively && heard <= r.Since) {
			continue
		}
		p.from(d)
		f := p.Report("", "a segment of the %v with %d bytes was sent %d times, and never acknowledged%s", d, r.Length, r.Times+1, fits(told, u)).As(Likely).In(r.Packet)
		if told {
			f.As(Certain).In(u.First, u.Packet)
		}
	}
}

// fits says what a router told of the size of packets.
func fits(told bool, u *session.Unreached) string {
	switch {
	case !told:
		return ", while the other side answers to smaller ones"
	case u.MTU == 0:
		return "; " + u.From.String() + " says that it is too big"
	}
	return "; " + u.From.String() + " says that packets may have " + strconv.Itoa(u.MTU) + " bytes"
}

// closedWindow tells that d offered no window at some time.
func closedWindow(c *session.Conn, d reassembly.Dir) bool {
	return c.Segments().Counts(d).ZeroWindows > 0
}

// services are known by their first bytes.
var services = []struct{ prefix, name string }{
	{"SSH-", "an SSH server"},
	{"220 ", "a mail or FTP server"},
	{"220-", "a mail or FTP server"},
	{"+OK", "a POP3 or Redis server"},
	{"-ERR", "a POP3 or Redis server"},
	{"* OK", "an IMAP server"},
	{"RFB ", "a VNC server"},
	{"AMQP", "an AMQP server"},
	{" \x02\x00", "an MQTT server"},
}

// spoken says what speaks so.
func spoken(greeting string) string {
	for _, s := range services {
		if strings.HasPrefix(greeting, s.prefix) {
			return s.name
		}
	}
	if len(greeting) >= 5 && greeting[:2] == "\x00\x00" && greeting[3] == 4 && greeting[4]&^1 == 0 {
		return "a server that speaks HTTP/2 alone" // its SETTINGS: RFC 9113 §3.4
	}
	return "no HTTP"
}

// spokenSure is how sure it is that the port is another's.
func spokenSure(greeting string) Certainty {
	if spoken(greeting) == "no HTTP" {
		return Likely
	}
	return Certain
}

// unexpectedHeader tells that a server that was sent a PROXY header did not go on.
func (p *Pass) unexpectedHeader(c *session.Conn) bool {
	if len(c.Via) != 1 || !slices.Contains([]handshake.ViaKind{handshake.ProxyV1, handshake.ProxyV2}, c.Via[0].Kind) {
		return false
	}
	switch c.State {
	case session.Refused:
		return c.Handshake != nil && c.Handshake.Status() == 400
	case session.Unanswered:
		return c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == reassembly.FromServer && c.End.Sub(c.Start) < time.Second && c.Answer == 0
	}
	return false
}

func refusedHow(c *session.Conn) string {
	if c.State == session.Refused {
		return "answered 400"
	}
	return "closed at once"
}

package diagnose

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What other connections say of one that was refused: that the server was
// being restarted, what the server behind a proxy did, that the client came
// through on another way. Facts are gathered here, and refusal.go judges.

const (
	restartTime = time.Minute     // a server that takes longer to come back is down
	maxOutages  = 3               // of one place, from which on they are no restarts
	maxFailures = 32              // connections that came to nothing, the last ones
	fellBackIn  = 5 * time.Second // from a refusal in HTTP/2 to the handshake in HTTP/1.1
)

// A spot is a path of one server.
type spot struct {
	server netip.AddrPort
	path   uint64 // its sum
}

func spotOf(c *Conn, h *handshake.Handshake) spot { return spot{c.Server, sum(path(h.Target()))} }

// An outage is when a server opened WebSockets at a path, and when it said
// that it cannot now.
type outage struct {
	opened      capture.Time // the last time
	openedIn    int64
	from        capture.Time // the first refusal since
	first, last int64        // packets of the first and last one
	refused     int64        // how many
	before      int64        // outages that were over
}

// unable tells that a status says "not now", and not who or what was asked for.
func unable(status int) bool { return status >= 502 && status <= 504 }

// outage notes a handshake that the rules have seen.
func (w *World) outage(c *Conn, e *session.Handshake) {
	if e.Request == nil || e.Response == nil || !e.Established && !unable(e.Status()) {
		return
	}
	k := spotOf(c, e.Handshake)
	o, known := w.outages[k]
	if !known && len(w.outages) >= maxFleet {
		return
	}
	if w.outages == nil {
		w.outages = make(map[spot]outage)
	}
	switch {
	case !e.Established && o.refused == 0:
		o.from, o.first = e.Time, e.Packet
		fallthrough
	case !e.Established:
		o.refused++
		o.last = e.Packet
	default:
		if o.refused > 0 {
			o.before++
		}
		o = outage{opened: e.Time, openedIn: e.Packet, before: o.before}
	}
	w.outages[k] = o
}

// noteLeft notes a server that has ended a WebSocket as one does that stops.
func (w *World) noteLeft(c *session.Conn) {
	if !endedByServer(c) || c.State == session.Ended && c.CloseCode != frames.GoingAway && c.CloseCode != 1012 {
		return
	}
	if b := w.backend(c.Server); b != nil {
		b.left, b.leftIn = endedAt(c), c.EndPacket
	}
}

// leaving is when the server last ended a WebSocket as one does that stops, or
// refused TCP, not long before.
func (w *World) leaving(server netip.AddrPort, at capture.Time) (since time.Duration, packet int64, ok bool) {
	if b := w.backends[server]; b != nil && b.leftIn > 0 {
		since = at.Sub(b.left)
		return since, b.leftIn, since >= 0 && since <= restartTime
	}
	return 0, 0, false
}

// restarting says that a server which cannot now could shortly before, and
// whether it has ended connections since: then it is being restarted.
func (p *Pass) restarting(e *session.Refusal) (text string, packet int64, sure bool) {
	o := p.World.outages[spotOf(p.Conn, e.Handshake)]
	since := e.Answered.Time.Sub(o.opened)
	if !unable(e.Status()) || o.openedIn == 0 || since > restartTime || o.before >= maxOutages {
		return "", 0, false
	}
	text = fmt.Sprintf("; it opened a WebSocket here %v before", since.Round(time.Millisecond))
	if left, _, ok := p.World.leaving(p.Conn.Server, e.Answered.Time); ok {
		text += fmt.Sprintf(" and ended one as it does when it stops %v before", left.Round(time.Millisecond))
		sure = true
	}
	return text, o.openedIn, sure
}

// cameBack reports a server that opens WebSockets again behind a time in which
// it refused them.
func (p *Pass) cameBack(e *session.Handshake) {
	if !e.Established || e.Request == nil {
		return
	}
	o := p.World.outages[spotOf(p.Conn, e.Handshake)]
	if o.refused == 0 || o.openedIn == 0 || o.before >= maxOutages || e.Time.Sub(o.opened) > 2*restartTime {
		return
	}
	sure := Possible
	if _, _, ok := p.World.leaving(p.Conn.Server, o.from); ok {
		sure = Likely
	}
	p.from(reassembly.FromServer)
	p.Report("restart", "%v opens WebSockets again: it refused %d in the %v before, and had opened one %v before that",
		p.Conn.Server, o.refused, e.Time.Sub(o.from).Round(time.Millisecond), o.from.Sub(o.opened).Round(time.Millisecond)).
		At(Info).As(sure).In(o.openedIn, o.first, o.last).With("refused", o.refused)
}

// A failure is a connection that came to nothing.
type failure struct {
	client     netip.Addr
	server     netip.AddrPort
	id, packet int64
	from, to   capture.Time
	path       string // of the request; "" if none was sent
	what       string
}

// noteFailure notes it, where the client may be a proxy with an answer to give.
func (w *World) noteFailure(c *session.Conn) {
	what := ""
	asked := c.Handshake != nil && c.Handshake.Request != nil
	switch c.State {
	case session.Refused:
		if !asked && c.TCP.End == reassembly.RST {
			what = "refused the TCP connection"
		}
	case session.Unanswered:
		switch {
		case !asked && c.H2 == nil:
			what = "did not answer the SYN"
		case asked && c.Greeting != "":
			what = "had the request, and answered with what is no HTTP"
		case asked && c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == reassembly.FromServer:
			what = "had the request, and ended the connection with a " + endWord(c, map[reassembly.End]string{reassembly.FIN: "FIN", reassembly.RST: "RST"}[c.TCP.End]) + " and no answer"
		case asked && c.TCP.End != reassembly.NotEnded:
			what = "had the request, and did not answer until the proxy gave up"
		}
	}
	if what != "" {
		f := failure{c.Client.Addr(), c.Server, c.ID, c.EndPacket, c.Start, c.End, "", what}
		if asked {
			f.path = path(c.Handshake.Target())
		}
		w.failures[w.failed%maxFailures] = f
		w.failed++
	}
}

// behind says what a server behind the one that refused did meanwhile, as far
// as the capture has it, where, and on which connections, if they are no legs.
func (p *Pass) behind(e *session.Refusal) (text string, packet int64, conns []int64) {
	if e.Status() < 500 || e.Requested.Packet == 0 {
		return "", 0, nil
	}
	for _, l := range p.Conn.leg.Legs() {
		if l.within(p.Conn.leg) && l.Status != 101 {
			return fmt.Sprintf("; %v behind it had the request and answered %d (connection %d)", l.Server, l.Status, l.ID), l.answer, nil
		}
	}
	for i := range min(p.World.failed, maxFailures) {
		f := &p.World.failures[(p.World.failed-1-i)%maxFailures]
		if f.client == p.Conn.Server.Addr() && f.server != p.Conn.Server && f.to >= e.Requested.Time && f.to <= e.Answered.Time && (f.path == "" || samePath(f.path, path(e.Target()))) {
			if conns = append(conns, f.id); len(conns) == 1 {
				text, packet = fmt.Sprintf("; meanwhile %v behind it %s (connection %d)", f.server, f.what, f.id), f.packet
			}
		}
	}
	if conns != nil {
		return text, packet, conns
	}
	p.World.gateways[p.World.waited%maxFailures] = gateway{p.Conn.Server.Addr(), path(e.Target()), e.Requested.Time, e.Answered, p.Conn.ID, e.Status()}
	p.World.waited++
	return "", 0, nil
}

// A gateway is one that has answered with an error, before it was seen why.
type gateway struct {
	host     netip.Addr
	path     string
	asked    capture.Time
	answered session.Where
	id       int64
	status   int
}

// front says what the proxy that asked on c in vain has answered meanwhile, and where.
func (p *Pass) front(c *session.Conn) (text string, packet int64) {
	for i := range min(p.World.waited, maxFailures) {
		g := &p.World.gateways[(p.World.waited-1-i)%maxFailures]
		if g.host == c.Client.Addr() && g.id != c.ID && g.asked <= p.Conn.Requested.Time && p.Conn.Requested.Time <= g.answered.Time && samePath(g.path, path(c.Handshake.Target())) {
			return fmt.Sprintf("; the proxy that asked answered its client with %d (connection %d)", g.status, g.id), g.answered.Packet
		}
	}
	return "", 0
}

// throwsOut counts how often a client was let in at a server and thrown out.
func (w *World) throwsOut(c *Conn) int64 {
	if w.thrown == nil {
		w.thrown = make(map[visitor]int64)
	}
	k := visitor{client: c.Client.Addr(), server: c.Server}
	if _, known := w.thrown[k]; !known && len(w.thrown) >= maxFleet {
		return 1
	}
	w.thrown[k]++
	return w.thrown[k]
}

// A guest is a client at a host.
type guest struct {
	client netip.Addr
	host   uint64 // its sum
}

// refusedH2 notes a WebSocket that was not opened in HTTP/2.
func (w *World) refusedH2(c *session.Conn) {
	if c.H2 == nil || c.Handshake == nil || c.State != session.Refused && c.State != session.Unanswered {
		return
	}
	k := guest{c.Client.Addr(), sum(c.Handshake.Host())}
	if _, known := w.declined[k]; !known && len(w.declined) >= maxFleet {
		return
	}
	if w.declined == nil {
		w.declined = make(map[guest]setback)
	}
	w.declined[k] = setback{c.ID, c.EndPacket, c.End}
}

// cameThrough reports a client whose WebSocket was refused in HTTP/2 and is
// opened in HTTP/1.1.
func (p *Pass) cameThrough(e *session.Handshake) {
	if e.H2 != nil || !e.Established || e.Request == nil || len(p.World.declined) == 0 {
		return
	}
	was, ok := p.World.declined[guest{p.Conn.Client.Addr(), sum(e.Host())}]
	if after := e.Time.Sub(was.at); ok && after >= 0 && after <= fellBackIn {
		p.from(reassembly.FromServer)
		p.Report("fallback", "the WebSocket that was refused on connection %d is opened in HTTP/1.1, %v later", was.conn, after.Round(time.Millisecond)).In(was.packet)
	}
}

package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// Verdict says in a line or two how a connection ended that is over: who ended
// it, what the programs at its ends were told, and, where something was
// wrong, why and what to change. found are its findings. It holds nothing that
// the two ends have sent but numbers.
func Verdict(c *session.Conn, found []*Finding) string {
	s := outcome(c)
	if c.CloseCode == frames.AbnormalClosure {
		s += "; APIs reported 1006"
	}
	if len(found) == 0 {
		return s + "."
	}
	lead := Headline(found)
	if lead.Severity < Warning {
		return s + "."
	}
	switch {
	case lead.Rule.Layer != Closing:
		s += ": " + lead.Title()
	case c.CloseCode.Name() != "" && lead.Do != "": // it is about the code
		s += ": " + c.CloseCode.Meaning()
	}
	if lead.Rule.Layer == Framing {
		s += reaction(c, lead)
	}
	if who := whoClosed(c); lead.Rule.Layer == Closing && who.Proxy.IsValid() && who.Dir == reassembly.FromClient {
		if outer, _ := LegOf(c).Next(); outer != nil { // it is told of there
			return s + fmt.Sprintf(". Do: look at #%d, the same WebSocket on the other side of the proxy.", outer.ID)
		}
	}
	return s + ". Do: " + lead.Advice() + "."
}

// reaction is what the other side did about a frame or message that breaks a
// rule, and how soon.
func reaction(c *session.Conn, f *Finding) string {
	other := f.Dir.Other()
	switch mine := c.Sides[other].Close; {
	case mine != nil && mine.Time >= f.Time:
		what := "Close without a code"
		if mine.HasCode {
			what = "Close " + strconv.Itoa(int(mine.Code))
		}
		return fmt.Sprintf("; %s of the %v %v behind it", what, other, mine.Time.Sub(f.Time).Round(time.Microsecond))
	case mine == nil && c.H2 == nil && c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == other && c.TCP.EndedAt >= f.Time && !c.OneSided:
		return fmt.Sprintf("; %s of the %v %v behind it", map[reassembly.End]string{reassembly.FIN: "FIN", reassembly.RST: "RST"}[c.TCP.End], other, c.TCP.EndedAt.Sub(f.Time).Round(time.Microsecond))
	}
	if conn, ok := c.Attached.(*Conn); ok && conn.Sides[other].LastAt > f.Time {
		return fmt.Sprintf("; the %v went on as before", other)
	}
	return ""
}

// outcome is how the connection ended.
func outcome(c *session.Conn) string {
	switch c.State {
	case session.Open, session.MidStream:
		if c.TCP.End == reassembly.NotEnded {
			return "still open at the end of the capture"
		}
		return "TCP ended; what came before was not captured whole"
	case session.Unanswered:
		switch {
		case c.Handshake == nil && c.Unreached != nil:
			return c.Unreached.From.String() + " answered for " + c.Server.String() + ": " + c.Unreached.Kind.String()
		case c.Handshake == nil:
			return "nothing answered " + c.Server.String()
		case c.Greeting != "":
			return "the opening handshake was answered with something that is no HTTP"
		}
		return "the opening handshake had no answer"
	case session.Refused:
		return refusalOutcome(c)
	case session.Rejected:
		return "the client did not accept the answer of the server"
	case session.Ended:
		return closedOutcome(c)
	}
	return cutOutcome(c)
}

func refusalOutcome(c *session.Conn) string {
	switch {
	case c.Handshake != nil && c.Handshake.Status() != 0:
		return "the upgrade was refused with " + strconv.Itoa(c.Handshake.Status())
	case len(c.Via) > 0 && c.Via[len(c.Via)-1].Refused():
		return "the proxy " + c.Server.String() + " refused"
	case c.TLS != nil && c.Handshake == nil:
		return "TLS was not agreed on with " + c.Server.String()
	case c.TCP.End == reassembly.RST:
		return c.Server.String() + " refused the TCP connection"
	}
	return "the connection was refused"
}

func closedOutcome(c *session.Conn) string {
	s := "closed"
	switch c.ClosedBy {
	case session.ClosedByBoth:
		s = "both sides closed at once"
	case session.ClosedByClient, session.ClosedByServer:
		s = whoClosed(c).String() + " closed"
	}
	s += " with " + strconv.Itoa(int(c.CloseCode))
	if name := c.CloseCode.Name(); name != "" {
		s += " " + name
	}
	if !c.Clean && c.ClosedBy != session.ClosedByUnknown {
		s += ", and the other side did not send Close"
	}
	return s
}

func cutOutcome(c *session.Conn) string {
	if c.TCP.End == reassembly.NotEnded {
		return "the WebSocket ended"
	}
	how := "FIN"
	if c.TCP.End == reassembly.RST {
		how = "RST"
	}
	who := whoClosed(c)
	s := who.String() + " ended " + endedWhat(c, who.Both) + " with " + endWord(c, "a "+how)
	if conn, ok := c.Attached.(*Conn); ok && conn.Opened {
		if quiet := c.TCP.EndedAt.Sub(cmp.Or(conn.LastAt, conn.Answered.Time)); quiet >= time.Second {
			s += fmt.Sprintf(" after %.1f s of silence", quiet.Seconds())
		}
	}
	return s + ", without a Close frame"
}

// endedWhat is what carried the WebSocket.
func endedWhat(c *session.Conn, both bool) string {
	switch {
	case c.H2 != nil && c.H2.Over:
		return "the stream"
	case both:
		return "both of its legs, this one"
	}
	return "TCP"
}

// An Author is who began the end of a WebSocket that may go through proxies.
type Author struct {
	Dir   reassembly.Dir // on the connection that is asked about: from where the end came
	Proxy netip.AddrPort // valid if a proxy did, of which both sides were captured
	Both  bool           // and has ended the leg on its other side, too
	Leg   *Leg           // the leg on which an end did, where it is not the connection's own
}

// String is "the client", "the proxy 10.0.0.2:80", "the server 10.0.0.3:8080 (#4)".
func (a Author) String() string {
	switch {
	case a.Proxy.IsValid():
		return "the proxy " + a.Proxy.String()
	case a.Leg != nil && a.Dir == reassembly.FromServer:
		return fmt.Sprintf("the server %v (#%d)", a.Leg.Server, a.Leg.ID)
	case a.Leg != nil:
		return fmt.Sprintf("the client %v (#%d)", a.Leg.Client, a.Leg.ID)
	}
	return "the " + a.Dir.String()
}

// whoClosed tells who began the end of c, seen through the proxies of which
// both sides were captured: one that ends a leg while the next one is
// open, or both of them, has decided that itself.
func whoClosed(c *session.Conn) Author {
	by := c.TCP.EndedBy
	switch c.ClosedBy {
	case session.ClosedByClient:
		by = reassembly.FromClient
	case session.ClosedByServer:
		by = reassembly.FromServer
	}
	own := LegOf(c)
	if own == nil || own.End == nil {
		return Author{Dir: by}
	}
	at, way := own, own.toward(by)
	for _, next := range way {
		switch end := next.end(); {
		case end != nil && end.By != session.ClosedByClient && end.By != session.ClosedByServer:
			return Author{Dir: by}
		case next.input != own.input && (end == nil || end.By == own.End.By): // by two clocks nobody knows what came first
			if end == nil {
				return Author{Dir: by}
			}
		case end == nil, end.Packet > at.end().Packet, end.By != own.End.By:
			return Author{Dir: by, Proxy: between(at, next, by), Both: end != nil && end.By != own.End.By}
		}
		at = next
	}
	if at != own {
		return Author{Dir: by, Leg: at}
	}
	return Author{Dir: by}
}

// toward are the other legs of the WebSocket on the way to one end, the next one first.
func (l *Leg) toward(d reassembly.Dir) []*Leg {
	var way []*Leg
	for _, o := range l.Legs() {
		if d == reassembly.FromServer && o.within(l) || d == reassembly.FromClient && l.within(o) {
			way = append(way, o)
		}
	}
	if d == reassembly.FromClient {
		slices.Reverse(way)
	}
	return way
}

// between is the proxy between leg l and the next one on the way to d.
func between(l, next *Leg, d reassembly.Dir) netip.AddrPort {
	if d == reassembly.FromServer {
		return l.Server
	}
	return next.Server
}

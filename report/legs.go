package report

import (
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// legs writes the other legs of the WebSocket, and of those beside this one
// what the proxy between has changed, and how much later things come by it.
func (f *follower) legs(c *session.Conn) {
	own := diagnose.LegOf(c)
	for _, l := range own.Legs() {
		f.out.WriteString("\n  the same WebSocket is " + numbered(l) + columnGap + address(l.Client) + " → " + address(l.Server) + "\n")
		switch outer, inner := own.Next(); l {
		case outer:
			f.between(l, own)
		case inner:
			f.between(own, l)
		}
	}
}

func numbered(l *diagnose.Leg) string { return "#" + strconv.FormatInt(l.ID, 10) }

func (f *follower) between(outer, inner *diagnose.Leg) {
	request, answer := inner.PassedOn(outer)
	f.changes("→ the request as "+numbered(inner)+" has it", request, false)
	f.changes("← the answer as "+numbered(outer)+" has it", answer, true)
	if inner.Status == 0 {
		return
	}
	f.out.WriteString("    " + fold(added(inner.Added(outer)), f.opts.width()-4, "      ") + "\n")
}

// changes writes what differs in a head, a line for each field.
func (f *follower) changes(title string, all []diagnose.Change, answer bool) {
	if len(all) > 0 {
		f.out.WriteString("    " + title + "\n")
	}
	for i := range all {
		change := &all[i]
		text := padRight(change.Verb(), len("changed")) + columnGap + change.Name + ": "
		switch change.Verb() {
		case "added":
			text += f.secret.values(change.Name, change.After, answer)
		case "changed":
			text += f.secret.values(change.Name, change.Before, answer) + " → " + f.secret.values(change.Name, change.After, answer)
		default:
			text += f.secret.values(change.Name, change.Before, answer)
		}
		f.out.WriteString("      " + cutTo(clean(text), f.opts.width()-6) + "\n")
	}
}

// values are those of a field, masked as field does. Whether the subprotocol of
// an answer is a secret hangs on what was offered, which is not at hand.
func (r *redactor) values(name string, all []string, answer bool) string {
	shown := make([]string, len(all))
	for i, v := range all {
		shown[i] = r.field(name, v)
		if answer && !r.shown && strings.EqualFold(name, "Sec-WebSocket-Protocol") {
			shown[i] = mask
		}
	}
	return strings.Join(shown, ", ")
}

// added says how much later things come by the proxy. Where two clocks were at
// work, only both ways together are known.
func added(a diagnose.Addition) string {
	text := "the proxy adds " + span(max(a.Handshake, 0)) + " to the opening handshake"
	there, back := a.Messages[reassembly.FromClient], a.Messages[reassembly.FromServer]
	switch known := a.Known; {
	case known[0] && known[1] && (a.Clocks || there < 0 || back < 0):
		text += ", " + span(max(there+back, 0)) + " to messages there and back: the two legs were captured by two clocks"
	case known[0] && known[1]:
		text += ", " + span(there) + " to messages of the client and " + span(back) + " to those of the server"
	case a.Clocks:
	case known[reassembly.FromClient] && there >= 0:
		text += ", " + span(there) + " to messages of the client"
	case known[reassembly.FromServer] && back >= 0:
		text += ", " + span(back) + " to messages of the server"
	}
	return text
}

// legs writes the other legs of the same WebSocket, what the proxies beside
// this one changed in its heads, and how much later things come by them.
func (s *jsonSink) legs(own *diagnose.Leg) {
	all := own.Legs()
	if len(all) == 0 {
		return
	}
	s.begin("legs", '[')
	for _, l := range all {
		s.comma()
		s.b = strconv.AppendInt(s.b, l.ID, 10)
	}
	s.end(']')
	outer, _ := own.Next()
	if outer == nil {
		return
	}
	request, answer := own.PassedOn(outer)
	s.begin("proxy", '{')
	s.int("outer_leg", outer.ID)
	s.changes("request_changes", request, false)
	s.changes("response_changes", answer, true)
	if own.Status != 0 {
		a := own.Added(outer)
		s.ms("handshake_added_ms", a.Handshake)
		for d, name := range [...]string{reassembly.FromClient: "client_added_ms", reassembly.FromServer: "server_added_ms"} {
			if a.Known[d] {
				s.ms(name, a.Messages[d])
			}
		}
	}
	s.end('}')
}

func (s *jsonSink) changes(name string, all []diagnose.Change, answer bool) {
	if len(all) == 0 {
		return
	}
	s.begin(name, '[')
	for i := range all {
		c := &all[i]
		s.comma()
		s.b = append(s.b, '{')
		s.string("name", c.Name)
		s.word("change", c.Verb())
		if c.Before != nil {
			s.string("before", s.secret.values(c.Name, c.Before, answer))
		}
		if c.After != nil {
			s.string("after", s.secret.values(c.Name, c.After, answer))
		}
		s.end('}')
	}
	s.end(']')
}

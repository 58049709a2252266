package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// closeFrameRules are about Close frames (RFC 6455 §5.5.1, §7.4).
var closeFrameRules = []Rule{
	{
		ID: "close-code-illegal", Severity: Error, Clause: "RFC 6455 §7.4",
		Title:   "a Close frame holds what must not be sent",
		Advice:  "close with 1000, 1001, 1011 or a code from 3000 on; never with 1005, 1006 or an HTTP status",
		Seen:    "a code that is not for the wire, a payload of one byte, or a reason that is not UTF-8",
		Means:   "the receiver answers 1002 or 1007, and its API reports that instead",
		Causes:  []string{"the program passes on 1005 or 1006, which its API had reported", "a gateway passes on a code from behind it", "an HTTP status as close code"},
		Fixes:   []Fix{{"", "map to 1000 for done, 1011 for an error, 4000 to 4999 for the application's own"}},
		Confirm: "the program's log: which code it was given, and by whom",
		NotWhen: "1012 to 1014 are registered, though old receivers do not take them",
		Frame: func(p *Pass, f *session.Frame) {
			b := f.CloseBody
			switch {
			case b == nil || f.Missing > 0 || httpText(f):
			case f.PayloadLength == 1:
				p.frame("", f, "Close with a payload of one byte")
			case b.HasCode && !b.Code.Sendable():
				p.frame("", f, "Close with code %v", b.Code)
			case !b.ReasonValid:
				at, fault := frames.CheckUTF8([]byte(b.Reason))
				p.frame("", f, "Close with code %v and a reason that is not UTF-8: %v at byte %d", b.Code, fault, at).With("fault", fault.String())
			}
		},
	},
	{
		ID: "rejected-after-accept", Severity: Error, Clause: "RFC 6455 §7.4.1",
		Title:   "the server accepted the connection and then threw the client out",
		Advice:  "look at the credentials that are checked behind the handshake; do not retry without new ones",
		Seen:    "a Close of the server soon after the 101, or after the client's first message, with a code for who may not",
		Means:   "the handshake needs no credentials, what comes behind it does: token, cookie, first message, rights",
		Causes:  []string{"a token that is missing, has expired or stands in the wrong field", "the first message came too late", "a limit of connections for each user", "a version of the API, or rights, that are asked for and not given"},
		Fixes:   []Fix{{"", "get a new token before reconnecting"}, {"graphql-ws", "send connection_init at once: it is waited for 3 s"}},
		Confirm: "the same client with a new token; the server's log of who was let in",
		NotWhen: "the client has broken the protocol: then the code is about that",
		Frame: func(p *Pass, f *session.Frame) {
			b, c := f.CloseBody, p.Conn
			if b == nil || f.Dir != reassembly.FromServer || !thrownOut[b.Code] || f.Missing > 0 || !c.Opened ||
				c.Sides[0].Close+c.Sides[1].Close != 0 || c.broken(reassembly.FromClient) != "" {
				return
			}
			after := f.Time.Sub(c.Answered.Time)
			client := &c.Sides[reassembly.FromClient]
			if answers := client.Frames == 1 && f.Time.Sub(client.LastAt) <= time.Second; after > soon && !answers {
				return
			}
			meaning, _ := p.World.meaning(c, b.Code)
			times, again := p.World.throwsOut(c), ""
			if times > 1 {
				again = fmt.Sprintf("; %v was thrown out here %d times by now", c.Client.Addr(), times)
			}
			behind := ""
			if client.Frames > 0 {
				behind = fmt.Sprintf(", %v behind the last frame of the client", f.Time.Sub(client.LastAt).Round(time.Millisecond))
			}
			n := p.frame("", f, "%v after the 101%s: %d %s%s", after.Round(time.Millisecond), behind, b.Code, meaning, again).As(Likely).With("code", int64(b.Code)).In(c.Answered.Packet)
			if times > 1 {
				n.With("times", times)
			}
		},
	},
	{
		ID: "close-code-info", Severity: Info, Clause: "RFC 6455 §7.4.1",
		Title:   "the close code says that something was wrong",
		Advice:  "read the code and the reason, and look at what the other side sent just before",
		Seen:    "the first Close frame of a connection, with a code that is neither 1000 nor 1001",
		Means:   "what the code's row says: see the table of close codes",
		Causes:  []string{"1002 and 1007: what the other side sent breaks the protocol", "1008: a policy", "1009: a limit", "1011: an exception in a handler, or a heartbeat without answer", "1012 and 1013: a restart, or too much load"},
		Fixes:   []Fix{{"", "mend what the code names; the log of the side that sent it has more"}},
		Confirm: "the reason in the Close frame, and the log of the side that sent it",
		NotWhen: "the other side closed first: then this is only the echo",
		Frame: func(p *Pass, f *session.Frame) {
			b := f.CloseBody
			if b == nil || !b.HasCode || f.Missing > 0 || p.Conn.Sides[f.Dir].Close != 0 || p.Conn.Sides[f.Dir.Other()].Close != 0 {
				return
			}
			severity := closeSeverity(b.Code)
			if severity == 0 {
				return
			}
			text := b.Code.String()
			if b.Reason != "" && b.ReasonValid {
				text += fmt.Sprintf(" %q", b.Reason)
			}
			meaning, certain := p.World.meaning(p.Conn, b.Code)
			text += ": " + meaning
			if because := p.Conn.broken(f.Dir.Other()); because != "" {
				text += "; it follows from " + because
			}
			n := p.frame("", f, "%s", text).At(severity).With("code", int64(b.Code)).With("meaning", meaning)
			if p.Conn.Opened && n != &p.spare {
				n.With("after_open_ms", f.Time.Sub(p.Conn.Answered.Time).Milliseconds())
			}
			n.Do = afterCode[b.Code]
			if !certain {
				n.As(Possible)
			}
		},
		Variants: []Variant{
			{ID: "simultaneous", Severity: Info, Title: "both sides sent Close before they had seen the other's"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			client, server := e.Conn.Sides[0].Close, e.Conn.Sides[1].Close
			if e.Conn.ClosedBy == session.ClosedByBoth && client != nil && server != nil {
				p.Report("simultaneous", "client %s, server %s", code(client), code(server)).In(client.Packet, server.Packet)
			}
		},
	},
	{
		ID: "data-after-close", Severity: Error, Clause: "RFC 6455 §5.5.1",
		Title:   "frames follow the sender's own Close",
		Advice:  "send only while the state is OPEN, and empty the queue before closing",
		Seen:    "a frame behind the first Close frame of the same side",
		Means:   "the receiver discards it: the data is lost",
		Causes:  []string{"the program goes on sending on a socket that is closing", "a queue or a heartbeat timer is not stopped"},
		Fixes:   []Fix{{"browser", "check readyState === WebSocket.OPEN before send"}, {"", "stop timers and queues before close"}},
		Confirm: "the program's log: what it sends after onclose, or after close() was called",
		NotWhen: "the other side sends data that was on its way when the Close came",
		Variants: []Variant{
			{ID: "data", Title: "data follows the sender's own Close"},
			{ID: "control", Severity: Info, Title: "a control frame follows the sender's own Close"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			s := &p.Conn.Sides[f.Dir]
			switch {
			case s.Close == 0:
			case f.Opcode.IsControl():
				p.frame("control", f, "%v behind Close", f.Opcode).In(s.Close)
			default:
				p.frame("data", f, "%v frame of %d bytes behind Close", f.Opcode, f.PayloadLength).In(s.Close)
			}
		},
	},
	{
		ID: "message-too-big", Severity: Error, Clause: "RFC 6455 §7.4.1",
		Title:   "a size limit closed the connection",
		Advice:  "raise the receiver's limit, send smaller messages, or upload over HTTP",
		Seen:    "a Close frame with 1009; or the end by the receiver within a second of a frame that is larger than all before and than a known limit; or at API Gateway a frame of more than 32 KiB",
		Means:   "the receiver does not take messages of this size",
		Causes:  []string{"the default limit of a library: 8 KiB of Tomcat, 16 KiB of uWebSockets, 32 KiB of coder and SignalR, 64 KiB of Jetty, 1 MB of Socket.IO, 1 MiB of Python websockets", "a limit that somebody has set", "a message that grows with time: a history, the whole state"},
		Fixes:   []Fix{{"Node ws", "maxPayload (100 MiB by default)"}, {"Python websockets", "max_size (1 MiB by default)"}, {"gorilla", "SetReadLimit (none by default)"}, {"coder", "SetReadLimit (32 KiB by default)"}, {"Socket.IO", "maxHttpBufferSize (1 MB by default)"}, {"uWebSockets", "maxPayloadLength (16 KiB by default)"}, {"Tomcat, Spring", "setMaxTextMessageBufferSize, setMaxBinaryMessageBufferSize (8 KiB by default)"}},
		Confirm: "send messages of half and of twice the limit",
		NotWhen: "the Close only echoes one of the other side",
		Variants: []Variant{
			{ID: "1009", Title: "the receiver closed with 1009 Message Too Big"},
			{ID: "silent", Title: "the receiver ended the connection at a message larger than all before"},
			{ID: "fragment-limit", Title: "a frame was larger than API Gateway takes, the message was not"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			b, other := f.CloseBody, &p.Conn.Sides[f.Dir.Other()]
			if b == nil || b.Code != frames.MessageTooBig || f.Missing > 0 || other.Close != 0 || p.Conn.Sides[f.Dir].Close != 0 {
				return
			}
			if p.Conn.API == apiGateway && other.largest() > gatewayFrame {
				p.frame("fragment-limit", f, "a frame of %d bytes: %d at most", other.largest(), gatewayFrame).With("largest", other.largest())
				return
			}
			said := ""
			if b.Reason != "" && b.ReasonValid {
				said = fmt.Sprintf("; it says %q", b.Reason)
			}
			p.frame("1009", f, "%d bytes were the largest frame of the other side%s", other.largest(), said).With("largest", other.largest())
		},
		Closed: func(p *Pass, e *session.Closed) {
			if size, by := p.World.tooBig(p.Conn, e.Conn); size != 0 {
				times := p.World.crossed(e.Conn.Server, size)
				p.from(by)
				f := p.Report("silent", "a frame of %d bytes, none before had more than %d, was the last: a limit of %d bytes?%s",
					p.Conn.Sides[by.Other()].Length, p.Conn.Sides[by.Other()].Before, size, p.World.limited(size)).As(Possible).In(p.Conn.Sides[by.Other()].Last, e.Conn.TCP.EndedIn)
				if times > 1 {
					f.As(Likely).With("times", times)
				}
			}
		},
	},
}

const (
	soon         = 5 * time.Second // after the 101
	gatewayFrame = 32 << 10        // Amazon API Gateway: quotas for WebSocket APIs
)

// tooBig gives the limit that the last frame of one side crossed, if the
// other side ended the connection right behind it without a Close frame.
func (w *World) tooBig(c *Conn, of *session.Conn) (limit uint64, by reassembly.Dir) {
	by = of.TCP.EndedBy
	s := &c.Sides[by.Other()]
	if !cutOff(of) || s.Length <= s.Before || s.LastAt != c.LastAt || of.TCP.EndedAt.Sub(s.LastAt) > max(time.Second, 3*of.TCP.RTT) {
		return 0, by
	}
	for i := range w.data.limits {
		size := w.data.limits[i].size
		if s.Before <= size && size < s.Length {
			return size, by
		}
	}
	return 0, by
}

func code(c *session.Close) string {
	if !c.HasCode {
		return "no code"
	}
	return c.Code.String()
}

// afterCode is what to do about a close code.
var afterCode = map[frames.CloseCode]string{
	frames.ProtocolError:   "look at what the other side sent just before: it broke a rule of the frames, or of what is inside",
	frames.UnsupportedData: "send the type of message that the other side takes: text or binary",
	frames.InvalidPayload:  "send text as UTF-8, and whole; the reason, or the log of the side that closed, says which message it was",
	frames.PolicyViolation: "look at the credentials, the Origin and the limits that the side which closed checks",
	1010:                   "let the server agree on the extension, or the client do without it",
	frames.InternalError:   "read the log of the side that closed, at that time: an exception in a handler, or a ping without its pong",
	1012:                   "reconnect after a random time; let the server close a few connections at a time when it restarts",
	1013:                   "reconnect later, and later each time, with a random part; give the server more capacity",
	1014:                   "look at the server behind the gateway, and at the gateway's log",
}

// closeSeverity says how bad a code is that begins the closing handshake; 0
// is not worth a finding.
func closeSeverity(c frames.CloseCode) Severity {
	switch {
	case c == frames.NormalClosure, c == frames.GoingAway, !c.Sendable(), c == frames.MessageTooBig: // the last two have rules of their own
		return 0
	case c == 1012, c == 1013:
		return Warning
	case c >= 3000:
		return Info
	}
	return Error
}

// broken names the rules of framing that d has broken, "" for none.
func (c *Conn) broken(d reassembly.Dir) string {
	var ids []string
	for _, f := range c.found {
		if f.dir != d || f.rule.Layer != Framing {
			continue
		}
		id := f.rule.ID
		if f.variant != nil {
			id += "." + f.variant.ID
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ", ")
}

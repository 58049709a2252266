package diagnose

import (
	"fmt"
	"strings"

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
				p.frame("", f, "Close with code %v and a reason that is not UTF-8", b.Code)
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
			text += ": " + b.Code.Meaning()
			if because := p.Conn.broken(f.Dir.Other()); because != "" {
				text += "; it follows from " + because
			}
			p.frame("", f, "%s", text).At(severity).With("code", int64(b.Code)).With("meaning", b.Code.Meaning())
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
		Seen:    "a Close frame with 1009",
		Means:   "the receiver does not take messages of this size",
		Causes:  []string{"the default limit of a library: 8 KiB to 1 MiB are common"},
		Fixes:   []Fix{{"Node ws", "maxPayload"}, {"Python websockets", "max_size"}, {"gorilla", "SetReadLimit"}, {"coder", "SetReadLimit"}, {"Spring", "setMaxTextMessageBufferSize, setMaxBinaryMessageBufferSize"}},
		NotWhen: "the Close only echoes one of the other side",
		Variants: []Variant{
			{ID: "1009", Title: "the receiver closed with 1009 Message Too Big"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			b, other := f.CloseBody, &p.Conn.Sides[f.Dir.Other()]
			if b == nil || b.Code != frames.MessageTooBig || f.Missing > 0 || other.Close != 0 || p.Conn.Sides[f.Dir].Close != 0 {
				return
			}
			p.frame("1009", f, "%d bytes were the largest frame of the other side", other.Largest).With("largest", other.Largest)
		},
	},
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

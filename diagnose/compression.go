package diagnose

import (
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// compressionRules are about compressed messages (RFC 7692).
var compressionRules = []Rule{
	{
		ID: "rsv1-without-deflate", Severity: Error, Clause: "RFC 7692 §6",
		Title:   "messages are compressed although compression was not agreed",
		Advice:  "turn compression off at the sender, or let Sec-WebSocket-Extensions through the proxy",
		Seen:    "a message with RSV1 and a payload that inflates, and no permessage-deflate in the answer to the handshake",
		Means:   "the receiver fails the connection and says that RSV1 must be clear",
		Causes:  []string{"a proxy took Sec-WebSocket-Extensions out of the answer", "the sender compresses whatever was agreed", "an Apple client that offered compression and overlooks that it was declined"},
		Fixes:   []Fix{{"", "forward Sec-WebSocket-Extensions unchanged in both directions, or in neither"}, {"", "disable permessage-deflate at the sender"}},
		NotWhen: "another extension was agreed that gives RSV1 a meaning of its own, or the answer was not captured",
		Confirm: "compare the handshake on both sides of the proxy",
		Variants: []Variant{
			{
				ID: "safari", Title: "an Apple client compresses although the server has declined it",
				Advice: "update the client's system: its WebSocket overlooks that compression was declined",
			},
		},
		Message: func(p *Pass, m *session.Message) {
			if m.Deflated.Has(frames.Unagreed) && p.Conn.Answer && !p.Conn.Unknown {
				form := ""
				if p.Conn.Apple && m.Dir == reassembly.FromClient {
					form = "safari"
				}
				p.Report(form, "%v message of %d bytes with RSV1 is DEFLATE data", m.Opcode, m.WireLength).In(m.FirstPacket)
			}
		},
	},
	{
		ID: "deflate-broken", Severity: Error, Clause: "RFC 7692 §7.2.2",
		Title:   "compression was agreed and a message does not follow it",
		Advice:  "disable permessage-deflate as a test, or ask for no_context_takeover on both sides",
		Seen:    "a compressed message that does not inflate, or not within what was agreed",
		Means:   "the receiver fails the connection with 1007 or 1002",
		Causes:  []string{"a proxy that cannot pass compressed frames (IIS ARR)", "two senders share one compressor, or a pool hands one to another connection", "a client that gets context takeover wrong"},
		Fixes:   []Fix{{"Node ws", "perMessageDeflate: false"}, {"Python websockets", "compression=None"}, {"uvicorn", "--ws-per-message-deflate false"}},
		Confirm: "turn compression off at one end: the messages come through",
		NotWhen: "the capture lost a message before: then what later ones refer to is not known",
		Variants: []Variant{
			{ID: "inflate-error", Title: "a compressed message does not inflate"},
			{ID: "window", Title: "a compressed message refers back farther than was agreed", Clause: "RFC 7692 §7.1.2"},
			{ID: "context", Title: "a compressed message refers to an earlier one, against no_context_takeover", Clause: "RFC 7692 §7.1.1"},
			{ID: "rsv1-continuation", Title: "RSV1 is set on a continuation", Clause: "RFC 7692 §6.1"},
			{ID: "control", Title: "RSV1 is set on a control frame", Clause: "RFC 7692 §6.1"},
			{ID: "empty", Severity: Warning, Title: "an empty message was compressed to nothing", Clause: "RFC 7692 §7.2.3.6"},
			{ID: "trailer", Severity: Info, Title: "a compressed message still has the four bytes that are to be taken off", Clause: "RFC 7692 §7.2.1"},
			{
				ID: "iis-arr", Title: "a proxy of IIS ended the connection at a compressed frame", Clause: "RFC 7692 §5",
				Advice: "turn compression off at the server behind IIS: Application Request Routing cannot pass it",
			},
		},
		Frame: func(p *Pass, f *session.Frame) {
			switch {
			case !f.RSV1 || !p.Conn.Deflate:
			case f.Opcode.IsControl():
				if !httpText(f) {
					p.frame("control", f, "%v frame with RSV1", f.Opcode)
				}
			case f.Opcode == frames.Continuation:
				p.frame("rsv1-continuation", f, "continuation of %d bytes with RSV1", f.PayloadLength)
			}
		},
		Message: func(p *Pass, m *session.Message) {
			if !m.Compressed || p.Conn.Sides[m.Dir].Lost {
				return
			}
			size := m.WireLength
			switch d := m.Deflated; {
			case d.Has(frames.ContextBroken):
				p.Report("context", "%v message of %d bytes refers %d bytes back, before its own beginning", m.Opcode, size, m.Distance).In(m.FirstPacket)
			case d.Has(frames.WindowExceeded):
				p.Report("window", "%v message of %d bytes refers %d bytes back", m.Opcode, size, m.Distance).In(m.FirstPacket)
			case m.Obstacle == frames.DeflateDamaged:
				p.Report("inflate-error", "%v message of %d bytes breaks off at byte %d", m.Opcode, size, m.BrokenAt).In(m.FirstPacket)
			case d.Has(frames.NoPayload):
				p.Report("empty", "%v message with RSV1 and without payload", m.Opcode).In(m.FirstPacket)
			case d.Has(frames.TrailerKept):
				p.Report("trailer", "%v message of %d bytes ends in 00 00 ff ff", m.Opcode, size).In(m.FirstPacket)
			}
		},
		Closed: func(p *Pass, e *session.Closed) {
			if c := e.Conn; p.Conn.arrGaveUp(c) {
				p.from(c.TCP.EndedBy)
				before := "before any frame"
				if c.Sides[reassembly.FromServer].Frames > 0 {
					before = "behind the server's first messages"
				}
				p.Report("iis-arr", "permessage-deflate was agreed, and the %v closed TCP %s", c.TCP.EndedBy, before).
					As(Likely).In(p.Conn.Answered.Packet, p.Conn.Sides[reassembly.FromServer].Last, c.TCP.EndedIn)
			}
		},
	},
}

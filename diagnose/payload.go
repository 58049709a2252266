package diagnose

import (
	"fmt"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// payloadRules are about what the messages say, whatever protocol they are in.
var payloadRules = []Rule{
	{
		ID: "json-invalid", Severity: Error, Clause: "RFC 8259 §2",
		Title:   "text that is not JSON",
		Advice:  "serialise each message once and whole, errors included, and send one value a message",
		Seen:    "text that stops being JSON at some byte, from an end whose text messages were JSON in four of five cases",
		Means:   "the receiver's parser fails: the message is dropped, or the connection closed with 1007, 1008, 1011 or a code of its own",
		Causes:  []string{"an object that was printed instead of serialised", "JSON put together by hand", "NaN or Infinity of a number", "an error page or a stack trace where JSON is expected", "two values in one message", "a buffer that was sent with bytes behind its end"},
		Fixes:   []Fix{{"", "let a JSON library write every message, and one value in each"}, {"JavaScript", "send JSON.stringify(value), not the value: WebSocket.send makes [object Object] of it"}, {"Python", "json.dumps(value, allow_nan=False) instead of str(value) or repr(value)"}},
		Confirm: "run with --follow and paste the message into a JSON parser",
		NotWhen: "messages that begin with a number (Socket.IO) or end with 0x1E (SignalR) are of those protocols; words such as ping are messages of another kind",
		Message: func(p *Pass, m *session.Message) {
			h := &p.Heard
			if h.FaultAt < 0 {
				return
			}
			s := &p.Conn.talk.sides[m.Dir]
			p.Report("", "%s, at byte %d of %d%s; %d of %d before it were JSON", h.Fault, h.FaultAt, m.Length, around(m, h.FaultAt), s.json, s.texts).
				With("offset", h.FaultAt).With("fault", h.Fault.String()).With("length", m.Length).In(m.FirstPacket)
		},
	},
	{
		ID: "message-split-read", Severity: Error, Clause: "RFC 6455 §5.4",
		Title:   "fragments read as messages",
		Advice:  "join the frames of a message until FIN is set before it is parsed",
		Seen:    "a text message in several frames, and within a second of it an error about JSON or a Close with 1003, 1007, 1011, 4002 or 4400 from its receiver, which took messages in one frame before",
		Means:   "a fragment alone is no JSON: the application fails on messages above the size at which they are cut",
		Causes:  []string{"the library hands over frames and the application does not join them", "a read buffer of a fixed size", "a proxy that cuts messages above 32 or 64 KiB"},
		Fixes:   []Fix{{"Netty", "put a WebSocketFrameAggregator into the pipeline"}, {".NET", "call ReceiveAsync in a loop until EndOfMessage is true"}, {"", "use the library's call for whole messages"}},
		Confirm: "send the same text in one frame: it must work",
		NotWhen: "the receiver also fails on short messages: then it is what they say",
		Message: func(p *Pass, m *session.Message) {
			if p.Heard.Blames {
				p.splitRead("it complains about JSON", m.Time.Sub(p.Conn.talk.sides[m.Dir.Other()].splitAt).Seconds())
			}
		},
		Frame: func(p *Pass, e *session.Frame) {
			if e.Opcode != frames.Close || e.CloseBody == nil || p.Conn.talk == nil || p.Conn.Sides[e.Dir].Close > 0 {
				return
			}
			o := &p.Conn.talk.sides[e.Dir.Other()]
			switch e.CloseBody.Code {
			case frames.UnsupportedData, frames.InvalidPayload, frames.InternalError, 4002, 4400:
				if p.Conn.Sides[e.Dir.Other()].Close == 0 && o.split > 0 && o.whole > 0 && within(o.splitAt, e.Time, blameTime) {
					p.splitRead(fmt.Sprintf("it closes with %d", e.CloseBody.Code), e.Time.Sub(o.splitAt).Seconds())
				}
			}
		},
	},
	{
		ID: "type-mismatch", Severity: Warning, Clause: "RFC 6455 §5.6",
		Title:   "text and binary are mixed up",
		Advice:  "set the type of each message explicitly: text for JSON, binary for bytes",
		Seen:    "JSON in a binary message, MQTT or long base64 in a text message, or JSON now in text and now in binary",
		Means:   "receivers that go by the type fail, or close with 1003; bytes as base64 in text take a third more",
		Causes:  []string{"a library that chooses the type by the type of its argument", "a relay that sends on as binary what it received as text", "bytes put into JSON"},
		Fixes:   []Fix{{"Node ws", "send(data, {binary: false}): from version 8 on received text is a Buffer, which is sent on as binary"}, {"browser", "set binaryType, and send an ArrayBuffer for bytes and a string for text"}, {"", "send large binary values in binary messages, or use MessagePack or CBOR"}},
		Confirm: "-l messages shows the type of each message",
		NotWhen: "a subprotocol has it so: SignalR begins with JSON, whatever follows",
		Variants: []Variant{
			{ID: "mqtt-text", Severity: Error, Title: "MQTT in a text message", Advice: "send MQTT packets in binary messages: the server must close otherwise"},
			{ID: "json-in-binary", Title: "JSON in a binary message"},
			{ID: "flip", Title: "JSON in text and in binary messages"},
			{ID: "base64", Severity: Info, Title: "text that is mostly base64", Advice: "send bytes in a binary message: base64 takes a third more"},
		},
		Message: typeMismatch,
	},
	{
		ID: "duplicate-messages", Severity: Warning, Clause: "RFC 6455 §5.6",
		Title:   "the same message twice",
		Advice:  "send each message once, and let the receiver drop what has an ID that it has seen",
		Seen:    "two equal messages of one end within five seconds that hold an ID, and no answer to the first between them",
		Means:   "the receiver acts twice, unless it looks at the ID",
		Causes:  []string{"a listener that is added anew at each reconnect", "the sender tried again before the answer came", "a broker that delivers at least once"},
		Fixes:   []Fix{{"", "remove listeners when the connection ends, or add them once outside"}, {"", "give each try the same ID and let the receiver drop repetitions"}},
		Confirm: "count the listeners in the client after a reconnect",
		NotWhen: "heartbeats and polls are equal each time; TCP's own repetitions are not counted",
		Message: func(p *Pass, m *session.Message) {
			h := &p.Heard
			if h.Twin == 0 {
				return
			}
			f := p.Report("", "%d bytes, the same as in packet %d", m.Length, h.Twin).With("first", h.Twin).In(h.Twin)
			if h.Said == nil {
				f.As(Likely)
			}
		},
	},
}

// around shows the bytes about one that is wrong. In a message with a secret
// they could be a part of it, which nobody would know without its name.
func around(m *session.Message, at int) string {
	const before, behind = 16, 16
	if namesSecret(m.Data) || at > len(m.Data) {
		return ""
	}
	text := fmt.Sprintf(", about %q", m.Data[max(0, at-before):min(len(m.Data), at+behind)])
	if m.Frames > 1 {
		text += fmt.Sprintf(", in the message as its %d fragments make it", m.Frames)
	}
	return text
}

// splitRead reports that a receiver reads fragments as messages.
func (p *Pass) splitRead(what string, seconds float64) {
	o := &p.Conn.talk.sides[p.Where.Dir.Other()]
	p.Report("", "%s %.3f s after a message in %d frames; %d in one frame were taken", what, seconds, o.splitFrames, o.whole).
		As(Likely).With("frames", o.splitFrames).In(o.split)
}

// typeMismatch looks for messages of the wrong type.
func typeMismatch(p *Pass, m *session.Message) {
	h := &p.Heard
	t := p.Conn.talk
	if t == nil {
		return
	}
	s := &t.sides[m.Dir]
	const several = 3
	switch text := m.Opcode == frames.Text; {
	case text && t.reader.Binary():
		p.Report("mqtt-text", "%d bytes of text, where %s was agreed", m.Length, t.reader.Negotiated())
	case !text && h.JSON && s.json >= several:
		p.Report("flip", "binary of %d bytes, after %d in text", m.Length, s.json).With("before", s.json)
	case text && h.JSON && s.binaryJSON >= several:
		p.Report("flip", "text of %d bytes, after %d in binary", m.Length, s.binaryJSON).With("before", s.binaryJSON)
	case !text && h.JSON && s.binaryJSON == 0:
		p.Report("json-in-binary", "%d bytes", m.Length)
	case h.Base64 > 0:
		p.Report("base64", "%d of the first %d bytes", h.Base64, len(h.message.Data)).With("length", m.Length)
	}
}

package report

import (
	"bufio"
	"io"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// A jsonSink writes events as JSON objects: one a line, or as one array. The
// members are those of events.schema.json, in that order.
type jsonSink struct {
	out    *bufio.Writer
	opts   Options
	list   List
	array  bool
	wrote  bool
	secret redactor
	object
	codes codeTally
	finds findTally
	shape shape
}

func newNDJSON(w io.Writer, o *Options) Sink { return newJSONSink(w, o, false) }

func newJSON(w io.Writer, o *Options) Sink { return newJSONSink(w, o, true) }

func newJSONSink(w io.Writer, o *Options, array bool) *jsonSink {
	const buffer = 64 << 10
	s := &jsonSink{out: bufio.NewWriterSize(w, buffer), opts: *o, list: o.List, array: array, secret: newRedactor(o)}
	if s.list == Default {
		s.list = Frames
	}
	return s
}

// Observe writes the event if the list has its kind.
func (s *jsonSink) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Frame:
		if s.wants(Frames, &e.Where) {
			s.frame(e)
			s.write()
		}
	case *session.Message:
		s.shape.lengths[e.Dir].add(e)
		if s.wants(Messages, &e.Where) {
			s.message(e)
			s.write()
		}
	case *session.Lost:
		if s.wants(Messages, &e.Where) {
			s.lost(e)
			s.write()
		}
	case *session.Handshake:
		s.shape.open.begin(e.Conn)
		if s.wants(Connections, &e.Where) {
			s.handshake(e)
			s.write()
		}
	case *session.Sealed:
		s.finds.closed(e.Conn)
		if s.wants(Connections, &e.Where) {
			s.sealed(e)
			s.write()
		}
	case *session.Ordinary:
		s.finds.closed(e.Conn)
	case *session.Closed:
		s.codes.add(&e.Conn.Facts)
		found := s.finds.closed(e.Conn)
		s.shape.closed(e)
		if s.wants(Connections, &e.Where) {
			s.connection(e, found)
			s.write()
		}
	}
}

func (s *jsonSink) wants(list List, w *session.Where) bool {
	return s.list >= list && (s.opts.Follow == 0 || s.opts.Follow == w.Conn.ID)
}

// write ends the object in the buffer and passes it on.
func (s *jsonSink) write() {
	s.b = append(s.b, '}')
	switch {
	case !s.array:
		s.b = append(s.b, '\n')
	case s.wrote:
		s.out.WriteString(",\n")
	default:
		s.out.WriteString("[\n")
	}
	s.wrote = true
	s.out.Write(s.b) // its error stays with the writer, for Finish
	if s.opts.Live {
		s.out.Flush()
	}
}

// Finish writes the summary.
func (s *jsonSink) Finish(sum *Summary) error {
	s.summary(sum)
	s.write()
	if s.array {
		s.out.WriteString("\n]\n")
	}
	return s.out.Flush()
}

// open begins an event's object.
func (s *jsonSink) open(kind string, w *session.Where) {
	s.b = append(s.b[:0], `{"type":"`...)
	s.b = append(s.b, kind...)
	s.b = append(s.b, '"')
	s.time("time", w.Time)
	if w.Packet > 0 {
		s.int("packet", w.Packet)
	}
	s.int("connection", w.Conn.ID)
}

// lost tells of bytes that no frame or message has.
func (s *jsonSink) lost(e *session.Lost) {
	s.open("lost", &e.Where)
	s.word("direction", e.Dir.String())
	s.int("offset", e.Offset)
	s.int("length", e.Length)
	s.string("reason", e.Reason)
}

func (s *jsonSink) frame(e *session.Frame) {
	s.open("frame", &e.Where)
	s.word("direction", e.Dir.String())
	s.int("opcode", int64(e.Opcode))
	s.word("name", e.Opcode.String())
	s.bool("fin", e.FIN)
	s.int("rsv", int64(e.RSV()))
	s.bool("masked", e.Masked)
	if e.Masked {
		s.key("mask_key")
		s.b = append(s.b, '"')
		for _, c := range e.MaskingKey {
			s.b = append(s.b, hexDigits[c>>4], hexDigits[c&0xf])
		}
		s.b = append(s.b, '"')
	}
	s.uint("length", e.PayloadLength)
	s.int("header_length", int64(e.Len()))
	s.uint("missing", e.Missing)
	if e.Opcode.IsControl() {
		s.control(e)
	}
}

// control writes what a control frame says. The payload of a Close frame
// holds its reason: what is masked in one is masked in the other.
func (s *jsonSink) control(e *session.Frame) {
	payload := e.Payload
	reason := ""
	if e.CloseBody != nil && e.CloseBody.HasCode {
		reason = s.secret.string(e.CloseBody.Reason)
		if reason != e.CloseBody.Reason && len(payload) >= 2 {
			payload = append(append([]byte(nil), payload[:2]...), reason...)
		}
	} else {
		payload = s.secret.text(payload, e.Missing > 0)
	}
	if s.opts.payload() >= 0 {
		s.base64("payload_base64", payload)
	}
	if e.CloseBody != nil && e.CloseBody.HasCode {
		s.int("code", int64(e.CloseBody.Code))
		s.string("reason", reason)
	}
}

func (s *jsonSink) message(e *session.Message) {
	m := e.Message
	s.open("message", &e.Where)
	s.word("direction", e.Dir.String())
	s.word("kind", m.Opcode.String())
	s.int("frames", int64(m.Frames))
	s.bool("compressed", m.Compressed)
	s.uint("wire_length", m.WireLength)
	if m.Inflated || !m.Compressed {
		s.uint("length", m.Length)
	}
	if e.UndecodableSince > 0 {
		s.word("not_inflated", m.Obstacle.String())
		s.int("undecodable_since", e.UndecodableSince)
	}
	text := m.Opcode == frames.Text
	if text && (m.ValidUTF8 || m.InvalidAt >= 0) {
		s.bool("utf8_valid", m.ValidUTF8)
		if m.InvalidAt >= 0 {
			s.int("utf8_invalid_at", m.InvalidAt)
			s.word("utf8_fault", m.Fault.String())
		}
	}
	s.bool("complete", m.Complete)
	if limit := s.opts.payload(); limit >= 0 {
		data, cut := excerpt(m, limit)
		data = s.secret.message(e, data, cut)
		if text && m.ValidUTF8 {
			s.key("text")
			s.b = appendString(s.b, data)
		} else {
			s.base64("payload_base64", data)
		}
		s.bool("truncated", cut)
	}
	if e.FirstPacket > 0 {
		s.int("first_packet", e.FirstPacket)
	}
	if s.opts.payload() >= 0 {
		s.meaning(e)
	}
}

package report

import (
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// said is what a message means: in the protocol inside the WebSocket or, where
// none is known, by its form. It is nil where neither is.
func said(e *session.Message, form *subprotocol.Info) *subprotocol.Info {
	if in := diagnose.Said(e); in != nil {
		return in
	}
	m := subprotocol.Message{
		Data: e.Data[:min(len(e.Data), diagnose.Looked)], Length: e.Length,
		Text: e.Opcode == frames.Text, FromClient: e.Dir == 0,
	}
	m.Whole = e.Complete && uint64(len(m.Data)) == e.Length
	if subprotocol.Sniff(&m, form) {
		return form
	}
	return nil
}

// meaning is what a message means in a line, its secrets masked, "" where
// that is not known or where text speaks for itself.
func (r *redactor) meaning(e *session.Message) string {
	var form subprotocol.Info
	in := said(e, &form)
	if in == nil || in == &form && e.Opcode == frames.Text {
		return ""
	}
	return string(appendClean(nil, r.text(in.Append(nil), in.Cut)))
}

// meaning writes what a message means.
func (s *jsonSink) meaning(e *session.Message) {
	var form subprotocol.Info
	in := said(e, &form)
	if in == nil {
		return
	}
	s.begin("subprotocol_info", '{')
	s.word("protocol", in.Protocol)
	if in.Over != "" {
		s.word("over", in.Over)
	}
	s.word("type", in.Type)
	if in != &form {
		s.word("kind", in.Kind.String())
	}
	for _, part := range [...]struct {
		name string
		text []byte
	}{{"name", in.Name}, {"id", in.ID}, {"code", in.Code}, {"text", in.Text}} {
		if len(part.text) > 0 {
			s.key(part.name)
			s.b = appendString(s.b, s.secret.text(part.text, in.Cut))
		}
	}
	if in.Means != "" {
		s.word("means", in.Means)
	}
	if in.More > 0 {
		s.int("more", int64(in.More))
	}
	if in.Cut {
		s.bool("cut", true)
	}
	s.end('}')
}

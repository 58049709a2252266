package report

import (
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
)

// Finding writes what is wrong if the list has it.
func (s *jsonSink) Finding(f *diagnose.Finding) {
	s.finds.add(f)
	if s.wants(Findings, &f.Where) {
		s.finding(f)
		s.write()
	}
}

func (s *jsonSink) finding(f *diagnose.Finding) {
	s.open("finding", &f.Where)
	s.word("rule", f.Rule.ID)
	if f.Variant != nil {
		s.word("variant", f.Variant.ID)
	}
	s.word("severity", f.Severity.String())
	s.word("certainty", f.Certainty.String())
	s.word("direction", f.Dir.String())
	s.string("title", f.Title())
	s.string("message", s.secret.string(f.Message))
	s.known("reference", strings.ReplaceAll(f.Clause(), "§", ""))
	s.known("advice", f.Advice())
	s.known("zeek_name", f.Zeek())
	s.begin("evidence", '{')
	for i := range f.Evidence {
		s.fact(&f.Evidence[i])
	}
	s.end('}')
	if len(f.Related) > 0 {
		s.begin("related_packets", '[')
		for _, n := range f.Related {
			s.comma()
			s.b = strconv.AppendInt(s.b, n, 10)
		}
		s.end(']')
	}
}

// fact writes a piece of evidence.
func (s *jsonSink) fact(f *diagnose.Fact) {
	switch v := f.Value.(type) {
	case string:
		s.string(f.Name, s.secret.field(f.Name, v))
	case []string:
		s.begin(f.Name, '[')
		for _, text := range v {
			s.comma()
			s.b = appendString(s.b, s.secret.field(f.Name, text))
		}
		s.end(']')
	case int64:
		s.int(f.Name, v)
	case bool:
		s.bool(f.Name, v)
	case float64:
		s.key(f.Name)
		s.b = strconv.AppendFloat(s.b, v, 'f', -1, 64)
	}
}

// findings writes how often each rule was broken.
func (s *jsonSink) findings(counts map[string]int64) {
	s.begin("findings", '[')
	for _, k := range s.finds.sorted() {
		s.comma()
		s.b = append(s.b, '{')
		s.word("rule", k.first.Rule.ID)
		if v := k.first.Variant; v != nil {
			s.word("variant", v.ID)
		}
		s.word("severity", k.severity.String())
		s.int("count", max(k.count, counts[k.id]))
		s.int("connections", k.conns.n)
		s.int("first_packet", k.first.Packet)
		if n, took := k.attempts(); n > 0 {
			s.int("attempts", n)
			s.int("span_ms", took.Milliseconds())
		}
		s.end('}')
	}
	s.end(']')
}

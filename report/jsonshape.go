package report

import (
	"strconv"

	"github.com/wssniff/wssniff/reassembly"
)

// shaped writes how messages, silences and connections are distributed.
func (s *jsonSink) shaped() {
	s.silences(&s.shape.quiet)
	s.openCurve(&s.shape.open)
	s.messageSizes()
}

func (s *jsonSink) silences(t *quietTally) {
	if t.count == 0 {
		return
	}
	s.begin("silence_before_end", '[')
	for i := range t.rows {
		r := &t.rows[i]
		if r.by == [2]int64{} {
			continue
		}
		s.comma()
		s.b = append(s.b, '{')
		s.int("from_s", int64(quietRows[i]))
		if i+1 < len(quietRows) {
			s.int("to_s", int64(quietRows[i+1]))
		}
		s.ms("shortest_ms", r.shortest)
		s.ms("longest_ms", r.worst)
		s.int("by_client", r.by[reassembly.FromClient])
		s.int("by_server", r.by[reassembly.FromServer])
		if len(r.like) > 0 {
			s.strings("timers", r.like)
		}
		s.b = append(s.b, '}')
	}
	s.end(']')
	if every := t.every(); every > 0 {
		s.ms("ping_every_ms", every)
	}
}

func (s *jsonSink) openCurve(t *openTally) {
	if t.most < manyOpen {
		return
	}
	s.begin("open_at", '{')
	s.time("start", t.from)
	s.ms("step_ms", t.step)
	s.begin("open", '[')
	for _, n := range t.open[:t.moments()] {
		s.comma()
		s.b = strconv.AppendInt(s.b, int64(n), 10)
	}
	s.end(']')
	s.end('}')
}

func (s *jsonSink) messageSizes() {
	for d, name := range [...]string{"message_sizes_client", "message_sizes_server"} {
		t := &s.shape.lengths[d]
		if t.count < manyLengths {
			continue
		}
		s.begin(name, '{')
		s.int("count", t.count)
		s.uint("median", t.percentile(50))
		s.uint("p90", t.percentile(90))
		s.uint("p99", t.percentile(99))
		s.uint("max", t.max)
		if n := t.json.Bytes; n > 0 {
			s.ratio("repeated_keys", float64(t.json.Keys)/float64(n))
			s.ratio("base64", float64(t.json.Base64)/float64(n))
		}
		s.end('}')
	}
}

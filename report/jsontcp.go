package report

import (
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

var endNames = [...]string{reassembly.NotEnded: "none", reassembly.FIN: "fin", reassembly.RST: "rst"}

// tcpCounts has a row for each count that is written only if there is
// something to count, of both sides together.
var tcpCounts = []struct {
	name string
	of   func(c *reassembly.Counts) int64
}{
	{"spurious_retransmissions", func(c *reassembly.Counts) int64 { return c.Spurious }},
	{"duplicate_packets", func(c *reassembly.Counts) int64 { return c.Duplicates }},
	{"duplicate_acks", func(c *reassembly.Counts) int64 { return c.DuplicateACKs }},
	{"keep_alives", func(c *reassembly.Counts) int64 { return c.KeepAlives }},
	{"keep_alive_acks", func(c *reassembly.Counts) int64 { return c.KeepAliveACKs }},
	{"window_updates", func(c *reassembly.Counts) int64 { return c.WindowUpdates }},
	{"window_probes", func(c *reassembly.Counts) int64 { return c.WindowProbes }},
	{"discarded_segments", func(c *reassembly.Counts) int64 { return c.Discarded }},
	{"stale_resets", func(c *reassembly.Counts) int64 { return c.StaleResets }},
	{"old_timestamps", func(c *reassembly.Counts) int64 { return c.OldTimestamps }},
	{"limits_exceeded", func(c *reassembly.Counts) int64 { return c.LimitsExceeded }},
	{"half_closed_bytes", func(c *reassembly.Counts) int64 { return c.HalfClosed }},
	{"conflicting_bytes", func(c *reassembly.Counts) int64 { return c.ConflictingBytes }},
}

// tcpTraits has a row for each thing that is written only if it is so.
var tcpTraits = []struct {
	name  string
	trait reassembly.Traits
}{
	{"simultaneous_open", reassembly.SimultaneousOpen},
	{"simultaneous_close", reassembly.SimultaneousClose},
	{"fast_open", reassembly.FastOpen},
	{"fast_open_refused", reassembly.FastOpenRefused},
}

// tcp writes what is known of the TCP connection.
func (s *jsonSink) tcp(c *session.Conn) {
	f, stream := &c.Facts, c.Segments()
	counts := [2]reassembly.Counts{stream.Counts(reassembly.FromClient), stream.Counts(reassembly.FromServer)}
	sum := counts[0]
	sum.Add(&counts[1])
	s.begin("tcp", '{')
	if f.TCP.RTT > 0 {
		s.ms("rtt_ms", f.TCP.RTT)
	}
	s.dataRTT(stream)
	s.int("retransmitted_segments", sum.Retransmitted)
	s.int("out_of_order_segments", sum.OutOfOrder)
	s.int("duplicate_bytes", sum.DuplicateBytes)
	s.int("lost_bytes", f.Sides[0].LostBytes+f.Sides[1].LostBytes)
	s.int("unfollowed_bytes", f.Sides[0].UnfollowedBytes+f.Sides[1].UnfollowedBytes)
	for i := range tcpCounts {
		if n := tcpCounts[i].of(&sum); n > 0 {
			s.int(tcpCounts[i].name, n)
		}
	}
	s.conflicts(stream)
	s.zeroWindow(&counts)
	for _, row := range tcpTraits {
		if stream.Traits().Has(row.trait) {
			s.bool(row.name, true)
		}
	}
	s.word("end", endNames[f.TCP.End])
	if f.TCP.End != reassembly.NotEnded && !f.OneSided {
		s.word("ended_by", f.TCP.EndedBy.String())
	}
	s.end('}')
}

// dataRTT writes the round-trip times of data, by who sent it.
func (s *jsonSink) dataRTT(stream *reassembly.Stream) {
	times := [2]reassembly.RTT{stream.RTT(reassembly.FromClient), stream.RTT(reassembly.FromServer)}
	if times[0].Min+times[1].Min == 0 {
		return
	}
	s.begin("data_rtt_ms", '{')
	for d, rtt := range times {
		if rtt.Min > 0 {
			s.begin(reassembly.Dir(d).String(), '{')
			s.ms("min", rtt.Min)
			s.ms("smoothed", rtt.Smoothed)
			s.end('}')
		}
	}
	s.end('}')
}

func (s *jsonSink) conflicts(stream *reassembly.Stream) {
	lists := [2][]reassembly.Conflict{stream.Conflicts(reassembly.FromClient), stream.Conflicts(reassembly.FromServer)}
	if len(lists[0])+len(lists[1]) == 0 {
		return
	}
	s.begin("conflicts", '[')
	for d, list := range lists {
		for _, c := range list {
			s.comma()
			s.b = append(s.b, '{')
			s.word("direction", reassembly.Dir(d).String())
			s.int("packet", c.First)
			s.int("second_packet", c.Second)
			s.int("offset", c.Offset)
			s.int("length", c.Length)
			s.end('}')
		}
	}
	s.end(']')
}

// zeroWindow writes how often and how long the windows were closed, and whose.
func (s *jsonSink) zeroWindow(counts *[2]reassembly.Counts) {
	if counts[0].ZeroWindows+counts[1].ZeroWindows == 0 {
		return
	}
	s.begin("zero_windows", '{')
	for d := range counts {
		if c := &counts[d]; c.ZeroWindows > 0 {
			s.begin(reassembly.Dir(d).String(), '{')
			s.int("count", c.ZeroWindows)
			s.ms("ms", c.ZeroWindow)
			s.end('}')
		}
	}
	s.end('}')
	s.ms("zero_window_ms", counts[0].ZeroWindow+counts[1].ZeroWindow)
}

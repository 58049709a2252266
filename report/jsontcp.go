package report

import (
	"time"

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
func (s *jsonSink) tcp(f *session.Facts) {
	a, b := &f.Sides[0], &f.Sides[1]
	s.begin("tcp", '{')
	if f.TCP.RTT > 0 {
		s.ms("rtt_ms", f.TCP.RTT)
	}
	s.dataRTT(f)
	s.int("retransmitted_segments", a.Retransmitted+b.Retransmitted)
	s.int("out_of_order_segments", a.OutOfOrder+b.OutOfOrder)
	s.int("duplicate_bytes", a.DuplicateBytes+b.DuplicateBytes)
	s.int("lost_bytes", a.LostBytes+b.LostBytes)
	s.int("unfollowed_bytes", a.UnfollowedBytes+b.UnfollowedBytes)
	for i := range tcpCounts {
		if n := tcpCounts[i].of(&a.Counts) + tcpCounts[i].of(&b.Counts); n > 0 {
			s.int(tcpCounts[i].name, n)
		}
	}
	s.conflicts(f)
	s.zeroWindow(f)
	for _, row := range tcpTraits {
		if f.TCP.Traits.Has(row.trait) {
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
func (s *jsonSink) dataRTT(f *session.Facts) {
	if f.TCP.DataRTT[0].Min+f.TCP.DataRTT[1].Min == 0 {
		return
	}
	s.begin("data_rtt_ms", '{')
	for d, rtt := range f.TCP.DataRTT {
		if rtt.Min > 0 {
			s.begin(reassembly.Dir(d).String(), '{')
			s.ms("min", rtt.Min)
			s.ms("smoothed", rtt.Smoothed)
			s.end('}')
		}
	}
	s.end('}')
}

func (s *jsonSink) conflicts(f *session.Facts) {
	if len(f.TCP.Conflicts[0])+len(f.TCP.Conflicts[1]) == 0 {
		return
	}
	s.begin("conflicts", '[')
	for d, list := range f.TCP.Conflicts {
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
func (s *jsonSink) zeroWindow(f *session.Facts) {
	a, b := &f.Sides[0], &f.Sides[1]
	if a.ZeroWindows+b.ZeroWindows == 0 {
		return
	}
	var total time.Duration
	s.begin("zero_windows", '{')
	for d := range f.Sides {
		if c := &f.Sides[d].Counts; c.ZeroWindows > 0 {
			s.begin(reassembly.Dir(d).String(), '{')
			s.int("count", c.ZeroWindows)
			s.ms("ms", c.ZeroWindow)
			s.end('}')
			total += c.ZeroWindow
		}
	}
	s.end('}')
	s.ms("zero_window_ms", total)
}

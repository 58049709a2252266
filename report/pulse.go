package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// pulse writes how much was said and how often, what the heartbeats did, and
// how long answers took.
func (f *follower) pulse(c *session.Conn) {
	if !opened(&c.Facts) {
		return
	}
	line := func(text string) {
		f.out.WriteString("  " + fold(text, f.opts.width()-2, "    ") + "\n")
	}
	if text := f.rates(c); text != "" {
		line(text)
	}
	for _, p := range diagnose.PulsesOf(c) {
		line(beating(&p))
	}
	if r, of := diagnose.RepliesOf(c); r.Count > 0 {
		text := "answers: to " + plural(r.Count, "request") + " of " + of + " in " + span(r.Min)
		if r.Count > 1 {
			text += " to " + span(r.Max) + ", on average " + span(r.Sum/time.Duration(r.Count)) + ", the slowest in packet " + count(r.Slowest)
		}
		line(text)
	}
}

// rates says how many messages were sent, how large they are and how often they came.
func (f *follower) rates(c *session.Conn) string {
	var parts []string
	for d, s := range c.Sides {
		if s.Messages == 0 {
			continue
		}
		text := reassembly.Dir(d).String() + " " + count(s.Messages) + " of " + size(s.PayloadBytes/s.Messages) + " on average"
		if open := c.End.Sub(f.answered); f.answered > 0 && c.End != capture.NoTime && open >= time.Second {
			text += ", " + strconv.FormatFloat(float64(s.Messages)/open.Seconds(), 'g', 2, 64) + " a second"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return "messages: " + strings.Join(parts, "; ")
}

// beating is a heartbeat in words.
func beating(p *diagnose.Pulse) string {
	what := "ping"
	if p.Kind != "ping" {
		what = p.Kind + " heartbeat"
	}
	text := "heartbeat: " + plural(p.Sent, what) + " of the " + p.By.String()
	if p.Period > 0 {
		text += ", every " + span(p.Period)
		if p.Jitter > 0 {
			text += " ± " + span(p.Jitter)
		}
	}
	if p.Slowest > 0 {
		text += ", answered in " + span(p.Fastest)
		if p.Slowest > p.Fastest {
			text += " to " + span(p.Slowest)
		}
	}
	if p.Unanswered > 0 {
		text += ", no answer since packet " + count(p.Missed)
	}
	switch {
	case p.Unsolicited == 1:
		text += "; 1 pong of the " + p.By.Other().String() + " answers none"
	case p.Unsolicited > 1:
		text += "; " + count(p.Unsolicited) + " pongs of the " + p.By.Other().String() + " answer none"
	}
	return text
}

// pulses writes the heartbeats, and how long answers took.
func (s *jsonSink) pulses(c *session.Conn) {
	if p := &c.PingRTT; p.Count > 0 {
		s.begin("ping_rtt_ms", '{')
		s.ms("min", p.Min)
		s.ms("median", p.Median())
		s.ms("max", p.Max)
		s.int("count", p.Count)
		s.end('}')
	}
	if all := diagnose.PulsesOf(c); len(all) > 0 {
		s.begin("heartbeats", '[')
		for _, p := range all {
			s.comma()
			s.b = append(s.b, '{')
			s.word("kind", p.Kind)
			s.word("by", p.By.String())
			s.int("sent", p.Sent)
			if p.Period > 0 {
				s.ms("period_ms", p.Period)
				s.ms("jitter_ms", p.Jitter)
			}
			if p.Slowest > 0 {
				s.ms("fastest_ms", p.Fastest)
				s.ms("slowest_ms", p.Slowest)
			}
			if p.Pongs {
				s.int("unanswered", p.Unanswered)
			}
			if p.Missed > 0 {
				s.int("unanswered_packet", p.Missed)
			}
			if p.Unsolicited > 0 {
				s.int("unsolicited", p.Unsolicited)
			}
			s.end('}')
		}
		s.end(']')
	}
	if r, of := diagnose.RepliesOf(c); r.Count > 0 {
		s.begin("replies_ms", '{')
		s.word("protocol", of)
		s.ms("min", r.Min)
		s.ms("mean", r.Sum/time.Duration(r.Count))
		s.ms("max", r.Max)
		s.int("count", r.Count)
		s.int("slowest_packet", r.Slowest)
		s.end('}')
	}
}

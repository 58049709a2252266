package diagnose

import (
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What makes a flood of fragments: receivers are known to give up there.
const (
	manyFragments = 1000
	manyEmpty     = 10
	fewBytes      = 64   // in a fragment, on average
	longMessage   = 4096 // bytes
)

// fragmentRules are about the frames of a message (RFC 6455 §5.4).
var fragmentRules = []Rule{
	{
		ID: "fragment-sequence-broken", Severity: Error, Clause: "RFC 6455 §5.4",
		Title:   "fragments come in the wrong order",
		Advice:  "write one message at a time, and finish one that was begun",
		Seen:    "a continuation with no message to continue, a new message inside an open one, or a message never finished",
		Means:   mustFail1002,
		Causes:  []string{"two senders write at the same time", "a proxy or library that drops empty fragments", "a stream of fragments that was given up in the middle"},
		Fixes:   []Fix{{"", oneWriter}, {"", "finish or close after a stream that was given up; send whole messages where you can"}},
		Confirm: "let one place of the program send: if it is gone, two were writing",
		NotWhen: "control frames stand between fragments: they may",
		Variants: []Variant{
			{ID: "nothing-to-continue", Title: "a continuation has no message to continue"},
			{ID: "nested", Title: "a message begins inside another one"},
			{ID: "never-finished", Title: "a message was begun and never finished"},
			{ID: "flood", Severity: Warning, Title: "a message comes in very many fragments, or in empty ones"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			s := &p.Conn.Sides[f.Dir]
			if f.Opcode.IsControl() || f.Opcode.IsReserved() {
				return
			}
			switch begins := f.Opcode != frames.Continuation; {
			case !begins && s.Fragments == 0 && p.Conn.Opened && !s.Lost:
				p.frame("nothing-to-continue", f, "continuation of %d bytes with no message open", f.PayloadLength)
			case begins && s.Fragments > 0 && !s.Lost:
				p.frame("nested", f, "%v frame after %d fragments of a %v message", f.Opcode, s.Fragments, s.Opcode)
			case s.Fragments == manyFragments:
				p.frame("flood", f, "more than %d fragments", manyFragments)
			case !begins && f.FIN && s.Bytes+f.PayloadLength > longMessage && s.Bytes+f.PayloadLength < fewBytes*uint64(s.Fragments+1):
				p.frame("flood", f, "%d bytes in %d fragments", s.Bytes+f.PayloadLength, s.Fragments+1)
			case s.Empty == manyEmpty && f.PayloadLength == 0 && !f.FIN:
				p.frame("flood", f, "more than %d empty fragments in a row", manyEmpty)
			}
		},
		Closed: func(p *Pass, e *session.Closed) {
			for d := range p.Conn.Sides {
				s := &p.Conn.Sides[d]
				if s.Fragments > 0 && s.Cut == nil && whole(e.Conn, reassembly.Dir(d)) {
					p.from(reassembly.Dir(d))
					p.Report("never-finished", "%d fragments of a %v message with %d bytes in %v, and then the end", s.Fragments, s.Opcode, s.Bytes, e.Conn.End.Sub(s.BegunAt).Round(time.Millisecond)).In(s.Begun)
				}
			}
		},
	},
	{
		ID: "frame-cut-by-close", Severity: Error, Clause: "RFC 6455 §7.1.7",
		Title:   "the connection ended inside a frame",
		Advice:  "look at why it was closed: a limit, a timeout of a slow upload, a crash",
		Seen:    "fewer bytes than the frame's payload length says when TCP ended, and none that the capture lost",
		Means:   "the message is lost; the receiver's API reports 1006",
		Causes:  []string{"the sender crashed or was closed", "the receiver has a size limit and closed at once", "a proxy's timeout during a slow upload", "a RST threw away what was on its way"},
		Fixes:   []Fix{{"nginx", "proxy_send_timeout, longer for slow links"}, {"", "send large messages in fragments, and mend what closes the connection"}},
		Confirm: "the log of the side that closed; the same message over a link that is fast",
		NotWhen: "the capture itself ends there",
		Variants: []Variant{
			{ID: "at-size", Title: "a frame was cut off at nearly the same size as another one before"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			for d := range p.Conn.Sides {
				s := &p.Conn.Sides[d]
				if s.Cut == nil || !whole(e.Conn, reassembly.Dir(d)) {
					continue
				}
				p.from(reassembly.Dir(d))
				got := s.Cut.length - s.Cut.missing
				form := ""
				if before, known := p.World.cutBefore(e.Conn.Server, got); known && near(got, before) {
					form = "at-size"
				}
				p.Report(form, "%d of %d bytes of a %v frame (%d %%)", got, s.Cut.length, s.Cut.opcode, percent(got, s.Cut.length)).In(s.Cut.packet)
			}
		},
	},
}

// near says whether two frames were cut off at nearly the same size, which is
// one that limits have.
func near(a, b uint64) bool { return min(a, b) >= 1<<10 && max(a, b)-min(a, b) <= max(a, b)/20 }

func percent[N uint32 | uint64](part, all N) int { return int(float64(part) / float64(all) * 100) }

// whole tells that TCP has ended and the capture holds all that d sent.
func whole(c *session.Conn, d reassembly.Dir) bool {
	s := &c.Sides[d]
	return c.TCP.End != reassembly.NotEnded && s.LostBytes == 0 && s.UnfollowedBytes == 0 && !c.OneSided
}

// from makes d the one who did what is reported next.
func (p *Pass) from(d reassembly.Dir) { p.Where.Dir = d }

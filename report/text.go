package report

import (
	"bufio"
	"io"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// A textSink writes what people read: lines as things happen, and at the end
// what was read, what happened in all, and tables.
type textSink struct {
	out    *bufio.Writer
	opts   Options
	list   List
	st     style
	lines  liner
	follow *follower // nil without Options.Follow

	conns  connTally
	failed failTally
	fleet  fleetTally
	codes  codeTally
	finds  findTally
	times  timeTally
	sizes  sizeTally
	sealed sealedTally
	shape  shape
	other  otherTally
}

func newText(w io.Writer, o *Options) Sink {
	s := &textSink{out: bufio.NewWriter(w), opts: *o, list: o.List, st: style{o.Color}}
	s.lines = liner{out: s.out, width: o.width(), payload: o.payload(), st: s.st, secret: newRedactor(o)}
	s.conns.keep, s.conns.latest = o.Keep, o.Live
	if s.list == Default {
		s.list = None
		if o.Live {
			s.list = Messages
		}
	}
	if o.Follow != 0 {
		s.follow = newFollower(s.out, o)
	}
	s.conns.secret, s.failed.secret, s.finds.secret, s.fleet.secret = newRedactor(o), newRedactor(o), newRedactor(o), newRedactor(o)
	return s
}

// Observe counts the event and writes its line if the list has it.
func (s *textSink) Observe(e session.Event) {
	if s.follow != nil {
		s.follow.observe(e)
		s.flush()
		return
	}
	switch e := e.(type) {
	case *session.Opened:
		if s.list >= Connections {
			s.lines.joined(e)
		}
	case *session.Handshake:
		s.shape.open.begin(e.Conn)
		s.failed.add(e)
		s.times.handshake(e)
		if s.list >= Connections {
			s.lines.handshake(e)
		}
	case *session.Frame:
		if s.list >= Messages {
			s.lines.frame(e, s.list)
		}
	case *session.Message:
		s.sizes.add(e)
		s.shape.lengths[e.Dir].add(e)
		if s.list >= Messages {
			s.lines.message(e)
		}
	case *session.Lost:
		if s.list >= Messages {
			s.lines.lost(e)
		}
	case *session.Sealed:
		s.sealed.add(&e.Conn.Facts, s.finds.named(e.Conn.ID, s.finds.closed(e.Conn)))
	case *session.Ordinary:
		if s.finds.named(e.Conn.ID, s.finds.closed(e.Conn)) {
			s.other.add(e.Conn)
		}
	case *session.Closed:
		s.conns.add(e.Conn, s.finds.named(e.Conn.ID, s.finds.closed(e.Conn)))
		s.fleet.closed(e.Conn)
		s.failed.closed(&e.Conn.Facts)
		s.codes.add(&e.Conn.Facts)
		s.times.closed(&e.Conn.Facts)
		s.shape.closed(e)
		if s.list >= Connections {
			s.lines.closed(e)
		}
	}
	s.flush()
}

// ObserveWhole is Observe of a frame and then of the message in it.
func (s *textSink) ObserveWhole(f *session.Frame, m *session.Message) {
	if s.follow != nil || s.list >= Messages {
		s.Observe(f)
		s.Observe(m)
		return
	}
	s.sizes.add(m)
	s.shape.lengths[m.Dir].add(m)
	s.flush()
}

// Finding counts what is wrong and writes its line if the list has it.
func (s *textSink) Finding(f *diagnose.Finding) {
	if s.follow != nil {
		s.follow.finding(f)
		s.flush()
		return
	}
	s.finds.add(f)
	if s.list >= Findings {
		s.lines.finding(f)
	}
	s.flush()
}

func (s *textSink) flush() {
	if s.opts.Live {
		s.out.Flush() // its error stays with the writer, for Finish
	}
}

// SoFar implements Snapshot: the tables, of connections that have ended.
func (s *textSink) SoFar(w io.Writer, sum *Summary) error {
	out, follow := s.out, s.follow
	defer func() { s.out, s.follow = out, follow }()
	s.out, s.follow = bufio.NewWriter(w), nil
	return s.Finish(sum)
}

// Finish writes the summary.
func (s *textSink) Finish(sum *Summary) error {
	if s.follow != nil {
		s.follow.finish(sum)
		return s.out.Flush()
	}
	if s.lines.wrote {
		s.out.WriteByte('\n')
	}
	for i := range sum.Inputs {
		s.input(&sum.Inputs[i])
	}
	if sum.Totals == nil {
		return s.out.Flush()
	}
	if sum.Totals.Connections == 0 {
		s.headlines()
		s.nothing(sum)
		return s.tables(s.other.table(), s.finds.table(), s.sealed.table())
	}
	s.headlines()
	s.totals(sum)
	all := []*table{s.conns.table(s.opts.width()), s.other.table(), s.failed.table(), s.codes.table(), s.fleet.table(), s.fleet.retries(), s.finds.table(), s.times.table()}
	all = append(all, s.shape.tables()...)
	return s.tables(append(all, s.sealed.table())...)
}

// tables writes the last of the report.
func (s *textSink) tables(all ...*table) error {
	for _, t := range all {
		if err := t.write(s.out, s.opts.width(), s.st); err != nil {
			return err
		}
	}
	s.keyHints()
	return s.out.Flush()
}

// keyHints says how what TLS hides could be read.
func (s *textSink) keyHints() {
	for _, line := range s.sealed.notes() {
		s.out.WriteString(s.wrap(line, "  ") + "\n")
	}
}

// items writes a name and what belongs to it, in as many lines as it takes.
func (s *textSink) items(name string, items []string) {
	const indent, gap = 16, 3
	if len(items) == 0 {
		return
	}
	line := padRight("  "+name, indent)
	for i, it := range items {
		switch {
		case i == 0:
			line += it
		case width(line)+gap+width(it) > s.opts.width():
			s.out.WriteString(cutTo(line, s.opts.width()) + "\n")
			line = strings.Repeat(" ", indent) + it
		default:
			line += strings.Repeat(" ", gap) + it
		}
	}
	s.out.WriteString(cutTo(line, s.opts.width()) + "\n")
}

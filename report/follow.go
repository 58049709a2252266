package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// A follower writes one connection, whole, as it happens.
type follower struct {
	out    io.StringWriter
	opts   Options
	st     style
	secret redactor
	began  bool
	passed int                 // proxies that a line was written for
	found  []*diagnose.Finding // at most maxFound

	asked, answered capture.Time // the last opening handshake; 0 where that was not captured
}

func newFollower(out io.StringWriter, o *Options) *follower {
	return &follower{out: out, opts: *o, st: style{o.Color}, secret: newRedactor(o)}
}

func (f *follower) observe(e session.Event) {
	switch e := e.(type) {
	case *session.Opened:
		if c := e.Conn; c.Confidence > 0 && c.Handshake == nil && f.follows(&e.Where) {
			f.out.WriteString("  (handshake not captured)\n")
		}
	case *session.Handshake:
		if f.follows(&e.Where) {
			f.via(e.Via)
			f.handshake(e)
		}
	case *session.Frame:
		if e.Opcode.IsControl() && f.follows(&e.Where) {
			f.control(e)
		}
	case *session.Message:
		if f.follows(&e.Where) {
			f.message(e)
		}
	case *session.Lost:
		if f.follows(&e.Where) {
			f.line("! "+arrows[e.Dir]+" "+plural(e.Length, "byte")+": "+clean(e.Reason), f.meta(&e.Where))
		}
	case *session.Closed:
		if f.follows(&e.Where) {
			f.via(e.Conn.Via)
			f.line("■ "+f.end(&e.Conn.Facts), f.meta(&e.Where))
			f.verdict(e.Conn)
		}
	}
}

// finding writes what is wrong.
func (f *follower) finding(n *diagnose.Finding) {
	if !f.follows(&n.Where) {
		return
	}
	if len(f.found) < maxFound {
		f.found = append(f.found, n)
	}
	mark := marks[n.Severity]
	text := fold(clean(n.Title()+": "+f.secret.string(n.Message)), f.opts.width()-4, "    ")
	f.out.WriteString("  " + f.st.paint(mark.sgr, mark.text) + " " + text + "\n")
	f.line("  "+n.ID(), f.meta(&n.Where))
}

// follows tells whether it is the connection's, and begins with its addresses.
func (f *follower) follows(w *session.Where) bool {
	if w.Conn.ID != f.opts.Follow {
		return false
	}
	if !f.began {
		f.began = true
		c := w.Conn
		head := "#" + strconv.FormatInt(c.ID, 10) + columnGap + address(c.Client) + " → " + address(c.Server)
		f.out.WriteString(f.st.paint(sgrBold, head))
		if c.StartPacket > 0 {
			f.out.WriteString("   from packet " + count(c.StartPacket))
		}
		f.out.WriteString("\n\n")
	}
	return true
}

func (f *follower) end(c *session.Facts) string {
	if !opened(c) {
		return c.State.String()
	}
	return ending(c)
}

// verdict writes what it comes to, how long its parts took, what the ends were
// told, and the other legs.
func (f *follower) verdict(c *session.Conn) {
	const indent = "    "
	f.out.WriteString("\n  " + fold("⇒ "+diagnose.Verdict(c, f.found), f.opts.width()-2, indent) + "\n")
	f.phases(c)
	f.pulse(c)
	f.views(c)
	f.legs(c)
}

// line writes a line with its place at the right edge, or behind it where
// there is no room.
func (f *follower) line(text, place string) {
	text = "  " + text
	gap := f.opts.width() - width(text) - width(place)
	f.out.WriteString(text + strings.Repeat(" ", max(3, gap)) + f.st.paint(sgrDim, place) + "\n")
}

// meta is where it happened: "packet 12   +0.008 s".
func (f *follower) meta(w *session.Where) string {
	s := "packet " + count(w.Packet)
	if w.Time != capture.NoTime && w.Conn.Start != capture.NoTime {
		d := w.Time.Sub(w.Conn.Start)
		s += "  " + padLeft("+"+strconv.FormatFloat(d.Seconds(), 'f', 3, 64)+" s", 10)
	}
	return s
}

func (f *follower) handshake(e *session.Handshake) {
	h := e.Handshake
	if r := h.Request; r != nil {
		place := ""
		if e.Requested.Packet > 0 {
			place = "packet " + count(e.Requested.Packet)
			if e.Requested.Time != capture.NoTime {
				place += "  " + e.Requested.Time.UTC().Format("15:04:05.000")
			}
		}
		f.line("→ "+clean(r.Method)+" "+clean(f.secret.url(r.Target))+" "+clean(r.Proto), place)
		f.fields(h, r)
	} else {
		f.out.WriteString("  → (request not captured)\n")
	}
	if r := h.Response; r != nil {
		text := "← " + clean(r.Proto) + " " + strconv.Itoa(r.Status)
		if r.Reason != "" {
			text += " " + clean(f.secret.string(r.Reason))
		}
		if timed(&e.Requested, &e.Where) {
			text += "   " + span(e.Time.Sub(e.Requested.Time))
		}
		f.line(text, "packet "+count(e.Packet))
		f.fields(h, r)
	} else {
		answer := "no answer"
		if h.Established {
			answer = "(answer not captured)"
		}
		f.out.WriteString("  ← " + answer + "\n")
	}
	f.out.WriteString("\n  " + f.st.paint(sgrBold, "opening handshake") + "\n")
	if e.H2 != nil {
		f.checks(e, extendedChecks)
	} else {
		f.checks(e, checks)
	}
	f.out.WriteString("\n")
	f.again(e)
	f.asked, f.answered = e.Requested.Time, 0
	if e.Response != nil {
		f.answered = e.Time
	}
}

// fields writes the fields of a head.
func (f *follower) fields(h *handshake.Handshake, head *handshake.Head) {
	for i := range head.Fields {
		name, value := head.Fields[i].Name, f.secret.fieldOf(h, head, i)
		text := clean(value)
		if name != "" {
			text = clean(name) + ": " + text
		}
		if value != head.Fields[i].Value && strings.Contains(value, mask) {
			text += " (redacted, --no-redact)"
		}
		f.out.WriteString("    " + text + "\n")
	}
	if head.Truncated {
		f.out.WriteString("    … " + plural(int64(head.Size), "byte") + " in all\n")
	}
}

// control writes a control frame.
func (f *follower) control(e *session.Frame) {
	text := arrows[e.Dir] + " "
	switch {
	case e.Opcode == frames.Close && e.CloseBody != nil:
		l := liner{secret: f.secret}
		text += l.closeText(e)
	default:
		text += e.Opcode.String() + " " + size(int64(min(e.PayloadLength, 1<<62)))
		if p := e.Payload; len(p) > 0 && f.opts.payload() >= 0 {
			if readable(p) {
				text += ` "` + string(appendClean(nil, f.secret.text(p, e.Missing > 0))) + `"`
			} else {
				p = f.secret.text(p, e.Missing > 0)
				text += columnGap + spacedHex(p[:min(len(p), 32)])
			}
		}
	}
	f.line(text+missing(e), f.meta(&e.Where))
}

// message writes a message with its whole payload.
func (f *follower) message(e *session.Message) {
	m := e.Message
	n := m.Length
	if m.Compressed && !m.Inflated {
		n = m.WireLength
	}
	text := arrows[e.Dir] + " " + m.Opcode.String() + " " + size(int64(min(n, 1<<62)))
	if m.Compressed && m.Inflated {
		text += ", " + size(int64(min(m.WireLength, 1<<62))) + " deflated"
	}
	if m.Frames > 1 {
		text += ", " + strconv.Itoa(m.Frames) + " fragments"
	}
	if t := trouble(e); t != "" {
		text += columnGap + strings.TrimRight(t, " ")
	}
	f.line(text, f.meta(&e.Where))
	limit := f.opts.payload()
	if limit < 0 {
		return
	}
	if meaning := f.secret.meaning(e); meaning != "" {
		f.out.WriteString("    " + f.st.paint(sgrDim, "= "+cutTo(meaning, f.opts.width()-6)) + "\n")
	}
	data, cut := excerpt(m, limit)
	shown := f.secret.message(e, data, cut)
	if m.Opcode == frames.Text || f.secret.hides(e) {
		f.text(shown)
	} else {
		f.dump(shown)
	}
	if total := int64(min(n, 1<<62)); cut && total > int64(len(data)) {
		f.out.WriteString("    … " + plural(total-int64(len(data)), "byte") + " more\n")
	}
}

// text writes text line by line.
func (f *follower) text(b []byte) {
	if len(b) == 0 {
		return
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		f.out.WriteString("    " + clean(strings.TrimSuffix(line, "\r")) + "\n")
	}
}

// dump writes bytes in hexadecimal and as far as they are ASCII as such.
func (f *follower) dump(b []byte) {
	const perLine = 16
	for at := 0; at < len(b); at += perLine {
		row := b[at:min(at+perLine, len(b))]
		ascii := make([]byte, len(row))
		for i, c := range row {
			ascii[i] = '.'
			if ' ' <= c && c <= '~' {
				ascii[i] = c
			}
		}
		offset := string(appendHex(nil, uint32(at), 8))
		f.out.WriteString("    " + offset + "  " + padRight(spacedHex(row), 3*perLine-1) + "  " + strings.TrimRight(string(ascii), " ") + "\n")
	}
}

// finish says so if the connection never came.
func (f *follower) finish(*Summary) {
	if !f.began {
		f.out.WriteString("no WebSocket connection #" + strconv.FormatInt(f.opts.Follow, 10) +
			": -l connections lists those that there are\n")
	}
}

package report

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A liner writes what happens line by line.
type liner struct {
	out     io.StringWriter
	width   int
	payload int
	st      style
	secret  redactor
	day     string // of the line before
	wrote   bool
}

var arrows = [...]string{reassembly.FromClient: "→", reassembly.FromServer: "←"}

// prefix is the time and the connection, and the date before it where it changes.
func (l *liner) prefix(w *session.Where) string {
	l.wrote = true
	clock := "--:--:--.---"
	if w.Time != capture.NoTime {
		t := w.Time.UTC()
		clock = t.Format("15:04:05.000")
		if day := t.Format("2006-01-02"); day != l.day {
			l.day = day
			l.out.WriteString(l.st.paint(sgrDim, day+" UTC") + "\n")
		}
	}
	return clock + " " + padRight("#"+strconv.FormatInt(w.Conn.ID, 10), 2) + " "
}

// line writes one line. The mark is painted, the rest is cut to the width.
func (l *liner) line(w *session.Where, mark, sgr, rest string) {
	prefix := l.prefix(w)
	room := l.width - width(prefix) - width(mark) - 1
	l.out.WriteString(prefix + l.st.paint(sgr, mark) + " " + strings.TrimRight(cutTo(rest, room), " ") + "\n")
}

// handshake writes who asked whom for what, and the answer, in two lines
// where one is too short.
func (l *liner) handshake(e *session.Handshake) {
	h := e.Handshake
	mark, sgr := "⇄", sgrGreen
	if !h.Established {
		mark, sgr = "✗", sgrRed
	}
	ends := address(e.Conn.Client) + " → " + address(e.Conn.Server)
	answer := columnGap + l.answer(e)
	method, target := "", "(request not captured)"
	if h.Request != nil {
		method = cutTo(clean(h.Request.Method), 20) + " "
		target = clean(l.secret.url(h.Target()))
	}
	const least, indent = 12, 18
	if indent+width(ends+columnGap+method+target+answer) <= l.width {
		l.line(&e.Where, mark, sgr, ends+columnGap+method+target+answer)
		return
	}
	l.line(&e.Where, mark, sgr, ends)
	target = elideTarget(target, max(least, l.width-indent-width(method+answer)))
	l.out.WriteString(strings.Repeat(" ", indent) + cutTo(method+target+answer, l.width-indent) + "\n")
}

// finding writes what is wrong: the sentence, and the rule's ID where there
// is room for it, else on a line of its own.
func (l *liner) finding(f *diagnose.Finding) {
	mark := marks[f.Severity]
	text, id := clean(f.Title()+": "+l.secret.string(f.Message)), columnGap+f.ID()
	prefix := l.prefix(&f.Where)
	room := l.width - width(prefix) - 2
	l.out.WriteString(prefix + l.st.paint(mark.sgr, mark.text) + " " + cutTo(text, room))
	if rest := room - width(text); rest >= width(id) {
		l.out.WriteString(l.st.paint(sgrDim, padLeft(id, rest)) + "\n")
		return
	}
	l.out.WriteString("\n" + l.st.paint(sgrDim, padLeft(cutTo(id, l.width), l.width)) + "\n")
}

// joined writes that a connection was recognised by its frames alone.
func (l *liner) joined(e *session.Opened) {
	f := &e.Conn.Facts
	if f.Confidence > 0 && f.Handshake == nil {
		l.line(&e.Where, "⇄", sgrGreen, address(f.Client)+" → "+address(f.Server)+"  (handshake not captured)")
	}
}

// answer says how the server answered: "101 in 3.2 ms  deflate, graphql-ws".
func (l *liner) answer(e *session.Handshake) string {
	h := e.Handshake
	switch {
	case h.Response == nil && h.Established:
		return "(answer not captured)"
	case h.Response == nil:
		return "no answer"
	}
	s := strconv.Itoa(h.Status())
	if h.Status() != 101 && h.Reason() != "" {
		s += " " + cutTo(clean(l.secret.string(h.Reason())), 40)
	}
	if timed(&e.Requested, &e.Where) {
		s += " in " + span(e.Time.Sub(e.Requested.Time))
	}
	var extra []string
	if _, agreed := h.Deflate(); agreed {
		extra = append(extra, "deflate")
	}
	if p := l.secret.chosen(h, h.Subprotocol()); p != "" {
		extra = append(extra, clean(p))
	}
	if len(extra) > 0 {
		s += columnGap + strings.Join(extra, ", ")
	}
	return s
}

// kind is what was sent and its size, in columns.
func kind(name string, n uint64) string {
	return " " + padRight(name, 6) + " " + padLeft(size(int64(min(n, 1<<62))), 7) + columnGap
}

func (l *liner) frame(e *session.Frame, list List) {
	arrow := arrows[e.Dir]
	switch {
	case e.Opcode == frames.Close && e.CloseBody != nil:
		l.line(&e.Where, arrow, "", " "+l.closeText(e)+missing(e))
	case e.Opcode.IsControl():
		l.line(&e.Where, arrow, "", kind(e.Opcode.String(), e.PayloadLength)+missing(e))
	case list >= Frames:
		l.line(&e.Where, arrow, sgrDim, kind("frame", e.PayloadLength)+flags(e)+missing(e))
	}
}

// closeText is a Close frame: `close 1001 "leaving"`.
func (l *liner) closeText(e *session.Frame) string {
	b := e.CloseBody
	switch {
	case b.HasCode:
	case e.Missing > 0:
		return "close"
	default:
		return "close without a code"
	}
	s := "close " + strconv.Itoa(int(b.Code))
	if b.Reason != "" {
		s += ` "` + clean(l.secret.string(b.Reason)) + `"`
	}
	return s
}

// flags are the header bits of a frame.
func flags(e *session.Frame) string {
	s := e.Opcode.String()
	if e.FIN {
		s += " fin"
	}
	for i, set := range [...]bool{e.RSV1, e.RSV2, e.RSV3} {
		if set {
			s += " rsv" + strconv.Itoa(i+1)
		}
	}
	if e.Masked {
		s += " mask "
		for _, c := range e.MaskingKey {
			s += string(hexDigits[c>>4]) + string(hexDigits[c&0xf])
		}
	}
	return s
}

func missing(e *session.Frame) string {
	if e.Missing == 0 {
		return ""
	}
	return " ! " + size(int64(min(e.Missing, 1<<62))) + " missing"
}

func (l *liner) message(e *session.Message) {
	m := e.Message
	n := m.Length
	if m.Compressed && !m.Inflated {
		n = m.WireLength
	}
	meaning := ""
	if l.payload >= 0 {
		if meaning = l.secret.meaning(e); meaning != "" {
			meaning += columnGap
		}
	}
	l.line(&e.Where, arrows[e.Dir], "", kind(m.Opcode.String(), n)+trouble(e)+meaning+l.excerpt(e))
}

// trouble says what is wrong with a message, before its text.
func trouble(e *session.Message) string {
	s, m := "", e.Message
	if !m.Complete {
		s += "! incomplete  "
	}
	if m.Compressed && !m.Inflated {
		s += "! not inflated"
		if e.UndecodableSince > 0 && e.UndecodableSince < e.FirstPacket {
			s += ", undecodable since packet " + strconv.FormatInt(e.UndecodableSince, 10)
		}
		s += columnGap
	}
	if m.Opcode == frames.Text && !m.ValidUTF8 && m.InvalidAt >= 0 {
		s += "! not UTF-8  "
	}
	return s
}

// excerpt is the beginning of a message on one line.
func (l *liner) excerpt(e *session.Message) string {
	m := e.Message
	const bytesPerColumn = 8
	if l.payload < 0 {
		return ""
	}
	data, cut := excerpt(m, min(l.payload, bytesPerColumn*l.width))
	more := ""
	if cut {
		more = "…"
	}
	data = l.secret.message(e, data, cut)
	if m.Opcode == frames.Text || l.secret.hides(e) {
		return string(appendClean(nil, data)) + more
	}
	const bytesPerLine = 3 // columns a byte takes
	if most := l.width/bytesPerLine + 1; len(data) > most {
		data, more = data[:most], "…"
	}
	return spacedHex(data) + more
}

// spacedHex is bytes in hexadecimal with spaces between.
func spacedHex(b []byte) string {
	out := make([]byte, 0, 3*len(b))
	for i, c := range b {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, hexDigits[c>>4], hexDigits[c&0xf])
	}
	return string(out)
}

func (l *liner) lost(e *session.Lost) {
	l.line(&e.Where, arrows[e.Dir], "", " ! "+plural(e.Length, "byte")+": "+clean(e.Reason))
}

func (l *liner) closed(e *session.Closed) {
	f := &e.Conn.Facts
	if !opened(f) {
		if f.Handshake == nil {
			by := "TCP " + f.State.String()
			if f.TLS != nil {
				by = tlsFailure(f.TLS, f.State)
			}
			if v := refusal(f); v != nil {
				by = viaText(v, &l.secret)
			}
			l.line(&e.Where, "✗", sgrRed, address(f.Client)+" → "+address(f.Server)+columnGap+by)
		}
		return
	}
	sgr := sgrDim
	if f.State == session.Aborted || f.State == session.Rejected {
		sgr = sgrYellow
	}
	l.line(&e.Where, "■", sgr, ending(f))
}

// ending says how a connection ended: "closed 1001 client, clean, 50.6 s, ↑14 ↓15".
func ending(f *session.Facts) string {
	s := stateWord(f.State)
	switch c := closeCell(f); {
	case f.State == session.Ended:
		s += " " + c
	case c != dash:
		s += ", " + strings.TrimPrefix(c, dash+" ")
	}
	if f.Clean {
		s += ", clean"
	}
	if f.Start != capture.NoTime && f.End != capture.NoTime {
		s += ", " + span(f.End.Sub(f.Start))
	}
	s += ", ↑" + count(f.Sides[reassembly.FromClient].Messages) + " ↓" + count(f.Sides[reassembly.FromServer].Messages)
	if f.H2 != nil {
		for d, n := range f.H2.Stalls {
			if n > 0 {
				s += ", the " + reassembly.Dir(d).String() + " waited for its window " + plural(n, "time")
			}
		}
	}
	return s
}

// readable tells whether bytes are text that is better read than dumped.
func readable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if !shows(r) && r != '\n' && r != '\t' && r != '\r' {
			return false
		}
	}
	return true
}

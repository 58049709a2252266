package report

import (
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// A check is one thing that an opening handshake must have (RFC 6455 §4.2.1,
// §4.2.2). In HTTP/1.1 the rules say whether it has: of is nil.
type check struct {
	text string
	line diagnose.Line
	of   func(h *handshake.Handshake) (ok, known bool)
	was  func(h *handshake.Handshake) string // what there was, or that there was no such thing; "" for nothing to say
}

var checks = []check{
	{text: "GET", line: diagnose.LineMethod, was: func(h *handshake.Handshake) string { return h.Request.Method }},
	{text: "HTTP/1.1", line: diagnose.LineProto, was: func(h *handshake.Handshake) string { return h.Request.Proto }},
	{text: "Host", line: diagnose.LineHost},
	{text: "Upgrade: websocket", line: diagnose.LineUpgrade},
	{text: "Connection: upgrade", line: diagnose.LineConnection},
	{text: "key is 16 bytes", line: diagnose.LineKey},
	{text: "version 13", line: diagnose.LineVersion, was: (*handshake.Handshake).Version},
	{text: "status 101", line: diagnose.LineStatus, was: status},
	{text: "accept", line: diagnose.LineAccept, was: func(h *handshake.Handshake) string {
		if h.Status() != 101 {
			return "no 101"
		}
		return ""
	}},
}

// extendedChecks are those of HTTP/2 (RFC 8441 §4, §5).
var extendedChecks = []check{
	{text: "CONNECT", of: asks(func(r *handshake.Head) bool { return r.Method == "CONNECT" }), was: func(h *handshake.Handshake) string { return h.Request.Method }},
	{text: ":protocol websocket", of: asks(func(r *handshake.Head) bool { return strings.EqualFold(r.Fields.Get(":protocol"), "websocket") })},
	{text: ":scheme", of: asks(func(r *handshake.Head) bool { return r.Fields.Has(":scheme") })},
	{text: ":path", of: asks(func(r *handshake.Head) bool { return r.Fields.Has(":path") })},
	{text: ":authority", of: asks(func(r *handshake.Head) bool { return r.Fields.Has(":authority") })},
	{text: "version 13", line: diagnose.LineVersion, was: (*handshake.Handshake).Version},
	{text: "status 2xx", of: func(h *handshake.Handshake) (bool, bool) { return h.Status()/100 == 2, true }, was: status},
}

// asks is a check of the request.
func asks(of func(*handshake.Head) bool) func(*handshake.Handshake) (bool, bool) {
	return func(h *handshake.Handshake) (ok, known bool) {
		if h.Request == nil {
			return false, false
		}
		return of(h.Request), true
	}
}

// status is the status of the answer in words.
func status(h *handshake.Handshake) string {
	if h.Response == nil {
		return "no answer"
	}
	return strconv.Itoa(h.Status())
}

// checks writes the list of checks.
func (f *follower) checks(e *session.Handshake, checks []check) {
	h := e.Handshake
	line := "   "
	for i := range checks {
		c := &checks[i]
		mark, text := "✓", c.text
		ok, known := diagnose.Checked(e.Conn, c.line)
		if c.of != nil {
			ok, known = c.of(h)
		}
		ok = ok && known
		if !ok {
			mark = "✗"
			if !known {
				mark = dash
			}
			if c.was != nil && h.Request != nil {
				const most = 20
				switch was := cutTo(clean(c.was(h)), most); {
				case strings.HasPrefix(was, "no "):
					text += " (" + was + ")"
				case was != "":
					text += " (was " + was + ")"
				}
			}
		}
		item := " " + mark + " " + text
		if width(line)+width(item) > f.opts.width() {
			f.out.WriteString(f.marks(line) + "\n")
			line = "   "
		}
		line += item + "  "
	}
	f.out.WriteString(f.marks(line) + "\n")
}

// marks paints the marks in a line.
func (f *follower) marks(line string) string {
	line = strings.TrimRight(line, " ")
	line = strings.ReplaceAll(line, "✓", f.st.paint(sgrGreen, "✓"))
	return strings.ReplaceAll(line, "✗", f.st.paint(sgrRed, "✗"))
}

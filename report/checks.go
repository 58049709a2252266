package report

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/handshake"
)

// A check is one thing that an opening handshake must have (RFC 6455 §4.2.1,
// §4.2.2).
type check struct {
	text string
	of   func(h *handshake.Handshake) (ok, known bool)
	was  func(h *handshake.Handshake) string // what there was, or that there was no such thing; "" for nothing to say
}

var checks = []check{
	{"GET", asks(func(r *handshake.Head) bool { return r.Method == "GET" }),
		func(h *handshake.Handshake) string { return h.Request.Method }},
	{"HTTP/1.1", asks(func(r *handshake.Head) bool { return r.Proto == "HTTP/1.1" }),
		func(h *handshake.Handshake) string { return h.Request.Proto }},
	{"Host", asks(func(r *handshake.Head) bool { return r.Fields.Has("Host") }), nil},
	{"Upgrade: websocket", asks(func(r *handshake.Head) bool { return hasToken(r, "Upgrade", "websocket") }), nil},
	{"Connection: upgrade", asks(func(r *handshake.Head) bool { return hasToken(r, "Connection", "upgrade") }), nil},
	{"key is 16 bytes", asks(validKey), nil},
	{"version 13", asks(func(r *handshake.Head) bool { return r.Fields.Get("Sec-WebSocket-Version") == "13" }),
		func(h *handshake.Handshake) string { return h.Version() }},
	{"status 101", func(h *handshake.Handshake) (bool, bool) { return h.Status() == 101, true },
		func(h *handshake.Handshake) string {
			if h.Response == nil {
				return "no answer"
			}
			return strconv.Itoa(h.Status())
		}},
	{"accept", (*handshake.Handshake).AcceptValid,
		func(h *handshake.Handshake) string {
			if h.Status() != 101 {
				return "no 101"
			}
			return ""
		}},
}

// extendedChecks are those of HTTP/2 (RFC 8441 §4, §5).
var extendedChecks = []check{
	{"CONNECT", asks(func(r *handshake.Head) bool { return r.Method == "CONNECT" }),
		func(h *handshake.Handshake) string { return h.Request.Method }},
	{":protocol websocket", asks(func(r *handshake.Head) bool { return strings.EqualFold(r.Fields.Get(":protocol"), "websocket") }), nil},
	{":scheme", asks(func(r *handshake.Head) bool { return r.Fields.Has(":scheme") }), nil},
	{":path", asks(func(r *handshake.Head) bool { return r.Fields.Has(":path") }), nil},
	{":authority", asks(func(r *handshake.Head) bool { return r.Fields.Has(":authority") }), nil},
	{"version 13", asks(func(r *handshake.Head) bool { return r.Fields.Get("Sec-WebSocket-Version") == "13" }),
		func(h *handshake.Handshake) string { return h.Version() }},
	{"status 2xx", func(h *handshake.Handshake) (bool, bool) { return h.Status()/100 == 2, true },
		func(h *handshake.Handshake) string {
			if h.Response == nil {
				return "no answer"
			}
			return strconv.Itoa(h.Status())
		}},
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

func hasToken(r *handshake.Head, field, token string) bool {
	for _, t := range r.Fields.Tokens(field) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// validKey tells whether the key is a nonce of 16 bytes (RFC 6455 §4.1).
func validKey(r *handshake.Head) bool {
	nonce, err := base64.StdEncoding.DecodeString(r.Fields.Get("Sec-WebSocket-Key"))
	return err == nil && len(nonce) == 16
}

// checks writes the list of checks.
func (f *follower) checks(h *handshake.Handshake, checks []check) {
	line := "   "
	for i := range checks {
		c := &checks[i]
		mark, text := "✓", c.text
		ok, known := c.of(h)
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

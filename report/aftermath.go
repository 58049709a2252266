package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// phases are how long each part of a connection took.
func (f *follower) phases(c *session.Conn) {
	var parts []string
	var bar phaseBar
	part := func(name string, d time.Duration) {
		if d > 0 {
			parts = append(parts, name+" "+span(d))
			bar = append(bar, phase{name, d})
		}
	}
	part("TCP", c.TCP.RTT)
	asked, answered := f.asked, f.answered
	if asked > 0 && c.Start != capture.NoTime && c.TLS != nil {
		part("TLS and before the request", asked.Sub(c.Start)-c.TCP.RTT)
	}
	switch {
	case asked > 0 && answered > 0:
		part("HTTP", answered.Sub(asked))
	case asked > 0 && c.End != capture.NoTime:
		part("HTTP, without an answer,", c.End.Sub(asked))
	case !opened(&c.Facts) && c.End != capture.NoTime && c.Start != capture.NoTime:
		part("waiting for "+awaited(c), c.End.Sub(c.Start)-c.TCP.RTT)
	}
	before := bar
	if opened(&c.Facts) && answered > 0 {
		part("open", c.End.Sub(answered))
		part("longest silence", c.IdleMax)
	}
	if len(parts) > 0 {
		f.out.WriteString("\n  " + fold("took: "+strings.Join(parts, ", "), f.opts.width()-2, "    ") + "\n" + before.String())
	}
}

// A phaseBar shows which part of what comes before a WebSocket is open ate
// the time.
type phaseBar []phase

type phase struct {
	name string
	took time.Duration
}

// String is a line with a stretch for each part, "" where none was slow.
func (b phaseBar) String() string {
	const cells, worth = 40, time.Second
	total := time.Duration(0)
	for _, p := range b {
		total += p.took
	}
	if total < worth || len(b) < 2 {
		return ""
	}
	line := "       "
	for _, p := range b {
		name, _, _ := strings.Cut(p.name, ",")
		line += " " + name + " " + strings.Repeat("█", max(1, int(cells*p.took/total)))
	}
	return line + "\n"
}

// awaited is the part that did not come, of a connection that came to nothing.
func awaited(c *session.Conn) string {
	switch {
	case c.TCP.RTT == 0:
		return "TCP"
	case c.TLS != nil:
		return "TLS"
	case len(c.Via) > 0:
		return "the proxy"
	}
	return "a request"
}

// views are what a WebSocket API, as browsers have it, tells at either end once
// the connection is over: wasClean if that end has both sent and had a Close.
func (f *follower) views(c *session.Conn) {
	switch c.State {
	case session.Ended, session.Aborted, session.Rejected:
	case session.Refused, session.Unanswered:
		f.out.WriteString("  " + fold(`a browser tells its page: error, then close with code 1006, reason "", wasClean false`, f.opts.width()-2, "    ") + "\n")
		return
	default:
		return
	}
	for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
		code, reason, clean := 1006, "", false
		if said := c.Sides[d.Other()].Close; said != nil {
			code, reason, clean = 1005, said.Reason, c.Sides[d].Close != nil
			if said.HasCode {
				code = int(said.Code)
			}
		}
		f.out.WriteString("  the API of the " + d.String() + " tells: code " + strconv.Itoa(code) + ", reason " + f.quoted(reason) + ", wasClean " + strconv.FormatBool(clean) + "\n")
	}
}

func (f *follower) quoted(s string) string { return `"` + clean(f.secret.string(s)) + `"` }

// again is a command that asks for the same upgrade, where it was not granted.
// What is secret is masked, and has to be filled in.
func (f *follower) again(e *session.Handshake) {
	h := e.Handshake
	if h.Request == nil || h.Established || e.H2 != nil {
		return
	}
	scheme := "http://"
	if e.TLS != nil {
		scheme = "https://"
	}
	args := []string{"curl -i -N --http1.1"}
	for _, field := range [...]string{"Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin", "Cookie", "Authorization"} {
		if h.Request.Fields.Has(field) {
			args = append(args, "-H "+shell(field+": "+clean(f.secret.field(field, h.Request.Fields.Get(field)))))
		}
	}
	args = append(args, "--connect-to "+shell("::"+address(e.Conn.Server)), shell(scheme+clean(f.secret.host(h.Host()))+clean(f.secret.url(h.Target()))))
	f.out.WriteString("  again:\n    " + strings.Join(args, " \\\n      ") + "\n\n")
}

// shell quotes an argument for a shell.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

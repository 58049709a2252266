package diagnose

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/session"
)

// byStatus completes a rule that goes by the status, and its variants by
// forms. A number below 10 stands for all statuses that begin with it and that
// no rule names.
func byStatus(r Rule, forms []refusalForm, statuses ...int) Rule {
	r.Severity = Error
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = strconv.Itoa(s)
		if s < 10 {
			names[i] = "any other status from " + names[i] + "00 to " + names[i] + "99"
		}
	}
	r.Seen = "an upgrade answered with " + listed(names)
	r.Refusal = refused(func(e *session.Refusal) bool {
		s := e.Status()
		return slices.Contains(statuses, s) || slices.Contains(statuses, s/100) && !slices.Contains(gaveUp, s)
	}, func(p *Pass, e *session.Refusal) {
		form, sure := formOf(p, e, forms)
		f := p.refusal(form, e, "%d %s%s%s", e.Status(), e.Reason(), bodyOf(e), askedPath(form, e))
		if f.Certainty == Certain {
			f.As(sure)
		}
		if s := e.Status(); s == 401 || s == 403 {
			p.credentials(f, e)
		}
	})
	return r
}

// listed is "a", "a or b", "a, b or c".
func listed(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// credentials adds what the request had of them, by their names, and what the
// answer asks for.
func (p *Pass) credentials(f *Finding, e *session.Refusal) {
	if e.Request != nil {
		names := p.World.secretsOf(e.Handshake)
		if slices.ContainsFunc(e.SubprotocolsOffered(), tokenLike) {
			names = append(names, "subprotocol")
		}
		had := "nothing that tells who asks"
		if len(names) > 0 {
			had = strings.Join(names, ", ")
		}
		f.Message += "; the request had " + had
		f.With("carriers", names)
	}
	if scheme, _, _ := strings.Cut(e.Response.Fields.Get("WWW-Authenticate"), " "); scheme != "" {
		f.With("www_authenticate", scheme)
	}
}

// askedPath is the path that was asked for, where it is what is wrong.
func askedPath(form string, e *session.Refusal) string {
	const longest = 120
	at := path(e.Target())
	switch form {
	case "host-in-path", "slash", "prefix":
		return " at " + at[:min(len(at), longest)]
	}
	return ""
}

// login is what a page has on which people log in.
var login = regexp.MustCompile(`(?i)type=["']?password|\b(?:sign|log)[ -]?in\b`)

// enginePoll is how Engine.IO answers polling.
var enginePoll = regexp.MustCompile(`^(?:\d+:)?0?\{"sid":`)

// bodyOf says what the body of an answer is that should have been a 101, "" where
// it is an error's and speaks for itself.
func bodyOf(e *session.Refusal) string {
	if e.Status() >= 300 {
		return ""
	}
	switch b := bytes.TrimSpace(e.Body); {
	case len(b) == 0:
		return ", with nothing in it"
	case enginePoll.Match(b):
		return ", with a session of Engine.IO: it answers as to polling"
	case b[0] == '{' || b[0] == '[':
		return ", with JSON"
	case b[0] == '<' && login.Match(b):
		return ", with a page to log in"
	case b[0] == '<':
		return ", with a page"
	}
	return ", with text"
}

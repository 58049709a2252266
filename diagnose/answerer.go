package diagnose

import (
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/session"
)

// An answerer is a component that is known by what it answers with: text in
// the body, or a field: a row of data/answerers.tsv. What a body says weighs more than a banner.
type answerer struct {
	name        string
	body        string // part of the body
	whole       bool   // or all of it
	field, part string // a field, and a part of its value, both in lower case; an empty part is any. Three are no fields of the answer: status, the number that only one answers with; reason, the words behind it; host, that was asked for
	certainty   Certainty
}

// whoAnswered names the component that wrote a refusal, "" if nothing tells.
func (w *World) whoAnswered(e *session.Refusal) (name string, c Certainty) {
	for i := range w.data.answerers {
		a := &w.data.answerers[i]
		if a.body != "" {
			if a.whole && strings.TrimSpace(string(e.Body)) == a.body || !a.whole && strings.Contains(string(e.Body), a.body) {
				return a.name, a.certainty
			}
			continue
		}
		value, there := e.Response.Fields.Get(a.field), e.Response.Fields.Has(a.field)
		switch a.field {
		case "status":
			if strconv.Itoa(e.Status()) == a.part {
				return a.name, a.certainty
			}
			continue
		case "reason":
			value, there = e.Reason(), true
		case "host":
			value, there = e.Host(), true
		}
		if there && strings.Contains(strings.ToLower(value), a.part) {
			return a.name, a.certainty
		}
	}
	return "", Possible
}

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
	field, part string // a field, and a part of its value, both in lower case; an empty part is any. Field status: the number that only one answers with
	certainty   Certainty
}

// whoAnswered names the component that wrote a refusal, "" if nothing tells.
func (w *World) whoAnswered(e *session.Refusal) (name string, c Certainty) {
	for i := range w.data.answerers {
		a := &w.data.answerers[i]
		if a.body != "" {
			if strings.Contains(string(e.Body), a.body) {
				return a.name, a.certainty
			}
			continue
		}
		if a.field == "status" {
			if strconv.Itoa(e.Status()) == a.part {
				return a.name, a.certainty
			}
			continue
		}
		if f := e.Response.Fields; f.Has(a.field) && strings.Contains(strings.ToLower(f.Get(a.field)), a.part) {
			return a.name, a.certainty
		}
	}
	return "", Possible
}

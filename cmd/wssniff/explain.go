package main

import (
	"fmt"
	"io"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/report"
)

// explain prints the long text of a rule.
func explain(w io.Writer, id string, width int) error {
	r, v, ok := diagnose.Find(diagnose.All(), id)
	if !ok {
		return hinted("wssniff --rules lists them", "--explain: no rule %q", id)
	}
	return report.Explain(w, r, v, width)
}

// listRules prints the table of rules.
func listRules(w io.Writer, width int) error {
	return report.Rules(w, diagnose.All(), width)
}

// failOn are the words of --fail-on, and from which severity on a finding counts.
var failOn = map[string]diagnose.Severity{
	"error":   diagnose.Error,
	"warning": diagnose.Warning,
	"never":   diagnose.Error + 1,
}

func parseFailOn(word string) (diagnose.Severity, error) {
	s, ok := failOn[word]
	if !ok {
		return 0, fmt.Errorf("--fail-on %q: it is error, warning or never", word)
	}
	return s, nil
}

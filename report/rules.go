package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
)

// Explain writes the long text of a rule, and of the one variant if v is not
// nil, in so many columns.
func Explain(w io.Writer, r *diagnose.Rule, v *diagnose.Variant, columns int) error {
	f := diagnose.Finding{Rule: r, Variant: v, Severity: r.Severity}
	if v != nil && v.Severity != 0 {
		f.Severity = v.Severity
	}
	e := explainer{columns: columns}
	e.text.WriteString(f.ID() + "    " + f.Severity.String() + "    " + f.Clause() + "\n\n")
	e.text.WriteString(fold(sentence(f.Title()), columns, "") + "\n")
	e.part("Do", f.Advice())
	e.part("What wssniff saw", r.Seen)
	e.part("What it means", r.Means)
	e.list("Most often", r.Causes)
	for i, fix := range r.Fixes {
		label := ""
		if i == 0 {
			label = "Mend"
		}
		text := fix.Do
		if fix.For != "" {
			text = fix.For + ": " + text
		}
		e.part(label, text)
	}
	e.part("Confirm", r.Confirm)
	e.part("Not this when", r.NotWhen)
	e.part("Zeek", f.Zeek())
	if v == nil {
		for i := range r.Variants {
			label := ""
			if i == 0 {
				label = "Forms"
			}
			of := diagnose.Finding{Rule: r, Variant: &r.Variants[i]}
			e.part(label, "."+r.Variants[i].ID+"  "+of.Title())
		}
	}
	_, err := io.WriteString(w, e.text.String())
	return err
}

// An explainer writes labelled parts.
type explainer struct {
	text    strings.Builder
	columns int
}

const labelWidth = 18

func (e *explainer) part(label, text string) {
	if text == "" {
		return
	}
	room := max(20, e.columns-labelWidth)
	body := fold(text, room, "")
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		head := ""
		if i == 0 {
			head = label
		}
		e.text.WriteString(strings.TrimRight(padRight(head, labelWidth)+line, " ") + "\n")
	}
}

func (e *explainer) list(label string, items []string) {
	for i, item := range items {
		if i > 0 {
			label = ""
		}
		e.part(label, fmt.Sprintf("%d  %s", i+1, item))
	}
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// fold breaks text at spaces; its own line ends stay.
func fold(text string, columns int, indent string) string {
	var out []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && width(line)+1+width(word) > columns {
				out = append(out, line)
				line = indent + word
				continue
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// Rules writes the table of rules and their variants in so many columns.
func Rules(w io.Writer, all []*diagnose.Rule, columns int) error {
	tab := &table{columns: []column{
		{title: "RULE"}, {title: "SEVERITY"}, {title: "REFERENCE", least: 12, short: cutTo, first: true}, {title: "WHAT", least: 20, short: cutTo},
	}}
	for _, r := range all {
		tab.add(false, r.ID, r.Severity.String(), r.Clause, r.Title)
		for i := range r.Variants {
			v := &r.Variants[i]
			f := diagnose.Finding{Rule: r, Variant: v, Severity: r.Severity}
			if v.Severity != 0 {
				f.Severity = v.Severity
			}
			tab.add(true, "  ."+v.ID, f.Severity.String(), f.Clause(), f.Title())
		}
	}
	return tab.write(w, columns, style{})
}

// RulesDocument is the list of all rules in Markdown: docs/rules.md.
func RulesDocument(all []*diagnose.Rule) string {
	var b strings.Builder
	b.WriteString("# Rules\n\nWhat wssniff finds, printed from its tables. `wssniff --explain RULE` shows one of them.\n")
	layer := diagnose.Layer(0)
	for _, r := range all {
		if r.Layer != layer {
			layer = r.Layer
			b.WriteString("\n## " + strings.TrimSuffix(sentence(layer.String()), ".") + "\n")
		}
		document(&b, r)
	}
	return b.String()
}

func document(b *strings.Builder, r *diagnose.Rule) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s *%s*, %s.\n", r.ID, sentence(r.Title), r.Severity, r.Clause)
	item := func(label, text string) {
		if text != "" {
			fmt.Fprintf(b, "- **%s** %s\n", label, strings.ReplaceAll(text, "\n", " "))
		}
	}
	b.WriteByte('\n')
	item("Do:", r.Advice)
	item("Seen:", r.Seen)
	item("Means:", r.Means)
	if len(r.Causes) > 0 {
		item("Causes:", strings.Join(r.Causes, "; "))
	}
	for _, fix := range r.Fixes {
		text := fix.Do
		if fix.For != "" {
			text = fix.For + ": " + text
		}
		item("Mend:", text)
	}
	item("Confirm:", r.Confirm)
	item("Not when:", r.NotWhen)
	item("Zeek:", r.Zeek)
	for i := range r.Variants {
		v := &r.Variants[i]
		f := diagnose.Finding{Rule: r, Variant: v, Severity: r.Severity}
		if v.Severity != 0 {
			f.Severity = v.Severity
		}
		text := fmt.Sprintf("%s (%s, %s)", f.Title(), f.Severity, f.Clause())
		if v.Zeek != "" {
			text += ", in Zeek " + v.Zeek
		}
		item("`."+v.ID+"`", text)
	}
}

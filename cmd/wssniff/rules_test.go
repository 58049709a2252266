package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// ids are all rules, with each variant of those that have some.
func ids() []string {
	var all []string
	for _, r := range diagnose.All() {
		if len(r.Variants) == 0 {
			all = append(all, r.ID)
		}
		for i := range r.Variants {
			all = append(all, r.ID+"."+r.Variants[i].ID)
		}
	}
	return all
}

// found keeps the findings of a case.
type found struct{ all []*diagnose.Finding }

func (*found) Observe(session.Event)         {}
func (f *found) Finding(n *diagnose.Finding) { f.all = append(f.all, n) }

func judgeCase(t *testing.T, c *casetest.Case) []*diagnose.Finding {
	t.Helper()
	packets, err := c.Packets()
	if err != nil {
		t.Fatal(err)
	}
	var f found
	_, err = session.Run(casetest.Poison(casetest.Source(packets)), session.Config{}, 1, diagnose.New(diagnose.All(), &f))
	if err != nil {
		t.Fatal(err)
	}
	return f.all
}

// is tells whether the finding is of the rule; with a variant, or of any.
func is(f *diagnose.Finding, rule string) bool { return f.Rule.ID == rule || f.ID() == rule }

// TestRules holds that each rule, in each of its forms, is found where a case
// wants it, is not found where a case says so, and has a case for either.
func TestRules(t *testing.T) {
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	wanted, unwanted := map[string]bool{}, map[string]bool{}
	for _, c := range cases {
		wants, err := c.Wants()
		if err != nil {
			t.Fatal(err)
		}
		if len(wants) == 0 {
			continue
		}
		all := judgeCase(t, c)
		for _, w := range wants {
			if _, _, ok := diagnose.Find(diagnose.All(), w.Rule); !ok {
				t.Errorf("%s line %d: no rule %s", c.Name, w.Line, w.Rule)
				continue
			}
			at := func(f *diagnose.Finding) bool {
				return is(f, w.Rule) && (len(w.Packets) == 0 || slices.Contains(w.Packets, f.Packet) ||
					!w.Not && slices.ContainsFunc(f.Related, func(n int64) bool { return slices.Contains(w.Packets, n) }))
			}
			switch got := slices.ContainsFunc(all, at); {
			case w.Not:
				unwanted[w.Rule] = true
				if got {
					t.Errorf("%s line %d: %s is found", c.Name, w.Line, w.Rule)
				}
			default:
				wanted[w.Rule] = true
				if !got {
					t.Errorf("%s line %d: %s is not found in packets %v; found are %v", c.Name, w.Line, w.Rule, w.Packets, named(all))
				}
			}
		}
	}
	testTLSRules(t, wanted, unwanted)
	for _, id := range ids() {
		if !wanted[id] {
			t.Errorf("no case wants %s", id)
		}
		if !unwanted[id] {
			t.Errorf("no case is near %s and must not have it", id)
		}
	}
}

func named(all []*diagnose.Finding) []string {
	var list []string
	for _, f := range all {
		list = append(list, f.ID()+" in "+strconv.FormatInt(f.Packet, 10))
	}
	return list
}

var ruleID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// TestRuleRows holds what every row has to have.
func TestRuleRows(t *testing.T) {
	clause := regexp.MustCompile(`^RFC \d+ §\d+(\.\d+)*(, (RFC \d+ )?§\d+(\.\d+)*)*$`)
	seen := map[string]bool{}
	for _, r := range diagnose.All() {
		if seen[r.ID] || !ruleID.MatchString(r.ID) {
			t.Errorf("rule %q: the ID is not new, or not lower case with hyphens", r.ID)
		}
		seen[r.ID] = true
		if r.Severity == 0 || r.Title == "" || r.Advice == "" || r.Seen == "" || r.Means == "" || len(r.Causes) == 0 || len(r.Fixes) == 0 || r.Confirm == "" || r.NotWhen == "" {
			t.Errorf("%s: severity, title, advice, what was seen, what it means, causes, fixes, how to make sure or what it is not are missing", r.ID)
		}
		if !clause.MatchString(r.Clause) {
			t.Errorf("%s: clause %q", r.ID, r.Clause)
		}
		for _, text := range []string{r.Title, r.Advice} {
			if len(text) > 110 || strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is not one short line without a full stop", r.ID, text)
			}
		}
		for i := range r.Variants {
			v := &r.Variants[i]
			if !ruleID.MatchString(v.ID) || seen[r.ID+"."+v.ID] || v.Title == "" {
				t.Errorf("%s.%s: the ID is not new, or not lower case with hyphens, or there is no title", r.ID, v.ID)
			}
			seen[r.ID+"."+v.ID] = true
			if v.Clause != "" && !clause.MatchString(v.Clause) {
				t.Errorf("%s.%s: clause %q", r.ID, v.ID, v.Clause)
			}
		}
	}
}

// TestRulesDocument holds that docs/rules.md is the tables.
func TestRulesDocument(t *testing.T) {
	file := filepath.Join(root, "docs", "rules.md")
	got := report.RulesDocument(diagnose.All())
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs from the tables: go test ./cmd/wssniff -run RulesDocument -update", file)
	}
}

// TestExplain holds that every rule and variant can be explained in 80 columns.
func TestExplain(t *testing.T) {
	for _, id := range ids() {
		var b bytes.Buffer
		if err := explain(&b, id, 80); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(b.String(), id+" ") {
			t.Errorf("%s: begins with %q", id, b.String()[:20])
		}
	}
	if err := explain(&bytes.Buffer{}, "no-such-rule", 80); err == nil {
		t.Error("a rule that is none is explained")
	}
}

package main

import (
	"bytes"
	"flag"
	"math"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

var update = flag.Bool("update", false, "rewrite what the cases and goldens expect")

const casesDir = "../../testdata/cases"

// TestCase plays every case and compares what is printed with its sections.
// The packets are overwritten as soon as the next is read: what keeps
// something lent prints garbage.
func TestCase(t *testing.T) {
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 40 {
		t.Fatalf("%d cases in %s, expected at least 40", len(cases), casesDir)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			for _, form := range []string{casetest.Text, casetest.NDJSON} {
				got := play(t, c, form)
				if *update {
					if err := c.Update(form, got); err != nil {
						t.Fatal(err)
					}
				}
				if _, ok := c.Section(form); !ok {
					t.Fatalf("no section %s: run with -update, and read it", form)
				}
				if diff := c.Compare(form, got); diff != "" {
					t.Errorf("%s: %s", form, diff)
				}
			}
		})
	}
}

func play(t *testing.T, c *casetest.Case, form string) string {
	t.Helper()
	packets, err := c.Packets()
	if err != nil {
		t.Fatal(err)
	}
	in := capture.Input{Name: c.Number, Format: "case", First: math.MaxInt64, Last: capture.NoTime}
	for i := range packets {
		p := &packets[i]
		in.Packets++
		in.Bytes += int64(len(p.Data))
		in.First, in.Last = min(in.First, p.Time), max(in.Last, p.Time)
	}
	var out bytes.Buffer
	list := report.Frames
	if strings.HasPrefix(c.Number, "26.") { // many connections: what each did is not what the case is about
		list = report.Findings
	}
	sink := formatNamed(t, form).New(&out, &report.Options{List: list})
	checker := diagnose.New(diagnose.All(), sink)
	totals, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{}, 1, checker)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Finish(&report.Summary{Inputs: []capture.Input{in}, Totals: totals, Counts: checker.Counts()}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func formatNamed(t *testing.T, name string) *report.Format {
	t.Helper()
	for i := range report.Formats {
		if report.Formats[i].Name == name {
			return &report.Formats[i]
		}
	}
	t.Fatalf("no format %q", name)
	return nil
}

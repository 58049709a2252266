package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/internal/casetest"
)

// allSymptoms is how many there are.
const allSymptoms = 35

// TestSymptoms holds that what people say of a WebSocket that fails leads to a
// report that helps: testdata/symptoms.txt.
func TestSymptoms(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "testdata", "symptoms.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	var symptom, ran, report string
	var want []string // rules that the symptom leads to, as far as no report of it has named them
	code, symptoms, says := 0, 0, 0
	lacks := func() {
		if len(want) > 0 {
			t.Errorf("%s: no report names %q", symptom, want)
		}
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case word == "run":
			ran = rest
			code, report = symptomReport(t, cases, rest)
			want = slices.DeleteFunc(want, func(rule string) bool { return names(report, rule) })
		case word == "rules":
			want = strings.Fields(rest)
		case word == "exit":
			if rest != strconv.Itoa(code) {
				t.Errorf("%s: wssniff -r %s: exit %d, want %s", symptom, ran, code, rest)
			}
		case word == "says":
			says++
			if !strings.Contains(report, strings.Join(strings.Fields(rest), " ")) {
				t.Errorf("%s: the report on %s does not say %q", symptom, ran, rest)
			}
		case len(word) == 3 && word[0] == 'S':
			if symptoms++; word != "S"+string(rune('0'+symptoms/10))+string(rune('0'+symptoms%10)) {
				t.Errorf("%s is in the place of symptom %d", word, symptoms)
			}
			if symptom != "" && says == 0 {
				t.Errorf("%s: nothing must be said", symptom)
			}
			lacks()
			symptom, says, want = line, 0, nil
		default:
			t.Errorf("%q is no line of symptoms.txt", line)
		}
	}
	lacks()
	if symptoms != allSymptoms {
		t.Errorf("%d symptoms, want %d", symptoms, allSymptoms)
	}
}

// symptomReport is what is printed, with a blank where lines are broken.
func symptomReport(t *testing.T, cases []*casetest.Case, what string) (code int, report string) {
	t.Helper()
	args := strings.Fields(what)
	if number, ok := strings.CutPrefix(what, "case "); ok {
		for _, c := range cases {
			if c.Number == number {
				return 0, words(play(t, c, casetest.Text) + play(t, c, casetest.NDJSON))
			}
		}
		t.Fatalf("there is no case %s", number)
	}
	if args[0][0] != '-' {
		args = append([]string{"-r", filepath.Join(capturesDir, args[0])}, args[1:]...)
	}
	var out, errs bytes.Buffer
	code = run(args, nil, &out, &errs)
	if errs.Len() > 0 {
		t.Errorf("wssniff %q: %s", args, errs.String())
	}
	return code, words(out.String())
}

// names tells whether a report has a finding of a rule, in the form that is asked for if one is.
func names(report, id string) bool {
	rule, form, _ := strings.Cut(id, ".")
	if strings.Contains(report, " "+id+" ") || form == "" && strings.Contains(report, " "+rule+".") {
		return true
	}
	json := `"rule":"` + rule + `",`
	if form != "" {
		json += `"variant":"` + form + `",`
	}
	return strings.Contains(report, json)
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

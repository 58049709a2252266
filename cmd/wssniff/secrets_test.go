package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// credential is in all that spiced adds.
const credential = "hunter2-Zq7TnVx"

// Where spiced puts a credential: behind a target, among the fields of a
// head, before what a message or a ping has, behind a close code.
var (
	target    = regexp.MustCompile(`^((?:open|request)\s+)(/[^\s"]*)`)
	requested = regexp.MustCompile(`^\|\s*(GET|POST|HEAD|CONNECT) `)
	answered  = regexp.MustCompile(`^\|\s*HTTP/`)
	data      = regexp.MustCompile(`\b(text|bin)( |$)`)
	beat      = regexp.MustCompile(`\b(ping|pong)( |$)`)
	closed    = regexp.MustCompile(`\bclose (\d+)( |$)`)
)

// spiced is a script with credentials wherever a conversation can have one.
func spiced(script string) string {
	var b strings.Builder
	for _, line := range strings.Split(script, "\n") {
		line = target.ReplaceAllStringFunc(line, func(s string) string {
			separator := "?"
			if strings.Contains(s, "?") {
				separator = "&"
			}
			return s + separator + "access_token=" + credential + "&password=" + credential +
				` field="Cookie: sid=` + credential + `; theme=` + credential + `"` +
				` field="Authorization: Bearer ` + credential + `" field="X-Api-Key: ` + credential + `"`
		})
		if strings.HasPrefix(line, "open") {
			line = strings.Replace(line, " field=", ` field2="Set-Cookie: sid=`+credential+`; Path=/" field=`, 1)
		}
		line = data.ReplaceAllString(line, `$1 "{\"password\":\"`+credential+`\",\"token\":\"`+credential+`\"} "$2`)
		line = beat.ReplaceAllString(line, `$1 "token=`+credential+` "$2`)
		line = closed.ReplaceAllString(line, `close $1 "token=`+credential+` "$2`)
		b.WriteString(line + "\n")
		switch {
		case requested.MatchString(line):
			b.WriteString("|Cookie: sid=" + credential + "\n|Authorization: Basic " + credential + "\n")
		case answered.MatchString(line):
			b.WriteString("|Set-Cookie: sid=" + credential + "\n|Location: wss://joe:" + credential + "@server.example/?token=" + credential + "\n")
		}
	}
	return b.String()
}

// A printing is a sink and what it has written.
type printing struct {
	name string
	sink report.Sink
	out  bytes.Buffer
}

// printings tell all they are told.
type printings []*printing

func (all printings) Observe(e session.Event) {
	for _, p := range all {
		p.sink.Observe(e)
	}
}

func (all printings) Finding(f *diagnose.Finding) {
	for _, p := range all {
		p.sink.Finding(f)
	}
}

// print gives all that is printed of a case: in each form with each list, the
// payload as it is by default and whole, live, and of each connection alone.
func print(t *testing.T, c *casetest.Case, shown bool) printings {
	t.Helper()
	packets, err := c.Packets()
	if err != nil {
		return nil // the script cannot have more in that place
	}
	var all printings
	add := func(f *report.Format, o report.Options) {
		o.ShowSecrets = shown
		p := &printing{name: fmt.Sprintf("%s %+v", f.Name, o)}
		p.sink = f.New(&p.out, &o)
		all = append(all, p)
	}
	for i := range report.Formats {
		f := &report.Formats[i]
		for _, list := range []report.List{report.None, report.Findings, report.Connections, report.Frames} {
			add(f, report.Options{List: list})
		}
		add(f, report.Options{List: report.Frames, Payload: report.PayloadAll, Width: 400})
		add(f, report.Options{List: report.Frames, Payload: 40})
		add(f, report.Options{Live: true})
		for id := int64(1); id <= 20; id++ {
			add(f, report.Options{Follow: id, Width: 400})
		}
	}
	checker := diagnose.New(diagnose.All(), all)
	totals, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{}, 1, checker)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := p.sink.Finish(&report.Summary{Totals: totals, Counts: checker.Counts()}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// looks are the ways in which a part of the credential may be seen: as it is,
// in hexadecimal, and in base64, from each of three bytes on.
func looks() []string {
	seen := []string{"hunter2", "Zq7T", hex.EncodeToString([]byte("Zq7T")), fmt.Sprintf("% x", "Zq7T"), fmt.Sprintf("% x", "unte")}
	for from := range 3 {
		part := credential[from:]
		seen = append(seen, base64.StdEncoding.EncodeToString([]byte(part[:len(part)/3*3])))
	}
	return seen
}

// TestSecretsOfCases holds that no report of any case has a credential that
// the conversation is full of, and that it has those when asked for them.
func TestSecretsOfCases(t *testing.T) {
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	played, showing := 0, 0
	for _, c := range cases {
		script, _ := c.Section(casetest.Script)
		c := casetest.Of(c.Name, spiced(script))
		all := print(t, c, false)
		if all == nil {
			t.Logf("%s: not played", c.Name)
			continue
		}
		played++
		for _, p := range all {
			out := p.out.String()
			for _, look := range looks() {
				if at := strings.Index(out, look); at >= 0 {
					t.Errorf("%s: %s: …%s…", c.Name, p.name, out[max(0, at-150):min(len(out), at+60)])
					break
				}
			}
		}
		for _, p := range print(t, c, true) {
			if strings.Contains(p.out.String(), credential) {
				showing++
				break
			}
		}
	}
	if played < len(cases)*9/10 || showing < played*9/10 {
		t.Errorf("of %d cases %d were played, and %d show a credential when asked", len(cases), played, showing)
	}
}

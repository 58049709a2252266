package main

import (
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
)

// lineRules are the rules that speak of a line of the checklist.
var lineRules = map[diagnose.Line][]string{
	diagnose.LineMethod:     {"handshake-request-invalid.method"},
	diagnose.LineProto:      {"http10-to-backend"},
	diagnose.LineHost:       {"handshake-request-invalid.no-host"},
	diagnose.LineUpgrade:    {"upgrade-header-missing", "upgrade-headers-malformed.wrong-value", "upgrade-headers-malformed.duplicated"},
	diagnose.LineConnection: {"upgrade-header-missing", "upgrade-headers-malformed.no-token"},
	diagnose.LineKey:        {"ws-key-invalid.missing", "ws-key-invalid.length", "ws-key-invalid.multiple"},
	diagnose.LineVersion:    {"ws-version-unsupported"},
	diagnose.LineAccept:     {"accept-mismatch"},
}

// A lineHolder holds the checklist of each opening handshake against what is
// found of it.
type lineHolder struct {
	t        *testing.T
	of       *session.Conn
	marks    [diagnose.Lines]byte // '+' good, '-' failed, '?' not known
	other    bool                 // it is no handshake of HTTP/1.1
	findings map[int64][]*diagnose.Finding
	failed   [diagnose.Lines]int
	good     [diagnose.Lines]int
}

func (l *lineHolder) Observe(e session.Event) {
	l.settle()
	h, ok := e.(*session.Handshake)
	if !ok {
		return
	}
	l.of, l.other = h.Conn, h.H2 != nil
	for i := range l.marks {
		switch ok, known := diagnose.Checked(h.Conn, diagnose.Line(i)); {
		case !known:
			l.marks[i] = '?'
		case ok:
			l.marks[i] = '+'
			l.good[i]++
		default:
			l.marks[i] = '-'
			l.failed[i]++
		}
	}
	if got := l.marks[diagnose.LineStatus] == '+'; got != (h.Status() == 101) {
		l.t.Errorf("packet %d: status %d: the checklist says %v", h.Packet, h.Status(), got)
	}
}

func (l *lineHolder) Finding(f *diagnose.Finding) {
	l.findings[f.Conn.ID] = append(l.findings[f.Conn.ID], f)
}

// settle compares behind the findings that follow an opening handshake.
func (l *lineHolder) settle() {
	if l.of == nil || l.other {
		return
	}
	for line, rules := range lineRules {
		var said *diagnose.Finding
		for _, f := range l.findings[l.of.ID] { // of attempts before, too: a finding is told once
			if slices.ContainsFunc(rules, func(r string) bool { return is(f, r) }) && f.Severity == diagnose.Error && f.ID() != "ws-version-unsupported.plain-http-426" {
				said = f
			}
		}
		switch mark := l.marks[line]; {
		case mark == '-' && said == nil:
			l.t.Errorf("connection %d: line %d fails, and no rule says so", l.of.ID, line)
		case mark != '-' && said != nil && l.of.Attempts == 1 && !(line == diagnose.LineConnection && said.Rule.ID == "upgrade-header-missing"):
			l.t.Errorf("connection %d: line %d is %c, and there is %s", l.of.ID, line, mark, said.ID())
		}
	}
	l.of = nil
}

// TestChecklist holds that the checklist and the findings say the same of
// each opening handshake in the cases.
func TestChecklist(t *testing.T) {
	var failed, good [diagnose.Lines]int
	hold := func(t *testing.T, src capture.Source) {
		l := &lineHolder{t: t, findings: map[int64][]*diagnose.Finding{}}
		if _, err := session.Run(src, session.Config{}, 1, diagnose.New(diagnose.All(), l)); err != nil {
			t.Fatal(err)
		}
		for i := range failed {
			failed[i] += l.failed[i]
			good[i] += l.good[i]
		}
	}
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Number, func(t *testing.T) {
			packets, err := c.Packets()
			if err != nil {
				t.Fatal(err)
			}
			hold(t, casetest.Poison(casetest.Source(packets)))
		})
	}
	for i := range failed {
		if failed[i] == 0 || good[i] == 0 {
			t.Errorf("line %d fails %d times and is good %d times: one of them is not tested", i, failed[i], good[i])
		}
	}
}

package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// A findTally gathers findings: by kind for the table, and by the connection
// whose failure they explain for the headlines.
type findTally struct {
	secret redactor
	kinds  map[string]*findKind
	conns  map[int64][]*diagnose.Finding // of connections that have not ended
	joints map[int64]*joint              // by the legs that have ended
	recent [64]cause                     // the last ones
	causes int
}

// A cause is what explains the failure of a connection.
type cause struct {
	conn int64
	of   *findKind
}

// A findKind is what is known of the findings with one ID.
type findKind struct {
	id       string
	severity diagnose.Severity   // the highest
	count    int64               // of findings told: one for each end of a connection
	conns    connSet             // with such a finding
	first    *diagnose.Finding   // of those that are so severe
	leads    connSet             // those whose failure it explains
	causes   []*diagnose.Finding // the first of these
	tallies  []*diagnose.Tally   // of all of them
}

// A connSet counts connections, told in any order but each at one time, and
// names the first few.
type connSet struct {
	n    int64
	last int64
	ids  []int64
}

func (s *connSet) add(id int64) {
	if s.last == id {
		return
	}
	s.last = id
	s.n++
	if len(s.ids) < maxIDs {
		s.ids = append(s.ids, id)
	}
}

func (s *connSet) names() string {
	f := failure{count: s.n, ids: s.ids}
	return f.names()
}

// maxFound bounds what is remembered of the findings of one connection.
const maxFound = 64

func (t *findTally) add(f *diagnose.Finding) {
	id := f.ID()
	k := t.kinds[id]
	if k == nil {
		if t.kinds == nil {
			t.kinds = make(map[string]*findKind)
			t.conns = make(map[int64][]*diagnose.Finding)
		}
		k = &findKind{id: id, first: f}
		t.kinds[id] = k
	}
	k.count++
	if f.Severity > k.severity {
		k.severity, k.first = f.Severity, f
	}
	if f.Tally != nil && len(k.tallies) < maxTallies {
		k.tallies = append(k.tallies, f.Tally)
	}
	for _, conn := range f.Explains {
		t.explained(conn)
	}
	of := t.conns[f.Conn.ID]
	if !slices.ContainsFunc(of, func(o *diagnose.Finding) bool { return o.ID() == id }) {
		k.conns.last = 0
		k.conns.add(f.Conn.ID)
	}
	if len(of) < maxFound {
		t.conns[f.Conn.ID] = append(of, f)
	}
}

// closed gives the findings of a connection that has ended, the one that
// explains the others first.
func (t *findTally) closed(c *session.Conn) []*diagnose.Finding {
	of := t.conns[c.ID]
	delete(t.conns, c.ID)
	if !t.join(c, of) && of != nil {
		t.cause(of, c.ID)
	}
	return of
}

// named tells whether a table of findings or a headline may name a connection
// with these findings.
func (t *findTally) named(id int64, of []*diagnose.Finding) bool {
	return slices.ContainsFunc(of, func(f *diagnose.Finding) bool {
		k := t.kinds[f.ID()]
		return slices.Contains(k.conns.ids, id) || slices.Contains(k.leads.ids, id)
	})
}

// cause counts the finding that explains the others, as one of a connection.
func (t *findTally) cause(of []*diagnose.Finding, conn int64) {
	lead := diagnose.Headline(of)
	t.leads(lead, conn)
	for _, o := range of {
		if o.Rule.Layer == diagnose.Fleet && o.ID() != lead.ID() { // no connection alone explains it
			t.leads(o, conn)
		}
	}
}

// leads counts a finding as one to tell before the tables.
func (t *findTally) leads(f *diagnose.Finding, conn int64) {
	if f.Severity < diagnose.Warning {
		return
	}
	k := t.kinds[f.ID()]
	k.leads.add(conn)
	t.recent[t.causes%len(t.recent)] = cause{conn, k}
	t.causes++
	if len(k.causes) < maxIDs {
		k.causes = append(k.causes, f)
	}
}

// explained takes back what explained the failure of a connection: what was
// found since on another one does.
func (t *findTally) explained(conn int64) {
	for i := range t.recent {
		if c := &t.recent[i]; c.conn == conn && c.of != nil {
			c.of.takeBack(conn)
			*c = cause{}
		}
	}
}

// takeBack counts a connection no more as one that the finding leads.
func (k *findKind) takeBack(conn int64) {
	k.leads.n--
	if i := slices.Index(k.leads.ids, conn); i >= 0 {
		k.leads.ids = slices.Delete(k.leads.ids, i, i+1)
		k.causes = slices.Delete(k.causes, i, i+1)
	}
}

// cause is the first of the most severe that explain a failure: what is told of
// all of them.
func (k *findKind) cause() *diagnose.Finding {
	if len(k.causes) == 0 {
		return k.first
	}
	return slices.MaxFunc(k.causes, func(a, b *diagnose.Finding) int { return cmp.Compare(a.Severity, b.Severity) })
}

// rules are the IDs of the rules in the findings, each once.
func rules(of []*diagnose.Finding) []string {
	var ids []string
	for _, f := range of {
		if !slices.Contains(ids, f.Rule.ID) {
			ids = append(ids, f.Rule.ID)
		}
	}
	return ids
}

// sorted are the kinds, the worst first; of those that weigh the same, what
// explains a failure stands before what follows from it.
func (t *findTally) sorted() []*findKind {
	t.settleAll()
	kinds := make([]*findKind, 0, len(t.kinds))
	for _, k := range t.kinds {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b *findKind) int {
		return cmp.Or(-cmp.Compare(a.severity, b.severity), cmp.Compare(bit(a.leads.n == 0), bit(b.leads.n == 0)),
			-cmp.Compare(a.conns.n, b.conns.n), cmp.Compare(a.id, b.id))
	})
	return kinds
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// table is the table of findings.
func (t *findTally) table() *table {
	tab := &table{heading: "Findings", columns: []column{
		{title: ""}, {title: "RULE"}, {title: "COUNT", right: true}, {title: "CONNECTIONS", least: 6, short: cutTo},
		{title: "PACKET", right: true}, {title: "WHAT TO DO", least: 10, short: cutTo, first: true},
	}}
	kinds := t.sorted()
	for i, k := range kinds {
		if i == maxRows {
			tab.note = "… and " + count(int64(len(kinds)-maxRows)) + " more"
			break
		}
		tab.add(k.severity == diagnose.Info, marks[k.severity].text, k.id, count(k.count), k.conns.names(), count(k.first.Packet), k.first.Advice())
	}
	return tab
}

// marks stand before what was found.
var marks = [...]struct{ text, sgr string }{
	diagnose.Info:    {"i", sgrBlue},
	diagnose.Warning: {"!", sgrYellow},
	diagnose.Error:   {"✗", sgrRed},
}

// maxHeadlines is how many causes are told before the tables.
const maxHeadlines = 8

// headlines writes what is wrong, each cause once, and what to do about it.
func (s *textSink) headlines() {
	told := 0
	for _, k := range s.finds.sorted() {
		if k.leads.n == 0 {
			continue
		}
		if told == 0 {
			s.out.WriteByte('\n')
		}
		if told++; told > maxHeadlines {
			s.out.WriteString("  more causes are in the table Findings\n")
			break
		}
		s.headline(k)
	}
	if told > 0 {
		s.out.WriteString(s.st.paint(sgrDim, "  Longer answers: wssniff --explain RULE") + "\n")
	}
}

func (s *textSink) headline(k *findKind) {
	f := k.cause()
	mark := marks[f.Severity]
	text := f.Title() + ": " + s.finds.message(f) + k.inAll()
	if k.leads.n > 1 {
		text = count(k.leads.n) + " connections: " + text
	}
	const indent = "  "
	lines := s.wrap(mark.text+" "+stopped(text), indent)
	s.out.WriteString(strings.Replace(lines, mark.text, s.st.paint(mark.sgr, mark.text), 1) + "\n")
	advice := s.wrap(indent+f.Advice()+".", indent)
	s.out.WriteString(indent + strings.TrimLeft(advice, " ") + "\n")
	packets := make([]string, 0, len(k.causes))
	for _, c := range k.causes {
		packets = append(packets, count(c.Packet))
	}
	place := k.id + columnGap + k.leads.names() + columnGap + "packet " + strings.Join(packets, ", ")
	s.out.WriteString(s.st.paint(sgrDim, padLeft(cutTo(place, s.opts.width()), s.opts.width())) + "\n")
}

// stopped is a sentence with what ends it.
func stopped(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

// message is the line of a finding, without secrets and what a terminal acts on.
func (t *findTally) message(f *diagnose.Finding) string { return clean(t.secret.string(f.Message)) }

package report

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// table is the table of close codes.
func (t *codeTally) table() *table {
	tab := &table{heading: "Close codes", columns: []column{
		{title: "CODE", right: true}, {title: "NAME", least: 8, short: cutTo}, {title: "BY"}, {title: "COUNT", right: true}, {title: "MEANING", least: 10, short: cutTo},
	}}
	type line struct {
		code frames.CloseCode
		by   string
	}
	var lines []line
	counts := make(map[line]int64)
	for _, row := range t.rows() {
		l := line{row.code, closer(row)}
		if counts[l] == 0 {
			lines = append(lines, l)
		}
		counts[l] += t.counts[row]
	}
	for _, l := range lines[:min(len(lines), maxRows)] {
		name := l.code.Name()
		if name == "" {
			name = dash
		}
		tab.add(false, strconv.Itoa(int(l.code)), name, l.by, count(counts[l]), l.code.Meaning())
	}
	if rest := len(lines) - maxRows; rest > 0 || t.rest > 0 {
		tab.note = "… and " + count(int64(max(rest, 0))+t.rest) + " more"
	}
	return tab
}

// closer says who closed: nobody, where the code is one that no side sent, and
// a dash where it is not known.
func closer(row codeRow) string {
	switch {
	case row.code == frames.AbnormalClosure:
		return "nobody"
	case row.by == session.ClosedByNone, row.by == session.ClosedByUnknown:
		return dash
	}
	return row.by.String()
}

// A failTally counts opening handshakes that did not open a WebSocket.
type failTally struct {
	secret redactor
	counts map[failRow]*failure
	rest   int64
}

type failRow struct {
	status         int // 0 without an answer
	reason, server string
}

type failure struct {
	count int64
	ids   []int64 // the first few
}

// maxIDs is how many connections a row names.
const maxIDs = 4

func (t *failTally) add(e *session.Handshake) {
	h := e.Handshake
	switch {
	case h.Response == nil && !h.Established:
		t.count(e.Conn.ID, failRow{reason: "no answer"})
	case !h.Established:
		t.count(e.Conn.ID, failRow{h.Status(), t.text(h.Reason()), t.text(h.ServerSoftware())})
	}
}

// closed counts what failed without an answer, or behind one.
func (t *failTally) closed(f *session.Facts) {
	switch {
	case f.State == session.Rejected:
		row := failRow{status: 101, reason: "client gave up"}
		if f.Handshake != nil {
			row.server = t.text(f.Handshake.ServerSoftware())
		}
		t.count(f.ID, row)
	case refusal(f) != nil:
		v := refusal(f)
		t.count(f.ID, failRow{v.Status, cmp.Or(v.Reply, "tunnel refused"), v.Kind.String()})
	case f.TLS != nil && f.Handshake == nil && (f.State == session.Refused || f.State == session.Unanswered):
		t.count(f.ID, failRow{reason: tlsFailure(f.TLS, f.State)})
	case f.State == session.Refused && f.Handshake == nil:
		t.count(f.ID, failRow{reason: "TCP refused"})
	case f.State == session.Unanswered && f.Handshake == nil:
		t.count(f.ID, failRow{reason: "TCP unanswered"})
	}
}

// text is a cell made of what the server sent, bounded.
func (t *failTally) text(s string) string { return cutTo(clean(t.secret.string(s)), maxCell) }

func (t *failTally) count(id int64, row failRow) {
	f := t.counts[row]
	if f == nil {
		if len(t.counts) == maxTally {
			t.rest++
			return
		}
		if t.counts == nil {
			t.counts = make(map[failRow]*failure)
		}
		f = new(failure)
		t.counts[row] = f
	}
	f.count++
	if len(f.ids) < maxIDs && !slices.Contains(f.ids, id) {
		f.ids = append(f.ids, id)
	}
}

func (t *failTally) table() *table {
	tab := &table{heading: "Failed handshakes", columns: []column{
		{title: "STATUS", right: true}, {title: "REASON", least: 10, short: cutTo}, {title: "ANSWERED BY", least: 8, short: cutTo},
		{title: "COUNT", right: true}, {title: "CONNECTIONS", least: 6, short: cutTo},
	}}
	rows := make([]failRow, 0, len(t.counts))
	for row := range t.counts {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b failRow) int {
		return cmp.Or(cmp.Compare(t.counts[b].count, t.counts[a].count), cmp.Compare(a.status, b.status),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.server, b.server))
	})
	for i, row := range rows {
		if i == maxRows {
			break
		}
		f := t.counts[row]
		status, server := dash, dash
		if row.status != 0 {
			status = strconv.Itoa(row.status)
		}
		if row.server != "" {
			server = row.server
		}
		tab.add(false, status, row.reason, server, count(f.count), f.names())
	}
	if rest := len(rows) - maxRows; rest > 0 || t.rest > 0 {
		tab.note = "… and " + count(int64(max(rest, 0))+t.rest) + " more"
	}
	return tab
}

// names are the connections: "#3 #4 and 7 more".
func (f *failure) names() string {
	s := ""
	for i, id := range f.ids {
		if i > 0 {
			s += " "
		}
		s += "#" + strconv.FormatInt(id, 10)
	}
	if more := f.count - int64(len(f.ids)); more > 0 && len(f.ids) == maxIDs {
		s += " and " + count(more) + " more"
	}
	return s
}

// A timeTally collects durations over all connections.
type timeTally struct {
	rtt, upgrade, idle session.Samples
	ping               session.Samples // the median of each connection
	pings              session.Samples // only Min, Max and Count, over all pings
}

func (t *timeTally) handshake(e *session.Handshake) {
	if e.Response != nil && timed(&e.Requested, &e.Where) {
		t.upgrade.Add(e.Time.Sub(e.Requested.Time))
	}
}

func (t *timeTally) closed(f *session.Facts) {
	if f.TCP.RTT > 0 {
		t.rtt.Add(f.TCP.RTT)
	}
	if f.IdleMax > 0 {
		t.idle.Add(f.IdleMax)
	}
	if p := &f.PingRTT; p.Count > 0 {
		if t.pings.Count == 0 || p.Min < t.pings.Min {
			t.pings.Min = p.Min
		}
		t.pings.Max = max(t.pings.Max, p.Max)
		t.pings.Count += p.Count
		t.ping.Add(p.Median())
	}
}

func (t *timeTally) table() *table {
	tab := &table{heading: "Timing", columns: []column{
		{title: "WHAT"}, {title: "MIN", right: true}, {title: "MEDIAN", right: true}, {title: "MAX", right: true}, {title: "COUNT", right: true},
	}}
	add := func(what string, s *session.Samples, median time.Duration) {
		if s.Count > 0 {
			tab.add(false, what, span(s.Min), span(median), span(s.Max), count(s.Count))
		}
	}
	add("TCP round trip", &t.rtt, t.rtt.Median())
	add("upgrade, request to answer", &t.upgrade, t.upgrade.Median())
	add("ping to pong", &t.pings, t.ping.Median())
	add("longest silence of a connection", &t.idle, t.idle.Median())
	return tab
}

// A sizeTally adds up messages that were inflated.
type sizeTally struct {
	wire, length [2]int64
}

func (t *sizeTally) add(e *session.Message) {
	if e.Compressed && e.Inflated {
		t.wire[e.Dir] += int64(e.WireLength)
		t.length[e.Dir] += int64(e.Length)
	}
}

// side says what one end sent: "3,377 from servers (1.1 MB, deflate 5.9:1)".
func (t *sizeTally) side(all *session.Totals, d reassembly.Dir, who string) string {
	side := &all.Sides[d]
	s := count(side.Messages) + " from " + who + " (" + size(side.PayloadBytes)
	if t.wire[d] > 0 {
		s += ", deflate " + ratio(t.wire[d], t.length[d])
	}
	return s + ")"
}

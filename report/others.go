package report

import (
	"strconv"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
)

// An otherTally keeps the TCP connections that are no WebSocket and of which
// something was found that names them.
type otherTally struct{ rows [][]string }

func (t *otherTally) add(c *session.Conn) {
	f := &c.Facts
	took, carried := dash, "no data"
	if f.Start != capture.NoTime && f.End != capture.NoTime {
		took = span(f.End.Sub(f.Start))
	}
	if f.HTTP != nil {
		carried = "HTTP"
	}
	t.rows = append(t.rows, []string{strconv.FormatInt(f.ID, 10), address(f.Client), address(f.Server), carried, took, closeCell(f)})
}

func (t *otherTally) table() *table {
	tab := &table{heading: "Other TCP connections with findings", columns: []column{
		{title: "#", right: true}, {title: "CLIENT", least: 12}, {title: "SERVER", least: 12},
		{title: "CARRIED"}, {title: "TIME", right: true}, {title: "CLOSE"},
	}}
	for _, r := range t.rows {
		tab.add(true, r...)
	}
	return tab
}

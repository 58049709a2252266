package report

import (
	"cmp"
	"slices"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// maxTally bounds the rows of a tally: what would be one more is counted as
// the rest.
const maxTally = 1000

// A codeTally counts how WebSocket connections ended.
type codeTally struct {
	counts map[codeRow]int64
	rest   int64
}

// A codeRow is a close code as an endpoint's API reports it, and who closed.
type codeRow struct {
	code frames.CloseCode
	by   session.ClosedBy
}

func (t *codeTally) add(f *session.Facts) {
	if f.CloseCode == 0 {
		return
	}
	row := codeRow{f.CloseCode, f.ClosedBy}
	if t.counts == nil {
		t.counts = make(map[codeRow]int64)
	}
	if _, ok := t.counts[row]; !ok && len(t.counts) == maxTally {
		t.rest++
		return
	}
	t.counts[row]++
}

// rows are the rows in order of code.
func (t *codeTally) rows() []codeRow {
	rows := make([]codeRow, 0, len(t.counts))
	for row := range t.counts {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b codeRow) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.by, b.by))
	})
	return rows
}

// An other is a kind of TCP connection that is counted and not listed.
type other struct {
	name, title string
	n           int64
}

// others are the TCP connections without a WebSocket, by what they carried.
func others(t *session.Totals) [5]other {
	return [...]other{
		{"http", "HTTP", t.HTTP},
		{"tls", "TLS", t.TLS},
		{"http2", "HTTP/2", t.HTTP2},
		{"other", "other", t.OtherTCP},
		{"silent", "without data", t.SilentTCP},
	}
}

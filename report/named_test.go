package report

import (
	"slices"
	"testing"

	"github.com/wssniff/wssniff/session"
)

// TestNamedRows holds that a connection which a finding names has its row,
// however many there are, whether the first are kept or the last.
func TestNamedRows(t *testing.T) {
	for _, latest := range []bool{false, true} {
		conns := connTally{keep: 10, latest: latest}
		named := []int64{3, 50, 199}
		for id := range int64(200) {
			c := new(session.Conn)
			c.ID = id
			conns.add(c, slices.Contains(named, id))
		}
		var rows []string
		for _, r := range conns.table(80).rows {
			rows = append(rows, r[0])
		}
		for _, id := range named {
			if !slices.Contains(rows, count(id)) {
				t.Errorf("latest %v: no row of %d in %v", latest, id, rows)
			}
		}
		if n := int64(len(rows)) + conns.more; n != 200 {
			t.Errorf("latest %v: %d rows and %d more", latest, len(rows), conns.more)
		}
	}
}

package report

import (
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A sealedTally keeps the TLS connections of which nothing inside is known.
type sealedTally struct {
	rows  [][]string
	more  int64
	shown []offer
	hints []keyHint
}

// add takes a connection; one that is named by a finding has its row in any case.
func (t *sealedTally) add(c *session.Facts, named bool) {
	if len(t.rows) >= maxRows && !named {
		t.more++
		return
	}
	t.hint(c, strconv.FormatInt(c.ID, 10))
	f := c.TLS
	t.show(f, strconv.FormatInt(c.ID, 10))
	name, offered, version, duration := dash, dash, dash, dash
	if h := f.ClientHello; h != nil {
		if h.ServerName != "" {
			name = cutTo(clean(h.ServerName), maxCell)
		}
		if len(h.ALPN) > 0 {
			offered = cutTo(clean(strings.Join(h.ALPN, ",")), maxCell)
		}
	}
	if f.ALPN != "" {
		offered = cutTo(clean(f.ALPN), maxCell)
	}
	if f.Version != 0 {
		version = f.Version.String()
	}
	if c.Start != capture.NoTime && c.End != capture.NoTime {
		duration = span(c.End.Sub(c.Start))
	}
	up, down := &f.Sides[tlsdecrypt.Client], &f.Sides[tlsdecrypt.Server]
	t.rows = append(t.rows, []string{
		strconv.FormatInt(c.ID, 10), address(c.Server), name, offered, version, duration,
		size(up.CipherBytes), size(down.CipherBytes), sealedBy(f),
	})
}

func (t *sealedTally) table() *table {
	tab := &table{heading: "TLS with nothing to read in it", columns: []column{
		{title: "#", right: true}, {title: "SERVER", least: 12}, {title: "NAME (SNI)", least: 8}, {title: "ALPN", least: 4},
		{title: "VERSION"}, {title: "TIME", right: true},
		{title: "↑BYTES", right: true}, {title: "↓BYTES", right: true}, {title: "WHY", least: 6},
	}}
	for _, r := range t.rows {
		tab.add(true, r...)
	}
	if t.more > 0 {
		tab.note = "… and " + count(t.more) + " more: -f ndjson has them all"
	}
	return tab
}

// sealedBy says why nothing of what was inside is known.
func sealedBy(f *tlsdecrypt.Facts) string {
	if f.State == tlsdecrypt.Decrypting {
		return "unused"
	}
	return f.State.String()
}

// tlsFailure says in a few words how a TLS handshake failed.
func tlsFailure(f *tlsdecrypt.Facts, s session.State) string {
	for i := range f.Alerts {
		if a := &f.Alerts[i]; a.Fatal() {
			return "TLS alert " + tlsdecrypt.AlertName(a.Description) + " of the " + tlsSides[a.From]
		}
	}
	if s == session.Unanswered {
		return "TLS unanswered"
	}
	return "TLS handshake not finished"
}

var tlsSides = [...]string{tlsdecrypt.Client: "client", tlsdecrypt.Server: "server"}

package report

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const (
	maxConns = 100 // rows kept of the table of connections
	maxRows  = 40  // rows shown of the other tables
	maxCell  = 200 // columns kept of what a stranger sent
	dash     = "–" // in a cell: there is none
)

// A connTally keeps the rows of the table of connections.
type connTally struct {
	secret redactor
	kept   []connRow
	more   int64
	named  []connRow // beyond the kept ones: those that the tables of findings name

	keep    int  // rows, 0 for maxConns
	latest  bool // the last ones are kept, not the first
	proxied bool // some are inner legs of others
}

type connRow struct {
	id             int64
	client, server string
	host, path     string
	state, time    string
	messages       [2]string // by reassembly.Dir
	bytes          [2]string
	close          string
	outer          int64 // the leg outside of it, 0 if there is none
	clean, named   bool
}

// add takes a connection that has ended; named ones have their row in any case.
func (t *connTally) add(c *session.Conn, named bool) {
	f := &c.Facts
	if len(t.kept) >= t.most() && !t.latest && !named {
		t.more++
		return
	}
	r := connRow{
		id: f.ID, client: address(f.Client), server: address(f.Server), path: dash,
		state: stateWord(f.State), time: dash, close: closeCell(f), clean: f.Clean, named: named,
	}
	if f.Start != capture.NoTime && f.End != capture.NoTime {
		r.time = span(f.End.Sub(f.Start))
	}
	if h := f.Handshake; h != nil && h.Request != nil {
		r.path = cutTo(clean(t.secret.url(f.Target)), maxCell)
		r.host = cutTo(clean(t.secret.host(f.Host)), maxCell)
		if f.TLS != nil {
			r.host = "wss://" + r.host
		}
	} else if f.TLS != nil && f.TLS.ClientHello != nil && f.TLS.ClientHello.ServerName != "" {
		r.path = "TLS " + cutTo(clean(f.TLS.ClientHello.ServerName), maxCell)
	}
	for d := range f.Sides {
		r.messages[d], r.bytes[d] = dash, dash
		if s := &f.Sides[d]; s.Frames > 0 || opened(f) {
			r.messages[d], r.bytes[d] = count(s.Messages), size(s.PayloadBytes)
		}
	}
	if l := diagnose.LegOf(c).Outer(); l != nil {
		r.outer, t.proxied = l.ID, true
	}
	switch {
	case len(t.kept) < t.most():
		t.kept = append(t.kept, r)
	case !t.latest:
		t.named = append(t.named, r)
	default:
		old := &t.kept[(t.more+int64(len(t.named)))%int64(len(t.kept))]
		if old.named {
			t.named = append(t.named, *old)
		} else {
			t.more++
		}
		*old = r
	}
}

func (t *connTally) most() int { return cmp.Or(t.keep, maxConns) }

// opened tells whether frames could be sent.
func opened(f *session.Facts) bool {
	switch f.State {
	case session.Connecting, session.Refused, session.Unanswered:
		return false
	}
	return true
}

func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return dash
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

// closeCell is how the connection ended: "1000 client", "– server FIN", "403".
func closeCell(f *session.Facts) string {
	switch {
	case f.State == session.Ended:
		s := strconv.Itoa(int(f.CloseCode))
		if f.ClosedBy != session.ClosedByNone && f.ClosedBy != session.ClosedByUnknown {
			s += " " + f.ClosedBy.String()
		}
		return s
	case f.State == session.Refused && f.Handshake != nil && f.Handshake.Status() != 0:
		return strconv.Itoa(f.Handshake.Status())
	case f.OneSided && f.TCP.End != reassembly.NotEnded:
		return dash + " " + strings.ToUpper(endNames[f.TCP.End])
	case refusal(f) != nil:
		return "proxy " + strconv.Itoa(max(refusal(f).Status, int(refusal(f).Code)))
	case f.TCP.End == reassembly.FIN:
		return dash + " " + f.TCP.EndedBy.String() + " FIN"
	case f.TCP.End == reassembly.RST:
		return dash + " " + f.TCP.EndedBy.String() + " RST"
	}
	return dash
}

// A connForm is a choice of columns.
type connForm struct{ host, bytes, tight bool }

// connForms are the choices from wide to narrow. The first that fits is taken,
// the last is made to fit.
var connForms = [...]connForm{{host: true, bytes: true}, {bytes: true}, {host: true}, {}, {tight: true}}

// table is the table in the best form for w columns.
func (t *connTally) table(w int) *table {
	kept := t.kept
	defer func() { t.kept = kept }() // in the order in which they are written over
	t.kept = slices.Concat(kept, t.named)
	slices.SortStableFunc(t.kept, func(a, b connRow) int { return cmp.Compare(a.id, b.id) })
	var tab *table
	for _, form := range connForms {
		if tab = t.form(form); tab.natural() <= w {
			break
		}
	}
	if t.proxied {
		tab.note = "↳ leads the same WebSocket on, behind a proxy"
	}
	if t.more > 0 {
		tab.note = "… and " + count(t.more) + " more: -l connections lists them all"
	}
	return tab
}

func (t *connTally) form(form connForm) *table {
	const address, path = 12, 6
	up, down := "↑MSG", "↓MSG"
	if form.tight {
		up, down = "↑", "↓"
	}
	tab := &table{columns: []column{
		{title: "#", right: true}, {title: "CLIENT", least: address}, {title: "SERVER", least: address},
		{title: "TARGET", least: path, first: true, short: elideTarget}, {title: "STATE"}, {title: "TIME", right: true},
		{title: up, right: true}, {title: down, right: true},
	}}
	if form.bytes {
		tab.columns = append(tab.columns, column{title: "↑BYTES", right: true}, column{title: "↓BYTES", right: true})
	}
	tab.columns = append(tab.columns, column{title: "CLOSE"})
	for i := range t.kept {
		r := &t.kept[i]
		target := r.path
		if form.host && r.host != r.server && strings.HasPrefix(r.path, "/") {
			target = r.host + r.path
		}
		id := strconv.FormatInt(r.id, 10)
		if r.outer > 0 {
			id += "↳" + strconv.FormatInt(r.outer, 10)
		}
		cells := []string{id, r.client, r.server, target, r.state, r.time, r.messages[0], r.messages[1]}
		if form.bytes {
			cells = append(cells, r.bytes[0], r.bytes[1])
		}
		ended := r.close
		if form.tight {
			ended = strings.TrimPrefix(ended, dash+" ")
		}
		tab.add(r.clean, append(cells, ended)...)
	}
	return tab
}

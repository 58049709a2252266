package report

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// A fleet is worth tables of its own from so many connections on.
const fleetFrom = 20

// A fleetTally counts attempts by where they went and whom they came from:
// what fails for one group alone has its cause there.
type fleetTally struct {
	secret redactor
	total  int64
	groups map[groupKey]*group
	rest   int64 // of groups that there was no room for
	series map[visitor]*visits

	texts, paths, agents memo[string] // origins, paths and User-Agents, as they are shown
	servers              memo[netip.AddrPort]
	networks             memo[netip.Addr]
}

// A groupKey is what connections have in common.
type groupKey struct {
	kind groupKind
	name string
}

type groupKind uint8

const (
	byServer groupKind = iota
	byPath
	byNetwork
	byOrigin
	byAgent
	groupKinds
)

var groupNames = [groupKinds]string{"server", "path", "clients", "origin", "agent"}

// A group counts what became of the attempts of a group: Origin and User-Agent
// are known of those that asked for an upgrade alone.
type group struct {
	attempts, tcp, tls, refused, opened int64 // and how far they came
	closes                              []closing
}

// A closing counts how often connections were closed so.
type closing struct {
	ended
	n int64
}

// An ended is how a connection was closed: with which code, and by whom.
type ended struct {
	code frames.CloseCode
	by   session.ClosedBy
}

// String is the code and the side: "1001 server".
func (e ended) String() string {
	if e.by == session.ClosedByNone {
		return strconv.Itoa(int(e.code))
	}
	return strconv.Itoa(int(e.code)) + " " + e.by.String()
}

const (
	maxGroups = 512 // in all
	maxCloses = 16  // of a group
	fewGroups = 8   // shown of each kind
)

// group is the group of a label, nil where there is no room for it.
func (t *fleetTally) group(kind groupKind, l *label) *group {
	if l.group != nil {
		return l.group
	}
	k := groupKey{kind, l.name}
	g := t.groups[k]
	if g == nil {
		if len(t.groups) >= maxGroups {
			t.rest++
			return nil
		}
		if t.groups == nil {
			t.groups = make(map[groupKey]*group)
		}
		g = new(group)
		t.groups[k] = g
	}
	l.group = g
	return g
}

// text is text as it is shown.
func (t *fleetTally) text(s string) string {
	return cutTo(clean(t.secret.string(cmp.Or(s, "none"))), maxCell)
}

func (t *fleetTally) agent(s string) string { return t.text(family(s)) }

// path is the target of a request without its query, as it is shown; nil where
// there were so many others that it has no group.
func (t *fleetTally) path(target string) *label {
	path, _, _ := strings.Cut(target, "?")
	if _, known := t.paths[path]; !known && len(t.paths) >= maxMemo {
		t.rest++
		return nil
	}
	return shown(&t.paths, path, func(path string) string { return cutTo(clean(t.secret.url(path)), maxCell) })
}

// family is the client that a User-Agent names, without what differs from one
// machine to the next: the last product of a browser's, the first of others'.
func family(agent string) string {
	if strings.HasPrefix(agent, "Mozilla/") {
		for _, name := range [...]string{"Edg/", "OPR/", "Firefox/", "Chrome/", "Version/"} {
			if i := strings.Index(agent, name); i >= 0 {
				product, _, _ := strings.Cut(agent[i:], " ")
				major, _, _ := strings.Cut(product, ".")
				return strings.Replace(strings.Replace(major, "Edg/", "Edge/", 1), "Version/", "Safari/", 1)
			}
		}
	}
	product, _, _ := strings.Cut(agent, " ")
	return product
}

// closed counts a connection by its addresses, path, Origin and User-Agent.
func (t *fleetTally) closed(c *session.Conn) {
	t.total++
	labels := [groupKinds]*label{byServer: t.servers.of(c.Server, address), byNetwork: t.networks.of(c.Client.Addr(), network)}
	path := ""
	if c.Target != "" {
		if l := t.path(c.Target); l != nil {
			labels[byPath], path = l, l.name
		}
	}
	if h := c.Handshake; h != nil && h.Request != nil {
		labels[byOrigin] = shown(&t.texts, h.Origin(), t.text)
		labels[byAgent] = shown(&t.agents, h.UserAgent(), t.agent)
	}
	for kind, l := range labels {
		if l == nil || l.name == "" {
			continue
		}
		if g := t.group(groupKind(kind), l); g != nil {
			g.add(c)
		}
	}
	t.visit(c, path)
}

func (g *group) add(c *session.Conn) {
	g.attempts++
	switch {
	case opened(&c.Facts) && c.State != session.Rejected:
		g.opened++
	case c.Handshake == nil && c.TLS != nil:
		g.tls++
	case c.Handshake == nil:
		g.tcp++
	default:
		g.refused++
	}
	if c.CloseCode == 0 {
		return
	}
	key := ended{c.CloseCode, c.ClosedBy}
	if key.by == session.ClosedByUnknown {
		key.by = session.ClosedByNone
	}
	for i := range g.closes {
		if g.closes[i].ended == key {
			g.closes[i].n++
			return
		}
	}
	if len(g.closes) < maxCloses {
		g.closes = append(g.closes, closing{key, 1})
	}
}

// network is the network of a client: 24 bits in IPv4, 64 in IPv6.
func network(a netip.Addr) string {
	bits := 24
	if a = a.Unmap(); a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// table is the table of groups. A kind that has one group says nothing, but
// for servers and paths: there it says what became of all. Of few connections,
// Origins alone are told apart.
func (t *fleetTally) table() *table {
	tab := &table{heading: "Who and where", columns: []column{
		{title: "BY"}, {title: "", least: 12, short: cutTo}, {title: "TRIED", right: true}, {title: "NO TCP", right: true}, {title: "NO TLS", right: true}, {title: "REFUSED", right: true},
		{title: "OPENED", right: true}, {title: "ENDS", least: 12, short: cutTo, first: true},
	}}
	for kind := range groupKinds {
		var keys []groupKey
		for k := range t.groups {
			if k.kind == kind {
				keys = append(keys, k)
			}
		}
		if len(keys) == 0 || len(keys) == 1 && kind > byPath || t.total < fleetFrom && !severalOrigins(keys) {
			continue
		}
		slices.SortFunc(keys, func(a, b groupKey) int {
			return cmp.Or(-cmp.Compare(t.groups[a].attempts, t.groups[b].attempts), cmp.Compare(a.name, b.name))
		})
		if kind != byServer && t.groups[keys[0]].attempts == 1 && t.total >= fleetFrom { // each for itself
			continue
		}
		for _, k := range keys[:min(len(keys), fewGroups)] {
			g := t.groups[k]
			tab.add(false, groupNames[kind], k.name, count(g.attempts), count(g.tcp), count(g.tls), count(g.refused), count(g.opened), g.ends())
		}
		if more := len(keys) - fewGroups; more > 0 {
			tab.add(false, groupNames[kind], "and "+count(int64(more))+" more", "", "", "", "", "", "")
		}
	}
	if t.rest > 0 {
		tab.note = "… and connections of groups that there was no room for"
	}
	return tab
}

// severalOrigins tells whether the groups are those of Origins, and several:
// what a server decides of each is worth a row in any capture.
func severalOrigins(keys []groupKey) bool {
	named := 0
	for _, k := range keys {
		named += bit(k.kind == byOrigin && k.name != "none")
	}
	return named > 1
}

// ends is "1001 server 12, 1006 client 3": code, side and how often, the most frequent first.
func (g *group) ends() string {
	if len(g.closes) == 0 {
		return dash
	}
	closes := slices.Clone(g.closes)
	slices.SortFunc(closes, func(a, b closing) int {
		return cmp.Or(-cmp.Compare(a.n, b.n), cmp.Compare(a.String(), b.String()))
	})
	parts := make([]string, 0, len(closes))
	for _, c := range closes {
		parts = append(parts, c.String()+" "+count(c.n))
	}
	return strings.Join(parts, ", ")
}

// A visitor is a client of one server at one path.
type visitor struct {
	client netip.Addr
	server netip.AddrPort
	path   string
}

// visits are the attempts of a visitor, one behind the other.
type visits struct {
	ended   capture.Time
	failed  bool // the last one did not end as the client wanted
	retried int64
	first   [3]time.Duration // waits between an end and the next attempt
	waits   session.Samples
}

const (
	maxVisitors = 512
	manyRetries = 3 // that are worth a row
)

// visit notes how long the client waited before it came back.
func (t *fleetTally) visit(c *session.Conn, path string) {
	failed := !opened(&c.Facts) || c.State == session.Rejected || c.State == session.Aborted ||
		c.State == session.Ended && c.ClosedBy == session.ClosedByServer && c.CloseCode != 1000
	k := visitor{c.Client.Addr(), c.Server, path}
	v := t.series[k]
	if v == nil {
		if !failed || len(t.series) >= maxVisitors {
			return
		}
		if t.series == nil {
			t.series = make(map[visitor]*visits)
		}
		v = new(visits)
		t.series[k] = v
	} else if wait := c.Start.Sub(v.ended); v.failed && wait >= 0 && c.Start != capture.NoTime {
		if v.retried < int64(len(v.first)) {
			v.first[v.retried] = wait
		}
		v.retried++
		v.waits.Add(wait)
	}
	v.ended, v.failed = max(v.ended, c.End), failed
}

// retries is the table of clients that came back.
func (t *fleetTally) retries() *table {
	tab := &table{heading: "Coming back", columns: []column{
		{title: "CLIENT", least: 8, short: cutTo}, {title: "SERVER", least: 8, short: cutTo}, {title: "PATH", least: 4, short: cutTo}, {title: "TIMES", right: true},
		{title: "FIRST WAITS"}, {title: "MAX", right: true}, {title: "SHAPE"},
	}}
	var keys []visitor
	for k, v := range t.series {
		if v.retried >= manyRetries {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b visitor) int {
		return cmp.Or(-cmp.Compare(t.series[a].retried, t.series[b].retried), a.client.Compare(b.client), a.server.Compare(b.server), cmp.Compare(a.path, b.path))
	})
	for i, k := range keys {
		if i == maxRows {
			tab.note = "… and " + count(int64(len(keys)-maxRows)) + " more"
			break
		}
		v := t.series[k]
		var waits []string
		for _, w := range v.first[:min(v.retried, int64(len(v.first)))] {
			waits = append(waits, span(w))
		}
		tab.add(false, k.client.Unmap().String(), address(k.server), cmp.Or(k.path, dash), count(v.retried), strings.Join(waits, ", "), span(v.waits.Max), v.shape())
	}
	return tab
}

// shape says how the waits grow: from the first ones, and the longest.
func (v *visits) shape() string {
	first := v.first[:min(v.retried, int64(len(v.first)))]
	doubled, grown := true, true
	for i := range first[1:] {
		ratio := float64(first[i+1]) / float64(max(first[i], 1))
		doubled = doubled && ratio > 1.9 && ratio < 2.1
		grown = grown && ratio > 1.1
	}
	switch {
	case v.waits.Max < time.Second:
		return "at once"
	case float64(v.waits.Max) < 1.15*float64(v.waits.Min):
		return "fixed"
	case doubled:
		return "doubled"
	case grown:
		return "growing"
	}
	return "random"
}

package diagnose

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A Change is a field of the request that a proxy did not pass on as it was.
type Change struct {
	Name          string
	Before, After []string // its values, in order; nil where the request does not have it
}

// Verb is what the proxy did with the field: added, removed, changed.
func (c *Change) Verb() string {
	switch {
	case c.Before == nil:
		return "added"
	case c.After == nil:
		return "removed"
	}
	return "changed"
}

// changes compares the fields of two requests, as appendFields wrote them, in
// the order of the first.
func changes(outer, inner []byte) []Change {
	var all []Change
	for name := range names(outer) {
		if before, after := values(outer, name), values(inner, name); !slices.Equal(before, after) && !changed(all, name) {
			all = append(all, Change{name, before, after})
		}
	}
	for name := range names(inner) {
		if values(outer, name) == nil && !changed(all, name) {
			all = append(all, Change{name, nil, values(inner, name)})
		}
	}
	return all
}

func changed(all []Change, name string) bool {
	return slices.ContainsFunc(all, func(c Change) bool { return strings.EqualFold(c.Name, name) })
}

func names(fields []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range bytes.Lines(fields) {
			if name, _, ok := bytes.Cut(line, []byte{':'}); ok && !yield(string(name)) {
				return
			}
		}
	}
}

func values(fields []byte, name string) []string {
	var all []string
	for line := range bytes.Lines(fields) {
		if n, value, ok := bytes.Cut(line, []byte{':'}); ok && strings.EqualFold(string(n), name) {
			all = append(all, string(bytes.TrimSuffix(value, []byte{'\n'})))
		}
	}
	return all
}

// legRules are about what a proxy makes of an opening handshake, where both of
// its sides were captured.
var legRules = []Rule{
	{
		ID: "upgrade-stripped-between-hops", Severity: Error, Stands: Securing, Clause: "RFC 9110 §7.8",
		Title:   "the proxy in this capture is the one that breaks the upgrade",
		Advice:  "make this proxy pass Upgrade, Connection and the Sec-WebSocket fields on",
		Seen:    "a request for a WebSocket that was right when the proxy got it and wrong when it passed it on, or a 101 that it did not pass back",
		Means:   "client and server are not at fault",
		Causes:  []string{"an nginx location without the two header lines", "a switch for WebSockets that is off in the proxy's panel", "an Apache ProxyPass without upgrade=websocket", "a development proxy without ws: true", "a 101 without Connection: upgrade, which strict proxies do not pass on"},
		Fixes:   upgradeFixes,
		Confirm: "ask the server behind the proxy directly: curl -i --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' http://SERVER/PATH answers 101",
		NotWhen: "only Sec-WebSocket-Key differs: the proxy opens a WebSocket of its own",
		Variants: []Variant{
			{ID: "request", Title: "the proxy in this capture took away what asks for the upgrade", Advice: "make this proxy pass Upgrade and Connection on; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; with the map that --explain has"},
			{ID: "identity", Title: "the proxy in this capture changed Origin or Host, and the server refused", Advice: "let the proxy pass Origin and Host on as they are, or allow what it makes of them at the server"},
			{ID: "response", Title: "the server accepted, and the proxy in this capture did not pass that on", Advice: "look at the 101 of the server: with Upgrade and Connection: upgrade it is one that every proxy passes on"},
		},
		Handshake: func(p *Pass, e *session.Handshake) {
			if e.Established || p.Conn.leg == nil {
				return
			}
			for _, inner := range p.Conn.leg.Legs() {
				if inner.within(p.Conn.leg) {
					p.stripped(e, inner)
					return
				}
			}
		},
	},
}

// stripped reports what the proxy did to the handshake e on its way to inner.
func (p *Pass) stripped(e *session.Handshake, inner *Leg) {
	p.from(reassembly.FromServer)
	request, _ := inner.PassedOn(p.Conn.leg)
	sent := changeList(request)
	taken := slices.DeleteFunc(sent.among("Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"), func(c Change) bool { return c.respelled() })
	switch {
	case inner.Status == 101:
		p.Report("response", "101 of %v in packet %d, and the proxy %v answered %d", inner.Server, inner.answer, p.Conn.Server, e.Status()).In(inner.answer)
	case e.Request.Fields.Has("Upgrade") && (taken.has("Upgrade") || taken.has("Connection")):
		p.Report("request", "%s between packet %d and %d by the proxy %v", taken, e.Requested.Packet, inner.requested, p.Conn.Server).
			In(inner.requested, inner.answer).With("changes", taken.lines())
	case inner.Status == 403:
		if of := sent.among("Origin", "Host"); len(of) > 0 {
			p.Report("identity", "%s by the proxy %v, and %v answered 403", of, p.Conn.Server, inner.Server).As(Likely).
				In(inner.requested, inner.answer).With("changes", of.lines())
		}
	}
}

// respelled tells that only the case of the values differs, which means
// nothing in Upgrade and Connection.
func (c *Change) respelled() bool {
	return c.Verb() == "changed" && strings.EqualFold(strings.Join(c.Before, ","), strings.Join(c.After, ","))
}

// changeList are changes of a request.
type changeList []Change

// among are those of the named fields.
func (l changeList) among(names ...string) (of changeList) {
	for _, c := range l {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, c.Name) }) {
			of = append(of, c)
		}
	}
	return of
}

func (l changeList) has(name string) bool { return changed(l, name) }

// String is "Upgrade removed, Connection changed".
func (l changeList) String() string {
	parts := make([]string, 0, len(l))
	for i := range l {
		parts = append(parts, l[i].Name+" "+l[i].Verb())
	}
	return strings.Join(parts, ", ")
}

// lines are the changes with their values.
func (l changeList) lines() []string {
	parts := make([]string, 0, len(l))
	for i := range l {
		c := &l[i]
		parts = append(parts, c.Name+": "+strings.Join(c.Before, ", ")+" → "+strings.Join(c.After, ", "))
	}
	return parts
}

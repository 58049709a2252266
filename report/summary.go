package report

import (
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// input writes what was read:
//
//	checkout.pcapng  pcapng, 2,073 packets, 1.4 MB, 61.4 s from 2026-11-02 14:02:11 UTC
func (s *textSink) input(in *capture.Input) {
	line := ""
	if in.Format != "" {
		line = in.Format + ", "
	}
	line += plural(in.Packets, "packet") + ", " + size(in.Bytes)
	if in.Packets > 0 && in.First != capture.NoTime && in.Last != capture.NoTime {
		line += ", " + span(in.Last.Sub(in.First)) + " from " + in.First.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	if in.Drops > 0 {
		line += ", " + plural(int64(min(in.Drops, 1<<62)), "packet") + " dropped"
	}
	if in.Freezes > 0 {
		line += ", buffer full " + plural(int64(min(in.Freezes, 1<<62)), "time")
	}
	if in.Cut > 0 {
		line += ", " + count(in.Cut) + " truncated"
	}
	name := elide(clean(in.Name), s.opts.width())
	gap := columnGap
	if width(name)+width(gap)+width(line) > s.opts.width() {
		gap = "\n" + columnGap
	}
	s.out.WriteString(s.st.paint(sgrBold, name) + gap + cutTo(line, s.opts.width()-len(columnGap)) + "\n")
	if in.Err != nil {
		s.out.WriteString(s.st.paint(sgrYellow, "!") + " " + cutTo(clean(in.Err.Error()), s.opts.width()-2) + "\n")
	}
}

// stateWords are the words of the report for states, in its order.
var stateWords = [...]struct {
	state     session.State
	one, many string // in a row of its own, and counted
}{
	{session.Ended, "closed", "closed"},
	{session.Aborted, "cut", "cut"},
	{session.Refused, "refused", "refused"},
	{session.Rejected, "rejected", "rejected by the client"},
	{session.Unanswered, "unanswered", "unanswered"},
	{session.MidStream, "mid-stream", "joined in mid-stream"},
	{session.Open, "open", "open at the end"},
}

func stateWord(s session.State) string {
	for i := range stateWords {
		if stateWords[i].state == s {
			return stateWords[i].one
		}
	}
	return s.String()
}

// totals writes the counts of the whole run.
func (s *textSink) totals(sum *Summary) {
	t := sum.Totals
	s.out.WriteString("\n" + s.st.paint(sgrBold, "Totals") + "\n")
	if len(sum.Inputs) != 1 {
		items := []string{plural(t.Packets, "packet"), size(t.Bytes)}
		if first, last := timesOf(t); first != capture.NoTime && last != capture.NoTime {
			items = append(items, span(last.Sub(first))+" from "+first.UTC().Format("2006-01-02 15:04:05")+" UTC")
		}
		s.items("packets", items)
	}
	items := []string{count(t.Connections)}
	for _, w := range &stateWords {
		if n := t.States[w.state]; n > 0 {
			items = append(items, w.many+" "+count(n))
		}
	}
	s.items("connections", items)
	s.items("messages", []string{
		s.sizes.side(t, reassembly.FromClient, "clients"),
		s.sizes.side(t, reassembly.FromServer, "servers"),
	})
	s.items("loss", lossItems(sum))
	s.items("other TCP", besides(t))
	s.items("not decoded", undecoded(t))
}

func lossItems(sum *Summary) []string {
	t := sum.Totals
	missing := plural(t.Sides[0].LostBytes+t.Sides[1].LostBytes, "byte") + " missing"
	if t.Gaps > 0 {
		missing += " in " + plural(t.Gaps, "gap")
	}
	items := []string{dropped(sum.drops()), missing}
	if n := t.Sides[0].UnfollowedBytes + t.Sides[1].UnfollowedBytes; n > 0 {
		items = append(items, plural(n, "byte")+" not followed")
	}
	if t.Limited > 0 {
		items = append(items, limited(t))
	}
	return items
}

// lostPackets is what may have hidden a WebSocket.
func lostPackets(sum *Summary) []string {
	var items []string
	if n := sum.drops(); n > 0 {
		items = append(items, dropped(n))
	}
	if sum.Totals.Limited > 0 {
		items = append(items, limited(sum.Totals))
	}
	return items
}

func dropped(n uint64) string {
	return plural(int64(min(n, 1<<62)), "packet") + " dropped by the capture"
}

func limited(t *session.Totals) string {
	return "a limit was reached " + plural(t.Limited, "time")
}

// besides is what else there was: counted, and not listed.
func besides(t *session.Totals) []string {
	items := otherItems(t)
	if t.HTTPExchanges > 0 {
		items = append(items, plural(t.HTTPExchanges, "HTTP request")+" without upgrade")
	}
	return items
}

func otherItems(t *session.Totals) []string {
	var items []string
	for _, o := range others(t) {
		if o.n > 0 {
			items = append(items, o.title+" "+count(o.n))
		}
	}
	return items
}

func undecoded(t *session.Totals) []string {
	const most = 5
	var items []string
	for i, u := range t.Undecoded {
		if i == most {
			return append(items, "and more")
		}
		items = append(items, clean(u.Reason)+" "+plural(u.Packets, "packet"))
	}
	return items
}

// nothing says that there was no WebSocket, and what there was.
func (s *textSink) nothing(sum *Summary) {
	t := sum.Totals
	line := "no WebSocket connection: " + plural(t.TCP, "TCP connection") + ", " +
		plural(t.HTTPExchanges, "HTTP request") + " without upgrade"
	s.out.WriteString("\n" + s.wrap(line, "") + "\n")
	s.items("of them", otherItems(t))
	s.items("loss", lostPackets(sum))
	s.items("not decoded", undecoded(t))
	s.out.WriteString(s.wrap("hint: "+hint(t), "      ") + "\n")
	s.out.WriteString(s.wrap(unseen, "      ") + "\n")
}

// unseen is why there may be nothing to see: docs/unseen.md has the rest.
const unseen = "note: a browser sends nothing where it rejects the URL or the port, or ws:// in a page over https, or where it cannot resolve the name: no packet shows why, its console does"

// hint is what to try where no WebSocket was found.
func hint(t *session.Totals) string {
	switch {
	case t.Packets == 0:
		return "no packet was read: look at the filter and at where it was captured"
	case t.TCP == 0:
		return "there is no TCP in it: look at the filter and at where it was captured"
	case t.Limited > 0:
		return "a limit was reached, and what was given up may have been WebSockets: --max-memory raises it"
	case t.TLS > 0:
		return "TLS hides what is inside. With --keylog FILE it is read; FILE is made by SSLKEYLOGFILE=FILE before a browser, curl or Python, node --tls-keylog=FILE, KeyLogWriter in Go, openssl s_client -keylogfile FILE"
	case t.HTTP2 > 0:
		return "HTTP/2 was looked into: no stream of it asked for a WebSocket (RFC 8441)"
	case t.HTTPExchanges > 0:
		return "no request asked for an upgrade: look at what the client does, and at a proxy before this place that drops Upgrade"
	}
	return "a WebSocket begins with an HTTP request that has Upgrade: websocket: capture from before the connection is opened, or say of a port that its connections are WebSockets: --decode-as PORT=websocket"
}

// wrap breaks a sentence at spaces.
func (s *textSink) wrap(text, indent string) string {
	return fold(text, s.opts.width(), indent)
}

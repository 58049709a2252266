package diagnose

import (
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// waitRules are about time that neither the network nor the WebSocket takes.
var waitRules = []Rule{
	{
		ID: "slow-app-response", Severity: Warning, Clause: "RFC 6455 §1.9",
		Title:   "the application answers slowly",
		Advice:  "look up the request in the server's log at that time, and what it waited for",
		Seen:    "the time between a request and the answer that has its ID, of more than a second and of ten round trips, for more than one answer in twenty",
		Means:   "the network is not the delay: the program at the other end is",
		Causes:  []string{"a handler that waits for a database or for another service", "one worker that takes requests one after the other", "an event loop that is blocked"},
		Fixes:   []Fix{{"", "answer requests beside each other; give slow work a queue of its own"}, {"", "a timeout for requests in the client, and a message that says so"}},
		Confirm: "--follow shows each request and its answer with their times",
		NotWhen: "answers are subscriptions: their first event comes when there is one",
		Variants: []Variant{
			{ID: "slow", Title: "the application answers slowly"},
			{ID: "serial", Title: "requests wait for each other: the answers come one after the other"},
			{ID: "unanswered", Title: "a request was never answered", Advice: "look whether the server knows the method, and whether its handler fails without a word"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c, t := e.Conn, p.Conn.talk
			if t == nil || t.asked == nil || c.OneSided || slices.Contains([]string{"graphql-transport-ws", "graphql-ws"}, t.reader.Protocol()) {
				return
			}
			if r := p.Conn.Replies(); r.Slow > 0 && 20*r.Slow > r.Count && r.Max > 10*c.TCP.RTT {
				form, text := "slow", ""
				if t.queued >= manyQueued {
					form, text = "serial", ", each as soon as the one before was answered"
				}
				p.Report(form, "%s: %d of %d answers took more than a second, the slowest %v%s", t.reader.Protocol(), r.Slow, r.Count, r.Max.Round(time.Millisecond), text).In(r.Slowest).
					With("answers", r.Count).With("slow", r.Slow).With("max_ms", r.Max.Milliseconds())
			}
			p.neverAnswered(e, t)
		},
	},
	{
		ID: "nagle-delayed-ack", Severity: Warning, Clause: "RFC 9293 §3.7.4",
		Title:   "small messages wait for acknowledgments that are delayed",
		Advice:  "set TCP_NODELAY on the sender's socket, and write each frame at once",
		Seen:    "a small segment, its acknowledgment 35 to 45 ms or 150 to 210 ms later, and the next small segment right behind that, five times or more",
		Means:   "the sender's TCP keeps a small segment back until all before it is acknowledged, and the receiver's TCP waits with that: 40 ms in Linux, up to 200 ms in others",
		Causes:  []string{"TCP_NODELAY is off: in some client libraries it is, unless it is asked for", "the header of a frame and its payload are written apart"},
		Fixes:   []Fix{{"tokio-tungstenite", "connect_async_with_config with disable_nagle true"}, {"C", "setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, …)"}, {"", "one write for each frame"}},
		Confirm: "with TCP_NODELAY the waits are gone",
		NotWhen: "nothing was on its way during the wait: then the program waited",
		Closed: func(p *Pass, e *session.Closed) {
			if e.Conn.H2 != nil || !p.Conn.Opened {
				return
			}
			for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
				if n, wait := e.Conn.Segments().KeptBack(d); n >= manyKeptBack {
					p.from(d)
					p.Report("", "small segments of the %v waited for a late acknowledgment %d times, %v each", d, n, wait.Round(time.Millisecond)).As(Likely).
						With("times", n).With("wait_ms", wait.Milliseconds())
				}
			}
		},
	},
}

const (
	manyKeptBack  = 5
	manyQueued    = 4 // answers that came as soon as the one before
	unansweredFor = 5 * time.Second
)

// neverAnswered reports a request that had no answer for long, where the other
// side answered later ones.
func (p *Pass) neverAnswered(e *session.Closed, t *talk) {
	var oldest *request
	n := 0
	for i := range t.asked.list {
		r := &t.asked.list[i]
		if r.packet > 0 && r.at < t.answeredAt && e.Time.Sub(r.at) >= unansweredFor && !p.Conn.Sides[r.dir.Other()].Lost && !p.Conn.Sides[r.dir].Lost {
			if n++; oldest == nil || r.packet < oldest.packet {
				oldest = r
			}
		}
	}
	if n == 0 || p.Conn.Replies().Count < 2 {
		return
	}
	p.from(oldest.dir.Other())
	p.Report("unanswered", "%s: the request of the %v in packet %d has no answer after %.1f s, and later ones have", t.reader.Protocol(), oldest.dir, oldest.packet, e.Time.Sub(oldest.at).Seconds()).
		As(Likely).In(oldest.packet).With("unanswered", n)
}

// answer notes that a request was answered, and whether it seems to have
// waited until the one before was.
func (t *talk) answer(r *request, e *session.Message) {
	if r.at < t.answeredAt && e.Time.Sub(t.answeredAt) >= t.least/2 && t.least > 100*time.Millisecond {
		t.queued++
	}
	if took := e.Time.Sub(max(r.at, t.answeredAt)); t.least == 0 || took < t.least {
		t.least = took
	}
	t.answeredAt = e.Time
}

// A replied is when requests were answered, one after the other.
type replied struct {
	answeredAt capture.Time  // the last one
	least      time.Duration // the shortest time that one took, since it was asked and the one before answered
	queued     int           // answers to requests that were asked before the one before was answered, and took no less behind that
}

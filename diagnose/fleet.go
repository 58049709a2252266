package diagnose

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What is gathered of many connections together, for fleetrules.go to judge.

const (
	maxGaps    = 5               // waits between attempts that are compared
	manyEnds   = 10              // ends that are many at once
	endsWithin = 2 * time.Second // of each other
	manyWaits  = 10              // handshakes under way at once
)

// A visitor is one client of one server at one path.
type visitor struct {
	client netip.Addr
	server netip.AddrPort
	path   uint64 // sum of the path
}

// A series is what came of the visits, one after the other.
type series struct {
	ended   capture.Time // the last one
	packet  int64
	retry   bool                   // the last one ended in a way that makes a client try again
	fatal   int                    // a status or close code of the last one that trying again does not change
	retried int                    // times in a row that it was tried again nevertheless
	gaps    [maxGaps]time.Duration // from an end to the next attempt, the last one last
	n       int                    // how many in a row
	tally   Tally
	short   int64 // of less than shortVisit
	told    uint8
}

const shortVisit = 10 * time.Second

// A policy is how long a client waits before it tries again.
type policy uint8

const (
	noPolicy    policy = iota // none that is known, or with a random part
	immediate                 // less than a second, always
	fixed                     // always the same
	exponential               // twice as long each time, to the point
)

// policy fits one to the last waits.
func (s *series) policy() policy {
	if s.n < maxGaps {
		return noPolicy
	}
	mean, deviation := spread(s.gaps[:])
	doubled := true
	for i := range s.gaps[1:] {
		ratio := float64(s.gaps[i+1]) / float64(max(s.gaps[i], 1))
		doubled = doubled && math.Abs(ratio-2) < 0.1
	}
	switch {
	case slices.Max(s.gaps[:]) < time.Second:
		return immediate
	case deviation < 0.15*mean:
		return fixed
	case doubled:
		return exponential
	}
	return noPolicy
}

// spread gives the mean and the standard deviation, in nanoseconds.
func spread(of []time.Duration) (mean, deviation float64) {
	for _, d := range of {
		mean += float64(d) / float64(len(of))
	}
	for _, d := range of {
		deviation += (float64(d) - mean) * (float64(d) - mean) / float64(len(of))
	}
	return mean, math.Sqrt(deviation)
}

// visit counts a connection that is over. It gives the series that it belongs to.
func (w *World) visit(c *session.Conn) *series {
	if len(w.series) == 0 && !unwanted(c) {
		return nil
	}
	k := visitor{c.Client.Addr(), c.Server, sum(path(c.Target))}
	s := w.series[k]
	if s == nil {
		if len(w.series) >= maxFleet || !unwanted(c) {
			return nil
		}
		if w.series == nil {
			w.series = make(map[visitor]*series)
		}
		s = new(series)
		w.series[k] = s
	}
	switch gap := c.Start.Sub(s.ended); {
	case s.tally.Attempts == 0:
	case gap < 0 || !s.retry: // others are open at the same time: they do not wait for each other
		s.n, s.retried = 0, 0
	default:
		copy(s.gaps[:], s.gaps[1:])
		s.gaps[maxGaps-1] = gap
		s.n++
		s.retried++
		if s.fatal == 0 {
			s.retried = 0
		}
	}
	if s.tally.Attempts++; s.tally.Attempts == 1 {
		s.tally.First = c.Start
	}
	s.tally.Last = max(s.tally.Last, c.Start)
	if c.End.Sub(c.Start) < shortVisit {
		s.short++
	}
	s.ended, s.packet, s.retry = max(s.ended, c.End), c.EndPacket, unwanted(c)
	return s
}

// unwanted tells that a connection did not become, or did not stay, what the client wanted.
func unwanted(c *session.Conn) bool {
	return failed(c) || c.State == session.Ended && c.ClosedBy == session.ClosedByServer && c.CloseCode != frames.NormalClosure
}

// fatal is the status or close code that says that trying again is in vain, 0 if there is none.
func fatal(c *session.Conn) int {
	var code int
	switch {
	case c.State == session.Refused && c.Handshake != nil:
		code = c.Handshake.Status()
	case c.State == session.Ended && c.ClosedBy == session.ClosedByServer:
		code = int(c.CloseCode)
	}
	switch code {
	case 401, 403, 404, 1002, 1008, 4401, 4403:
		return code
	}
	return 0
}

// A backend is what is known of one server.
type backend struct {
	ends   [manyEnds]backendEnd // the last ones that the server began
	ended  int
	told   capture.Time // when they were called many
	waits  [manyWaits]wait
	waited int
	slow   bool         // was told
	left   capture.Time // when it last ended one as a server does that stops
	leftIn int64        // and where; 0 before
}

type backendEnd struct {
	at     capture.Time
	life   time.Duration
	packet int64
}

// A wait is an opening handshake from request to answer.
type wait struct{ from, to capture.Time }

// backend gives what is known of a server, nil where too many are.
func (w *World) backend(of netip.AddrPort) *backend {
	b := w.backends[of]
	if b == nil && len(w.backends) < maxFleet {
		if w.backends == nil {
			w.backends = make(map[netip.AddrPort]*backend)
		}
		b = new(backend)
		w.backends[of] = b
	}
	return b
}

// maxFleet bounds the visitors, the servers and the services that are told apart.
const maxFleet = 1 << 13

// cutAll tells whether the server has by now ended many connections at once,
// of different ages, and is told of such a moment once.
func (b *backend) cutAll(c *session.Conn) (within time.Duration, first int64, ok bool) {
	at := endedAt(c)
	b.ends[b.ended%manyEnds] = backendEnd{at, at.Sub(c.Start), c.EndPacket}
	if b.ended++; b.ended < manyEnds {
		return 0, 0, false
	}
	oldest := b.ends[b.ended%manyEnds]
	within = at.Sub(oldest.at)
	shortest, longest := oldest.life, oldest.life
	for _, e := range b.ends {
		shortest, longest = min(shortest, e.life), max(longest, e.life)
	}
	if within > endsWithin || longest-shortest < max(2*endsWithin, longest/5) || b.told != 0 && at.Sub(b.told) < time.Minute {
		return 0, 0, false
	}
	b.told = at
	return within, oldest.packet, true
}

// endedAt is when the end of c began.
func endedAt(c *session.Conn) capture.Time {
	if s := c.Sides[reassembly.FromServer].Close; s != nil {
		return s.Time
	}
	return cmp.Or(c.TCP.EndedAt, c.End)
}

// queue tells whether handshakes that were under way at once were answered one
// after the other, each waiting for the one before.
func (b *backend) queue(w wait) (first, last time.Duration, ok bool) {
	b.waits[b.waited%manyWaits] = w
	if b.waited++; b.waited < manyWaits || b.slow {
		return 0, 0, false
	}
	oldest := b.waits[b.waited%manyWaits]
	before := oldest
	for i := 1; i < manyWaits; i++ {
		next := b.waits[(b.waited+i)%manyWaits]
		if next.from > oldest.to || next.from < before.from || next.to < before.to {
			return 0, 0, false
		}
		before = next
	}
	first, last = oldest.to.Sub(oldest.from), w.to.Sub(w.from)
	b.slow = last >= time.Second && last >= manyWaits/2*first
	return first, last, b.slow
}

// leak counts a connection that an end leaves half open: a server, or all of a client.
func (w *World) leak(at netip.AddrPort) int64 {
	if w.leaks == nil {
		w.leaks = make(map[netip.AddrPort]int64)
	}
	if _, known := w.leaks[at]; !known && len(w.leaks) >= maxFleet {
		return 0
	}
	w.leaks[at]++
	return w.leaks[at]
}

// failed tells that c did not become a WebSocket, or was one that broke.
func failed(c *session.Conn) bool {
	switch c.State {
	case session.Refused, session.Unanswered, session.Rejected, session.Aborted:
		return true
	}
	return false
}

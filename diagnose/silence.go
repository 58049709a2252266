package diagnose

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// An end is how a connection was ended by one side, and what the clocks
// showed then. Nothing but frames moves them: no acknowledgment, no keep-alive
// of TCP, and no Close.
type end struct {
	by     reassembly.Dir
	how    manner
	reset  bool // of TCP
	clocks [clocks]time.Duration
	at     capture.Time
}

// endOf gives the end of an open WebSocket that may be a timer's.
func (c *Conn) endOf(of *session.Conn) (x end, ok bool) {
	switch of.ClosedBy {
	case session.ClosedByClient:
		x.by = reassembly.FromClient
	case session.ClosedByServer:
		x.by = reassembly.FromServer
	default:
		return x, false
	}
	x.at = of.TCP.EndedAt
	if said := of.Sides[x.by].Close; said != nil {
		if !timersClose(said) {
			return x, false
		}
		x.at, x.how = said.Time, byClose
	}
	x.reset = x.how == byFIN && of.TCP.End == reassembly.RST
	began := c.Answered.Time
	if !c.Opened || x.at == 0 || began == 0 || c.Sides[0].Lost || c.Sides[1].Lost || of.OneSided || x.how != byClose && !cutOff(of) || c.vanished(of) {
		return x, false
	}
	client, server := cmp.Or(c.Sides[reassembly.FromClient].spoke(), began), cmp.Or(c.Sides[reassembly.FromServer].spoke(), began)
	x.clocks = [clocks]time.Duration{
		either: x.at.Sub(max(client, server)), ofClient: x.at.Sub(client), ofServer: x.at.Sub(server), life: x.at.Sub(began),
	}
	return x, true
}

// Silence says how long neither side had sent a frame when one of them ended an
// open WebSocket as timers do, and which timers were found to fit. A Checker
// knows while it tells of the end of c.
func Silence(c *session.Conn) (d time.Duration, by reassembly.Dir, like []string, ok bool) {
	conn, known := c.Attached.(*Conn)
	if !known {
		return 0, 0, nil, false
	}
	x, ok := conn.endOf(c)
	if conn.aside != nil {
		like = conn.aside.timers
	}
	return x.clocks[either], x.by, like, ok
}

// timersClose tells that a Close frame is like those that timers send.
func timersClose(said *session.Close) bool {
	reason := strings.ToLower(said.Reason)
	return (!said.HasCode || said.Code == frames.NormalClosure || said.Code == frames.GoingAway) &&
		(reason == "" || strings.Contains(reason, "idle") || strings.Contains(reason, "timeout") || strings.Contains(reason, "timed out"))
}

// An ender is who ends connections.
type ender struct {
	server netip.AddrPort
	by     reassembly.Dir
}

const maxEnds = 8

// ends are the last ones of one ender.
type ends struct {
	last     [maxEnds]end
	n        int
	survived time.Duration // the longest silence after which the other side still answered
	told     bool          // that there is a limit on their age
}

// enders gives the ends of connections of server by one side, nil where too many are.
func (w *World) endsBy(server netip.AddrPort, by reassembly.Dir) *ends {
	k := ender{server, by}
	x := w.enders[k]
	if x == nil && len(w.enders) < maxFleet {
		if w.enders == nil {
			w.enders = make(map[ender]*ends)
		}
		x = new(ends)
		w.enders[k] = x
	}
	return x
}

// all are the ends that are kept, in no order.
func (x *ends) all() []end { return x.last[:min(x.n, maxEnds)] }

// note keeps one more.
func (x *ends) note(e end) {
	x.last[x.n%maxEnds] = e
	x.n++
}

// alike tells that three or more of the last ends, and most of them, came when
// the clock showed about t; not all of them in the same moment.
func (x *ends) alike(c clock, t time.Duration) bool {
	n, first, last := 0, capture.Time(0), capture.Time(0)
	for i := range x.all() {
		e := &x.last[i]
		if !about(e.clocks[c], t) {
			continue
		}
		if n++; n == 1 {
			first, last = e.at, e.at
		}
		first, last = min(first, e.at), max(last, e.at)
	}
	return n >= 3 && 5*n >= 3*len(x.all()) && last.Sub(first) > endsWithin
}

// aged tells that the last three ended at the same age, busy or not.
func (x *ends) aged() (age time.Duration, ok bool) {
	if x.n < 3 {
		return 0, false
	}
	newest := x.last[(x.n-1)%maxEnds]
	age = newest.clocks[life]
	for i := 1; i <= 3; i++ {
		e := &x.last[(x.n-i)%maxEnds]
		if (e.clocks[life]-age).Abs() > age/50 || 2*e.clocks[either] >= age {
			return 0, false
		}
	}
	return age, age >= 10*time.Second && newest.at.Sub(x.last[(x.n-3)%maxEnds].at) > endsWithin
}

// noteEnd keeps how c was ended, or how long it was silent and went on.
func (w *World) noteEnd(c *Conn, of *session.Conn) {
	w.oneSided = w.oneSided || of.OneSided
	x, ok := c.endOf(of)
	if !ok && c.longest < shortSilence {
		return
	}
	if ok && (x.clocks[either] >= shortSilence || x.clocks[life] >= 10*time.Second) {
		if e := w.endsBy(of.Server, x.by); e != nil {
			e.note(x)
		}
	}
	if c.longest >= shortSilence && c.lateFrom() < 0 {
		if e := w.endsBy(of.Server, reassembly.FromServer); e != nil {
			e.survived = max(e.survived, c.longest)
		}
	}
}

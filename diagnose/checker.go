package diagnose

import (
	"fmt"

	"github.com/wssniff/wssniff/session"
)

// An Observer is told what happens, and what is wrong with it: a finding
// follows the event it is about, but comes before the end of its connection.
type Observer interface {
	session.Observer
	Finding(*Finding)
}

// A Checker tells another Observer all it is told, and beside it what the
// rules find. Of findings of one rule, in one form, about what one end of a
// connection sent, only the first is told; the rest are counted.
type Checker struct {
	out   Observer
	whole session.WholeObserver // out, nil if it is none
	world World
	pass  Pass

	handshake, refusal, frame, message, lost, sealed, ordinary, closed []*Rule

	counts map[kind]int64 // of all that was found
	worst  Severity       // of it
	spare  []*Conn        // of connections that are over

	spareTalks []*talk // likewise
	shrinker   shrinker

	memo headMemo
}

// New gives a Checker that goes by the rules and tells out.
func New(rules []*Rule, out Observer) *Checker {
	c := &Checker{out: out, counts: make(map[kind]int64)}
	c.world.data = ownData()
	c.whole, _ = out.(session.WholeObserver)
	c.pass.checker, c.pass.World = c, &c.world
	c.pass.Heard.any = true
	for _, r := range rules {
		for _, hook := range []struct {
			set  bool
			list *[]*Rule
		}{
			{r.Handshake != nil, &c.handshake}, {r.Refusal != nil, &c.refusal}, {r.Frame != nil, &c.frame},
			{r.Message != nil, &c.message}, {r.Lost != nil, &c.lost}, {r.Sealed != nil, &c.sealed},
			{r.Ordinary != nil, &c.ordinary}, {r.Closed != nil, &c.closed},
		} {
			if hook.set {
				*hook.list = append(*hook.list, r)
			}
		}
	}
	return c
}

// Know has the checker go by other data on products than the program's own.
func (c *Checker) Know(d *Data) { c.world.data = d }

// Counts is how often each rule, in each form, was broken: by Finding.ID.
func (c *Checker) Counts() map[string]int64 {
	counts := make(map[string]int64, len(c.counts))
	for k, n := range c.counts {
		counts[(&Finding{Rule: k.rule, Variant: k.variant}).ID()] += n
	}
	return counts
}

// Worst is how severe the worst of what was found is; 0 where nothing was.
func (c *Checker) Worst() Severity { return c.worst }

// A kind is a rule in one of its forms, if it has some. Counting by it makes
// no string of what is found again and again.
type kind struct {
	rule    *Rule
	variant *Variant
}

// Observe tells what happened, judges it and tells what was found. Nearly all
// events are frames and messages of which nothing is to be said.
func (c *Checker) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Frame:
		c.out.Observe(e)
		if conn := c.connOf(e.Conn); conn.plainFrame(e) {
			conn.plain(&conn.Sides[e.Dir], e)
		} else {
			c.judgeFrame(conn, e)
		}
	case *session.Message:
		if conn := c.connOf(e.Conn); conn.plainMessage(e) {
			c.out.Observe(e)
			conn.Sides[e.Dir].weigh(e)
		} else {
			c.judgeMessage(conn, e)
		}
	default:
		c.observe(e)
	}
}

// ObserveWhole is Observe of a frame and then of the message in it.
func (c *Checker) ObserveWhole(f *session.Frame, m *session.Message) {
	conn := c.connOf(f.Conn)
	s := &conn.Sides[f.Dir]
	if !conn.plainWhole(s, f, m) {
		c.apart(f, m)
		return
	}
	if c.whole != nil {
		c.whole.ObserveWhole(f, m)
	} else {
		c.out.Observe(f)
		c.out.Observe(m)
	}
	conn.plain(s, f)
	s.weigh(m)
}

// apart is ObserveWhole of what is not plain: few, which should not stand in
// the way of the many.
//
//go:noinline
func (c *Checker) apart(f *session.Frame, m *session.Message) {
	c.Observe(f)
	c.Observe(m)
}

// observe is Observe of what is neither a frame nor a message.
func (c *Checker) observe(e session.Event) {
	switch e := e.(type) {
	case *session.Closed:
		c.close(e)
	case *session.Sealed:
		c.seal(e)
	case *session.Ordinary:
		c.judgeOrdinary(e)
	case *session.Handshake:
		c.judgeHandshake(e)
	case *session.Issued:
		c.world.issue(e)
		c.out.Observe(e)
	case *session.Refusal:
		c.out.Observe(e)
		p := c.begin(&e.Where)
		for _, p.rule = range c.refusal {
			p.rule.Refusal(p, e)
		}
		c.tell()
	case *session.Lost:
		c.out.Observe(e)
		p := c.begin(&e.Where)
		for _, p.rule = range c.lost {
			p.rule.Lost(p, e)
		}
		c.tell()
		p.Conn.lost(e)
	default:
		c.out.Observe(e)
	}
}

// judgeFrame shows a frame to the rules, and notes it.
func (c *Checker) judgeFrame(conn *Conn, e *session.Frame) {
	p := c.begin(&e.Where)
	for _, p.rule = range c.frame {
		p.rule.Frame(p, e)
	}
	c.tell()
	conn.frame(e)
}

// seal judges a TLS connection that could not be looked into, and forgets it.
func (c *Checker) seal(e *session.Sealed) {
	p := c.begin(&e.Where)
	if e.Conn.Server.Port() == 443 {
		c.world.reach(e.Conn.Server, e.Packet)
	}
	for _, p.rule = range c.sealed {
		p.rule.Sealed(p, e)
	}
	c.world.noteShake(e.Conn)
	c.tell()
	c.out.Observe(e)
	c.forget(p.Conn)
}

// judgeHandshake judges an opening handshake. The rules look first: what they
// have found of it is known when it is told.
func (c *Checker) judgeHandshake(e *session.Handshake) {
	p := c.begin(&e.Where)
	heads, known := c.memo.of(e)
	p.Conn.handshake(e, heads)
	p.Conn.checks.judge(e)
	c.listen(p.Conn, e)
	c.world.joinLegs(p.Conn, e)
	for i, r := range c.handshake {
		bit := uint64(1) << i // 0 from the 65th rule on, which is then always asked
		if known && r.ByHeads && bit&^heads.spoke != 0 {
			continue
		}
		p.rule, p.spoke = r, false
		r.Handshake(p, e)
		if p.spoke {
			heads.spoke |= bit
		}
	}
	c.out.Observe(e)
	c.tell()
	c.world.handshake(p.Conn, e)
}

// judgeOrdinary judges a connection that is no WebSocket, and forgets it.
func (c *Checker) judgeOrdinary(e *session.Ordinary) {
	p := c.begin(&e.Where)
	for _, p.rule = range c.ordinary {
		p.rule.Ordinary(p, e)
	}
	c.tell()
	c.out.Observe(e)
	c.forget(p.Conn)
}

// judgeMessage finds out what a message means and tells of it. It shows it to
// the rules, if one may have something to say, and notes it.
func (c *Checker) judgeMessage(conn *Conn, e *session.Message) {
	c.hear(conn, e)
	c.out.Observe(e)
	if conn.noteMessage(e) || !conn.faultless(e) || c.pass.Heard.odd(conn.talk, e) {
		p := c.begin(&e.Where)
		for _, p.rule = range c.message {
			p.rule.Message(p, e)
		}
		c.tell()
	}
	if t := conn.talk; t != nil && len(e.Data) > 0 {
		t.heard(&c.pass.Heard, e)
		if t.silent {
			c.spareTalk(t)
			conn.talk, conn.deaf = nil, true
		}
	}
}

// close judges a connection that has ended, and forgets it.
func (c *Checker) close(e *session.Closed) {
	p := c.begin(&e.Where)
	p.Conn.legEnded(e)
	c.world.noteEnd(p.Conn, e.Conn)
	c.world.fail(e.Conn)
	c.world.noteLeft(e.Conn)
	c.world.noteFailure(e.Conn)
	c.world.refusedH2(e.Conn)
	c.world.noteContext(p.Conn)
	c.world.release(p.Conn)
	for _, p.rule = range c.closed {
		p.rule.Closed(p, e)
	}
	c.world.noteShake(e.Conn)
	c.tell()
	c.out.Observe(e)
	c.forget(p.Conn)
}

// forget takes back what was gathered of a connection.
func (c *Checker) forget(conn *Conn) {
	conn.Attached = nil
	c.spareTalk(conn.talk)
	if len(c.spare) < maxSpare {
		*conn = Conn{found: conn.found[:0]}
		c.spare = append(c.spare, conn)
	}
}

// maxSpare bounds what is kept for the connections to come.
const maxSpare = 8192

// begin makes the pass ready for an event.
func (c *Checker) begin(w *session.Where) *Pass {
	p := &c.pass
	p.Where, p.explained = *w, false
	p.Conn = c.connOf(w.Conn)
	return p
}

// connOf gives what was gathered of a connection.
func (c *Checker) connOf(of *session.Conn) *Conn {
	conn, ok := of.Attached.(*Conn)
	if !ok {
		conn = c.fresh()
		conn.Conn, of.Attached = of, conn
	}
	return conn
}

// fresh gives a Conn of which nothing is known.
func (c *Checker) fresh() *Conn {
	last := len(c.spare) - 1
	if last < 0 {
		return new(Conn)
	}
	conn := c.spare[last]
	c.spare = c.spare[:last]
	return conn
}

// tell tells of what the rules reported.
func (c *Checker) tell() {
	for i, f := range c.pass.found {
		c.worst = max(c.worst, f.Severity)
		c.out.Finding(f)
		c.pass.found[i] = nil
	}
	c.pass.found = c.pass.found[:0]
}

// A Pass is what a rule is handed beside the event.
type Pass struct {
	Where session.Where // of the event
	Conn  *Conn         // the connection before the event
	World *World        // all of them, before it
	Heard heard         // what the message says that the event is

	checker   *Checker
	rule      *Rule
	found     []*Finding
	related   int64   // packet that proves what is reported, too
	explained bool    // a rule has said why the upgrade was refused
	spoke     bool    // the rule has reported something
	spare     Finding // of what is only counted
}

// Report reports that the rule was broken, in the given form ("" where the
// rule has none), where the event is. The finding is certain unless it is
// made less so, and can be given evidence until the rule returns.
func (p *Pass) Report(variant, format string, args ...any) *Finding {
	f := p.fresh(variant)
	if f != &p.spare {
		f.Message = fmt.Sprintf(format, args...)
	}
	return f
}

// fresh gives a finding: the spare one if this was found before.
func (p *Pass) fresh(variant string) *Finding {
	r, v := p.rule, p.rule.variant(variant)
	p.spare = Finding{Where: p.Where, Rule: r, Variant: v, Severity: r.Severity}
	if v != nil && v.Severity != 0 {
		p.spare.Severity = v.Severity
	}
	p.spoke = true
	p.checker.counts[kind{r, v}]++
	if !p.Conn.first(r, v, p.Where.Dir) {
		return &p.spare
	}
	f := p.spare
	f.In(p.related)
	p.found = append(p.found, &f)
	return &f
}

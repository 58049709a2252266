package session

import (
	"math/rand/v2"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A Tracker takes the packets of a capture and tells Observers about the
// WebSocket connections in it. It is made by New.
type Tracker struct {
	conf    Config
	obs     []Observer
	whole   WholeObserver // the only one of obs, nil if it is none
	ip      reassembly.IP
	budget  reassembly.Budget
	table   table
	live    list  // flows with a Conn
	trying  list  // and those whose TCP handshake is not over
	idle    list  // flows without: ended, or not begun
	key     key   // of the packet at hand
	at      *flow // of the packet at hand, where it has no Conn
	recent  *flow // of the packet before: the next one often is of it, too
	scratch frames.Scratch
	totals  Totals

	agreements agreements
	openers    pool[opener]
	sides      pool[side]
	finders    pool[frames.Finder]
	conns      pool[Conn]
	flowPool   pool[flow]

	last   capture.Packet // number and time of the last packet
	clock  capture.Time   // the latest time of a packet: time that does not go back
	shard  uint64         // with shards > 1: only flows whose hash is of this shard
	shards uint64
	number func(*flow) // gives a new flow its number
	name   func(*Conn) // gives a new connection that of its flow

	ceiling   int64        // of what is held in all
	expiry    capture.Time // when a connection may have been silent for too long
	expired   []*flow      // those that have, for a moment
	relieving bool         // they are being ended, behind all that the packet brought
	lone      map[key]*flow
	turned    []turned

	names    names
	recorded bool // events are kept: what they refer to is not used again

	// The events, lent to Observers.
	opened    Opened
	handshake Handshake
	frame     Frame
	message   Message
	lost      Lost
	sealed    Sealed
	ordinary  Ordinary
	closed    Closed
}

// New gives a Tracker that tells each event to the observers in turn.
func New(conf Config, obs ...Observer) *Tracker {
	t := &Tracker{conf: conf, obs: obs, shards: 1}
	t.ip.Checksum = conf.Checksum
	t.ceiling = conf.maxMemory()
	t.budget.Max, t.budget.Each = t.ceiling, conf.MaxHeldFlow
	t.table.seed = rand.Uint64()
	t.live.init()
	t.trying.init()
	t.idle.init()
	t.totals.First, t.totals.Last = capture.NoTime, capture.NoTime
	t.number = t.names.number
	t.name = t.names.name
	if len(obs) == 1 {
		t.whole, _ = obs[0].(WholeObserver)
	}
	return t
}

// Packet takes the next packet of the capture.
func (t *Tracker) Packet(p *capture.Packet) {
	t.last.Input = p.Input
	t.tick(p.Number, p.Time)
	t.totals.see(p)
	g := t.ip.Segment(p)
	if g == nil {
		f := t.quoted(t.ip.Quote(p))
		if k := t.conf.Keeper; k != nil {
			t.tellKeeper(k, p, f)
		}
		return
	}
	t.at = nil
	c, d := t.conn(g)
	if k := t.conf.Keeper; k != nil {
		f := t.at
		if c != nil {
			f = c.flow
		}
		t.tellKeeper(k, p, f)
	}
	if c != nil {
		c.segment(d, g)
	}
	if len(t.turned) > 0 {
		t.instead(g)
	}
	if t.used() > t.ceiling || t.clock >= t.expiry {
		t.relieve()
	}
}

// tick notes the number and the time of the packet at hand.
func (t *Tracker) tick(number int64, at capture.Time) {
	t.last.Number = number
	if at != capture.NoTime {
		t.last.Time = at
		t.clock = max(t.clock, at)
	}
}

// Close tells of the connections that are still there, in order of their
// first packet. No packet may follow.
func (t *Tracker) Close() {
	conns := t.byFirstPacket()
	for _, last := range [...]bool{false, true} { // what holds streams goes after them
		for _, c := range conns {
			if c.outer != nil && !last {
				c.outer.drain() // it may have more of the stream, and its end
			}
			if over := c.t == nil || c.settled; !over && (c.multi != nil) == last {
				t.end(c)
			}
		}
	}
	t.totals.count(&t.ip.Stats)
}

// Totals gives the counts of the whole capture, complete after Close.
func (t *Tracker) Totals() *Totals { return &t.totals }

func (t *Tracker) emit(e Event) {
	for _, o := range t.obs {
		o.Observe(e)
	}
}

// emitWhole tells of a message in one frame.
func (t *Tracker) emitWhole() {
	if t.whole != nil {
		t.whole.ObserveWhole(&t.frame, &t.message)
		return
	}
	t.emit(&t.frame)
	t.emit(&t.message)
}

// conn finds the connection of g and the direction g goes in, or begins it.
// A bare acknowledgment begins none: after the end of a connection it is the
// last word of that one, and a scan of them must not cost memory.
func (t *Tracker) conn(g *reassembly.Segment) (*Conn, reassembly.Dir) {
	k := &t.key
	k.path = g.Path
	fromLow := k.set(&g.Src, &g.Dst)
	if f := t.recent; f != nil && f.conn != nil && f.key.equal(k) {
		if d := f.conn.dir(fromLow); !f.conn.stream.Begins(d, g) {
			return f.conn, d
		}
	}
	hash := k.hash(t.table.seed)
	if t.shards > 1 && hash>>32%t.shards != t.shard {
		return nil, 0
	}
	f := t.table.find(k, k.place(hash, t.table.seed))
	if f != nil && f.conn == nil && t.outdated(f) {
		t.forget(f)
		f = nil
	}
	if f == nil {
		f = t.otherWay(g, hash)
	}
	if f != nil && f.conn != nil {
		c := f.conn
		d := c.dir(fromLow)
		if !c.stream.Begins(d, g) {
			t.recent = f
			return c, d
		}
		c.replaced = true
		t.end(c)
	}
	switch {
	case f == nil:
		f = t.add(hash, g)
	case f.ended && (!g.Flags.Has(reassembly.FlagSYN) || g.Flags.Has(reassembly.FlagACK) || f.hasSYN && f.syn == g.Seq):
		t.at = f
		return nil, 0
	case f.ended:
		t.forget(f)
		f = t.add(hash, g)
	}
	if g.Length() == 0 && g.Flags&(reassembly.FlagSYN|reassembly.FlagFIN) == 0 {
		return nil, 0
	}
	return t.begin(f, g, fromLow)
}

// add enters the flow of g, which has no Conn yet.
func (t *Tracker) add(hash uint64, g *reassembly.Segment) *flow {
	f := t.flowPool.take()
	f.key, f.hash, f.packet, f.time = t.key, t.key.place(hash, t.table.seed), g.Packet, g.Time
	t.number(f)
	t.table.add(f)
	t.rest(f)
	return f
}

// begin gives f a Conn. The client is who sent the SYN or, where that was not
// captured, who speaks first; peek corrects that by what is said.
func (t *Tracker) begin(f *flow, g *reassembly.Segment, fromLow bool) (*Conn, reassembly.Dir) {
	fromClient := true
	if g.Flags.Has(reassembly.FlagSYN | reassembly.FlagACK) {
		fromClient = false
	} else if who, ok := peek(g.Payload); ok {
		fromClient = who == reassembly.FromClient
	}
	if f.time == capture.NoTime { // it had expired
		f.packet, f.time = g.Packet, g.Time
	}
	c := t.conns.take()
	c.t, c.flow = t, f
	c.lowIsClient = fromClient == fromLow
	c.stream.Budget = &t.budget
	c.StartPacket, c.Start, c.Input = f.packet, f.time, uint16(t.last.Input)
	c.Client, c.Server = g.Src, g.Dst
	if !fromClient {
		c.Client, c.Server = g.Dst, g.Src
	}
	c.joined = !g.Flags.Has(reassembly.FlagSYN)
	f.conn, f.placed = c, t.clock
	t.name(c)
	t.totals.TCP++
	t.totals.Open++
	t.idle.remove(f)
	f.trying = !c.joined
	t.among(f).push(f)
	c.hold(connCost)
	t.expectOther(f, g)
	if t.live.n+t.trying.n > t.conf.maxFlows() {
		t.giveUp()
	}
	return c, c.dir(fromLow)
}

// end closes c and keeps its flow for late segments.
func (t *Tracker) end(c *Conn) {
	if c.outer != nil {
		t.endStream(c)
		return
	}
	if m := c.multi; m != nil {
		c.drain()
		for len(m.streams) > 0 {
			t.end(m.streams[0])
		}
	}
	if c.turned {
		t.forgo(c)
	}
	c.finish()
	c.drop()
	f := c.flow
	f.conn, f.ended = nil, true
	f.syn, f.hasSYN = c.stream.SYN(reassembly.FromClient)
	t.among(f).remove(f)
	t.rest(f)
	if alias := c.alias; alias != nil {
		alias.conn, alias.ended = nil, true
		t.rest(alias)
	}
	c.hold(-c.held)
	t.notAlone(f)
	if !t.recorded {
		*c = Conn{}
		t.conns.give(c)
	}
}

// among gives the list of those with a Conn that f is in.
func (t *Tracker) among(f *flow) *list {
	if f.trying {
		return &t.trying
	}
	return &t.live
}

// rest puts f, which has no Conn, among its like, and forgets the oldest of
// them where that is due.
func (t *Tracker) rest(f *flow) {
	f.packet = t.last.Number
	t.idle.push(f)
	for range 2 { // faster than they come
		if old := t.idle.last(); t.outdated(old) {
			t.forget(old)
		}
	}
}

// outdated says whether f, which has no Conn, is remembered no longer. It goes
// by packets of the capture, which are the same for all workers.
func (t *Tracker) outdated(f *flow) bool { return t.last.Number-f.packet > rememberedFor }

// forget takes f, which has no Conn, out of its list and the table.
func (t *Tracker) forget(f *flow) {
	t.idle.remove(f)
	t.table.remove(f)
	if k := t.conf.Keeper; k != nil {
		k.Forget(f.stream)
	}
	if !t.recorded {
		if t.recent == f {
			t.recent = nil
		}
		*f = flow{}
		t.flowPool.give(f)
	}
}

// byFirstPacket gives the live connections in the order they began.
func (t *Tracker) byFirstPacket() []*Conn {
	conns := make([]*Conn, 0, t.live.n+t.trying.n)
	for _, l := range [...]*list{&t.live, &t.trying} {
		for f := l.root.next; f != &l.root; f = f.next {
			conns = append(conns, f.conn)
			if m := f.conn.multi; m != nil {
				conns = append(conns, m.streams...)
			}
		}
	}
	sortByStart(conns)
	return conns
}

// peek tells by the first bytes of an HTTP message who sent it.
func peek(b []byte) (reassembly.Dir, bool) {
	switch {
	case len(b) >= 5 && string(b[:5]) == "HTTP/":
		return reassembly.FromServer, true
	case len(b) >= 4 && string(b[:4]) == "GET ":
		return reassembly.FromClient, true
	case tlsdecrypt.Looks(b):
		if tlsdecrypt.LooksServer(b) {
			return reassembly.FromServer, true
		}
		return reassembly.FromClient, true
	}
	return 0, false
}

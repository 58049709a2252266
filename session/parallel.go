package session

import (
	"cmp"
	"io"
	"sync"

	"github.com/wssniff/wssniff/capture"
)

// Run takes all packets of src and tells obs what they hold. It returns the
// counts, and the error that ended src if it was not its end.
//
// With more than one worker, each takes every packet and follows the
// connections whose seeded hash is its own; there is no queue per packet. The
// workers record their events a block of packets at a time, and one merge
// puts them in order, numbers the connections and tells obs. So the output
// does not depend on how many there are. Where there are secrets of TLS, one is
// enough: what a connection learns of a session is for the next one to resume
// it. If the first secret comes later, the workers go on one at a time from there.
func Run(src capture.Source, conf Config, workers int, obs ...Observer) (*Totals, error) {
	if workers <= 1 || conf.Keys != nil && (conf.Keys.Len() > 0 || conf.KeysGrow) {
		return runAlone(src, conf, obs)
	}
	p := &crew{obs: obs, free: make(chan *block, blocks), full: make(chan *block, blocks)}
	for range blocks {
		p.free <- &block{events: make([][]recorded, workers)}
	}
	conf.MaxMemory = conf.maxMemory() / int64(workers)
	conf.MaxFlows = conf.maxFlows()/workers + 1
	seed := New(conf).table.seed
	keys := conf.Keys
	for i := range workers {
		if keys != nil {
			conf.Keys = keys.Part(p.together)
		}
		w := newWorker(conf, i, workers)
		w.tracker.table.seed = seed
		p.workers = append(p.workers, w)
		go w.run(i)
	}
	go p.read(src)
	for b := range p.full {
		b.done.Wait()
		p.merge(b)
		p.free <- b
	}
	totals := &p.workers[0].tracker.totals
	for _, w := range p.workers[1:] {
		totals.merge(&w.tracker.totals)
	}
	return totals, p.err
}

func runAlone(src capture.Source, conf Config, obs []Observer) (*Totals, error) {
	t := New(conf, obs...)
	if conf.Counting != nil {
		conf.Counting(&t.totals)
	}
	var failed error
	for p, err := range capture.Packets(src) {
		if err != nil {
			failed = err
			break
		}
		t.Packet(p)
	}
	t.Close()
	return t.Totals(), failed
}

const (
	blocks       = 4 // under way at once
	blockBytes   = 1 << 20
	blockPackets = 4096
)

// A block is a run of packets, copied, and what the workers made of it.
type block struct {
	packets []capture.Packet
	data    []byte
	last    bool // no packet follows
	events  [][]recorded
	done    sync.WaitGroup
}

type crew struct {
	workers    []*worker
	obs        []Observer
	free, full chan *block
	err        error
	names      names

	filling, handed *block
	inTurn          bool // see together
}

// read fills blocks and hands each to every worker. The last one tells them
// that no packet follows.
func (p *crew) read(src capture.Source) {
	for over := false; !over; {
		b := <-p.free
		p.filling = b
		over = p.fill(b, src)
		b.last = over
		if p.inTurn {
			for i, w := range p.workers {
				w.finish(b, i)
			}
		} else {
			b.done.Add(len(p.workers))
			for _, w := range p.workers {
				w.in <- b
			}
			p.handed = b
		}
		p.full <- b
	}
	for _, w := range p.workers {
		close(w.in)
	}
	close(p.full)
}

func (p *crew) fill(b *block, src capture.Source) (over bool) {
	b.packets, b.data = b.packets[:0], b.data[:0]
	live, _ := src.(interface{ Ready() bool })
	for len(b.packets) < blockPackets && len(b.data) < blockBytes {
		var pkt capture.Packet
		if err := src.Read(&pkt); err != nil {
			if err != io.EOF {
				p.err = err
			}
			return true
		}
		// A packet that outgrows b.data leaves the earlier ones in the old array.
		at := len(b.data)
		b.data = append(b.data, pkt.Data...)
		pkt.Data = b.data[at:len(b.data):len(b.data)]
		b.packets = append(b.packets, pkt)
		if p.inTurn {
			p.packet(&pkt)
		}
		if live != nil && !live.Ready() {
			return false // what is there is not held back until more comes
		}
	}
	return false
}

// together is called while a packet is read with which the first secret comes.
// All packets before it are taken without; from here on each worker takes a
// packet before the next one is read, for a secret counts from its place in the
// capture on, and sessions are known to all.
func (p *crew) together() {
	if p.handed != nil {
		p.handed.done.Wait()
	}
	p.inTurn = true
	for i := range p.filling.packets {
		p.packet(&p.filling.packets[i])
	}
}

func (p *crew) packet(pkt *capture.Packet) {
	for _, w := range p.workers {
		w.tracker.Packet(pkt)
	}
}

// merge tells what the workers recorded, in order of packet and, at the end of
// the capture, of connection.
func (p *crew) merge(b *block) {
	for {
		var next *recorded
		from := -1
		for i, events := range b.events {
			if len(events) > 0 && (next == nil || events[0].before(next)) {
				next, from = &events[0], i
			}
		}
		if next == nil {
			return
		}
		p.replay(next)
		b.events[from] = b.events[from][1:]
	}
}

func (p *crew) replay(r *recorded) {
	switch {
	case r.flow != nil:
		p.names.number(r.flow)
	case r.conn != nil:
		p.names.name(r.conn)
	default:
		for _, o := range p.obs {
			o.Observe(r.event)
		}
	}
}

// recorded is one thing that a worker met: a new flow, a new connection or an
// event, with a copy of all it lent.
type recorded struct {
	packet int64
	flow   *flow
	conn   *Conn
	event  Event
	after  int // what the packet brought comes first, then whom it found silent, and at the end who is left
}

func (r *recorded) before(other *recorded) bool {
	return cmp.Or(cmp.Compare(r.packet, other.packet), cmp.Compare(r.after, other.after), cmp.Compare(r.id(), other.id())) < 0
}

func (r *recorded) id() int64 {
	if r.event == nil {
		return 0
	}
	return r.event.where().Conn.ID
}

type worker struct {
	tracker *Tracker
	in      chan *block
	events  []recorded
	over    bool // no packet follows
}

func newWorker(conf Config, shard, shards int) *worker {
	w := &worker{in: make(chan *block, blocks)}
	t := New(conf, w)
	t.shard, t.shards = uint64(shard), uint64(shards)
	t.recorded = true
	t.number = func(f *flow) { w.add(recorded{packet: f.packet, flow: f}) }
	t.name = func(c *Conn) { w.add(recorded{packet: t.last.Number, conn: c}) }
	w.tracker = t
	return w
}

func (w *worker) add(r recorded) { w.events = append(w.events, r) }

// Observe records a copy of e.
func (w *worker) Observe(e Event) {
	r := recorded{packet: e.where().Packet, event: clone(e)}
	switch {
	case w.over:
		r.after = 2
	case w.tracker.relieving:
		r.after = 1
	}
	w.add(r)
}

func (w *worker) run(i int) {
	for b := range w.in {
		for j := range b.packets {
			w.tracker.Packet(&b.packets[j])
		}
		w.finish(b, i)
		b.done.Done()
	}
}

// finish hands over what was recorded of a block.
func (w *worker) finish(b *block, i int) {
	if b.last {
		w.over = true
		w.tracker.Close()
	}
	b.events[i] = append([]recorded(nil), w.events...)
	w.events = w.events[:0]
}

// merge adds what another worker counted. Packets are counted by each.
func (t *Totals) merge(o *Totals) {
	t.TCP += o.TCP
	t.Open += o.Open
	t.Connections += o.Connections
	for i := range t.States {
		t.States[i] += o.States[i]
	}
	for d := range t.Sides {
		t.Sides[d].add(&o.Sides[d])
	}
	t.HTTPExchanges += o.HTTPExchanges
	t.HTTP += o.HTTP
	t.TLS += o.TLS
	t.Decrypted += o.Decrypted
	t.HTTP2 += o.HTTP2
	t.OtherTCP += o.OtherTCP
	t.SilentTCP += o.SilentTCP
	t.Gaps += o.Gaps
	t.Limited += o.Limited
	t.Expired += o.Expired
}

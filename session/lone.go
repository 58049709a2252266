package session

import "github.com/wssniff/wssniff/reassembly"

// In some networks the two directions of a connection carry different VLAN
// tags. Their paths differ then, and so do their keys. So a flow whose SYN
// came with tags waits here, under a key without them, for a SYN with ACK
// that answers it.

// maxLone bounds how many wait.
const maxLone = 1 << 16

// expectOther lets f wait, if g began it and came with tags.
func (t *Tracker) expectOther(f *flow, g *reassembly.Segment) {
	if g.Path == 0 || !g.Flags.Has(reassembly.FlagSYN) || g.Flags.Has(reassembly.FlagACK) || len(t.lone) >= maxLone {
		return
	}
	if t.lone == nil {
		t.lone = make(map[key]*flow)
	}
	k := f.key
	k.path = 0
	t.lone[k] = f
}

// notAlone ends the waiting of f.
func (t *Tracker) notAlone(f *flow) {
	if len(t.lone) == 0 || f.key.path == 0 {
		return
	}
	k := f.key
	k.path = 0
	if t.lone[k] == f {
		delete(t.lone, k)
	}
}

// otherWay finds the flow that g answers from another path, and lets it be
// found under that from then on; nil if there is none.
func (t *Tracker) otherWay(g *reassembly.Segment, hash uint64) *flow {
	if len(t.lone) == 0 || !g.Flags.Has(reassembly.FlagSYN|reassembly.FlagACK) {
		return nil
	}
	k := t.key
	k.path = 0
	f := t.lone[k]
	if f == nil {
		return nil
	}
	delete(t.lone, k)
	if f.conn == nil || f.conn.alias != nil {
		return nil
	}
	if isn, ok := f.conn.stream.SYN(reassembly.FromClient); !ok || g.Ack != isn.Add(1) {
		return nil
	}
	alias := t.flowPool.take()
	alias.key, alias.hash, alias.conn = t.key, t.key.place(hash, t.table.seed), f.conn
	alias.packet, alias.time, alias.stream = f.packet, f.time, f.stream
	t.table.add(alias)
	f.conn.alias = alias
	return alias
}

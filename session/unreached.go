package session

import "github.com/wssniff/wssniff/reassembly"

// Unreached is what routers and hosts said, by ICMP, of segments of a
// connection: that they did not arrive.
type Unreached struct {
	reassembly.Quote                // the last one
	Dir              reassembly.Dir // who had sent the segment
	First            int64          // the packet of the first one
	Count            int64          // how often it was said
}

// quoted takes an ICMP error about a segment of a connection. One about a
// segment that was not seen is not believed (RFC 5927 §4.1). It gives the flow
// that the error is about, nil for none.
func (t *Tracker) quoted(q *reassembly.Quote) *flow {
	if q == nil {
		return nil
	}
	k := &t.key
	k.path = q.Path
	fromLow := k.set(&q.Src, &q.Dst)
	hash := k.hash(t.table.seed)
	if t.shards > 1 && hash>>32%t.shards != t.shard {
		return nil
	}
	f := t.table.find(k, k.place(hash, t.table.seed))
	if f == nil || f.conn == nil {
		return nil
	}
	c := f.conn
	d := c.dir(fromLow)
	if !c.stream.Quotes(d, q.Seq) {
		return nil
	}
	if c.Unreached == nil {
		c.Unreached = &Unreached{First: q.Packet}
	}
	u := c.Unreached
	u.Quote, u.Dir = *q, d
	u.Count++
	return f
}

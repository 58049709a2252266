package session

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A key names a TCP connection: its two ends, the lower one first. Of an end
// in IPv4, the first word is 0 and the second holds address and port.
type key struct {
	low, high [2]uint64
	ports     uint32 // of IPv6 ends
	path      uint64 // of the segments: equal ends in two tunnels are two connections
}

// set makes k the key of a segment from src to dst. It says whether src is the
// low end. It takes pointers, and is compared word by word, because copies of
// a value that has just been written cost more than all the rest of it.
func (k *key) set(src, dst *netip.AddrPort) (fromLow bool) {
	if src.Addr().Is4() && dst.Addr().Is4() {
		s, d := word4(src), word4(dst)
		k.low[0], k.high[0], k.ports = 0, 0, 0
		k.low[1], k.high[1] = min(s, d), max(s, d)
		return s <= d
	}
	fromLow = src.Compare(*dst) <= 0
	if !fromLow {
		src, dst = dst, src
	}
	low, high := src.Addr().As16(), dst.Addr().As16()
	k.low, k.high = words(&low), words(&high)
	k.ports = uint32(src.Port())<<16 | uint32(dst.Port())
	return fromLow
}

func word4(a *netip.AddrPort) uint64 {
	ip := a.Addr().As4()
	return uint64(binary.BigEndian.Uint32(ip[:]))<<16 | uint64(a.Port())
}

func words(ip *[16]byte) [2]uint64 {
	return [2]uint64{binary.BigEndian.Uint64(ip[:8]), binary.BigEndian.Uint64(ip[8:])}
}

func (k *key) equal(o *key) bool {
	return k.low[1] == o.low[1] && k.high[1] == o.high[1] && k.low[0] == o.low[0] && k.high[0] == o.high[0] &&
		k.ports == o.ports && k.path == o.path
}

// hash is seeded, so that nobody can choose addresses that collide. It leaves
// the path out: see place.
func (k *key) hash(seed uint64) uint64 {
	h := mix(seed^k.low[1], k.high[1]^0x9e3779b97f4a7c15)
	if k.low[0]|k.high[0] != 0 {
		h = mix(h^k.low[0]^uint64(k.ports), k.high[0]^seed)
	}
	return mix(h, seed|1)
}

// place is the hash under which k is in the table.
func (k *key) place(hash, seed uint64) uint64 {
	if k.path == 0 {
		return hash
	}
	return mix(hash^k.path, seed|1)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// A flow is a TCP connection's entry in the table: live with a Conn, or ended
// and remembered for its late segments, or not begun: only bare
// acknowledgments of it were seen, and it has no state but its number.
type flow struct {
	key        key
	hash       uint64
	conn       *Conn
	stream     int64 // its number among TCP connections, from 0
	id         int64 // and among all that can be a connection of the report, from 1
	packet     int64 // its first packet; of one that is over, the packet then
	time       capture.Time
	placed     capture.Time // the clock when it got its place in its list
	prev, next *flow
	syn        reassembly.SeqNum // of an ended one
	hasSYN     bool
	ended      bool
	trying     bool // it is in the list of those whose TCP handshake is not over
}

// A list holds flows, the one that came last first.
type list struct {
	root flow // root.next is the first, root.prev the last
	n    int
}

func (l *list) init() { l.root.prev, l.root.next = &l.root, &l.root }

func (l *list) push(f *flow) {
	f.prev, f.next = &l.root, l.root.next
	f.prev.next, f.next.prev = f, f
	l.n++
}

func (l *list) remove(f *flow) {
	f.prev.next, f.next.prev = f.next, f.prev
	f.prev, f.next = nil, nil
	l.n--
}

// last is nil where the list is empty.
func (l *list) last() *flow {
	if l.n == 0 {
		return nil
	}
	return l.root.prev
}

// A table finds flows by key: open addressing with linear probing. It is made of
// parts that grow one by one: to move all flows at once would hold up the packets
// of a live capture for milliseconds.
type table struct {
	seed  uint64
	parts [tableParts]part
	n     int
}

const (
	partBits   = 6
	tableParts = 1 << partBits
)

// part is the one that a flow with the hash is in: the low bits say where there.
func (t *table) part(hash uint64) *part { return &t.parts[hash>>(64-partBits)] }

type part struct {
	slots []slot // a power of two of them
	n     int
}

type slot struct {
	hash uint64
	flow *flow
}

func (t *table) find(k *key, hash uint64) *flow {
	p := t.part(hash)
	if p.n == 0 {
		return nil
	}
	mask := uint64(len(p.slots) - 1)
	for i := hash & mask; p.slots[i].flow != nil; i = (i + 1) & mask {
		if s := &p.slots[i]; s.hash == hash && s.flow.key.equal(k) {
			return s.flow
		}
	}
	return nil
}

func (t *table) add(f *flow) {
	p := t.part(f.hash)
	if 4*p.n >= 3*len(p.slots) {
		p.grow()
	}
	p.put(f)
	p.n++
	t.n++
}

func (p *part) put(f *flow) {
	mask := uint64(len(p.slots) - 1)
	i := f.hash & mask
	for p.slots[i].flow != nil {
		i = (i + 1) & mask
	}
	p.slots[i] = slot{f.hash, f}
}

func (p *part) grow() {
	old := p.slots
	p.slots = make([]slot, max(8, 2*len(old)))
	for _, s := range old {
		if s.flow != nil {
			p.put(s.flow)
		}
	}
}

// remove takes f out and closes the hole, so that probing needs no tombstones.
func (t *table) remove(f *flow) {
	p := t.part(f.hash)
	mask := uint64(len(p.slots) - 1)
	i := f.hash & mask
	for p.slots[i].flow != f {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		s := p.slots[j]
		if s.flow == nil {
			break
		}
		if home := s.hash & mask; (j-home)&mask >= (j-i)&mask {
			p.slots[i] = s
			i = j
		}
	}
	p.slots[i] = slot{}
	p.n--
	t.n--
}

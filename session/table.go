package session

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A key names a TCP connection: its two ends, the lower one first.
type key struct {
	low, high         [16]byte
	lowPort, highPort uint16
}

// keyOf gives the key of a segment from src to dst, and whether src is the
// low end of it.
func keyOf(src, dst netip.AddrPort) (k key, fromLow bool) {
	if c := src.Addr().Compare(dst.Addr()); c < 0 || c == 0 && src.Port() <= dst.Port() {
		return key{src.Addr().As16(), dst.Addr().As16(), src.Port(), dst.Port()}, true
	}
	return key{dst.Addr().As16(), src.Addr().As16(), dst.Port(), src.Port()}, false
}

// hash is seeded, so that nobody can choose addresses that collide.
func (k *key) hash(seed uint64) uint64 {
	h := seed
	for _, w := range [...]uint64{
		binary.LittleEndian.Uint64(k.low[:8]), binary.LittleEndian.Uint64(k.low[8:]),
		binary.LittleEndian.Uint64(k.high[:8]), binary.LittleEndian.Uint64(k.high[8:]),
		uint64(k.lowPort)<<16 | uint64(k.highPort),
	} {
		hi, lo := bits.Mul64(h^w, 0x9e3779b97f4a7c15)
		h = hi ^ lo ^ seed
	}
	return h
}

// A flow is a TCP connection's entry in the table: live with a Conn, or ended
// and remembered for its late segments, or not begun: only bare
// acknowledgments of it were seen, and it has no state but its number.
type flow struct {
	key        key
	hash       uint64
	conn       *Conn
	ended      bool
	stream     int64 // its number
	packet     int64 // its first packet
	time       capture.Time
	syn        reassembly.SeqNum // of an ended one
	hasSYN     bool
	prev, next *flow
}

// A list holds flows in order of activity, the last active one first.
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

func (l *list) front(f *flow) {
	if l.root.next != f {
		l.remove(f)
		l.push(f)
	}
}

func (l *list) last() *flow { return l.root.prev }

// A table finds flows by key: open addressing with linear probing.
type table struct {
	seed  uint64
	slots []slot // a power of two of them
	n     int
}

type slot struct {
	hash uint64
	flow *flow
}

func (t *table) find(k *key, hash uint64) *flow {
	if t.n == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; t.slots[i].flow != nil; i = (i + 1) & mask {
		if s := &t.slots[i]; s.hash == hash && s.flow.key == *k {
			return s.flow
		}
	}
	return nil
}

func (t *table) add(f *flow) {
	if 4*t.n >= 3*len(t.slots) {
		t.grow()
	}
	t.put(f)
	t.n++
}

func (t *table) put(f *flow) {
	mask := uint64(len(t.slots) - 1)
	i := f.hash & mask
	for t.slots[i].flow != nil {
		i = (i + 1) & mask
	}
	t.slots[i] = slot{f.hash, f}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(64, 2*len(old)))
	for _, s := range old {
		if s.flow != nil {
			t.put(s.flow)
		}
	}
}

// remove takes f out and closes the hole, so that probing needs no tombstones.
func (t *table) remove(f *flow) {
	mask := uint64(len(t.slots) - 1)
	i := f.hash & mask
	for t.slots[i].flow != f {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		s := t.slots[j]
		if s.flow == nil {
			break
		}
		if home := s.hash & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = s
			i = j
		}
	}
	t.slots[i] = slot{}
	t.n--
}

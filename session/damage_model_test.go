package session_test

import (
	"net/netip"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A way is one direction of a TCP connection.
type way struct{ from, to netip.AddrPort }

func (w way) back() way { return way{w.to, w.from} }

// A wire is what a list of packets holds of one direction: slow and obvious,
// with every byte in its place and nothing waited for.
type wire struct {
	started bool
	start   uint32 // sequence number of its first byte
	data    []byte
	have    []bool // of data
	last    int64  // end of the last segment
	acked   int64  // the highest acknowledgment of it
	fin     bool   // its FIN is there
}

// end is how far the byte stream is known to go. One acknowledged byte with
// nothing behind it may be a FIN.
func (w *wire) end() int64 {
	if w.acked > w.last+1 {
		return w.acked
	}
	return w.last
}

// present counts the bytes from here to there that the packets hold.
func (w *wire) present(from, to int64) (n int64) {
	for i := max(from, 0); i < min(to, int64(len(w.have))); i++ {
		if w.have[i] {
			n++
		}
	}
	return n
}

// whole says whether all bytes from here to there are there.
func (w *wire) whole(from, to int64) bool { return w.present(from, to) == to-from }

func (w *wire) put(at int64, data []byte) {
	if at < 0 {
		data = data[min(-at, int64(len(data))):]
		at = 0
	}
	for grow := int(at) + len(data) - len(w.data); grow > 0; grow = 0 {
		w.data = append(w.data, make([]byte, grow)...)
		w.have = append(w.have, make([]bool, grow)...)
	}
	for i, b := range data {
		if !w.have[int(at)+i] {
			w.data[int(at)+i], w.have[int(at)+i] = b, true
		}
	}
}

// A model is what a list of packets holds of each direction of each connection.
type model struct {
	wires map[way]*wire
	begun map[way]bool // either way of a connection: it has been worth following
	over  map[way]bool // either way: it was reset
	syn   map[way]bool // the SYN of this way is there
	ended map[way]bool // a FIN or RST of this way is there
	ahead map[way]bool // its RST stands behind bytes that nothing else tells of
}

func newModel(packets []capture.Packet) *model {
	m := &model{map[way]*wire{}, map[way]bool{}, map[way]bool{}, map[way]bool{}, map[way]bool{}, map[way]bool{}}
	var ip reassembly.IP
	for i := range packets {
		if g := ip.Segment(&packets[i]); g != nil {
			m.add(g)
		}
	}
	return m
}

func (m *model) wire(w way) *wire {
	if m.wires[w] == nil {
		m.wires[w] = &wire{}
	}
	return m.wires[w]
}

func (m *model) add(g *reassembly.Segment) {
	w := way{g.Src, g.Dst}
	own, other := m.wire(w), m.wire(w.back())
	if g.Length() > 0 || g.Flags&(reassembly.FlagSYN|reassembly.FlagFIN) != 0 {
		m.begun[w], m.begun[w.back()] = true, true
	}
	if !m.begun[w] || m.over[w] {
		return
	}
	seq := uint32(g.Seq)
	if g.Flags.Has(reassembly.FlagSYN) {
		m.syn[w] = true
		seq++
	}
	if !own.started && (g.Length() > 0 || g.Flags&(reassembly.FlagACK|reassembly.FlagSYN|reassembly.FlagRST) != 0) {
		own.started, own.start = true, seq
	}
	if g.Flags.Has(reassembly.FlagRST) {
		m.over[w], m.over[w.back()], m.ended[w] = true, true, true
		m.ahead[w] = int64(int32(seq-own.start)) > own.end()
		return
	}
	if g.Flags.Has(reassembly.FlagACK) && other.started {
		other.acked = max(other.acked, int64(int32(uint32(g.Ack)-other.start)))
	}
	at := int64(int32(seq - own.start))
	if g.Flags.Has(reassembly.FlagFIN) {
		m.ended[w], own.fin = true, true
	}
	if g.Length() > 0 || g.Flags.Has(reassembly.FlagFIN) {
		own.last = max(own.last, at+int64(g.Length()))
	}
	own.put(at, g.Payload)
}

// against gives the wires of m in the places that ref has for them: cut at
// the start, a byte stream begins later.
func (m *model) against(ref *model) (wires map[way]*wire, shift map[way]int64) {
	wires, shift = map[way]*wire{}, map[way]int64{}
	for w, o := range ref.wires {
		n := &wire{started: true, start: o.start}
		wires[w] = n
		d := m.wires[w]
		if d == nil || !d.started {
			continue
		}
		by := int64(int32(d.start - o.start))
		shift[w] = by
		n.last, n.acked, n.fin = d.last+by, d.acked+by, d.fin
		n.data, n.have = make([]byte, max(by, 0)), make([]bool, max(by, 0))
		skip := min(max(-by, 0), int64(len(d.data)))
		n.data, n.have = append(n.data, d.data[skip:]...), append(n.have, d.have[skip:]...)
	}
	return wires, shift
}

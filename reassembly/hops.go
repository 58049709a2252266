package reassembly

import "cmp"

// Hops are the TTLs of the packets of one end, in IPv6 the hop limits: a
// packet that another machine made in its name has mostly passed another
// number of routers, or began with another number.
type Hops struct {
	Low, High uint8 // of packets with SYN or data; of plain data, one in each round trip is looked at
	End       uint8 // of the packet that ended the connection: the RST or else the first FIN; 0 if this end did not
}

// Hops gives the TTLs of direction d, ok if any was seen.
func (s *Stream) Hops(d Dir) (h Hops, ok bool) {
	seen := s.hops[d]
	h = Hops{Low: seen.low, High: seen.high}
	if cmp.Or(s.reset, s.closer) == closer(d)+1 {
		h.End = s.end
	}
	return h, seen.high > 0
}

// Apart is how far the TTL of the packet that ended the connection lies
// outside of those of the others: 0 if it is like them, or if it is another
// end's, or if there are no others.
func (h Hops) Apart() int {
	switch {
	case h.End == 0 || h.High == 0:
		return 0
	case h.End < h.Low:
		return int(h.Low - h.End)
	case h.End > h.High:
		return int(h.End - h.High)
	}
	return 0
}

// hops are the lowest and the highest TTL of a direction; 0 as long as there
// is none.
type hops struct{ low, high uint8 }

func (h *hops) see(ttl uint8) {
	if ttl < h.low || h.high == 0 {
		h.low = ttl
	}
	h.high = max(h.high, ttl)
}

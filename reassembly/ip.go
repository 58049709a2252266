package reassembly

import (
	"encoding/binary"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// Stats count what the packets were that an IP was given. Each packet is
// counted once.
type Stats struct {
	Segments  int64      // gave a segment
	NotIP     int64      // ARP and the like
	NotTCP    int64      // IP, but not TCP
	Protocols [256]int64 // NotTCP, by the protocol number
	Fragments int64      // IP fragments, which are not put together
	Cut       int64      // the capture cut it before the TCP header's end
	Malformed int64      // a length that contradicts another, or that no header can have

	UnknownLinkType int64
	LinkTypes       map[capture.LinkType]int64 // UnknownLinkType, by type; nil while there is none
}

// An IP takes packets and gives the TCP segments in them. Its zero value is
// ready.
type IP struct {
	Stats Stats

	seg Segment
}

// The protocol numbers that are looked at.
const (
	protoHopByHop    = 0
	protoTCP         = 6
	protoRouting     = 43
	protoFragment    = 44
	protoAH          = 51
	protoDestination = 60
	protoMobility    = 135
	protoHIP         = 139
	protoShim6       = 140
)

// extensions has a row for each header that may stand between an IP header
// and TCP: how many bytes it has, from its second byte (RFC 8200 §4, RFC 4302
// §2.2). The fragment header is not among them, since more than its length
// matters.
var extensions = [256]struct{ unit, more int }{
	protoHopByHop:    {8, 1},
	protoRouting:     {8, 1},
	protoDestination: {8, 1},
	protoMobility:    {8, 1},
	protoHIP:         {8, 1},
	protoShim6:       {8, 1},
	protoAH:          {4, 2},
}

// Segment gives the TCP segment that p carries, nil where it carries none;
// Stats then has the reason. The segment is lent until the next call, and its
// Payload is part of p.Data.
//
// Padding behind the datagram is cut off. What the datagram had on the wire
// and p does not hold is the segment's Missing. Header checksums are not
// looked at: offloading leaves them wrong.
func (ip *IP) Segment(p *capture.Packet) *Segment {
	b, what := capture.Datagram(p)
	if what != capture.HasIP {
		ip.without(p, what)
		return nil
	}
	if len(b) == 0 {
		ip.Stats.Cut++
		return nil
	}
	wire := max(p.Length-(len(p.Data)-len(b)), len(b))
	var ok bool
	switch b[0] >> 4 {
	case 4:
		ok = ip.v4(b, wire)
	case 6:
		ok = ip.v6(b, wire)
	default:
		ip.Stats.Malformed++
	}
	if !ok {
		return nil
	}
	ip.Stats.Segments++
	ip.seg.Packet, ip.seg.Time = p.Number, p.Time
	return &ip.seg
}

// without counts a packet that has no IP datagram.
func (ip *IP) without(p *capture.Packet, what capture.Content) {
	switch what {
	case capture.NotIP:
		ip.Stats.NotIP++
	case capture.CutHeader:
		ip.Stats.Cut++
	case capture.UnknownLinkType:
		ip.Stats.UnknownLinkType++
		if ip.Stats.LinkTypes == nil {
			ip.Stats.LinkTypes = make(map[capture.LinkType]int64)
		}
		ip.Stats.LinkTypes[p.LinkType]++
	}
}

// v4 takes a datagram of RFC 791 §3.1, of which wire bytes were sent.
func (ip *IP) v4(b []byte, wire int) bool {
	if len(b) < 20 {
		return ip.short(len(b), wire, 20)
	}
	head := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = wire // captured before the network card cut it into datagrams
	}
	if head < 20 || total < head {
		ip.Stats.Malformed++
		return false
	}
	// A packet that is shorter than its datagram says was cut, even where
	// the capture does not tell.
	b = b[:min(len(b), total)]
	if len(b) < head {
		return ip.short(len(b), total, head)
	}
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return ip.fragment()
	}
	src := netip.AddrFrom4([4]byte(b[12:16]))
	dst := netip.AddrFrom4([4]byte(b[16:20]))
	ip.seg.TTL, ip.seg.ID = b[8], binary.BigEndian.Uint16(b[4:])
	return ip.upper(b[9], src, dst, b[head:], total-head)
}

// v6 takes a datagram of RFC 8200 §3, of which wire bytes were sent.
func (ip *IP) v6(b []byte, wire int) bool {
	const head = 40
	if len(b) < head {
		return ip.short(len(b), wire, head)
	}
	total := head + int(binary.BigEndian.Uint16(b[4:]))
	if total == head {
		total = wire // a jumbogram, RFC 2675 §3, or not cut yet by the network card
	}
	b = b[:min(len(b), total)]
	src := netip.AddrFrom16([16]byte(b[8:24]))
	dst := netip.AddrFrom16([16]byte(b[24:40]))
	ip.seg.TTL, ip.seg.ID = b[7], 0
	return ip.upper(b[6], src, dst, b[head:], total-head)
}

// upper takes what stands behind the IP header: b, of size bytes on the wire.
func (ip *IP) upper(proto byte, src, dst netip.Addr, b []byte, size int) bool {
	for proto != protoTCP {
		n := 8
		if proto != protoFragment {
			ext := extensions[proto]
			if ext.unit == 0 {
				ip.Stats.NotTCP++
				ip.Stats.Protocols[proto]++
				return false
			}
			if len(b) < 2 {
				return ip.short(len(b), size, 2)
			}
			n = (int(b[1]) + ext.more) * ext.unit
		}
		if len(b) < n {
			return ip.short(len(b), size, n)
		}
		// A fragment that is the whole datagram is none (RFC 8200 §4.5).
		if proto == protoFragment && binary.BigEndian.Uint16(b[2:])&0xfff9 != 0 {
			return ip.fragment()
		}
		proto, b, size = b[0], b[n:], size-n
	}
	if len(b) < tcpHeader {
		return ip.short(len(b), size, tcpHeader)
	}
	if !ip.seg.decode(b, size) {
		ip.Stats.Malformed++
		return false
	}
	ip.seg.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	ip.seg.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return true
}

// short counts a header of want bytes, of which there are only have, with
// wire of them sent: the capture cut it, or it was never there.
func (ip *IP) short(have, wire, want int) bool {
	if have < wire && wire >= want {
		ip.Stats.Cut++
	} else {
		ip.Stats.Malformed++
	}
	return false
}

// fragment counts an IP fragment.
func (ip *IP) fragment() bool {
	ip.Stats.Fragments++
	return false
}

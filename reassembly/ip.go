package reassembly

import (
	"encoding/binary"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// Stats count what the packets were that an IP was given. Each packet is
// counted once, by what was found innermost: the sum of all counts but those
// in Protocols, LinkTypes and Datagrams is that of the packets.
//
// A packet with an IP fragment counts as what its datagram is if it completes
// it. The others of that datagram wait in Fragments, and move to Joined then,
// or to NotTCP once they are known to be no part of a segment.
type Stats struct {
	Segments    int64      // gave a segment
	NotIP       int64      // ARP and the like
	NotTCP      int64      // IP, but not TCP
	Protocols   [256]int64 // NotTCP, by the protocol number
	Fragments   int64      // IP fragments whose datagram is not complete
	Joined      int64      // IP fragments whose datagram another packet completed
	Cut         int64      // the capture cut it before the TCP header's end
	Malformed   int64      // a length that contradicts another, or that no header can have
	Encrypted   int64      // IEEE 802.11 or MACsec, encrypted
	TooDeep     int64      // more layers or extension headers than are followed
	BadChecksum int64      // a checksum is wrong, see IP.Checksum and Datagrams.Conflicts

	UnknownLinkType int64
	LinkTypes       map[capture.LinkType]int64 // UnknownLinkType, by type; nil while there is none

	Datagrams Datagrams
}

// An IP takes packets and gives the TCP segments in them. Its zero value is
// ready.
type IP struct {
	// Checksum leaves out segments whose TCP checksum is wrong, or that of an
	// IPv4 header before it; Stats.BadChecksum counts them. What the capture
	// cut cannot be judged and passes. Where a packet was captured before the
	// network card computed its checksum, a good one is left out.
	Checksum bool

	// MaxFragments is how many bytes IP fragments may take that wait for the
	// rest of their datagrams, in IPv4 and IPv6 each; 0 means 8 MiB.
	MaxFragments int64

	Stats Stats
	Parts Parts // of the packet at hand

	seg    Segment
	quote  Quote
	decap  capture.Decap
	names  map[uint64]string // of paths
	path   uint64            // the last one that was named
	v4, v6 fragments
	joined []byte // a datagram put together
	serial int64  // of the datagram that came in fragments last

	// Of the datagram at hand, where it is not plain TCP:
	src, dst netip.Addr // as in the pseudo-header
	from, to netip.Addr // as in the IP header
	routed   bool       // the IP header names a stop on the way
	doubtful bool       // its fragments disagreed: only the checksum can tell
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

// Segment gives the TCP segment that p carries, nil where it carries none;
// Stats then has the reason. The segment is lent until the next call; its
// Payload is part of p.Data, or of a buffer where p is the last of several IP
// fragments.
//
// Tunnels are looked into, and the segment is the innermost one. Padding
// behind the datagram is cut off. What the datagram had on the wire and p
// does not hold is the segment's Missing.
func (ip *IP) Segment(p *capture.Packet) *Segment {
	ip.Parts.reset()
	b, what := ip.decap.Datagram(p)
	if what != capture.HasIP {
		ip.without(p, what)
		return nil
	}
	ip.seg.Packet, ip.seg.Time, ip.seg.Input = p.Number, p.Time, uint8(p.Input)
	if !ip.datagram(b, max(p.Length-(len(p.Data)-len(b)), len(b))) {
		return nil
	}
	ip.Stats.Segments++
	ip.seg.Path = ip.decap.Path()
	if ip.seg.Path != ip.path {
		ip.name()
	}
	return &ip.seg
}

// without counts a packet that has no IP datagram.
func (ip *IP) without(p *capture.Packet, what capture.Content) {
	switch what {
	case capture.NotIP:
		ip.Stats.NotIP++
	case capture.CutHeader:
		ip.Stats.Cut++
	case capture.Encrypted:
		ip.Stats.Encrypted++
	case capture.TooDeep:
		ip.Stats.TooDeep++
	case capture.UnknownLinkType:
		ip.Stats.UnknownLinkType++
		if ip.Stats.LinkTypes == nil {
			ip.Stats.LinkTypes = make(map[capture.LinkType]int64)
		}
		ip.Stats.LinkTypes[p.LinkType]++
	}
}

// datagram takes a datagram of IP, of which wire bytes were sent. It and what
// it calls say whether there was a segment; if not, they have counted why.
func (ip *IP) datagram(b []byte, wire int) bool {
	if len(b) == 0 {
		ip.Stats.Cut++
		return false
	}
	switch b[0] >> 4 {
	case 4:
		return ip.datagram4(b, wire)
	case 6:
		return ip.datagram6(b, wire)
	}
	ip.Stats.Malformed++
	return false
}

// datagram4 takes a datagram of RFC 791 §3.1.
func (ip *IP) datagram4(b []byte, wire int) bool {
	if len(b) < 20 {
		return ip.short(len(b), wire, 20)
	}
	head := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = wire // captured before the network card cut it into datagrams
	}
	if ip.decap.Bounded() {
		total = min(total, len(b))
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
	src := netip.AddrFrom4([4]byte(b[12:16]))
	dst := netip.AddrFrom4([4]byte(b[16:20]))
	ip.seg.TTL, ip.seg.ID = b[8], binary.BigEndian.Uint16(b[4:])
	if ip.Checksum && addUp(0, b[:head]) != 0xffff {
		ip.Stats.BadChecksum++
		return false
	}
	place := binary.BigEndian.Uint16(b[6:])
	if b[9] == protoTCP && place&0x3fff == 0 {
		return ip.tcp(src, dst, b[head:], total-head)
	}
	ip.src, ip.dst, ip.from, ip.to, ip.routed = src, dst, src, dst, false
	if place&0x3fff == 0 {
		return ip.upper(b[9], b[head:], total-head)
	}
	return ip.fragment(&ip.v4, fragment{
		key:    fragmentKey{src, dst, ip.decap.Path(), uint32(ip.seg.ID), b[9]},
		proto:  b[9],
		offset: int(place&0x1fff) * 8,
		more:   place&0x2000 != 0,
		data:   b[head:],
		size:   total - head,
	})
}

// datagram6 takes a datagram of RFC 8200 §3.
func (ip *IP) datagram6(b []byte, wire int) bool {
	const head = 40
	if len(b) < head {
		return ip.short(len(b), wire, head)
	}
	total := head + int(binary.BigEndian.Uint16(b[4:]))
	if total == head {
		total = wire // not cut yet by the network card
		if n := jumbo(b[6], b[head:]); n > 0xffff && int64(n) <= int64(wire-head) {
			total = head + int(n)
		}
	}
	if ip.decap.Bounded() {
		total = min(total, len(b))
	}
	b = b[:min(len(b), total)]
	src := netip.AddrFrom16([16]byte(b[8:24]))
	dst := netip.AddrFrom16([16]byte(b[24:40]))
	ip.seg.TTL, ip.seg.ID = b[7], 0
	if b[6] == protoTCP {
		return ip.tcp(src, dst, b[head:], total-head)
	}
	ip.src, ip.dst, ip.from, ip.to, ip.routed = src, dst, src, dst, false
	return ip.upper(b[6], b[head:], total-head)
}

// tcp takes a segment: b, of size bytes on the wire.
func (ip *IP) tcp(src, dst netip.Addr, b []byte, size int) bool {
	if len(b) < tcpHeader {
		return ip.short(len(b), size, tcpHeader)
	}
	if !ip.seg.decode(b, size) {
		ip.Stats.Malformed++
		return false
	}
	if (ip.Checksum || ip.doubtful) && len(b) == size && !intact(src, dst, b) {
		ip.Stats.BadChecksum++
		return false
	}
	ip.seg.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	ip.seg.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	return true
}

// tunnel takes what stands behind an IP header and is not TCP: perhaps there
// is another datagram in it.
func (ip *IP) tunnel(proto uint8, b []byte, size int) bool {
	src, dst := ip.from, ip.to
	if ip.routed { // dst is a stop on the way, another one on the way back
		src, dst = netip.Addr{}, netip.Addr{}
	}
	inner, what := ip.decap.Tunnel(proto, b, src, dst)
	switch what {
	case capture.HasIP:
		return ip.datagram(inner, size-(len(b)-len(inner)))
	case capture.NotTunnel:
		ip.Stats.NotTCP++
		ip.Stats.Protocols[proto]++
		if proto == protoICMP || proto == protoICMPv6 {
			ip.icmp(proto, b)
		}
	case capture.CutHeader:
		return ip.short(len(b), size, len(b)+1)
	case capture.Encrypted:
		ip.Stats.Encrypted++
	case capture.TooDeep:
		ip.Stats.TooDeep++
	default:
		ip.Stats.NotIP++
	}
	return false
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

// maxPaths is how many paths are remembered by name.
const maxPaths = 4096

// name remembers what the path of the segment at hand is called.
func (ip *IP) name() {
	path := ip.seg.Path
	if path == 0 {
		return
	}
	ip.path = path
	if _, ok := ip.names[path]; ok || len(ip.names) >= maxPaths {
		return
	}
	if ip.names == nil {
		ip.names = make(map[uint64]string)
	}
	ip.names[path] = ip.decap.PathName()
}

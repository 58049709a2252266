package casetest

import (
	"encoding/binary"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// The control bits of RFC 9293 §3.1 that scripts need.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
	flagPSH = 0x08
	flagACK = 0x10
)

// A segment is what goes into one TCP segment (RFC 9293 §3.1).
type segment struct {
	dir      int // client or server
	seq, ack uint32
	flags    byte
	window   uint16
	options  []byte // a multiple of four bytes
	payload  []byte
	badSum   bool
	ttl      byte // of its packets, in IPv6 the hop limit
	fragment int  // bytes of each IP fragment's payload; 0: not fragmented
	lose     bool
	cut      int // bytes captured of each packet; 0: all
	owners   []*line

	id       uint16 // of its packet, if that was fixed before it is captured
	numbered bool
}

// A path is what a connection's packets are wrapped in.
type path struct {
	link  linkForm
	vlans []uint16
	ends  [2]netip.AddrPort
	pad   bool // Ethernet packets have at least 60 bytes
	ids   [2]uint16

	router bool // each packet is captured where it comes in and where it goes out
	hops   byte // routers that the packets at hand have passed
	ttl    byte // with which they were sent
}

// A linkForm is a row of links.
type linkForm struct {
	number capture.LinkType
	header func(p *path, dir int, etherType uint16) []byte
}

// links are the link types that scripts can name. The numbers are those of
// the LINKTYPE_ registry.
var links = map[string]linkForm{
	"ethernet": {1, ethernet},
	"null":     {0, null},
	"raw":      {101, func(*path, int, uint16) []byte { return nil }},
	"sll":      {113, sll},
	"sll2":     {276, sll2},
}

// The EtherTypes that scripts need.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100
	typeQinQ = 0x88a8
)

var macs = [2][6]byte{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

// ethernet writes a header of IEEE 802.3, with the tags of 802.1Q and 802.1ad.
func ethernet(p *path, dir int, etherType uint16) []byte {
	b := append([]byte(nil), macs[1-dir][:]...)
	b = append(b, macs[dir][:]...)
	for i, vlan := range p.vlans {
		tag := uint16(typeVLAN)
		if i+1 < len(p.vlans) {
			tag = typeQinQ
		}
		b = binary.BigEndian.AppendUint16(b, tag)
		b = binary.BigEndian.AppendUint16(b, vlan)
	}
	return binary.BigEndian.AppendUint16(b, etherType)
}

// null writes the address family of a BSD loopback, as a little-endian machine does.
func null(_ *path, _ int, etherType uint16) []byte {
	if etherType == typeIPv6 {
		return []byte{30, 0, 0, 0} // AF_INET6 of macOS
	}
	return []byte{2, 0, 0, 0}
}

// sll writes the header of LINKTYPE_LINUX_SLL: 16 bytes, the protocol last.
func sll(_ *path, dir int, etherType uint16) []byte {
	b := []byte{0, byte(4 * dir), 0, 1, 0, 6}
	b = append(b, macs[dir][:]...)
	return binary.BigEndian.AppendUint16(append(b, 0, 0), etherType)
}

// sll2 writes the header of LINKTYPE_LINUX_SLL2: 20 bytes, the protocol first.
func sll2(_ *path, dir int, etherType uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, etherType)
	b = append(b, 0, 0, 0, 0, 0, 2, 0, 1, byte(4*dir), 6)
	return append(append(b, macs[dir][:]...), 0, 0)
}

// packets wraps a segment, in more than one packet where it is fragmented.
func (p *path) packets(s *segment) [][]byte {
	src, dst := p.ends[s.dir], p.ends[1-s.dir]
	tcp := s.bytes(src, dst)
	p.ttl = s.ttl
	if s.ttl == 0 {
		p.ttl = 64
	}
	size := s.fragment &^ 7 // RFC 791 §3.1: fragments begin at multiples of eight
	if size == 0 {
		return [][]byte{p.packet(s.dir, tcp, 0, false, false)}
	}
	var all [][]byte
	for at := 0; at < len(tcp); at += size {
		end := min(at+size, len(tcp))
		all = append(all, p.packet(s.dir, tcp[at:end], at, end < len(tcp), true))
	}
	p.ids[s.dir]++
	return all
}

// forwarded gives the packets of a segment once more, as a router sends them
// on; ids are those before the segment.
func (p *path) forwarded(s *segment, ids [2]uint16) [][]byte {
	now := p.ids
	p.ids, p.hops = ids, 1
	all := p.packets(s)
	p.ids, p.hops = now, 0
	return all
}

// packet writes link layer and IP header before part of a TCP segment that
// stands at offset in its datagram.
func (p *path) packet(dir int, part []byte, offset int, more, fragmented bool) []byte {
	etherType, ip := uint16(typeIPv4), p.ipv4
	if p.ends[0].Addr().Is6() {
		etherType, ip = typeIPv6, p.ipv6
	}
	b := p.link.header(p, dir, etherType)
	b = append(b, ip(dir, len(part), offset, more, fragmented)...)
	b = append(b, part...)
	for p.pad && p.link.number == links["ethernet"].number && len(b) < 60 {
		b = append(b, 0)
	}
	return b
}

// ipv4 writes the header of RFC 791 §3.1.
func (p *path) ipv4(dir, length, offset int, more, fragmented bool) []byte {
	place := uint16(offset / 8)
	switch {
	case more:
		place |= 0x2000
	case !fragmented:
		place = 0x4000 // DF
	}
	b := []byte{0x45, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+length))
	b = binary.BigEndian.AppendUint16(b, p.ids[dir])
	b = binary.BigEndian.AppendUint16(b, place)
	b = append(b, p.ttl-p.hops, 6, 0, 0)
	b = append(b, p.ends[dir].Addr().AsSlice()...)
	b = append(b, p.ends[1-dir].Addr().AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], checksum(0, b))
	if !fragmented {
		p.ids[dir]++
	}
	return b
}

// ipv6 writes the header of RFC 8200 §3, and that of §4.5 for a fragment.
func (p *path) ipv6(dir, length, offset int, more, fragmented bool) []byte {
	next, extension := byte(6), 0
	if fragmented {
		next, extension = 44, 8
	}
	b := []byte{0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(extension+length))
	b = append(b, next, p.ttl-p.hops)
	b = append(b, p.ends[dir].Addr().AsSlice()...)
	b = append(b, p.ends[1-dir].Addr().AsSlice()...)
	if fragmented {
		place := uint16(offset)
		if more {
			place |= 1
		}
		b = binary.BigEndian.AppendUint16(append(b, 6, 0), place)
		b = binary.BigEndian.AppendUint32(b, uint32(p.ids[dir]))
	}
	return b
}

// bytes writes the segment with its checksum.
func (s *segment) bytes(src, dst netip.AddrPort) []byte {
	b := binary.BigEndian.AppendUint16(nil, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint32(b, s.seq)
	b = binary.BigEndian.AppendUint32(b, s.ack)
	b = append(b, byte(20+len(s.options))<<2, s.flags)
	b = binary.BigEndian.AppendUint16(b, s.window)
	b = append(b, 0, 0, 0, 0) // checksum, urgent pointer
	b = append(append(b, s.options...), s.payload...)
	sum := checksum(pseudo(src.Addr(), dst.Addr(), len(b)), b)
	if s.badSum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[16:], sum)
	return b
}

// pseudo is the sum of the pseudo-header (RFC 9293 §3.1).
func pseudo(src, dst netip.Addr, length int) uint32 {
	var b []byte
	b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, 6)
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	return add(0, b)
}

// checksum is the Internet checksum (RFC 1071) of b, begun with sum.
func checksum(sum uint32, b []byte) uint16 {
	sum = add(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func add(sum uint32, b []byte) uint32 {
	for len(b) > 1 {
		sum += uint32(b[0])<<8 | uint32(b[1])
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

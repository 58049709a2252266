package reassembly

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/wssniff/wssniff/capture"
)

// maxExtensions is how many extension headers are followed. RFC 8200 §4.1
// wants each at most once, one of them twice.
const maxExtensions = 16

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

// upper takes what stands behind the IP header: b, of size bytes on the wire.
func (ip *IP) upper(proto uint8, b []byte, size int) bool {
	for range maxExtensions {
		if proto == protoTCP {
			return ip.tcp(ip.src, ip.dst, b, size)
		}
		length := 8
		if proto != protoFragment || !ip.from.Is6() {
			ext := extensions[proto]
			if ext.unit == 0 {
				return ip.tunnel(proto, b, size)
			}
			if len(b) < 2 {
				return ip.short(len(b), size, 2)
			}
			length = (int(b[1]) + ext.more) * ext.unit
		}
		if len(b) < length {
			return ip.short(len(b), size, length)
		}
		// A fragment that is the whole datagram is none (RFC 6946).
		if proto == protoFragment && binary.BigEndian.Uint16(b[2:])&0xfff9 != 0 {
			return ip.fragment6(b, size)
		}
		ip.readdress(proto, b[:length])
		proto, b, size = b[0], b[length:], size-length
	}
	ip.Stats.TooDeep++
	return false
}

// fragment6 takes a fragment header (RFC 8200 §4.5) and what it speaks of.
func (ip *IP) fragment6(b []byte, size int) bool {
	place := binary.BigEndian.Uint16(b[2:])
	return ip.fragment(&ip.v6, fragment{
		key:    fragmentKey{ip.from, ip.to, ip.decap.Path(), binary.BigEndian.Uint32(b[4:]), protoFragment},
		proto:  b[0],
		offset: int(place &^ 7),
		more:   place&1 != 0,
		data:   b[8:],
		size:   size - 8,
	})
}

// readdress takes from an extension header the addresses that the ends of the
// connection know themselves by, which are those of the pseudo-header: the
// last stop of a routing header (RFC 8200 §8.1) of type 0, 2 (RFC 6275 §6.4)
// or 4 (RFC 8754 §2), and the home address (RFC 6275 §6.3).
func (ip *IP) readdress(proto uint8, ext []byte) {
	switch proto {
	case protoRouting:
		if ext[3] == 0 || len(ext) < 24 { // no stop is left
			return
		}
		ip.routed = true
		switch ext[2] {
		case 0:
			at := (len(ext)-8)/16*16 - 8
			ip.dst = netip.AddrFrom16([16]byte(ext[at : at+16]))
		case 2, 4:
			ip.dst = netip.AddrFrom16([16]byte(ext[8:24]))
		}
	case protoDestination:
		if home := option(ext[2:], 201); len(home) == 16 {
			ip.src = netip.AddrFrom16([16]byte(home))
		}
	}
}

// jumbo gives the payload length of a jumbogram (RFC 2675 §2), where the
// header behind the IP header is one of hop-by-hop options that has it; 0 if
// not.
func jumbo(proto uint8, b []byte) uint32 {
	if proto != protoHopByHop || len(b) < 8 {
		return 0
	}
	if v := option(b[2:min(len(b), int(b[1])*8+8)], 0xc2); len(v) == 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// option gives the value of the first option of a kind (RFC 8200 §4.2).
func option(b []byte, kind byte) []byte {
	for len(b) > 0 {
		if b[0] == 0 { // one byte of padding
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil
		}
		if b[0] == kind {
			return b[2 : 2+int(b[1])]
		}
		b = b[2+int(b[1]):]
	}
	return nil
}

// segmented says whether b, the first bytes behind an IP header, may lead to
// a TCP segment, and the protocol number that says so or not.
func segmented(proto uint8, b []byte) (uint8, bool) {
	for range maxExtensions {
		ext := extensions[proto]
		if ext.unit == 0 || len(b) < 2 {
			break
		}
		length := (int(b[1]) + ext.more) * ext.unit
		if len(b) < length {
			break
		}
		proto, b = b[0], b[length:]
	}
	ok := proto == protoTCP || proto == protoFragment || extensions[proto].unit != 0 || capture.MayTunnel(proto, b)
	return proto, ok
}

// PathName says in words what a Segment.Path stands for, such as "VLAN 10,
// VXLAN 77", the outermost first; "" for 0, and a number in hexadecimal for
// one that was not seen, or came when very many had been.
func (ip *IP) PathName(path uint64) string {
	name, ok := ip.names[path]
	if !ok && path != 0 {
		return "network " + strconv.FormatUint(path, 16)
	}
	return name
}

package capture

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// A LinkType says how the bytes of a packet begin. The numbers are the
// LINKTYPE_ values of the capture file formats, all 16 bits of them.
type LinkType uint16

// The link types that [Datagram] can see through.
const (
	LinkNull      LinkType = 0
	LinkEthernet  LinkType = 1
	LinkRawBSD    LinkType = 12
	LinkRawOpen   LinkType = 14
	LinkRaw       LinkType = 101
	LinkLoop      LinkType = 108
	LinkLinuxSLL  LinkType = 113
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkLinuxSLL2 LinkType = 276
)

// The EtherTypes this file looks at. A strip function of a link layer that
// has another numbering translates into these.
const (
	etherIPv4  = 0x0800
	etherIPv6  = 0x86dd
	etherVLAN  = 0x8100 // IEEE 802.1Q
	etherQinQ  = 0x88a8 // IEEE 802.1ad
	etherQinQ1 = 0x9100 // the same before it was a standard
	etherNone  = 0xffff // reserved, so never on a wire: nothing known follows
)

// strip takes the link-layer header off b. It gives the EtherType of what
// follows and ok=false where b ends within the header.
type strip func(b []byte) (etherType uint16, rest []byte, ok bool)

// linkTypes has a row for each link type. One without a strip function is
// known by its name only.
var linkTypes = [...]struct {
	name  string
	strip strip
}{
	LinkNull:      {"NULL", stripNull},
	LinkEthernet:  {"Ethernet", stripEthernet},
	6:             {"IEEE 802.5", nil},
	7:             {"ARCNET", nil},
	8:             {"SLIP", nil},
	9:             {"PPP", nil},
	10:            {"FDDI", nil},
	LinkRawBSD:    {"raw IP", stripRaw},
	LinkRawOpen:   {"raw IP", stripRaw},
	50:            {"PPP in HDLC", nil},
	51:            {"PPPoE", nil},
	100:           {"ATM RFC 1483", nil},
	LinkRaw:       {"raw IP", stripRaw},
	104:           {"Cisco HDLC", nil},
	105:           {"IEEE 802.11", nil},
	106:           {"ATM CLIP", nil},
	107:           {"Frame Relay", nil},
	LinkLoop:      {"LOOP", stripNull},
	LinkLinuxSLL:  {"Linux SLL", stripSLL},
	117:           {"OpenBSD pflog", nil},
	119:           {"IEEE 802.11 with Prism header", nil},
	127:           {"IEEE 802.11 with radiotap header", nil},
	138:           {"IP over IEEE 1394", nil},
	163:           {"IEEE 802.11 with AVS header", nil},
	187:           {"Bluetooth H4", nil},
	189:           {"USB on Linux", nil},
	192:           {"PPI", nil},
	195:           {"IEEE 802.15.4", nil},
	201:           {"Bluetooth H4 with direction", nil},
	220:           {"USB on Linux, mapped", nil},
	227:           {"SocketCAN", nil},
	LinkIPv4:      {"IPv4", stripRaw},
	LinkIPv6:      {"IPv6", stripRaw},
	239:           {"NFLOG", nil},
	249:           {"USBPcap", nil},
	252:           {"exported PDU", nil},
	253:           {"Linux netlink", nil},
	LinkLinuxSLL2: {"Linux SLL2", stripSLL2},
}

// String gives the name of l, or its number where it has no row.
func (l LinkType) String() string {
	if int(l) < len(linkTypes) && linkTypes[l].name != "" {
		return linkTypes[l].name
	}
	return "link type " + strconv.Itoa(int(l))
}

// Content says what [Datagram] found in a packet.
type Content uint8

// What a packet may hold.
const (
	HasIP           Content = iota // an IPv4 or IPv6 datagram
	NotIP                          // some other protocol: ARP, LLDP, spanning tree…
	CutHeader                      // it ends within the link-layer header
	UnknownLinkType                // nothing is known about how it begins
)

// Datagram finds the IP datagram that p carries. The datagram is a part of
// p.Data that reaches to its end, so link-layer padding is still behind it;
// len(p.Data)-len(datagram) bytes stand before it. Whether it is IPv4 or IPv6
// is said by its first four bits.
func Datagram(p *Packet) (datagram []byte, what Content) {
	if int(p.LinkType) >= len(linkTypes) {
		return nil, UnknownLinkType
	}
	strip := linkTypes[p.LinkType].strip
	if strip == nil {
		return nil, UnknownLinkType
	}
	etherType, rest, ok := strip(p.Data)
	if !ok {
		return nil, CutHeader
	}
	if etherType == etherIPv4 || etherType == etherIPv6 {
		return rest, HasIP
	}
	return inner(etherType, rest)
}

// inner finds the datagram behind what may stand between a link layer and
// IP: VLAN tags, and LLC where an IEEE 802.3 length is in place of a type.
// Every further shim is one more case here.
func inner(etherType uint16, b []byte) ([]byte, Content) {
	for {
		switch {
		case etherType == etherIPv4 || etherType == etherIPv6:
			return b, HasIP
		case etherType == etherVLAN || etherType == etherQinQ || etherType == etherQinQ1:
			if len(b) < 4 {
				return nil, CutHeader
			}
			etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		case etherType <= 1500:
			if len(b) < 8 || binary.BigEndian.Uint64(b)>>16 != 0xaaaa03000000 {
				return nil, NotIP // LLC, but not the SNAP form that has a type
			}
			etherType, b = binary.BigEndian.Uint16(b[6:]), b[8:]
			if etherType <= 1500 {
				return nil, NotIP
			}
		default:
			return nil, NotIP
		}
	}
}

func stripEthernet(b []byte) (uint16, []byte, bool) {
	if len(b) < 14 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b[12:]), b[14:], true
}

// stripNull takes the address family off that BSD and its kin put before
// packets of their loopback: in the byte order of the machine for NULL, in
// network order for LOOP. The families are small numbers, so the order shows.
func stripNull(b []byte) (uint16, []byte, bool) {
	if len(b) < 4 {
		return 0, nil, false
	}
	family := binary.BigEndian.Uint32(b)
	if family > 0xffff {
		family = bits.ReverseBytes32(family)
	}
	switch family {
	case 2:
		return etherIPv4, b[4:], true
	case 10, // Linux
		23, // Windows
		24, // NetBSD, OpenBSD
		28, // FreeBSD
		30: // macOS
		return etherIPv6, b[4:], true
	}
	if family > 1500 && family < 0xffff {
		return uint16(family), b[4:], true // some write an EtherType
	}
	return etherNone, b[4:], true
}

func stripRaw(b []byte) (uint16, []byte, bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch b[0] >> 4 {
	case 4:
		return etherIPv4, b, true
	case 6:
		return etherIPv6, b, true
	}
	return etherNone, b, true
}

// stripSLL takes the header of a Linux cooked capture off: packet type (2),
// ARPHRD type (2), address length (2), address (8), protocol (2).
func stripSLL(b []byte) (uint16, []byte, bool) {
	if len(b) < 16 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b[14:]), b[16:], true
}

// stripSLL2 takes the second form of it off: protocol (2), reserved (2),
// interface (4), ARPHRD type (2), packet type (1), address length (1),
// address (8).
func stripSLL2(b []byte) (uint16, []byte, bool) {
	if len(b) < 20 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[20:], true
}

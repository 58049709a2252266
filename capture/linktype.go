package capture

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// A LinkType says how the bytes of a packet begin. The numbers are the
// LINKTYPE_ values of the capture file formats, all 16 bits of them.
type LinkType uint16

// The link types that others have to name; linkTypes has them all.
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

// A strip takes the first header off b. It gives what follows, by EtherType or
// one of the values beside those (see decap.go), and the rest of b.
type strip func(d *Decap, b []byte) (next uint16, rest []byte)

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
	9:             {"PPP", stripPPP},
	10:            {"FDDI", nil},
	LinkRawBSD:    {"raw IP", stripRaw},
	LinkRawOpen:   {"raw IP", stripRaw},
	50:            {"PPP in HDLC", stripPPP},
	51:            {"PPPoE", stripPPPoE},
	100:           {"ATM RFC 1483", stripLLC},
	LinkRaw:       {"raw IP", stripRaw},
	104:           {"Cisco HDLC", stripHDLC},
	105:           {"IEEE 802.11", stripWLAN},
	106:           {"ATM CLIP", nil},
	107:           {"Frame Relay", stripFrameRelay},
	LinkLoop:      {"LOOP", stripNull},
	109:           {"OpenBSD enc", stripEnc},
	LinkLinuxSLL:  {"Linux SLL", stripSLL},
	117:           {"OpenBSD pflog", stripPflog},
	119:           {"IEEE 802.11 with Prism header", stripPrism},
	127:           {"IEEE 802.11 with radiotap header", stripRadiotap},
	138:           {"IP over IEEE 1394", stripFireWire},
	163:           {"IEEE 802.11 with AVS header", stripAVS},
	166:           {"PPP with direction", stripPPPDirection},
	187:           {"Bluetooth H4", nil},
	189:           {"USB on Linux", nil},
	192:           {"PPI", stripPPI},
	195:           {"IEEE 802.15.4", nil},
	201:           {"Bluetooth H4 with direction", nil},
	204:           {"PPP with direction", stripPPPDirection},
	220:           {"USB on Linux, mapped", nil},
	227:           {"SocketCAN", nil},
	LinkIPv4:      {"IPv4", stripRaw},
	LinkIPv6:      {"IPv6", stripRaw},
	239:           {"NFLOG", stripNflog},
	249:           {"USBPcap", nil},
	252:           {"exported PDU", nil},
	253:           {"Linux netlink", nil},
	258:           {"Apple PKTAP", stripPktap},
	LinkLinuxSLL2: {"Linux SLL2", stripSLL2},
}

// String gives the name of l, or its number where it has no row.
func (l LinkType) String() string {
	if int(l) < len(linkTypes) && linkTypes[l].name != "" {
		return linkTypes[l].name
	}
	return "link type " + strconv.Itoa(int(l))
}

// stripEthernet takes the header of IEEE 802.3 off: two addresses (6 each),
// EtherType or length (2).
func stripEthernet(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 14 {
		return nextCut, nil
	}
	return wireType(b[12:]), b[14:]
}

// stripNull takes the address family off that BSD and its kin put before
// packets of their loopback: in the byte order of the machine for NULL, in
// network order for LOOP. The families are small numbers, so the order shows.
func stripNull(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	family := binary.BigEndian.Uint32(b)
	if family > 0xffff {
		family = bits.ReverseBytes32(family)
	}
	if next := familyType(family); next != nextNone {
		return next, b[4:]
	}
	if family >= minEtherType && family < 0xffff {
		return uint16(family), b[4:] // some write an EtherType
	}
	return nextNone, nil
}

// familyType gives the EtherType of an address family as the systems number
// them.
func familyType(family uint32) uint16 {
	switch family {
	case 2:
		return etherIPv4
	case 10, // Linux
		23, // Windows
		24, // NetBSD, OpenBSD
		28, // FreeBSD
		30: // macOS
		return etherIPv6
	}
	return nextNone
}

// stripRaw finds IP by its version.
func stripRaw(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) == 0 {
		return nextCut, nil
	}
	switch b[0] >> 4 {
	case 4:
		return etherIPv4, b
	case 6:
		return etherIPv6, b
	}
	return nextNone, nil
}

// stripSLL takes the header of a Linux cooked capture off: packet type (2),
// ARPHRD type (2), address length (2), address (8), protocol (2).
func stripSLL(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 16 {
		return nextCut, nil
	}
	return cookedType(b[14:]), b[16:]
}

// stripSLL2 takes the second form of it off: protocol (2), reserved (2),
// interface (4), ARPHRD type (2), packet type (1), address length (1),
// address (8).
func stripSLL2(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 20 {
		return nextCut, nil
	}
	return cookedType(b), b[20:]
}

// cookedType reads the protocol of a Linux cooked header: an EtherType, or
// below those a number of Linux's own, of which 4 says LLC.
func cookedType(b []byte) uint16 {
	next := wireType(b)
	if next < minEtherType && next != linuxLLC {
		return nextNone
	}
	return next
}

// stripEnc takes the header off that OpenBSD puts before what IPsec has
// opened: address family (4), SPI (4), flags (4).
func stripEnc(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 12 {
		return nextCut, nil
	}
	return stripRaw(d, b[12:])
}

// stripPflog takes the header of OpenBSD's packet filter log off. Its first
// byte is its length without the padding to four bytes.
func stripPflog(d *Decap, b []byte) (uint16, []byte) {
	if len(b) == 0 {
		return nextCut, nil
	}
	head := (int(b[0]) + 3) &^ 3
	if head < 4 {
		return nextNone, nil
	}
	if len(b) < head {
		return nextCut, nil
	}
	return stripRaw(d, b[head:])
}

// stripFireWire takes the header of IP over IEEE 1394 off: two addresses (8
// each), EtherType (2).
func stripFireWire(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 18 {
		return nextCut, nil
	}
	return wireType(b[16:]), b[18:]
}

// stripPktap takes Apple's header off: length (4) and type (4), then the link
// type of what follows it (4), all in little-endian order.
func stripPktap(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 12 {
		return nextCut, nil
	}
	return d.link(binary.LittleEndian.Uint32(b[8:]), b, binary.LittleEndian.Uint32(b))
}

// stripNflog finds the packet in a message of Linux's netfilter: family (1),
// version (1), resource (2), then attributes with length (2) and type (2) in
// the byte order of the machine, each padded to four bytes.
func stripNflog(d *Decap, b []byte) (uint16, []byte) {
	const payload = 9
	if len(b) < 4 {
		return nextCut, nil
	}
	for b = b[4:]; ; {
		if len(b) < 4 {
			return nextCut, nil
		}
		n, kind := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint16(b[2:])
		if kind&0xff == 0 { // big-endian: the types are small numbers
			n, kind = int(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint16(b[2:])
		}
		switch {
		case n < 4:
			return nextNone, nil
		case kind&0x7fff == payload:
			return stripRaw(d, b[4:])
		case len(b) < (n+3)&^3:
			return nextCut, nil
		}
		b = b[(n+3)&^3:]
	}
}

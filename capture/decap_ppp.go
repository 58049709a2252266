package capture

import "encoding/binary"

// This file has what point-to-point links put before IP.

// stripPPPoE takes the header of RFC 2516 §4 off: version and type (1), code
// (1), session (2), length (2). Only the code 0 has data behind it.
func stripPPPoE(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 6 {
		return nextCut, nil
	}
	if b[0] != 0x11 || b[1] != 0 {
		return nextNone, nil
	}
	d.add(tagPPPoE, uint64(binary.BigEndian.Uint16(b[2:])))
	size := int(binary.BigEndian.Uint16(b[4:]))
	if b = b[6:]; size > 2 && size < len(b) {
		b, d.bounded = b[:size], true // access routers count the padding of Ethernet in IP's length, and not in this one
	}
	return etherPPP, b
}

// stripPPP takes PPP off: an HDLC address and control that may be left away,
// and a protocol number of which the first byte may be (RFC 1661 §6.5, §6.6).
// On a serial line it may be Cisco's HDLC just as well (RFC 1547 §4.3.1).
func stripPPP(d *Decap, b []byte) (uint16, []byte) {
	if len(b) >= 4 && (b[0] == 0x0f || b[0] == 0x8f) && b[1] == 0 {
		return stripHDLC(d, b)
	}
	if len(b) >= 2 && b[0] == 0xff && b[1] == 0x03 {
		b = b[2:]
	}
	if len(b) == 0 {
		return nextCut, nil
	}
	protocol := uint16(b[0])
	if b = b[1:]; protocol&1 == 0 { // an odd byte is the last of the number
		if len(b) == 0 {
			return nextCut, nil
		}
		protocol, b = protocol<<8|uint16(b[0]), b[1:]
	}
	switch protocol {
	case 0x0021:
		return etherIPv4, b
	case 0x0057:
		return etherIPv6, b
	case 0x0281, 0x0283:
		return etherMPLS, b
	}
	return nextNone, nil
}

// stripPPPDirection takes the byte off that says which end sent.
func stripPPPDirection(d *Decap, b []byte) (uint16, []byte) {
	if len(b) == 0 {
		return nextCut, nil
	}
	return stripPPP(d, b[1:])
}

// stripHDLC takes Cisco's HDLC off: address (1), control (1), EtherType (2).
func stripHDLC(_ *Decap, b []byte) (uint16, []byte) { return typeBehind(b, 2) }

// stripFrameRelay takes the address of Q.922 off, two to four bytes of which
// the last is odd, and what says the protocol: an NLPID (RFC 2427 §4) or, as
// Cisco does it, an EtherType.
func stripFrameRelay(d *Decap, b []byte) (uint16, []byte) {
	const unnumbered, snap, nlpIPv4, nlpIPv6 = 0x03, 0x80, 0xcc, 0x8e
	head := 0
	for ; head < 4 && head < len(b) && b[head]&1 == 0; head++ {
	}
	head++
	if head == 5 || head == 1 {
		return nextNone, nil
	}
	if len(b) < head+2 {
		return nextCut, nil
	}
	d.add(tagDLCI, dlci(b[:head]))
	if b = b[head:]; b[0] != unnumbered {
		return wireType(b), b[2:]
	}
	b = b[1:]
	if len(b) >= 2 && b[0] == 0 { // padding before SNAP
		b = b[1:]
	}
	switch {
	case b[0] == nlpIPv4:
		return etherIPv4, b[1:]
	case b[0] == nlpIPv6:
		return etherIPv6, b[1:]
	case b[0] != snap:
		return nextNone, nil
	case len(b) < 6:
		return nextCut, nil
	case b[1] == 0 && b[2] == 0 && b[3] == 0:
		return wireType(b[4:]), b[6:]
	case b[1] == 0 && b[2] == 0x80 && b[3] == 0xc2 && (b[5] == 1 || b[5] == 7):
		return etherTEB, b[6:]
	}
	return nextNone, nil
}

// dlci reads the number of the virtual circuit in an address of Q.922: six
// bits of its first byte, four of the second, seven or six of each other.
func dlci(b []byte) uint64 {
	id := uint64(b[0])>>2<<4 | uint64(b[1])>>4
	if len(b) > 2 {
		id = id<<7 | uint64(b[2])>>1
	}
	if len(b) > 3 {
		id = id<<6 | uint64(b[3])>>2
	}
	return id
}

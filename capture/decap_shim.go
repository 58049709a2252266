package capture

import "encoding/binary"

// This file has what stands between a link layer and IP: tags, labels, LLC.

// stripVLAN takes a tag of IEEE 802.1Q or 802.1ad off: priority and VLAN id
// (2), EtherType (2).
func stripVLAN(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	if id := binary.BigEndian.Uint16(b) & 0xfff; id != 0 {
		d.add(tagVLAN, uint64(id))
	}
	return wireType(b[2:]), b[4:]
}

// stripLLC takes a header of IEEE 802.2 off where it is one that IP stands
// behind: SNAP with an EtherType (RFC 1042), with a bridged frame (RFC 2684
// §5.2), or IP itself.
func stripLLC(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) >= 3 && b[0] == 0x06 && b[1] == 0x06 && b[2] == 0x03 {
		return etherIPv4, b[3:]
	}
	if len(b) < 8 || b[0] != 0xaa || b[1] != 0xaa || b[2] != 0x03 {
		return nextNone, nil
	}
	oui, kind := binary.BigEndian.Uint32(b[2:])&0xffffff, wireType(b[6:])
	switch {
	case (oui == 0 || oui == 0x0000f8) && kind >= minEtherType:
		return kind, b[8:]
	case oui == 0x0080c2 && (kind == 1 || kind == 7) && len(b) >= 10:
		return etherTEB, b[10:] // two bytes of padding
	}
	return nextNone, nil
}

// stripMPLS takes a stack of labels off, four bytes each (RFC 3032 §2.1). No
// label says what is behind the last.
func stripMPLS(_ *Decap, b []byte) (uint16, []byte) {
	for len(b) >= 4 {
		last := b[2]&1 != 0
		if b = b[4:]; last {
			return nextPseudo, b
		}
	}
	return nextCut, nil
}

// stripPseudowire guesses what is behind a label stack, by what RFC 4385 §1
// and RFC 4928 §2 made of it: IP shows its version where a pseudowire has a
// control word that begins with 0. Ethernet without one may begin with
// anything, a 4 and a 6 as well: what stands where its type would be decides.
func stripPseudowire(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) == 0 {
		return nextCut, nil
	}
	switch {
	case b[0]>>4 == 4 && b[0]&15 >= 5 && !framed(b):
		return etherIPv4, b
	case b[0]>>4 == 6 && !framed(b):
		return etherIPv6, b
	case b[0]>>4 == 0 && len(b) > 4 && framed(b[4:]):
		return etherTEB, b[4:]
	case framed(b):
		return etherTEB, b
	case len(b) < 18:
		return nextCut, nil
	}
	return nextNone, nil
}

// framed says whether b looks like an Ethernet frame with something that can
// be followed in it.
func framed(b []byte) bool {
	if len(b) < 15 {
		return false
	}
	switch wireType(b[12:]) {
	case etherIPv4:
		return b[14]>>4 == 4
	case etherIPv6:
		return b[14]>>4 == 6
	case etherARP, etherVLAN, etherQinQ, etherMPLS, etherPPPoE:
		return true
	}
	return false
}

// stripVNTag takes a tag of Cisco's VN-Link off, with two interfaces (4) and
// EtherType (2).
func stripVNTag(_ *Decap, b []byte) (uint16, []byte) { return typeBehind(b, 4) }

// stripRTag takes a tag of IEEE 802.1CB off: reserved (2), sequence number
// (2), EtherType (2).
func stripRTag(_ *Decap, b []byte) (uint16, []byte) { return typeBehind(b, 4) }

// stripHSR takes a tag of IEC 62439-3 off: path and size (2), sequence number
// (2), EtherType (2).
func stripHSR(_ *Decap, b []byte) (uint16, []byte) { return typeBehind(b, 4) }

// typeBehind skips n bytes and reads the EtherType behind them.
func typeBehind(b []byte, n int) (uint16, []byte) {
	if len(b) < n+2 {
		return nextCut, nil
	}
	return wireType(b[n:]), b[n+2:]
}

// stripISID takes the tag of IEEE 802.1ah off: priority (1), I-SID (3); a
// whole frame follows.
func stripISID(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	d.add(tagISID, uint64(binary.BigEndian.Uint32(b)&0xffffff))
	return etherTEB, b[4:]
}

// stripMACsec takes the SecTAG of IEEE 802.1AE off where nothing but
// integrity is protected: flags (1), short length (1), packet number (4), and
// the SCI (8) if a flag says so.
func stripMACsec(_ *Decap, b []byte) (uint16, []byte) {
	const sci, encrypted, changed = 0x20, 0x08, 0x04
	if len(b) < 6 {
		return nextCut, nil
	}
	if b[0]&(encrypted|changed) != 0 {
		return nextEncrypted, nil
	}
	if b[0]&sci != 0 {
		return typeBehind(b, 14)
	}
	return typeBehind(b, 6)
}

// stripCMD takes Cisco's metadata off: version 1, length 1, an option (2) and
// its value, a security group (2).
func stripCMD(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) >= 2 && (b[0] != 1 || b[1] != 1) {
		return nextNone, nil
	}
	return typeBehind(b, 6)
}

// stripArista takes Arista's timestamp off: subtype (2), version (2), and a
// time of 64 or 48 bits.
func stripArista(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	if binary.BigEndian.Uint16(b) != 1 {
		return nextNone, nil
	}
	switch b[3] {
	case 0x10:
		return typeBehind(b, 12)
	case 0x20:
		return typeBehind(b, 10)
	}
	return nextNone, nil
}

// stripTRILL takes the header of RFC 6325 §3 off: version, flags and length
// of the options in words (2), two nicknames (2 each); a frame follows.
func stripTRILL(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 6 {
		return nextCut, nil
	}
	head := 6 + int(binary.BigEndian.Uint16(b)>>6&0x1f)*4
	if len(b) < head {
		return nextCut, nil
	}
	return etherTEB, b[head:]
}

// stripNSH takes the network service header of RFC 8300 §2.2 off: version,
// flags, TTL and length in words (2), metadata type (1), next protocol (1).
func stripNSH(_ *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	head := int(b[1]&0x3f) * 4
	if head < 8 {
		return nextNone, nil
	}
	if len(b) < head {
		return nextCut, nil
	}
	return nextProtocol(b[3]), b[head:]
}

// nextProtocol reads the numbers that NSH (RFC 8300 §2.2) and VXLAN-GPE share
// as far as they matter here.
func nextProtocol(n byte) uint16 {
	switch n {
	case 1:
		return etherIPv4
	case 2:
		return etherIPv6
	case 3:
		return etherTEB
	case 4:
		return etherNSH
	case 5:
		return etherMPLS
	}
	return nextNone
}

package capture

import "encoding/binary"

// This file has what an IP datagram may carry another one in.

// protoUDP is UDP's IP protocol number.
const protoUDP = 17

// carriers has a row for each IP protocol that may be a tunnel.
var carriers = [256]strip{
	4:        stripIPinIP, // RFC 2003
	protoUDP: stripUDP,
	41:       stripIPinIP, // RFC 4213
	47:       stripGRE,
	97:       stripEtherIP,
	137:      stripMPLSinIP, // RFC 4023
	143:      stripEthernet, // RFC 8986 §4.9
}

// ports has a row for each UDP port that datagrams of a tunnel go to. The
// port they come from may be any.
var ports = [...]struct {
	port  uint16
	strip strip
}{
	{4789, stripVXLAN},
	{8472, stripVXLAN}, // what Linux used before there was a number
	{4790, stripGPE},
	{6081, stripGENEVE},
	{2152, stripGTP},
	{6635, stripMPLSinIP}, // RFC 7510
	{1701, stripL2TP},
}

// udpStrip finds the row of the port that a UDP header goes to.
func udpStrip(b []byte) strip {
	port := binary.BigEndian.Uint16(b[2:])
	for i := range ports {
		if ports[i].port == port {
			return ports[i].strip
		}
	}
	return nil
}

// stripUDP takes the header of RFC 768 off: ports (2 each), length (2),
// checksum (2).
func stripUDP(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextNotTunnel, nil
	}
	strip := udpStrip(b)
	if strip == nil {
		return nextNotTunnel, nil
	}
	if len(b) < 8 {
		return nextCut, nil
	}
	return strip(d, b[8:])
}

func stripIPinIP(d *Decap, b []byte) (uint16, []byte) {
	d.addEnds(tagIP)
	return nextIP, b
}

func stripMPLSinIP(d *Decap, b []byte) (uint16, []byte) {
	d.addEnds(tagMPLS)
	return etherMPLS, b
}

// stripEtherIP takes the header of RFC 3378 §3 off: version 3 and zeros (2).
func stripEtherIP(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 2 {
		return nextCut, nil
	}
	if b[0]>>4 != 3 {
		return nextNone, nil
	}
	d.addEnds(tagEtherIP)
	return etherTEB, b[2:]
}

// The bits of the first two bytes of GRE (RFC 1701, RFC 2784 §2.1, RFC 2890
// §2, RFC 2637 §4.1).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080 // in version 1
	greVersion  = 0x0007
)

// stripGRE takes the header of RFC 2784 §2 off: flags and version (2),
// EtherType (2), and the fields that flags announce, in this order: checksum
// and offset (4), key (4), sequence number (4), acknowledgment (4), routes.
func stripGRE(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 4 {
		return nextCut, nil
	}
	flags, next := binary.BigEndian.Uint16(b), wireType(b[2:])
	version := flags & greVersion
	if version > 1 || next <= maxLength {
		return nextNone, nil
	}
	b = b[4:]
	key := uint32(0)
	for _, field := range [...]uint16{greChecksum | greRouting, greKey, greSequence, greAck} {
		if flags&field == 0 || field == greAck && version == 0 {
			continue
		}
		if len(b) < 4 {
			return nextCut, nil
		}
		if field == greKey {
			key = binary.BigEndian.Uint32(b)
		}
		b = b[4:]
	}
	if flags&greRouting != 0 && version == 0 {
		var ok bool
		if b, ok = skipRoutes(b); !ok {
			return nextCut, nil
		}
	}
	if version == 1 {
		d.addEnds(tagPPTP)
		if flags&greSequence == 0 {
			return nextNone, nil // an acknowledgment only
		}
		return next, b
	}
	return d.greTag(flags, next, key), b
}

// greTag adds what tells GRE tunnels apart. It gives what follows: ERSPAN of
// type I has no header, and is known by having no sequence number.
func (d *Decap) greTag(flags, next uint16, key uint32) uint16 {
	const vsidMin = 0x1000 // below are reserved ones, RFC 7637 §3.2
	vsid := key >> 8
	switch {
	case flags&greKey != 0 && next == etherTEB && flags&(greChecksum|greSequence) == 0 && vsid >= vsidMin:
		d.add(tagNVGRE, uint64(vsid))
	case flags&greKey != 0:
		d.add(tagGREKey, uint64(key))
	case next == etherERSPAN && flags&greSequence == 0:
		d.addEnds(tagGRE)
		return etherTEB
	case next != etherERSPAN && next != etherERSPAN3:
		d.addEnds(tagGRE)
	}
	return next
}

// skipRoutes takes the source routes of RFC 1701 off: each with address
// family (2), offset (1), length (1) and as many bytes; one of nothing but
// zeros is the last.
func skipRoutes(b []byte) ([]byte, bool) {
	for len(b) >= 4 {
		n := 4 + int(b[3])
		if len(b) < n {
			return nil, false
		}
		last := binary.BigEndian.Uint32(b) == 0
		if b = b[n:]; last {
			return b, true
		}
	}
	return nil, false
}

// stripERSPAN takes the header of ERSPAN II or III off: version and VLAN (2),
// flags and session (2), then an index (4) or, in III, a timestamp (4), a
// group (2), flags (2) and perhaps eight bytes of the platform.
func stripERSPAN(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 8 {
		return nextCut, nil
	}
	vlan, session := binary.BigEndian.Uint16(b)&0xfff, binary.BigEndian.Uint16(b[2:])&0x3ff
	next, head := uint16(etherTEB), 8
	switch b[0] >> 4 {
	case 1:
	case 2:
		if len(b) < 12 {
			return nextCut, nil
		}
		if head = 12; b[11]&1 != 0 {
			head = 20
		}
		switch b[10] >> 2 & 0x1f { // the type of the frame
		case 0:
		case 2:
			next = nextIP
		default:
			return nextNone, nil
		}
	default:
		return nextNone, nil
	}
	if len(b) < head {
		return nextCut, nil
	}
	d.add(tagERSPAN, uint64(session))
	if vlan != 0 {
		d.add(tagVLAN, uint64(vlan))
	}
	return next, b[head:]
}

// stripWCCP takes the redirect header (4) of WCCP 2 off, which older ones do
// not have.
func stripWCCP(d *Decap, b []byte) (uint16, []byte) {
	if len(b) >= 4 && b[0]>>4 != 4 {
		b = b[4:]
	}
	return stripRaw(d, b)
}

// stripVXLAN takes the header of RFC 7348 §5 off: flags (1), reserved (3),
// VNI (3), reserved (1). Where the flag of the VNI is not set, it is not
// VXLAN.
func stripVXLAN(d *Decap, b []byte) (uint16, []byte) {
	const hasVNI = 0x08
	if len(b) < 8 {
		return nextCut, nil
	}
	if b[0]&hasVNI == 0 {
		return nextNotTunnel, nil
	}
	d.add(tagVXLAN, vni(b))
	return etherTEB, b[8:]
}

// stripGPE takes the header of VXLAN with a generic protocol extension off:
// as in VXLAN, but for flags, and the next protocol in the fourth byte.
func stripGPE(d *Decap, b []byte) (uint16, []byte) {
	const version, hasVNI, hasNext, isOAM = 0x30, 0x08, 0x04, 0x01
	if len(b) < 8 {
		return nextCut, nil
	}
	if b[0]&version != 0 {
		return nextNotTunnel, nil
	}
	if b[0]&hasVNI != 0 {
		d.add(tagVXLAN, vni(b))
	} else {
		d.addEnds(tagUnnamedVXLAN)
	}
	switch {
	case b[0]&isOAM != 0:
		return nextNone, nil
	case b[0]&hasNext == 0:
		return etherTEB, b[8:]
	}
	return nextProtocol(b[3]), b[8:]
}

// vni reads the network id of VXLAN and GENEVE.
func vni(b []byte) uint64 { return uint64(binary.BigEndian.Uint32(b[4:]) >> 8) }

// stripGENEVE takes the header of RFC 8926 §3.4 off: version and length of
// the options in words (1), flags (1), EtherType (2), VNI (3), reserved (1),
// options.
func stripGENEVE(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 8 {
		return nextCut, nil
	}
	if b[0]>>6 != 0 {
		return nextNotTunnel, nil
	}
	head := 8 + int(b[0]&0x3f)*4
	if len(b) < head {
		return nextCut, nil
	}
	next := wireType(b[2:])
	if next <= maxLength {
		return nextNone, nil
	}
	d.add(tagGENEVE, vni(b))
	return next, b[head:]
}

// stripGTP takes the header of GTP-U off (3GPP TS 29.281 §5): flags (1),
// message type (1), length (2), TEID (4); where one of three flags is set,
// sequence number (2), N-PDU number (1) and type of the next extension (1).
// Only a G-PDU carries a datagram.
func stripGTP(d *Decap, b []byte) (uint16, []byte) {
	const gpdu, version, isGTP, hasExtension, hasMore = 255, 0xe0, 0x10, 0x04, 0x07
	if len(b) < 8 {
		return nextCut, nil
	}
	if b[0]&version != 0x20 || b[0]&isGTP == 0 || b[1] != gpdu {
		return nextNotTunnel, nil
	}
	flags := b[0]
	if b = b[8:]; flags&hasMore != 0 {
		if len(b) < 4 {
			return nextCut, nil
		}
		next := b[3]
		b = b[4:]
		for flags&hasExtension != 0 && next != 0 {
			if len(b) == 0 || len(b) < 4*int(b[0]) {
				return nextCut, nil
			}
			n := 4 * int(b[0])
			if n == 0 {
				return nextNone, nil
			}
			next, b = b[n-1], b[n:]
		}
	}
	d.addEnds(tagGTP)
	return nextIP, b
}

// stripL2TP takes the header of RFC 2661 §3.1 off where it is one of data:
// flags and version (2), length (2), tunnel (2), session (2), sequence
// numbers (4), offset (2) and as many bytes. Only tunnel and session are in
// every one.
func stripL2TP(d *Decap, b []byte) (uint16, []byte) {
	const control, hasLength, hasSequence, hasOffset, version = 0x8000, 0x4000, 0x0800, 0x0200, 0x000f
	if len(b) < 6 {
		return nextCut, nil
	}
	flags := binary.BigEndian.Uint16(b)
	if flags&control != 0 || flags&version != 2 {
		return nextNotTunnel, nil
	}
	head := 6
	if flags&hasLength != 0 {
		head += 2
	}
	if flags&hasSequence != 0 {
		head += 4
	}
	if flags&hasOffset != 0 {
		if head += 2; len(b) < head {
			return nextCut, nil
		}
		head += int(binary.BigEndian.Uint16(b[head-2:]))
	}
	if len(b) < head {
		return nextCut, nil
	}
	d.addEnds(tagL2TP)
	return etherPPP, b[head:]
}

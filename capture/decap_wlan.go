package capture

import "encoding/binary"

// This file has IEEE 802.11, and what is put before it by those who record
// the air.

// stripWLAN takes the header of an IEEE 802.11 data frame off: control (2),
// duration (2), three addresses (6 each), sequence (2), and what flags add.
// LLC follows.
func stripWLAN(_ *Decap, b []byte) (uint16, []byte) {
	head := wlanHeader(b)
	return wlanBody(b, head, head)
}

// wlanHeader is the length of the header that b begins with.
func wlanHeader(b []byte) int {
	if len(b) < 2 {
		return 24
	}
	head := 24
	if b[1]&3 == 3 { // to and from a distribution system: a fourth address
		head += 6
	}
	if b[0]&0x80 != 0 { // QoS
		head += 2
		if b[1]&0x80 != 0 { // HT control
			head += 4
		}
	}
	return head
}

// wlanBody says what is behind a header of head bytes, padded to at.
func wlanBody(b []byte, head, at int) (uint16, []byte) {
	const typeData, noData, protected = 0x08, 0x40, 0x40
	if len(b) < 2 {
		return nextCut, nil
	}
	if b[0]&0x0f != typeData || b[0]&noData != 0 {
		return nextNone, nil
	}
	if len(b) < at {
		return nextCut, nil
	}
	if b[1]&protected != 0 {
		return nextEncrypted, nil
	}
	if b[22]&0x0f != 0 { // not the first fragment
		return nextNone, nil
	}
	if b[0]&0x80 != 0 {
		qos := head - 2
		if b[1]&0x80 != 0 {
			qos -= 4
		}
		if b[qos]&0x80 != 0 { // several frames in one
			return nextNone, nil
		}
	}
	return linuxLLC, b[at:]
}

// stripRadiotap takes the header of radiotap.org off: version (1), padding
// (1), length (2), words of flags that say which fields follow (4 each), all
// in little-endian order. One of the fields says that the 802.11 header is
// padded, or that the frame was damaged.
func stripRadiotap(_ *Decap, b []byte) (uint16, []byte) {
	const hasTime, hasFlags, more = 1, 2, 1 << 31
	const padded, badFCS = 0x20, 0x40
	if len(b) < 8 {
		return nextCut, nil
	}
	length := int(binary.LittleEndian.Uint16(b[2:]))
	if b[0] != 0 || length < 8 {
		return nextNone, nil
	}
	if len(b) < length {
		return nextCut, nil
	}
	present := binary.LittleEndian.Uint32(b[4:])
	at := 8
	for word := present; word&more != 0 && at+4 <= length; at += 4 {
		word = binary.LittleEndian.Uint32(b[at:])
	}
	if present&hasTime != 0 {
		at = (at+7)&^7 + 8
	}
	flags := byte(0)
	if present&hasFlags != 0 && at < length {
		flags = b[at]
	}
	if flags&badFCS != 0 {
		return nextNone, nil
	}
	b = b[length:]
	head := wlanHeader(b)
	if flags&padded != 0 {
		return wlanBody(b, head, (head+3)&^3)
	}
	return wlanBody(b, head, head)
}

// stripPrism takes the header of Prism cards off: message (4), length of the
// whole (4) in the byte order of the machine. Some drivers write that of AVS.
func stripPrism(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 8 {
		return nextCut, nil
	}
	if binary.BigEndian.Uint32(b)>>12 == 0x80211 {
		return stripAVS(d, b)
	}
	length := binary.LittleEndian.Uint32(b[4:])
	if length > 0xffff {
		length = binary.BigEndian.Uint32(b[4:])
	}
	return d.link(wlanType, b, length)
}

// stripAVS takes the header of AVS off: version (4), length of the whole (4).
func stripAVS(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 8 {
		return nextCut, nil
	}
	return d.link(wlanType, b, binary.BigEndian.Uint32(b[4:]))
}

// stripPPI takes the header of per-packet information off: version (1), flags
// (1), length of the whole (2), link type (4), in little-endian order.
func stripPPI(d *Decap, b []byte) (uint16, []byte) {
	if len(b) < 8 {
		return nextCut, nil
	}
	return d.link(binary.LittleEndian.Uint32(b[4:]), b, uint32(binary.LittleEndian.Uint16(b[2:])))
}

// wlanType is the link type of bare IEEE 802.11.
const wlanType = 105

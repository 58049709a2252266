package reassembly

import (
	"encoding/binary"
	"net/netip"
)

// addUp adds up b as RFC 1071 §1 has it, begun with another sum of 16 bits.
func addUp(begin uint32, b []byte) uint32 {
	total := uint64(begin)
	for ; len(b) >= 4; b = b[4:] {
		total += uint64(binary.BigEndian.Uint32(b))
	}
	if len(b) >= 2 {
		total += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		total += uint64(b[0]) << 8
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint32(total)
}

// intact says whether the checksum of a whole segment is right: with the
// pseudo-header of RFC 9293 §3.1 or RFC 8200 §8.1 it all adds up to 0xffff.
func intact(src, dst netip.Addr, b []byte) bool {
	var pseudo [40]byte
	head := pseudo[:0]
	if src.Is4() {
		s, d := src.As4(), dst.As4()
		head = append(append(head, s[:]...), d[:]...)
	} else {
		s, d := src.As16(), dst.As16()
		head = append(append(head, s[:]...), d[:]...)
	}
	head = binary.BigEndian.AppendUint32(head, uint32(len(b)))
	head = append(head, 0, 0, 0, protoTCP)
	return addUp(addUp(0, head), b) == 0xffff
}

package frames

import (
	"encoding/binary"
	"math/bits"
)

// Masking is its own inverse: byte i of the payload is XORed with byte i mod 4
// of the masking key (RFC 6455 §5.3).

const highBits = 0x8080_8080_8080_8080 // set in a word iff a byte of it is not ASCII

// unmask writes src, a part of a payload, to dst, which is as long and is
// other memory. phase is the place of src[0] in the payload, modulo 4. It
// reports whether all that was written is ASCII: the one look at each byte
// that text needs, at hardly a cost beside the XOR.
func unmask(dst, src []byte, key [4]byte, phase uint64) (ascii bool) {
	k32 := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*int(phase&3))
	k := uint64(k32) | uint64(k32)<<32
	dst = dst[:len(src)]
	var seen uint64
	for len(src) >= 32 {
		s, d := src[:32:32], dst[:32:32]
		a := binary.LittleEndian.Uint64(s[0:8]) ^ k
		b := binary.LittleEndian.Uint64(s[8:16]) ^ k
		c := binary.LittleEndian.Uint64(s[16:24]) ^ k
		e := binary.LittleEndian.Uint64(s[24:32]) ^ k
		binary.LittleEndian.PutUint64(d[0:8], a)
		binary.LittleEndian.PutUint64(d[8:16], b)
		binary.LittleEndian.PutUint64(d[16:24], c)
		binary.LittleEndian.PutUint64(d[24:32], e)
		seen |= a | b | c | e
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 {
		a := binary.LittleEndian.Uint64(src) ^ k
		binary.LittleEndian.PutUint64(dst, a)
		seen |= a
		src, dst = src[8:], dst[8:]
	}
	for i, b := range src {
		b ^= byte(k >> (8 * uint(i&7)))
		dst[i] = b
		seen |= uint64(b)
	}
	return seen&highBits == 0
}

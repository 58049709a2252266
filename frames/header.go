package frames

import "encoding/binary"

// A frame header, as RFC 6455 §5.2 draws it (a row is 32 bits):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-------+-+-------------+-------------------------------+
//	|F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//	|I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
//	|N|V|V|V|       |S|             |   (if payload len == 126/127) |
//	| |1|2|3|       |K|             |                               |
//	+-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
//	|     Extended payload length continued, if payload len == 127  |
//	+ - - - - - - - - - - - - - - - +-------------------------------+
//	|                               |Masking-key, if MASK set to 1  |
//	+-------------------------------+-------------------------------+
//	| Masking-key (continued)       |          Payload Data         |
//	+-------------------------------- - - - - - - - - - - - - - - - +
const (
	bitFIN    = 0x80
	bitRSV1   = 0x40
	bitRSV2   = 0x20
	bitRSV3   = 0x10
	opcodeLow = 0x0F
	bitMASK   = 0x80
	lengthLow = 0x7F

	length16 = 126 // the 7-bit length that announces 16 bits more
	length64 = 127 // and 64 bits more
)

// MaxHeader is the size of the longest frame header in bytes.
const MaxHeader = 14

// MaxControlPayload is the longest payload a control frame may have, in bytes
// (RFC 6455 §5.5).
const MaxControlPayload = 125

// A Header is everything a frame says before its payload (RFC 6455 §5.2). It
// is lossless: AppendTo gives the bytes it was decoded from.
type Header struct {
	FIN              bool
	RSV1, RSV2, RSV3 bool
	Opcode           Opcode
	Masked           bool
	MaskingKey       [4]byte // the zero value where not Masked
	LengthBytes      uint8   // 0, 2 or 8: the extended payload length's size
	PayloadLength    uint64  // all 64 bits as sent, the top one included
}

// DecodeHeader decodes the frame header that b starts with, whatever follows
// it, and says how many bytes it has: 2 to 14, or 0 if b holds less than a
// header. Every two bytes begin a header, so nothing is an error
// (RFC 6455 §5.2).
func DecodeHeader(b []byte) (h Header, n int) {
	if len(b) < 2 {
		return Header{}, 0
	}
	b0, b1 := b[0], b[1]
	n = headerSize(b1)
	if len(b) < n {
		return Header{}, 0
	}
	h.FIN = b0&bitFIN != 0
	h.RSV1 = b0&bitRSV1 != 0
	h.RSV2 = b0&bitRSV2 != 0
	h.RSV3 = b0&bitRSV3 != 0
	h.Opcode = Opcode(b0 & opcodeLow)
	h.Masked = b1&bitMASK != 0
	switch l := b1 & lengthLow; l {
	case length16:
		h.PayloadLength = uint64(binary.BigEndian.Uint16(b[2:]))
		h.LengthBytes = 2
	case length64:
		h.PayloadLength = binary.BigEndian.Uint64(b[2:])
		h.LengthBytes = 8
	default:
		h.PayloadLength = uint64(l)
	}
	if h.Masked {
		h.MaskingKey = [4]byte(b[n-4 : n])
	}
	return h, n
}

// headerSize is the size in bytes of the header whose second byte is b1.
func headerSize(b1 byte) int {
	n := 2
	switch b1 & lengthLow {
	case length16:
		n += 2
	case length64:
		n += 8
	}
	if b1&bitMASK != 0 {
		n += 4
	}
	return n
}

// Len is the size of the header on the wire in bytes, 2 to 14.
func (h Header) Len() int {
	n := 2 + int(h.LengthBytes)
	if h.Masked {
		n += 4
	}
	return n
}

// RSV is the three reserved bits as a number: RSV1 counts 4, RSV2 2, RSV3 1.
func (h Header) RSV() uint8 {
	return (bit(h.RSV1, bitRSV1) | bit(h.RSV2, bitRSV2) | bit(h.RSV3, bitRSV3)) >> 4
}

// Minimal reports whether the payload length is in the shortest form that can
// hold it and its top bit is clear, as RFC 6455 §5.2 demands.
func (h Header) Minimal() bool {
	switch h.LengthBytes {
	case 0:
		return true
	case 2:
		return h.PayloadLength >= length16
	default:
		return h.PayloadLength > 0xFFFF && h.PayloadLength>>63 == 0
	}
}

// AppendTo appends the header as it goes over the wire (RFC 6455 §5.2).
// LengthBytes decides the form of the payload length, so that a header which
// was decoded gives its own bytes, shortest form or not.
func (h Header) AppendTo(b []byte) []byte {
	b0 := byte(h.Opcode)&opcodeLow | bit(h.FIN, bitFIN) |
		bit(h.RSV1, bitRSV1) | bit(h.RSV2, bitRSV2) | bit(h.RSV3, bitRSV3)
	b1 := bit(h.Masked, bitMASK)
	switch h.LengthBytes {
	case 0:
		b = append(b, b0, b1|byte(h.PayloadLength)&lengthLow)
	case 2:
		b = append(b, b0, b1|length16)
		b = binary.BigEndian.AppendUint16(b, uint16(h.PayloadLength))
	default:
		b = append(b, b0, b1|length64)
		b = binary.BigEndian.AppendUint64(b, h.PayloadLength)
	}
	if h.Masked {
		b = append(b, h.MaskingKey[:]...)
	}
	return b
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

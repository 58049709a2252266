package frames

import (
	"math/bits"
	stdutf8 "unicode/utf8"
)

// What speaks for a header is counted in bits: by how many doublings it is
// more probable where a frame begins than inside a payload of random bytes.
// The weights of all that may be seen at one place are such that
// 2^weight is at most 1 on average over random bytes; so that a chain of
// headers comes to n bits by chance, from a given place on, is less probable
// than 2^-n, however long it is.

const (
	// maxPlausible is the largest payload of a frame that is believed in
	// where none as large was seen, in bytes.
	maxPlausible = 1 << 32

	maxText   = 24 // bits that the text in one payload may speak for it
	maxBorder = 9  // bits that a border of chunks may
	textSeen  = 64 // bytes of a payload that are looked at
)

// The weights of a header's first byte. 0 is what begins no frame. Small
// numbers are frequent in binary data, so the headers that look like them say
// little.
type firstByte [256]uint8

var (
	plainFirst = firstByte{
		0x81: 6, 0x82: 6, 0x89: 4, 0x8A: 4, 0x88: 3, 0x80: 5,
		0x01: 3, 0x02: 3, 0x00: 2,
	}
	deflateFirst = firstByte{ // permessage-deflate was agreed
		0xC1: 6, 0xC2: 6, 0x81: 4, 0x82: 4, 0x89: 4, 0x8A: 4, 0x88: 3, 0x80: 4,
		0x41: 3, 0x42: 3, 0x01: 1, 0x02: 1, 0x00: 1,
	}
	anyFirst = firstByte{ // nothing is known
		0x81: 5, 0x82: 5, 0xC1: 5, 0xC2: 5, 0x89: 4, 0x8A: 4, 0x88: 3, 0x80: 4,
		0x41: 1, 0x42: 1, 0x01: 1, 0x02: 1, 0x00: 1,
	}
)

func (h *Habit) firsts() *firstByte {
	switch {
	case h.Deflate:
		return &deflateFirst
	case h.stranger():
		return &anyFirst
	default:
		return &plainFirst
	}
}

// The weights of the length's form: by the number of extended bytes.
var formWeight = [9]int{0: -1, 2: 5, 8: 12}

// plausible says whether an endpoint with that habit sends such a header, of
// which the first byte was looked at before.
func (h *Habit) plausible(f *Header) bool {
	switch {
	case h.Mask == MaskSet && !f.Masked, h.Mask == MaskClear && f.Masked:
		return false
	case f.Opcode.IsControl() && f.PayloadLength > MaxControlPayload:
		return false
	case f.PayloadLength > maxPlausible:
		return false
	case f.Opcode == Close && f.PayloadLength == 1:
		return false
	}
	return f.Minimal() || h.oddities&longForm != 0
}

// weigh gives the bits that speak for a header, without its payload.
func (h *Habit) weigh(f *Header, b0 byte) int {
	n := int(h.firsts()[b0]) + formWeight[f.LengthBytes]
	if h.Mask == MaskSet || h.Mask == MaskClear {
		n++
	}
	if h.same >= manyAlike {
		if b0 == h.b0 && f.PayloadLength == uint64(h.length) {
			return min(13+8*int(f.LengthBytes), 20)
		}
		n--
	}
	if h.frames >= habitual {
		if h.opcodes&(1<<f.Opcode) == 0 {
			n -= 2
		}
		if f.PayloadLength > h.largest {
			n -= 3
		}
	}
	return n
}

// borderWeight is for a frame that begins at a border between two chunks, the
// shorter of which has n bytes, or at no border, where n is 0: half of the
// frames begin at one.
func borderWeight(n int) int { return max(-1, min(bits.Len(uint(n))-2, maxBorder)) }

// The weights of ASCII bytes in text. What becomes of text that is masked
// twice with its own bytes is ASCII as well, but half control characters.
var asciiWeight = func() (w [stdutf8.RuneSelf]int8) {
	for c := range w {
		switch {
		case c >= 'a' && c <= 'z', c == ' ':
			w[c] = 2
		case c < ' ' && c != '\n' && c != '\r' && c != '\t', c == 0x7F:
			w[c] = -6
		}
	}
	for _, c := range `0123456789",:{}[]_-./` {
		w[c] = 1
	}
	return w
}()

// The weights of characters of more than one byte, by their size.
var runeWeight = [stdutf8.UTFMax + 1]int{2: 2, 3: 4, 4: 5}

// weighText gives the bits that the beginning of a text message speaks for
// being text (RFC 6455 §5.6), negative if it speaks against it.
func weighText(text []byte, key *[4]byte) int {
	var b [textSeen]byte
	n := copy(b[:], text)
	for i := range n {
		b[i] ^= key[i&3]
	}
	sum := 0
	for t := b[:n]; len(t) > 0; {
		if t[0] < stdutf8.RuneSelf {
			sum += int(asciiWeight[t[0]])
			t = t[1:]
			continue
		}
		if !stdutf8.FullRune(t) {
			break
		}
		_, size := stdutf8.DecodeRune(t)
		if size == 1 {
			return -maxText // RFC 6455 §8.1
		}
		sum += runeWeight[size]
		t = t[size:]
	}
	return max(-maxText, min(sum, maxText))
}

// weighClose is the same for the payload of a Close frame (RFC 6455 §5.5.1).
func weighClose(body []byte, key *[4]byte) int {
	if len(body) < 2 {
		return 0
	}
	code := CloseCode(body[0]^key[0])<<8 | CloseCode(body[1]^key[1])
	if !code.Sendable() {
		return -maxText
	}
	var shifted [4]byte
	for i := range shifted {
		shifted[i] = key[(i+2)&3]
	}
	return 4 + weighText(body[2:], &shifted)
}

package subprotocol

import "encoding/binary"

// MessagePack, as far as arrays of it have to be taken apart.

// maxDepth bounds how deep values of a binary form may be nested to be
// followed: none of the protocols here goes near it.
const maxDepth = 32

// packWidths are how many bytes the length takes, of the types from 0xC0 on.
var packWidths = [0x20]uint8{4: 1, 5: 2, 6: 4, 7: 1, 8: 2, 9: 4, 0x19: 1, 0x1a: 2, 0x1b: 4, 0x1c: 2, 0x1d: 4, 0x1e: 2, 0x1f: 4}

// packValue is the place behind the value that begins at i, -1 if it is cut
// off, is none, or is nested too deep.
func packValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	head, size, values := packHead(b, i)
	if head == 0 || size > uint64(len(b)) || i+head+int(size) > len(b) {
		return -1
	}
	i += head + int(size)
	for range values { // each takes a byte at least: it ends with b
		if i = packValue(b, i, depth+1); i < 0 {
			return -1
		}
	}
	return i
}

// packHead says how long the head of a value is, how many bytes follow it
// that are its own, and how many values inside it. A head of 0 bytes is none.
func packHead(b []byte, i int) (head int, size, values uint64) {
	c := b[i]
	switch {
	case c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3: // small numbers, nil, false, true
		return 1, 0, 0
	case c < 0x90:
		return 1, 0, 2 * uint64(c&0xf)
	case c < 0xa0:
		return 1, 0, uint64(c & 0xf)
	case c < 0xc0:
		return 1, uint64(c & 0x1f), 0
	case c >= 0xca && c <= 0xd3: // floats and numbers of a fixed size
		return 1, [...]uint64{4, 8, 1, 2, 4, 8, 1, 2, 4, 8}[c-0xca], 0
	case c >= 0xd4 && c <= 0xd8: // fixed extensions: a type and 1 to 16 bytes
		return 1, 1 + 1<<(c-0xd4), 0
	}
	// The others have a length of 1, 2 or 4 bytes.
	width := int(packWidths[c-0xc0])
	if width == 0 || i+1+width > len(b) {
		return 0, 0, 0
	}
	var n uint64
	for _, d := range b[i+1 : i+1+width] {
		n = n<<8 | uint64(d)
	}
	switch {
	case c >= 0xde:
		return 1 + width, 0, 2 * n
	case c >= 0xdc:
		return 1 + width, 0, n
	case c >= 0xc7 && c <= 0xc9: // extensions have a type, too
		n++
	}
	return 1 + width, n, 0
}

// packElements fills list with the first elements of the array that b holds,
// and says how many of them are whole.
func packElements(b []byte, list [][]byte) int {
	if len(b) == 0 || (b[0] < 0x90 || b[0] >= 0xa0) && b[0] != 0xdc && b[0] != 0xdd {
		return 0
	}
	head, _, values := packHead(b, 0)
	if head == 0 {
		return 0
	}
	i, n := head, 0
	for ; n < len(list) && uint64(n) < values; n++ {
		end := packValue(b, i, 1)
		if end < 0 {
			break
		}
		list[n], i = b[i:end], end
	}
	return n
}

// packString is the text of a string, nil for what is none.
func packString(v []byte) []byte {
	if len(v) == 0 || (v[0] < 0xa0 || v[0] >= 0xc0) && (v[0] < 0xd9 || v[0] > 0xdb) {
		return nil
	}
	head, size, _ := packHead(v, 0)
	if head == 0 || uint64(len(v)-head) < size {
		return nil
	}
	return v[head:]
}

// packScalar is a string's text or a number in digits; nothing for the rest.
func (r *Reader) packScalar(v []byte) []byte {
	if s := packString(v); s != nil || len(v) == 0 {
		return s
	}
	c := v[0]
	switch {
	case c < 0x80:
		return r.decimal(uint64(c))
	case c == 0xcc && len(v) == 2:
		return r.decimal(uint64(v[1]))
	case c == 0xcd && len(v) == 3:
		return r.decimal(uint64(binary.BigEndian.Uint16(v[1:])))
	case c == 0xce && len(v) == 5:
		return r.decimal(uint64(binary.BigEndian.Uint32(v[1:])))
	case c == 0xcf && len(v) == 9:
		return r.decimal(binary.BigEndian.Uint64(v[1:]))
	}
	return nil
}

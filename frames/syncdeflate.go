package frames

// What a compressed payload says for the header before it (RFC 7692 §7.2.1).
// Random bytes come to the end of DEFLATE data just where the payload ends once
// in a thousand times, of any length; and of a longer payload the beginning
// that is looked at passes for codes of its own once in ten thousand.
const (
	wholeDeflate = 8  // bits that a payload which is seen whole may speak
	begunDeflate = 11 // and the beginning of one with codes of its own
	leastDeflate = 3  // bytes of the smallest payload that is looked at

	fixedCodes   = 1 // BTYPE (RFC 1951 §3.2.3)
	dynamicCodes = 2
)

// weighDeflate gives the bits that the beginning of a payload with RSV1 speaks
// for being DEFLATE data, which is all of it if whole is set. Nothing speaks
// against it: another extension may have set RSV1.
func (f *Finder) weighDeflate(body []byte, key *[4]byte, whole bool) int {
	if len(body) < leastDeflate {
		return 0
	}
	switch (body[0] ^ key[0]) >> 1 & 3 {
	case dynamicCodes:
	case fixedCodes:
		if !whole {
			return 0 // a third of all bytes would do
		}
	default:
		return 0
	}
	b := append(f.clear[:0], body...)
	for i := range b {
		b[i] ^= key[i&3]
	}
	if whole {
		b = append(b, deflateTail...)
	}
	var s scanner
	e := s.scan(b, 1<<15)
	switch {
	case whole && e.fault == scanned:
		return wholeDeflate
	case !whole && e.fault == short:
		return begunDeflate
	}
	return 0
}

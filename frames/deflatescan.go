package frames

import "encoding/binary"

// A scanner walks over DEFLATE data (RFC 1951) and makes nothing of it: it
// tells how far back references go and where the data breaks. That is what
// an inflater does not say: one that is handed 32 KiB follows every reference,
// and one that is handed less fails without a reason.
type scanner struct {
	in    []byte
	pos   int // of the next bit
	known uint64
	extent
	lit, dist code
}

// An extent is what a scan found.
type extent struct {
	size     uint64 // bytes the data stands for
	distance int    // the farthest that a reference goes back
	reach    int    // the farthest that one goes back before the beginning
	reachAt  int    // the byte with the first reference that reaches back more than is known; -1 without one
	block    int    // the byte with the beginning of the last block looked at, -1 if it begins inside a byte
	at       int    // the byte of the fault
	fault    scanFault
	final    bool // a block was marked as the last
}

// A scanFault is why a scan ended early.
type scanFault uint8

const (
	scanned scanFault = iota // it did not
	broken                   // not DEFLATE data
	short                    // no more bits
)

const (
	maxCode   = 15  // bits
	tableBits = 9   // of a code found in one step
	endBlock  = 256 // the symbol
	maxLit    = 286 // symbols for literals and lengths (RFC 1951 §3.2.5)
	maxDist   = 30  // and for distances
)

// A code is a canonical Huffman code (RFC 1951 §3.2.2).
type code struct {
	count  [maxCode + 1]uint16    // codes of each length
	symbol [288]uint16            // in the order of their codes
	fast   [1 << tableBits]uint16 // by the next bits: symbol<<4 | length, 0 where the code is longer
}

// scan looks at wire, which ends with deflateTail. known is how many bytes
// before the beginning there are to refer to.
func (s *scanner) scan(wire []byte, known int) *extent {
	s.in, s.pos, s.known = wire, 0, uint64(known)
	s.extent = extent{reachAt: -1}
	for s.fault == scanned {
		last := s.oneBlock()
		if s.fault != scanned || !last {
			continue
		}
		s.pos = (s.pos + 7) &^ 7
		left := len(wire) - s.pos/8
		if left == 0 {
			break
		}
		s.final = true
		if left == tailEnd || left == tailWhole {
			break
		}
		if left < tailWhole {
			s.fail(broken)
		}
	}
	s.in = nil
	return &s.extent
}

func (s *scanner) fail(f scanFault) {
	s.fault, s.at = f, s.pos/8
}

// peek is the next bits, at least 16 of them; those behind the end are 0.
func (s *scanner) peek() uint64 {
	i := s.pos / 8
	if i+8 <= len(s.in) {
		return binary.LittleEndian.Uint64(s.in[i:]) >> (s.pos % 8)
	}
	var b [8]byte
	if i < len(s.in) {
		copy(b[:], s.in[i:])
	}
	return binary.LittleEndian.Uint64(b[:]) >> (s.pos % 8)
}

// take takes n bits, at most 16, the first of them lowest.
func (s *scanner) take(n int) int {
	v := int(s.peek() & (1<<n - 1))
	if s.pos += n; s.pos > 8*len(s.in) && s.fault == scanned {
		s.fail(short)
	}
	return v
}

// oneBlock goes over a block (RFC 1951 §3.2.3) and says whether it is marked
// as the last.
func (s *scanner) oneBlock() (last bool) {
	if s.block = -1; s.pos%8 == 0 {
		s.block = s.pos / 8
	}
	last = s.take(1) == 1
	switch s.take(2) {
	case 0:
		s.stored()
	case 1:
		s.fixed()
		s.symbols()
	case 2:
		if s.dynamic() {
			s.symbols()
		}
	default:
		s.fail(broken)
	}
	return last
}

// stored goes over a block that is not compressed (RFC 1951 §3.2.4).
func (s *scanner) stored() {
	s.pos = (s.pos + 7) &^ 7
	n := s.take(16)
	inverse := s.take(16)
	if s.fault != scanned {
		return
	}
	if n^inverse != 0xffff {
		s.fail(broken)
		return
	}
	s.size += uint64(n)
	if s.pos += 8 * n; s.pos > 8*len(s.in) {
		s.fail(short)
	}
}

// fixed sets the codes of RFC 1951 §3.2.6.
func (s *scanner) fixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	s.lit.set(lengths[:])
	for i := range 32 {
		lengths[i] = 5
	}
	s.dist.set(lengths[:32])
}

var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the codes of a block (RFC 1951 §3.2.7). It reports whether
// they are codes.
func (s *scanner) dynamic() bool {
	nlit, ndist, n := s.take(5)+257, s.take(5)+1, s.take(4)+4
	if s.fault != scanned {
		return false
	}
	if nlit > maxLit || ndist > maxDist {
		s.fail(broken)
		return false
	}
	var lengths [maxLit + maxDist]uint8
	for _, i := range lengthOrder[:n] {
		lengths[i] = uint8(s.take(3))
	}
	ok := s.lit.set(lengths[:19])
	clear(lengths[:19])
	ok = ok && s.lengths(lengths[:nlit+ndist]) && s.lit.set(lengths[:nlit]) && s.dist.set(lengths[nlit:nlit+ndist])
	if !ok && s.fault == scanned {
		s.fail(broken)
	}
	return ok && s.fault == scanned
}

// lengths reads the lengths of codes, written in the code s.lit.
func (s *scanner) lengths(list []uint8) bool {
	for i := 0; i < len(list); {
		symbol := s.next(&s.lit)
		if s.fault != scanned {
			return false
		}
		if symbol < 16 {
			list[i] = uint8(symbol)
			i++
			continue
		}
		var value uint8
		var times int
		switch symbol {
		case 16:
			if i == 0 {
				return false
			}
			value, times = list[i-1], 3+s.take(2)
		case 17:
			times = 3 + s.take(3)
		default:
			times = 11 + s.take(7)
		}
		if times > len(list)-i {
			return false
		}
		for ; times > 0; times-- {
			list[i] = value
			i++
		}
	}
	return true
}

// symbols goes over what a compressed block holds (RFC 1951 §3.2.5).
func (s *scanner) symbols() {
	for {
		begun := s.pos
		symbol := s.next(&s.lit)
		switch {
		case s.fault != scanned || symbol == endBlock:
			return
		case symbol < endBlock:
			s.size++
		case symbol >= maxLit:
			s.fail(broken)
			return
		default:
			length := s.length(symbol - endBlock - 1)
			distance := s.next(&s.dist)
			if s.fault == scanned && distance >= maxDist {
				s.fail(broken)
			}
			if distance > 3 {
				extra := distance/2 - 1
				distance = (2+distance&1)<<extra + s.take(extra)
			}
			if s.fault != scanned {
				return
			}
			s.refer(distance+1, begun/8)
			s.size += uint64(length)
		}
	}
}

// length is that of the symbol 257+i.
func (s *scanner) length(i int) int {
	switch {
	case i < 8:
		return 3 + i
	case i == 28:
		return 258
	}
	extra := i/4 - 1
	return 3 + (4+i&3)<<extra + s.take(extra)
}

// refer notes a reference.
func (s *scanner) refer(distance, at int) {
	s.distance = max(s.distance, distance)
	if uint64(distance) <= s.size {
		return
	}
	before := distance - int(s.size)
	s.reach = max(s.reach, before)
	if s.reachAt < 0 && uint64(before) > s.known {
		s.reachAt = at
	}
}

// set makes the code whose symbols have codes of these lengths, and reports
// whether there is one: complete, or without any code, or with one of one bit.
func (c *code) set(lengths []uint8) bool {
	clear(c.count[:])
	clear(c.fast[:])
	for _, n := range lengths {
		c.count[n]++
	}
	c.count[0] = 0
	var at, first [maxCode + 2]int // of each length: where its symbols are, its first code
	free, used := 1, 0
	for n := 1; n <= maxCode; n++ {
		at[n+1] = at[n] + int(c.count[n])
		first[n+1] = (first[n] + int(c.count[n])) << 1
		used += int(c.count[n])
		if free = 2*free - int(c.count[n]); free < 0 {
			return false
		}
	}
	if free > 0 && used > 0 && (used > 1 || c.count[1] == 0) {
		return false
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbol[at[n]] = uint16(symbol)
		at[n]++
		if n <= tableBits {
			for i := reverse(first[n], int(n)); i < len(c.fast); i += 1 << n {
				c.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
			first[n]++
		}
	}
	return true
}

// reverse turns the lowest n bits of v around.
func reverse(v, n int) (r int) {
	for range n {
		r = r<<1 | v&1
		v >>= 1
	}
	return r
}

// next reads a symbol.
func (s *scanner) next(c *code) int {
	bits := s.peek()
	if e := c.fast[bits&(1<<tableBits-1)]; e != 0 {
		s.take(int(e & 15))
		return int(e >> 4)
	}
	value, first, at := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		value |= int(bits & 1)
		bits >>= 1
		count := int(c.count[n])
		if value-first < count {
			s.take(n)
			return int(c.symbol[at+value-first])
		}
		at, first = at+count, (first+count)<<1
		value <<= 1
	}
	if s.fault == scanned {
		if s.fail(broken); s.pos+maxCode > 8*len(s.in) {
			s.fault = short
		}
	}
	return 0
}

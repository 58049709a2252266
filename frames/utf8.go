package frames

import (
	stdutf8 "unicode/utf8"

	"github.com/segmentio/asm/utf8"
)

// A utf8Check judges text that comes in parts, wherever it is cut
// (RFC 6455 §8.1). It holds at most the three bytes of a cut character.
type utf8Check struct {
	at    int64                // bytes found valid: where the first bad one is, once bad
	carry [stdutf8.UTFMax]byte // of a character that is cut; once bad, what stands at that place
	n     uint8                // of carry
	bad   bool
}

// add judges the bytes that come next. ascii says that they are known to be
// ASCII, so that nobody looks twice.
func (c *utf8Check) add(b []byte, ascii bool) {
	for c.n > 0 && len(b) > 0 && !c.bad {
		c.carry[c.n] = b[0]
		c.n++
		b = b[1:]
		c.settle()
	}
	if c.bad || len(b) == 0 {
		return
	}
	if !ascii {
		all, cut := b, cutCharacter(b)
		c.n = uint8(copy(c.carry[:], b[cut:]))
		b = b[:cut]
		if !utf8.Valid(b) {
			good := validPrefix(b)
			c.n = uint8(copy(c.carry[:], all[good:]))
			c.at += int64(good)
			c.bad = true
			return
		}
	}
	c.at += int64(len(b))
}

// settle decides on the carried bytes, if they are enough.
func (c *utf8Check) settle() {
	b := c.carry[:c.n]
	if !stdutf8.FullRune(b) {
		return
	}
	if _, size := stdutf8.DecodeRune(b); size < len(b) {
		c.bad = true // a character that is cut is valid so far: the byte just added spoils it
		return
	}
	c.at += int64(c.n)
	c.n = 0
}

// end says, once all text was added, whether it is valid, and else where the
// first bad byte is: one that begins no character, or a character's first.
func (c *utf8Check) end() (valid bool, invalidAt int64) {
	if c.bad || c.n > 0 {
		return false, c.at
	}
	return true, -1
}

// fault says what is wrong where the text ends to be valid.
func (c *utf8Check) fault() UTF8Fault {
	if !c.bad && c.n == 0 {
		return NoUTF8Fault
	}
	return faultOf(c.carry[:c.n])
}

// A UTF8Fault is what is wrong with bytes that are not UTF-8 (RFC 3629).
type UTF8Fault uint8

// The faults.
const (
	NoUTF8Fault    UTF8Fault = iota
	CutCharacter             // the text ends inside a character
	StrayByte                // 80 to BF, which only go on, where a character begins
	SplitCharacter           // another byte where a character has to go on
	Overlong                 // a longer form than needed: RFC 3629 §3
	Surrogate                // ED A0 80 to ED BF BF: half of a pair of UTF-16
	BeyondUnicode            // above U+10FFFF
	ImpossibleByte           // F8 to FF, which UTF-8 does not have
)

var utf8FaultNames = [...]string{
	"none", "cut character", "stray byte", "split character", "overlong form", "surrogate", "beyond U+10FFFF", "impossible byte",
}

// String names the fault in a few words.
func (f UTF8Fault) String() string { return utf8FaultNames[f] }

// A faultRow says what a first byte, with a second in the given range, is.
type faultRow struct {
	first, firstTo   byte
	second, secondTo byte
	fault            UTF8Fault
}

// faultRows are looked through in order (RFC 3629 §4).
var faultRows = []faultRow{
	{0x80, 0xbf, 0x00, 0xff, StrayByte},
	{0xc0, 0xc1, 0x00, 0xff, Overlong},
	{0xe0, 0xe0, 0x80, 0x9f, Overlong},
	{0xed, 0xed, 0xa0, 0xbf, Surrogate},
	{0xf0, 0xf0, 0x80, 0x8f, Overlong},
	{0xf4, 0xf4, 0x90, 0xbf, BeyondUnicode},
	{0xf5, 0xf7, 0x00, 0xff, BeyondUnicode},
	{0xf8, 0xff, 0x00, 0xff, ImpossibleByte},
}

// faultOf names the fault of bytes that begin with one.
func faultOf(b []byte) UTF8Fault {
	second := byte(0)
	if len(b) > 1 {
		second = b[1]
	}
	for _, r := range faultRows {
		if r.first <= b[0] && b[0] <= r.firstTo && r.second <= second && second <= r.secondTo {
			return r.fault
		}
	}
	if !stdutf8.FullRune(b) {
		return CutCharacter
	}
	return SplitCharacter
}

// CheckUTF8 says where b ends to be UTF-8, -1 if it is all of it, and what is
// wrong there.
func CheckUTF8(b []byte) (at int64, fault UTF8Fault) {
	var c utf8Check
	c.add(b, false)
	_, at = c.end()
	return at, c.fault()
}

// cutCharacter is where in b, which is not empty, a character begins whose
// end is not in b; len(b) if there is none.
func cutCharacter(b []byte) int {
	for i := len(b) - 1; i >= max(0, len(b)-stdutf8.UTFMax+1); i-- {
		if stdutf8.RuneStart(b[i]) {
			if !stdutf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

// validPrefix is how many bytes of b are valid UTF-8 from its start on.
func validPrefix(b []byte) int {
	n := 0
	for n < len(b) {
		r, size := stdutf8.DecodeRune(b[n:])
		if r == stdutf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

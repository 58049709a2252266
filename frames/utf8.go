package frames

import (
	stdutf8 "unicode/utf8"

	"github.com/segmentio/asm/utf8"
)

// A utf8Check judges text that comes in parts, wherever it is cut
// (RFC 6455 §8.1). It holds at most the three bytes of a cut character.
type utf8Check struct {
	at    int64 // bytes found valid: where the first bad one is, once bad
	carry [stdutf8.UTFMax]byte
	n     uint8 // of carry
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
		cut := cutCharacter(b)
		c.n = uint8(copy(c.carry[:], b[cut:]))
		b = b[:cut]
		if !utf8.Valid(b) {
			c.at += int64(validPrefix(b))
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

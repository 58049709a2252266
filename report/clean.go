package report

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// blanks are runes that Unicode counts as letters, marks or symbols and that
// show as nothing, so that text with them reads like other text.
var blanks = [...]rune{
	'\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u180B', '\u180C',
	'\u180D', '\u180F', '\u2800', '\u3164', '\uFFA0',
}

// shows tells whether a rune may be printed as it is. Control characters and
// the invisible ones that reorder or join text (bidi overrides, zero-width
// characters, line and paragraph separators, spaces other than U+0020) may not.
func shows(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	if !unicode.IsPrint(r) {
		return false
	}
	for _, b := range blanks {
		if r == b {
			return false
		}
	}
	return true
}

// appendClean appends captured text so that a terminal only prints it: what
// does not show becomes an escape as in Go source (\n, \x1b, \u202e), and a
// byte that is not UTF-8 becomes \xff.
func appendClean[T string | []byte](dst []byte, s T) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; ' ' <= c && c <= '~' {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := decodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = appendByteEscape(dst, s[i])
		case shows(r):
			dst = append(dst, s[i:i+n]...)
		default:
			dst = appendEscape(dst, r)
		}
		i += n
	}
	return dst
}

// clean is appendClean for a string.
func clean(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return string(appendClean(nil, s))
		}
	}
	return s
}

func decodeRune[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}

func appendByteEscape(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	switch {
	case r < utf8.RuneSelf:
		return appendByteEscape(dst, byte(r))
	case r <= 0xFFFF:
		dst = append(dst, '\\', 'u')
		return appendHex(dst, uint32(r), 4)
	}
	dst = append(dst, '\\', 'U')
	return appendHex(dst, uint32(r), 8)
}

// appendHex appends the lowest digits of n in hexadecimal.
func appendHex(dst []byte, n uint32, digits int) []byte {
	for d := digits - 1; d >= 0; d-- {
		dst = append(dst, hexDigits[n>>(4*d)&0xf])
	}
	return dst
}

package report

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wssniff/wssniff/capture"
)

// An object is JSON being appended to a buffer. Members are written in the
// order of the calls, without spaces; what has no value is left out by the
// methods that say so.
type object struct {
	b []byte

	second int64 // the time that stamp holds, in seconds since 1970
	stamp  []byte
}

// comma parts a value from the one before.
func (o *object) comma() {
	if n := len(o.b); n > 0 && o.b[n-1] != '{' && o.b[n-1] != '[' {
		o.b = append(o.b, ',')
	}
}

func (o *object) key(name string) {
	o.comma()
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) begin(name string, bracket byte) {
	o.key(name)
	o.b = append(o.b, bracket)
}

func (o *object) end(bracket byte) { o.b = append(o.b, bracket) }

// string writes a member whose text may be anything.
func (o *object) string(name, value string) {
	o.key(name)
	o.b = appendString(o.b, value)
}

// known is string, left out if empty.
func (o *object) known(name, value string) {
	if value != "" {
		o.string(name, value)
	}
}

// word writes a member whose text needs no escape.
func (o *object) word(name, value string) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = append(o.b, value...)
	o.b = append(o.b, '"')
}

func (o *object) int(name string, n int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) uint(name string, n uint64) {
	o.key(name)
	o.b = strconv.AppendUint(o.b, n, 10)
}

func (o *object) bool(name string, v bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, v)
}

func (o *object) strings(name string, values []string) {
	if len(values) == 0 {
		return
	}
	o.begin(name, '[')
	for _, v := range values {
		o.comma()
		o.b = appendString(o.b, v)
	}
	o.end(']')
}

func (o *object) base64(name string, data []byte) {
	o.key(name)
	o.b = append(o.b, '"')
	o.b = base64.StdEncoding.AppendEncode(o.b, data)
	o.b = append(o.b, '"')
}

// ms writes a duration in milliseconds, exact to the nanosecond.
// ratio writes a number from 0 to 1 with three digits, rounded down: 0.999 is
// not certain.
func (o *object) ratio(name string, r float64) {
	o.key(name)
	o.b = strconv.AppendFloat(o.b, math.Floor(r*1000)/1000, 'f', -1, 64)
}

func (o *object) ms(name string, d time.Duration) {
	o.key(name)
	n := uint64(d)
	if d < 0 {
		o.b = append(o.b, '-')
		n = -n
	}
	o.b = strconv.AppendUint(o.b, n/1e6, 10)
	if n %= 1e6; n == 0 {
		return
	}
	o.b = append(o.b, '.')
	for unit := uint64(1e5); n > 0; unit /= 10 {
		o.b = append(o.b, '0'+byte(n/unit))
		n %= unit
	}
}

// time writes a packet's time as RFC 3339 in UTC with nanoseconds. It is left
// out where there is none.
func (o *object) time(name string, t capture.Time) {
	if t == capture.NoTime {
		return
	}
	o.key(name)
	second, rest := int64(t)/1e9, int64(t)%1e9
	if rest < 0 {
		second, rest = second-1, rest+1e9
	}
	if o.stamp == nil || second != o.second {
		o.second = second
		o.stamp = time.Unix(second, 0).UTC().AppendFormat(o.stamp[:0], "2006-01-02T15:04:05")
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, o.stamp...)
	o.b = append(o.b, '.')
	for unit := int64(1e8); unit > 0; unit /= 10 {
		o.b = append(o.b, '0'+byte(rest/unit%10))
	}
	o.b = append(o.b, 'Z', '"')
}

// appendString appends a JSON string (RFC 8259 §7). What a terminal would act
// on or not show is escaped, and a byte that is not UTF-8 becomes U+FFFD.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if ' ' <= c && c <= '~' {
			if c == '"' || c == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := decodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, `\ufffd`...)
		case shows(r):
			dst = append(dst, s[i:i+n]...)
		default:
			dst = appendRuneEscape(dst, r)
		}
		i += n
	}
	return append(dst, '"')
}

func appendRuneEscape(dst []byte, r rune) []byte {
	switch r {
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if r > 0xFFFF { // as a pair of surrogates
		const base, bits = 0x10000, 10
		dst = append(dst, '\\', 'u')
		dst = appendHex(dst, 0xD800+uint32(r-base)>>bits, 4)
		r = 0xDC00 + (r-base)&(1<<bits-1)
	}
	dst = append(dst, '\\', 'u')
	return appendHex(dst, uint32(r), 4)
}

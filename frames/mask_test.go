package frames

import (
	"bytes"
	"math/rand/v2"
	"testing"
	stdutf8 "unicode/utf8"

	"github.com/segmentio/asm/utf8"
)

// slowUnmask is RFC 6455 §5.3 word for word.
func slowUnmask(b []byte, key [4]byte, phase uint64) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ key[(phase+uint64(i))%4]
	}
	return out
}

func slowASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func TestUnmask(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for size := range 300 {
		for phase := range uint64(8) {
			key := [4]byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())}
			plain := make([]byte, size)
			for i := range plain {
				plain[i] = byte(rnd.IntN(128))
			}
			if size > 0 && phase&1 == 1 {
				plain[rnd.IntN(size)] |= 0x80
			}
			src := slowUnmask(plain, key, phase)
			before := bytes.Clone(src)
			dst := make([]byte, size+1)
			dst[size] = 0x5A
			ascii := unmask(dst[:size], src, key, phase)
			if !bytes.Equal(dst[:size], plain) || ascii != slowASCII(plain) {
				t.Fatalf("size %d, phase %d: %x, ascii %v; want %x", size, phase, dst[:size], ascii, plain)
			}
			if !bytes.Equal(src, before) || dst[size] != 0x5A {
				t.Fatalf("size %d, phase %d: wrote outside dst", size, phase)
			}
		}
	}
}

// textSamples are strings around every edge of UTF-8.
var textSamples = []string{
	"", "a", "plain text that is longer than thirty-two bytes, to be sure of it",
	"é", "κόσμε", "日本語のテキスト、三十二バイトより長いもの", "😀😀😀", "a\u0000b", "\u07ff\u0800\uffff\U00010000\U0010ffff",
	"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x80\x80", "\xe0\xa0", "\xed\xa0\x80", "\xed\x9f\xbf",
	"\xf0\x80\x80\x80", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xfe", "\xff",
	"ok then \xe2\x82", "ok then \xe2\x82A and more text to come, well over thirty-two bytes",
	"\xe2\x28\xa1", "\xf0\x9f\x98", "\xf0\x9f\x98\x80\xf0", "xx\xc3\x28",
}

// slowUTF8 judges text in one look with the standard library.
func slowUTF8(b []byte) (valid bool, at int64) {
	for i := 0; i < len(b); {
		r, size := stdutf8.DecodeRune(b[i:])
		if r == stdutf8.RuneError && size == 1 {
			return false, int64(i)
		}
		i += size
	}
	return true, -1
}

func checkUTF8(t *testing.T, parts ...[]byte) {
	t.Helper()
	var c utf8Check
	for i, p := range parts {
		c.add(p, i&1 == 0 && slowASCII(p))
	}
	whole := bytes.Join(parts, nil)
	valid, at := c.end()
	if wantValid, wantAt := slowUTF8(whole); valid != wantValid || at != wantAt {
		t.Fatalf("%q: valid %v at %d; want %v at %d", parts, valid, at, wantValid, wantAt)
	}
}

func TestUTF8SplitAnywhere(t *testing.T) {
	for _, s := range textSamples {
		for _, before := range []string{"", "x", "é", "0123456789012345678901234567890123456789"} {
			b := []byte(before + s)
			for i := range len(b) + 1 {
				for j := i; j <= len(b); j++ {
					checkUTF8(t, b[:i], b[i:j], b[j:])
				}
			}
			single := make([][]byte, len(b))
			for i := range b {
				single[i] = b[i : i+1]
			}
			checkUTF8(t, single...)
		}
	}
}

// TestFastUTF8 holds the vectorised validator to the standard library's
// verdict, around its block size and with damage everywhere.
func TestFastUTF8(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 50_000 {
		var b []byte
		for size := rnd.IntN(100); len(b) < size; {
			b = append(b, textSamples[rnd.IntN(9)]...)
		}
		if len(b) > 0 && rnd.IntN(2) == 0 {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		if rnd.IntN(4) == 0 {
			b = b[:rnd.IntN(len(b)+1)]
		}
		if got, want := utf8.Valid(b), stdutf8.Valid(b); got != want {
			t.Fatalf("Valid(%q) = %v; want %v", b, got, want)
		}
	}
}

func FuzzUTF8(f *testing.F) {
	for _, s := range textSamples {
		f.Add([]byte(s), uint(1), uint(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, i, j uint) {
		j %= uint(len(b) + 1)
		i %= j + 1
		checkUTF8(t, b[:i], b[i:j], b[j:])
	})
}

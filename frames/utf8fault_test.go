package frames

import (
	"testing"
	stdutf8 "unicode/utf8"
)

// TestUTF8Faults: what is wrong has a name, wherever the text is cut.
func TestUTF8Faults(t *testing.T) {
	for _, test := range []struct {
		text  string
		at    int64
		fault UTF8Fault
	}{
		{"", -1, NoUTF8Fault},
		{"h\u00e4\u20ac\U0001f600", -1, NoUTF8Fault},
		{"a\xe2\x82", 1, CutCharacter},
		{"\xf0\x9f\x98", 0, CutCharacter},
		{"ab\x80", 2, StrayByte},
		{"ab\xbfc", 2, StrayByte},
		{"a\xc3b", 1, SplitCharacter},
		{"a\xe2\x82b", 1, SplitCharacter},
		{"a\xe2\x82\xe2", 1, SplitCharacter},
		{"\xc0\x80", 0, Overlong},
		{"\xc1\xbf", 0, Overlong},
		{"\xe0\x9f\xbf", 0, Overlong},
		{"\xf0\x8f\xbf\xbf", 0, Overlong},
		{"x\xed\xa0\x80", 1, Surrogate},
		{"x\xed\xbf\xbf", 1, Surrogate},
		{"\xf4\x90\x80\x80", 0, BeyondUnicode},
		{"\xf5\x80\x80\x80", 0, BeyondUnicode},
		{"\xf8\x88\x80\x80\x80", 0, ImpossibleByte},
		{"text \xff", 5, ImpossibleByte},
	} {
		for cut := range len(test.text) + 1 {
			var c utf8Check
			c.add([]byte(test.text[:cut]), false)
			c.add([]byte(test.text[cut:]), false)
			if _, at := c.end(); at != test.at || c.fault() != test.fault {
				t.Errorf("%q cut at %d: %v at %d, want %v at %d", test.text, cut, c.fault(), at, test.fault, test.at)
			}
		}
		if at, fault := CheckUTF8([]byte(test.text)); at != test.at || fault != test.fault {
			t.Errorf("%q: %v at %d", test.text, fault, at)
		}
	}
}

// FuzzUTF8Fault compares with the standard library, the text cut anywhere.
func FuzzUTF8Fault(f *testing.F) {
	for _, s := range []string{"h\u00e4", "\xed\xa0\x80", "\xf4\x90", "a\xe2\x82", "\xff"} {
		f.Add([]byte(s), uint(1), uint(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, i, j uint) {
		first, second := int(i%uint(len(b)+1)), int(j%uint(len(b)+1))
		first, second = min(first, second), max(first, second)
		var c utf8Check
		for _, part := range [][]byte{b[:first], b[first:second], b[second:]} {
			c.add(part, false)
		}
		valid, at := c.end()
		want := int64(-1)
		if !stdutf8.Valid(b) {
			want = int64(validPrefix(b))
		}
		if valid != (want < 0) || at != want || (c.fault() == NoUTF8Fault) != valid {
			t.Errorf("%q: %v at %d, want %d", b, c.fault(), at, want)
		}
		if at2, fault := CheckUTF8(b); at2 != at || fault != c.fault() {
			t.Errorf("%q: %v at %d in one piece, %v at %d in three", b, fault, at2, c.fault(), at)
		}
	})
}

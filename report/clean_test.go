package report

import (
	"strconv"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{`{"a":"b\n"}`, `{"a":"b\n"}`},
		{"two\nlines\r\n\tand a tab", `two\nlines\r\n\tand a tab`},
		{"\x1b]0;title\a\x1b[2J", `\x1b]0;title\x07\x1b[2J`},
		{"C1 \u009b31m, DEL \x7f, NUL \x00", `C1 \u009b31m, DEL \x7f, NUL \x00`},
		{"bidi \u202eevil\u2069", `bidi \u202eevil\u2069`},
		{"zero\u200bwidth\u200d\ufeff", `zero\u200bwidth\u200d\ufeff`},
		{"line\u2028paragraph\u2029", `line\u2028paragraph\u2029`},
		{"no-break\u00a0space, filler \u3164, braille \u2800", `no-break\u00a0space, filler \u3164, braille \u2800`},
		{"tag \U000e0041, private \ue000", `tag \U000e0041, private \ue000`},
		{"bad \xff, cut \xe6\x97", `bad \xff, cut \xe6\x97`},
		{"日本語 žluťoučký 🙂 …", "日本語 žluťoučký 🙂 …"},
		{"\ufffd itself", "\ufffd itself"},
	}
	for _, tt := range tests {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
		if got := string(appendClean(nil, []byte(tt.in))); got != tt.want {
			t.Errorf("appendClean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCleanKeepsNothingBack(t *testing.T) {
	// Every escape is one that Go reads: the text can be had back.
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) || r == '\\' || r == '"' {
			continue
		}
		got, err := strconv.Unquote(`"` + clean(string(r)) + `"`)
		if err != nil || got != string(r) {
			t.Fatalf("clean(%U) = %q, which reads as %q (%v)", r, clean(string(r)), got, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte("\x1b[31mred\u202e\xff\n"))
	f.Add([]byte("日本\xe6\x97語"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := appendClean(nil, b)
		if !utf8.Valid(got) {
			t.Fatalf("not UTF-8: %q", got)
		}
		for _, r := range string(got) {
			if !strconv.IsPrint(r) {
				t.Fatalf("%q has %U", got, r)
			}
		}
		if s := clean(string(b)); s != string(got) {
			t.Fatalf("clean gives %q, appendClean %q", s, got)
		}
	})
}

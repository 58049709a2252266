package report

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestElide(t *testing.T) {
	tests := []struct {
		in   string
		w    int
		want string
	}{
		{"short", 5, "short"},
		{"192.168.100.100:51022", 14, "192.168…:51022"},
		{"abcdef", 1, "…"},
		{"abcdef", 2, "a…"},
		{"日本語日本語", 7, "日…語"},
		{"日本語日本語", 8, "日本…語"},
		{"", 3, ""},
	}
	for _, tt := range tests {
		if got := elide(tt.in, tt.w); got != tt.want {
			t.Errorf("elide(%q, %d) = %q, want %q", tt.in, tt.w, got, tt.want)
		}
	}
}

func TestElideTarget(t *testing.T) {
	tests := []struct {
		in   string
		w    int
		want string
	}{
		{"/live?a=b", 9, "/live?a=b"},
		{"/live?a=b&c=d", 9, "/live?a=…"},
		{"/a/very/long/path?a=b", 10, "/a/v…ath?…"},
		{"/a/very/long/path", 10, "/a/ve…path"},
		{"/?x", 2, "/…"},
	}
	for _, tt := range tests {
		if got := elideTarget(tt.in, tt.w); got != tt.want {
			t.Errorf("elideTarget(%q, %d) = %q, want %q", tt.in, tt.w, got, tt.want)
		}
	}
}

func FuzzElide(f *testing.F) {
	f.Add("192.168.100.100:51022", 14)
	f.Add("👩‍👩‍👧 日本語?é", 5)
	f.Fuzz(func(t *testing.T, s string, w int) {
		s, w = clean(s), 1+(w&0x7f)
		for _, short := range []func(string, int) string{elide, cutTo, elideTarget} {
			got := short(s, w)
			if width(got) > w {
				t.Errorf("%q has %d columns, more than %d", got, width(got), w)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%q is not UTF-8", got)
			}
			if width(s) <= w && got != s {
				t.Errorf("%q was changed to %q, though it fits %d", s, got, w)
			}
		}
	})
}

func TestNumbers(t *testing.T) {
	tests := []struct{ got, want string }{
		{count(0), "0"}, {count(999), "999"}, {count(1204), "1,204"}, {count(-1234567), "-1,234,567"},
		{plural(1, "packet"), "1 packet"}, {plural(2073, "packet"), "2,073 packets"},
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(9949), "9.9 kB"}, {size(9960), "10 kB"},
		{size(61_000), "61 kB"}, {size(999_600), "1.0 MB"}, {size(1_400_000), "1.4 MB"}, {size(1 << 62), "4.6 EB"},
		{span(0), "0 µs"}, {span(350 * time.Microsecond), "350 µs"}, {span(3200 * time.Microsecond), "3.2 ms"},
		{span(40 * time.Millisecond), "40 ms"}, {span(61400 * time.Millisecond), "61.4 s"}, {span(126 * time.Second), "126 s"},
		{span(1230 * time.Second), "20.5 min"}, {span(200 * time.Minute), "3.3 h"}, {span(100 * time.Hour), "4.2 d"},
		{span(-3 * time.Second), "-3.0 s"}, {span(-1 << 63), "-106752 d"},
		{ratio(10, 59), "5.9:1"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestTableFits(t *testing.T) {
	long := strings.Repeat("wide ", 40)
	for w := 20; w <= 200; w++ {
		tab := &table{heading: "Heading", columns: []column{
			{title: "#", right: true}, {title: "ADDRESS", least: 12}, {title: "TARGET", least: 6, first: true, short: elideTarget},
		}}
		tab.add(false, "1", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535", "/日本語"+long)
		tab.add(true, "22", "10.0.0.1:80", "/")
		var b strings.Builder
		if err := tab.write(&b, w, style{}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 6 {
			t.Fatalf("%d lines in %d columns:\n%s", len(lines), w, b.String())
		}
		for _, line := range lines {
			if width(line) > w {
				t.Errorf("%d columns, more than %d: %q", width(line), w, line)
			}
		}
	}
}

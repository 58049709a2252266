package main

import (
	"fmt"
	"strings"
)

const kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"

// A byteRun is each byte from one on up to another.
func byteRun(from, to byte, behind string) string {
	var b strings.Builder
	for c := int(from); c <= int(to); c++ {
		b.WriteByte(byte(c))
		b.WriteString(behind)
	}
	return b.String()
}

// utf8Groups are the byte sequences of 6.5 to 6.23.
func utf8Groups() [][]string {
	prefixes := make([]string, len(kosme))
	for i := range prefixes {
		prefixes[i] = kosme[:i+1]
	}
	stray := []string{"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", byteRun(0x80, 0xbf, "")}
	lonely := []string{byteRun(0xc0, 0xdf, " "), byteRun(0xe0, 0xef, " "), byteRun(0xf0, 0xf7, " "), byteRun(0xf8, 0xfb, " "), byteRun(0xfc, 0xfd, " ")}
	cut := []string{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	}
	var noncharacters []string // U+FFFE and U+FFFF of each of the 17 planes
	for plane := range rune(17) {
		noncharacters = append(noncharacters, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return [][]string{
		{"hello\u0024world", "hello\u00a2world", "hello\u20acworld", "hello\U00024b62world", kosme},
		prefixes,
		{"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
		{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		{"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		{"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
		stray,
		lonely,
		cut,
		{strings.Join(cut, "")},
		{"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
		{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"},
		{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"},
		{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		{
			"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
		},
		noncharacters,
		{"\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff"},
	}
}

// utf8Rows are group 6: sequences whole, in fragments of one byte, and in
// segments of one byte. Valid is what the standard library says is.
func utf8Rows() (rows []row) {
	add := func(number, b string, size int) {
		rows = append(rows, row{number, octets, func(d *duel) { d.text(b, size) }})
	}
	parts := func(number string, list ...string) { // fragments
		rows = append(rows, row{number, octets, func(d *duel) {
			for i, p := range list {
				d.send([]string{"text", "cont"}[min(i, 1)] + payload(p) + strings.Repeat(" more", min(1, len(list)-1-i)))
			}
			d.answer("text" + payload(strings.Join(list, "")))
			d.told("text", strings.Join(list, ""))
			d.end()
		}})
	}
	broken := func(number string, size int, list ...string) { // fragments, or segments of so many bytes
		rows = append(rows, row{number, nil, func(d *duel) {
			d.split = size
			all := strings.Join(list, "")
			if size > 0 {
				list = []string{all}
			}
			for i, p := range list {
				last := i == len(list)-1
				d.send([]string{"text", "cont"}[min(i, 1)] + payload(p) + map[bool]string{false: " more", true: " # want text-not-utf8"}[last])
			}
			d.want[0] = append(d.want[0], digest("text", all))
			d.split = 0
			d.fail(1007)
		}})
	}
	add("6.1.1", "", 0)
	parts("6.1.2", "", "", "")
	parts("6.1.3", "", "middle frame payload", "")
	const greeting = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!"
	add("6.2.1", greeting, 0)
	parts("6.2.2", greeting[:12], greeting[12:])
	add("6.2.3", greeting, 1)
	add("6.2.4", kosme, 1)
	add("6.3.1", kosme+"\xed\xa0\x80edited", 0)
	add("6.3.2", kosme+"\xed\xa0\x80edited", 1)
	broken("6.4.1", 0, kosme, "\xf4\x90\x80\x80", "edited")
	broken("6.4.2", 0, kosme+"\xf4", "\x90", "\x80\x80edited")
	broken("6.4.3", 12, kosme, "\xf4\x90\x80\x80", "edited")
	broken("6.4.4", 1, kosme, "\xf4\x90\x80\x80", "edited")
	for g, list := range utf8Groups() {
		for i, b := range list {
			number := fmt.Sprintf("6.%d.%d", g+5, i+1)
			add(number, b, 0)
			add(number+" by bytes", b, 1)
		}
	}
	return rows
}

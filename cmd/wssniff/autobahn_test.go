package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// The groups of the Autobahn test suite, numbered as there: 1 framing, 2 pings,
// 3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7 closing, 9 limits, 10
// fragments that the sender made by itself. What the suite expects of an
// endpoint is what the endpoint of a duel does; wssniff has to tell each
// message and to name each fault, at its packet, and nothing beside.

var octets = []int{1}

func filler(n int) string { return strings.Repeat("*", n) }

// TestAutobahnFraming is groups 1 and 2.
func TestAutobahnFraming(t *testing.T) {
	var rows []row
	for k, kind := range []string{"text", "bin"} {
		for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			r := row{number: fmt.Sprintf("1.%d.%d", k+1, i+1), play: func(d *duel) { d.message(kind, filler(n), 0); d.end() }}
			if i == 7 {
				r.splits = []int{997}
			} else if n <= 128 {
				r.splits = octets
			}
			rows = append(rows, r)
		}
	}
	for i, b := range []string{"", "Hello, world!", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", filler(125)} {
		rows = append(rows, row{fmt.Sprintf("2.%d", i+1), octets, func(d *duel) { d.ping(b); d.end() }})
	}
	rows = append(rows,
		row{"2.5", octets, func(d *duel) {
			d.fault("ping"+payload(filler(126)), "control-frame-invalid.too-long", 1002)
		}},
		row{"2.6", octets, func(d *duel) { d.ping(filler(125)); d.end() }},
		row{"2.7", nil, func(d *duel) { d.send("pong"); d.end() }},
		row{"2.8", nil, func(d *duel) { d.send("pong" + payload("unsolicited")); d.end() }},
		row{"2.9", nil, func(d *duel) { d.send("pong" + payload("unsolicited")); d.ping("asked"); d.end() }},
		row{"2.10", octets, func(d *duel) {
			for i := range 8 {
				d.send("ping" + payload(fmt.Sprintf("payload-%d", i)))
			}
			for i := range 8 {
				d.answer("pong" + payload(fmt.Sprintf("payload-%d", i)))
				d.pings++
			}
			d.end()
		}})
	runDuels(t, rows)
}

// TestAutobahnReserved is groups 3 and 4.
func TestAutobahnReserved(t *testing.T) {
	var rows []row
	const hello = "Hello, world!"
	for rsv := 1; rsv <= 7; rsv++ {
		frame := []string{"text", "text", "text", "text", "bin", "ping", "close 1000"}[rsv-1]
		if rsv < 7 {
			frame += payload(hello)
		}
		rows = append(rows, row{fmt.Sprintf("3.%d", rsv), octets, func(d *duel) {
			if rsv > 1 && rsv < 5 {
				d.message("text", hello, 0)
			}
			if rsv < 6 {
				d.want[0] = append(d.want[0], digest(map[bool]string{true: "bin", false: "text"}[rsv == 5], hello))
			}
			d.fault(fmt.Sprintf("%s rsv=%d", frame, rsv), "reserved-bits-set", 1002)
			d.allowed = []string{"data-after-close"}
		}})
	}
	for i, opcode := range []int{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		group, n := 1, i%5
		if opcode > 10 {
			group = 2
		}
		rows = append(rows, row{fmt.Sprintf("4.%d.%d", group, n+1), octets, func(d *duel) {
			if n >= 2 {
				d.message("text", hello, 0)
			}
			b := ""
			if n%2 == 1 || n == 4 {
				b = hello
			}
			d.fault(fmt.Sprintf("opcode=%d%s", opcode, payload(b)), "unknown-opcode", 1002)
		}})
	}
	runDuels(t, rows)
}

// TestAutobahnFragments is group 5, and 10 of messages cut by themselves.
func TestAutobahnFragments(t *testing.T) {
	const a, b, all = "fragment1", "fragment2", "fragment1fragment2"
	two := func(between func(d *duel)) func(d *duel) {
		return func(d *duel) {
			d.send("text" + payload(a) + " more")
			if between != nil {
				between(d)
			}
			d.send("cont" + payload(b))
			d.answer("text" + payload(all))
			d.told("text", all)
			d.end()
		}
	}
	stray := func(words string) func(d *duel) {
		return func(d *duel) {
			d.send("cont" + payload("non-continuation payload") + words + " # want fragment-sequence-broken.nothing-to-continue")
			d.send("text" + payload("Hello, world!"))
			d.want[0] = append(d.want[0], digest("text", "Hello, world!"))
			d.fail(1002)
		}
	}
	later := func(words string) func(d *duel) {
		return func(d *duel) {
			d.message("text", all, len(a))
			d.send("cont" + payload(b) + words + " # want fragment-sequence-broken.nothing-to-continue")
			d.fail(1002)
		}
	}
	ping := func(d *duel) { d.ping("ping payload") }
	runDuels(t, []row{
		{"5.1", octets, func(d *duel) {
			d.fault("ping"+payload(a)+" more", "control-frame-invalid.fragmented", 1002)
		}},
		{"5.2", octets, func(d *duel) {
			d.fault("pong"+payload(a)+" more", "control-frame-invalid.fragmented", 1002)
		}},
		{"5.3", octets, two(nil)},
		{"5.6", octets, two(ping)},
		{"5.9", octets, stray("")},
		{"5.12", octets, stray(" more")},
		{"5.15", octets, later(" more")},
		{"5.16", octets, later("")},
		{"5.18", octets, func(d *duel) {
			d.send("text" + payload(a) + " more")
			d.send("text" + payload(b) + " # want fragment-sequence-broken.nested")
			d.want[0] = append(d.want[0], digest("text", b))
			d.allowed = []string{"fragment-sequence-broken"} // and the first one is never finished
			d.fail(1002)
		}},
		{"5.19", octets, func(d *duel) {
			d.send("text" + payload("fragment1") + " more")
			d.send("cont" + payload("fragment2") + " more")
			d.ping("pongme 1!")
			d.send("cont" + payload("fragment3") + " more")
			d.send("cont" + payload("fragment4") + " more")
			d.ping("pongme 2!")
			d.send("cont" + payload("fragment5"))
			const whole = "fragment1fragment2fragment3fragment4fragment5"
			d.answer("text" + payload(whole))
			d.told("text", whole)
			d.end()
		}},
		{"10.1.1", nil, func(d *duel) { d.message("text", filler(65536), 1300); d.end() }},
	})
}

// utf8Groups are the byte sequences of 6.5 to 6.23, in hexadecimal.
var utf8Groups = []struct {
	number string
	list   string
}{
	{"6.5", "cebae1bdb9cf83cebcceb5 cebae1bdb9cf83cebcceb5f4908080656469746564 cebae1bdb9cf83cebcceb5eda080656469746564"},
	{"6.7", "00 c280 e0a080 f0908080"},
	{"6.8", "f888808080 fc8480808080"},
	{"6.9", "7f dfbf efbfbf f48fbfbf"},
	{"6.10", "f7bfbfbf fbbfbfbfbf fdbfbfbfbfbf"},
	{"6.11", "ed9fbf ee8080 efbfbd f48fbfbf f4908080"},
	{"6.12", "80 bf 80bf 80bf80 80bf80bf 80bf80bf80 80bf80bf80bf 808182838485868788898a8b8c8d8e8f90919293"},
	{"6.13", "c020c120c220c320 e020e120e220 f020f120f720 f820f920fa20fb20 fc20fd20"},
	{"6.14", "c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf"},
	{"6.15", "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"},
	{"6.16", "fe ff fefeffff"},
	{"6.17", "c0af e080af f08080af f8808080af fc80808080af"},
	{"6.18", "c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf"},
	{"6.19", "c080 e08080 f0808080 f880808080 fc8080808080"},
	{"6.20", "eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf"},
	{"6.21", "eda080edb080 eda080edbfbf edadbfedb080 edadbfedbfbf edae80edb080 edae80edbfbf edafbfedb080 edafbfedbfbf"},
	{"6.22", "efbfbe efbfbf f09fbfbe f09fbfbf f0afbfbe f0afbfbf f0bfbfbe f0bfbfbf f18fbfbe f18fbfbf f48fbfbe f48fbfbf"},
	{"6.23", "efbfb9 efbfba efbfbb efbfbc efbfbd efbfbe efbfbf"},
}

// TestAutobahnUTF8 is group 6: sequences whole, in fragments of one byte, and
// in segments of one byte. Valid is what the standard library says is.
func TestAutobahnUTF8(t *testing.T) {
	const kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	var rows []row
	add := func(number, b string) {
		for _, size := range []int{0, 1} {
			rows = append(rows, row{fmt.Sprintf("%s.%d", number, size), octets, func(d *duel) { d.text(b, size) }})
		}
	}
	add("6.1.1", "")
	add("6.2.1", "Hello-"+kosme+"!!-")
	add("6.3.1", kosme+"\xed\xa0\x80edited")
	add("6.4.1", kosme+"\xf4\x90\x80\x80edited")
	for n := range len(kosme) {
		add(fmt.Sprintf("6.6.%d", n+1), kosme[:n+1])
	}
	for _, g := range utf8Groups {
		for i, list := range strings.Fields(g.list) {
			b, err := hex.DecodeString(list)
			if err != nil {
				t.Fatal(err)
			}
			add(fmt.Sprintf("%s.%d", g.number, i+1), string(b))
		}
	}
	rows = append(rows, row{"6.1.2", nil, func(d *duel) {
		d.send("text more")
		d.send("cont more")
		d.send("cont")
		d.answer("text")
		d.told("text", "")
		d.end()
	}})
	runDuels(t, rows)
}

// text is a text message, whole or in fragments, valid or not.
func (d *duel) text(b string, size int) {
	if utf8.ValidString(b) {
		d.message("text", b, size)
		d.end()
		return
	}
	list := framesOf("text", "", b, size)
	for i, f := range list {
		if i == len(list)-1 {
			f += " # want text-not-utf8"
		}
		d.send(f)
	}
	d.want[0] = append(d.want[0], digest("text", b))
	d.fail(1007)
}

// TestAutobahnClosing is group 7.
func TestAutobahnClosing(t *testing.T) {
	const hello = "Hello World!"
	closed := func(words string) func(d *duel) {
		return func(d *duel) {
			d.message("text", hello, 0)
			d.send("close" + words)
			d.answer("close" + words)
			d.script.WriteString("fin\n")
		}
	}
	after := func(frame, rule string) func(d *duel) {
		return func(d *duel) {
			d.send("close 1000")
			d.send(frame + " # want " + rule)
			d.answer("close 1000")
			d.script.WriteString("fin\n")
			d.clean = false
		}
	}
	bad := func(words, rule string, code int) func(d *duel) {
		return func(d *duel) {
			d.send("close" + words + " # want " + rule)
			d.answer(fmt.Sprintf("close %d", code))
			d.script.WriteString("fin\n")
			d.clean = false
		}
	}
	rows := []row{
		{"7.1.1", octets, closed(" 1000")},
		{"7.1.2", octets, after("close 1000", "data-after-close.control")},
		{"7.1.3", octets, after("ping", "data-after-close.control")},
		{"7.1.4", octets, func(d *duel) {
			d.want[0] = append(d.want[0], digest("text", hello))
			after("text"+payload(hello), "data-after-close.data")(d)
		}},
		{"7.1.5", octets, func(d *duel) {
			d.send("text" + payload(hello) + " more")
			d.want[0] = append(d.want[0], digest("text", hello+hello))
			after("cont"+payload(hello), "data-after-close.data")(d)
		}},
		{"7.1.6", nil, func(d *duel) { d.message("text", filler(256<<10), 0); d.end() }},
		{"7.3.1", octets, closed("")},
		{"7.3.2", octets, bad(" hex=61", "close-code-illegal", 1002)},
		{"7.3.3", octets, closed(" 1000")},
		{"7.3.4", octets, closed(" 1000" + payload(hello))},
		{"7.3.5", octets, closed(" 1000" + payload(filler(123)))},
		{"7.3.6", octets, bad(" 1000"+payload(filler(124)), "control-frame-invalid.too-long", 1002)},
		{"7.5.1", octets, bad(" 1000"+payload("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"), "close-code-illegal", 1007)},
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		rows = append(rows, row{fmt.Sprintf("7.7.%d", i+1), octets, func(d *duel) {
			closed(fmt.Sprintf(" %d", code))(d)
			d.clean, d.allowed = false, []string{"message-too-big", "rejected-after-accept"}
		}})
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		rows = append(rows, row{fmt.Sprintf("7.9.%d", i+1), octets, bad(fmt.Sprintf(" %d", code), "close-code-illegal", 1002)})
	}
	for i, code := range []int{5000, 65535} {
		rows = append(rows, row{fmt.Sprintf("7.13.%d", i+1), octets, bad(fmt.Sprintf(" %d", code), "close-code-illegal", 1002)})
	}
	runDuels(t, rows)
}

// TestAutobahnLimits is group 9, the sizes and counts a sixteenth of the suite's.
func TestAutobahnLimits(t *testing.T) {
	var rows []row
	for k, kind := range []string{"text", "bin"} {
		for i, n := range []int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 512 << 10} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+1, i+1), nil, func(d *duel) { d.message(kind, filler(n), 0); d.end() }})
		}
		for i, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+3, i+1), nil, func(d *duel) { d.message(kind, filler(256<<10), size); d.end() }})
		}
		for i, size := range []int{64, 256, 1024} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+5, i+1), []int{size}, func(d *duel) { d.message(kind, filler(64<<10), 0); d.end() }})
		}
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+7, i+1), nil, func(d *duel) {
				for range 60 {
					d.message(kind, filler(n), 0)
				}
				d.end()
			}})
		}
	}
	runDuels(t, rows)
}

package main

import (
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

func TestAutobahnFraming(t *testing.T)   { runDuels(t, framingRows()) }
func TestAutobahnReserved(t *testing.T)  { runDuels(t, reservedRows()) }
func TestAutobahnFragments(t *testing.T) { runDuels(t, fragmentRows()) }
func TestAutobahnUTF8(t *testing.T)      { runDuels(t, utf8Rows()) }
func TestAutobahnClosing(t *testing.T)   { runDuels(t, closingRows()) }
func TestAutobahnLimits(t *testing.T)    { runDuels(t, limitRows()) }

// framingRows are groups 1 and 2.
func framingRows() (rows []row) {
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
		row{"2.10", nil, tenPings}, row{"2.11", octets, tenPings})
	return rows
}

func tenPings(d *duel) {
	for i := range 10 {
		d.send("ping" + payload(fmt.Sprintf("payload-%d", i)))
	}
	for i := range 10 {
		d.answer("pong" + payload(fmt.Sprintf("payload-%d", i)))
		d.pings++
	}
	d.end()
}

// reservedRows are groups 3 and 4.
func reservedRows() (rows []row) {
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
	return rows
}

// fragmentRows are group 5, and 10 of messages cut by themselves. Where the
// suite sends a conversation whole, by frames and by octets, these are rows.
func fragmentRows() []row {
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
	const stray = " # want fragment-sequence-broken.nothing-to-continue"
	first := func(words string) func(d *duel) { // a continuation, and a message behind it
		return func(d *duel) {
			d.send("cont" + payload("non-continuation payload") + words + stray)
			d.send("text" + payload("Hello, world!"))
			d.want[0] = append(d.want[0], digest("text", "Hello, world!"))
			d.fail(1002)
		}
	}
	twice := func(words string) func(d *duel) { // twice: a continuation, and a message of two fragments
		return func(d *duel) {
			for i := range 2 {
				d.send("cont" + payload(a) + words + []string{stray, ""}[i]) // the second one is only counted
				d.send("text" + payload(a) + " more")
				d.send("cont" + payload(b))
				d.want[0] = append(d.want[0], digest("text", all))
			}
			d.fail(1002)
		}
	}
	five := func(d *duel) {
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
	}
	ping := func(d *duel) { d.ping("ping payload") }
	return []row{
		{"5.1", octets, func(d *duel) { d.fault("ping"+payload(a)+" more", "control-frame-invalid.fragmented", 1002) }},
		{"5.2", octets, func(d *duel) { d.fault("pong"+payload(a)+" more", "control-frame-invalid.fragmented", 1002) }},
		{"5.3", nil, two(nil)}, {"5.4", []int{16}, two(nil)}, {"5.5", octets, two(nil)},
		{"5.6", nil, two(ping)}, {"5.7", []int{16}, two(ping)}, {"5.8", octets, two(ping)},
		{"5.9", nil, first("")}, {"5.10", []int{16}, first("")}, {"5.11", octets, first("")},
		{"5.12", nil, first(" more")}, {"5.13", []int{16}, first(" more")}, {"5.14", octets, first(" more")},
		{"5.15", octets, func(d *duel) {
			d.message("text", all, len(a))
			d.send("cont" + payload("non-continuation payload") + " more" + stray)
			d.send("text" + payload("Hello, world!"))
			d.want[0] = append(d.want[0], digest("text", "Hello, world!"))
			d.fail(1002)
		}},
		{"5.16", octets, twice(" more")}, {"5.17", octets, twice("")},
		{"5.18", octets, func(d *duel) {
			d.send("text" + payload(a) + " more")
			d.send("text" + payload(b) + " # want fragment-sequence-broken.nested")
			d.want[0] = append(d.want[0], digest("text", b))
			d.allowed = []string{"fragment-sequence-broken"} // and the first one is never finished
			d.fail(1002)
		}},
		{"5.19", nil, five}, {"5.20", octets, five},
		{"10.1.1", nil, func(d *duel) { d.message("text", filler(65536), 1300); d.end() }},
	}
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

// closingRows are group 7.
func closingRows() []row {
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
	return rows
}

// limitRows are group 9, the sizes and counts a sixteenth of the suite's.
func limitRows() (rows []row) {
	const whole = 256 << 10
	for k, kind := range []string{"text", "bin"} {
		for i, n := range []int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 512 << 10, 1 << 20} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+1, i+1), nil, func(d *duel) { d.message(kind, filler(n), 0); d.end() }})
		}
		for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 192 << 10, whole} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+3, i+1), nil, func(d *duel) {
				d.message(kind, filler(whole), size)
				d.end()
				if size <= 256 { // 4,096 of them, or 1,024
					d.clean, d.allowed = false, []string{"fragment-sequence-broken"}
				}
			}})
		}
		for i, size := range []int{64, 128, 256, 512, 1024, 2048} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+5, i+1), []int{size}, func(d *duel) { d.message(kind, filler(64<<10), 0); d.end() }})
		}
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			rows = append(rows, row{fmt.Sprintf("9.%d.%d", k+7, i+1), nil, func(d *duel) {
				for range 1000 / 16 {
					d.message(kind, filler(n), 0)
				}
				d.end()
			}})
		}
	}
	return rows
}

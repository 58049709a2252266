package filter

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// TestErrors holds what is said of a bad filter, and where its mark goes.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, want, mark string }{
		{"port", `"port" at column 1 wants a number or a service name`, "    port\n        ^"},
		{"tcp port and", `"port" at column 5 wants a number or a service name, not "and"`, "    tcp port and\n             ^"},
		{"tcp and", `"and" at column 5 wants a condition behind it, as host, port or tcp begin one`, "    tcp and\n           ^"},
		{"(tcp", `"(" at column 1 is not closed: ) is missing`, "    (tcp\n    ^"},
		{"tcp)", `")" at column 4 closes nothing`, "    tcp)\n       ^"},
		{"port 70000", `"70000" at column 6 is no port: the last is 65535`, "    port 70000\n         ^"},
		{"10.0.0.1", `"10.0.0.1" at column 1 stands alone: say what it is, as in host 10.0.0.1`, "    10.0.0.1\n    ^"},
		{"net 10.0.0.1/24", `"10.0.0.1" at column 5 has bits set that its mask leaves out`, "    net 10.0.0.1/24\n        ^"},
		{"ip proto tcp", `"proto" at column 4 wants a number, or a name with a backslash, as in \tcp, not "tcp"`, "    ip proto tcp\n             ^"},
		{"tcp[13", `"[" at column 4 is not closed: ] is missing`, "    tcp[13\n       ^"},
		{"tcp[0:3] = 1", `":" at column 6 wants 1, 2 or 4, not "3"`, "    tcp[0:3] = 1\n          ^"},
		{"len / 0 = 1", `"/" at column 5 divides by zero`, "    len / 0 = 1\n        ^"},
		{"gateway x", `"gateway" at column 1 needs tables of hosts and devices; ether host ADDRESS and not host ADDRESS says the same`, "    gateway x\n    ^"},
		{"host nosuch", `"nosuch" at column 6 is no address, and no host has that name: no such host`, "    host nosuch\n         ^"},
		{"tcp $", `"$" at column 5 is not expected there, but and, or, or the end`, ""},
		{"vlan 4096", `"4096" at column 6 is more than 4095, the most that vlan has`, "    vlan 4096\n         ^"},
		{"host é", `"é" at column 6`, ""},
	} {
		_, err := Parse(c.text, noNames)
		bad, ok := err.(*Error)
		if !ok || !strings.HasPrefix(bad.Error(), "filter: "+c.want) && c.text != "tcp $" && c.text != "host é" {
			t.Errorf("%s: %v", c.text, err)
		} else if c.mark != "" && bad.Mark() != c.mark {
			t.Errorf("%s:\n%s", c.text, bad.Mark())
		}
	}
	_, err := Parse(strings.Repeat("tcp or ", 40)+"port x\x1by", noNames)
	if mark := err.(*Error).Mark(); strings.ContainsRune(mark, 0x1b) || len(mark) > 160 {
		t.Errorf("%q", mark)
	}
}

// TestTargets holds that what makes no sense on a link type is refused there.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		text   string
		target Target
		want   string
	}{
		{"vlan", Target{LinkType: 101}, `filter: "vlan" at column 1 is not possible on raw IP`},
		{"ether host 2:0:0:0:0:1", Target{LinkType: 276, Live: true}, `"2:0:0:0:0:1" at column 12 is about Ethernet, and the interface any has no such header`},
		{"inbound", Target{LinkType: 1}, `"inbound" at column 1 is what files of Ethernet do not say`},
		{"tcp", Target{LinkType: 195}, "no filter is possible on link type 195"},
		{strings.Repeat("port 80 or ", 300) + "port 81", Target{LinkType: 1, Live: true}, "longer than 4096 instructions"},
	} {
		if _, err := compile(c.text, c.target); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestNames holds that each address of a host is an alternative.
func TestNames(t *testing.T) {
	lookup := func(name string) ([]netip.Addr, error) {
		if name != "srv-1.example" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("::ffff:10.0.0.2")}, nil
	}
	packets := newMaker(3).packets(1, 3000)
	f, err := Parse("src host srv-1.example and tcp", lookup)
	if err != nil {
		t.Fatal(err)
	}
	named, err := f.Compile(Target{LinkType: 1})
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := compile("(src host 10.0.0.1 or fd00::1 or 10.0.0.2) and tcp", Target{LinkType: 1})
	if err != nil {
		t.Fatal(err)
	}
	differences(t, golden{expression: f.String(), program: numbers}, named, packets)
}

// TestMachine holds the machine against another one, on programs that both
// can run.
func TestMachine(t *testing.T) {
	packets := newMaker(4).packets(1, 500)
	ran := 0
	for _, g := range readGolden(t)["EN10MB"] {
		program, err := compile(g.expression, Target{LinkType: 1})
		if err != nil || strings.Contains(g.expression, "len") || strings.Contains(g.expression, "less") || strings.Contains(g.expression, "greater") {
			continue // its length is the captured one
		}
		list, ok := bpf.Disassemble(program)
		vm, err := bpf.NewVM(list)
		if !ok || err != nil {
			t.Fatalf("%s: %v", g.expression, err)
		}
		ran++
		for _, p := range packets {
			n, err := vm.Run(p.data)
			if err == nil && (n != 0) != program.Match(p.data, p.wire) {
				t.Fatalf("%s: the other machine says %v of % x", g.expression, n != 0, p.data)
			}
		}
	}
	if ran < 250 {
		t.Errorf("only %d programs were run", ran)
	}
}

// TestMatchAllocs: a packet costs no memory.
func TestMatchAllocs(t *testing.T) {
	program, err := compile("vlan and geneve or tcp port 80 and tcp[13] & len != 0", Target{LinkType: 1})
	if err != nil {
		t.Fatal(err)
	}
	packets := newMaker(5).packets(1, 100)
	if n := testing.AllocsPerRun(10, func() {
		for _, p := range packets {
			program.Match(p.data, p.wire)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	packets := newMaker(6).packets(1, 1024)
	for _, text := range []string{"port 8080", "tcp port 8080 and host 10.0.0.1", "tcp[tcpflags] & tcp-syn != 0", "vlan and tcp"} {
		program, err := compile(text, Target{LinkType: 1})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(text, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p := &packets[i&1023]
				program.Match(p.data, p.wire)
			}
		})
	}
}

// FuzzParse holds that every text is refused with a place inside it, or makes
// programs that end, for all targets.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		f.Add(strings.TrimSpace(line))
	}
	f.Add("tcp[::")
	f.Add(strings.Repeat("(", 200))
	f.Add(strings.Repeat("not ", 200) + "tcp")
	f.Add("len" + strings.Repeat("+(len", 40))
	packets := newMaker(7).packets(1, 5)
	f.Fuzz(func(t *testing.T, text string) {
		expression, err := Parse(text, noNames)
		if err != nil {
			bad := err.(*Error)
			if n := runes(text) + 1; bad.Column > n || bad.At > n {
				t.Fatalf("%+v", bad)
			}
			bad.Mark()
			return
		}
		for link := range framings {
			for _, live := range []bool{false, true} {
				program, err := expression.Compile(Target{LinkType: link, Live: live})
				if err == nil && live {
					continue
				}
				for _, p := range packets {
					program.Match(p.data, p.wire)
				}
			}
		}
	})
}

package filter

import (
	"bufio"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
)

// goldenLinks are the link types of testdata/golden.txt.
var goldenLinks = map[string]uint16{
	"EN10MB": 1, "LINUX_SLL": 113, "LINUX_SLL2": 276, "RAW": 101, "NULL": 0, "PPP": 9, "C_HDLC": 104,
}

// A golden is an expression, and the program that tcpdump makes of it.
type golden struct {
	link       uint16
	expression string
	program    Program // nil: refused
}

func readGolden(t testing.TB) map[string][]golden {
	t.Helper()
	file, err := os.Open("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list := map[string][]golden{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		part := strings.Split(lines.Text(), "\t")
		if len(part) != 3 {
			t.Fatalf("%q", lines.Text())
		}
		g := golden{link: goldenLinks[part[0]], expression: part[1]}
		if part[2] != "!" {
			for text := range strings.SplitSeq(part[2], ",") {
				g.program = append(g.program, parseInstruction(t, text))
			}
		}
		list[part[0]] = append(list[part[0]], g)
	}
	return list
}

func parseInstruction(t testing.TB, text string) instruction {
	t.Helper()
	var n [4]uint64
	for i, field := range strings.Fields(text) {
		v, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		n[i] = v
	}
	return instruction{Op: uint16(n[0]), Jt: uint8(n[1]), Jf: uint8(n[2]), K: uint32(n[3])}
}

// noNames is a lookup in tests, which have no network.
func noNames(string) ([]netip.Addr, error) { return nil, errors.New("no such host") }

func compile(text string, target Target) (Program, error) {
	f, err := Parse(text, noNames)
	if err != nil {
		return nil, err
	}
	return f.Compile(target)
}

// TestGolden holds that each expression says of each packet what the program
// of tcpdump says, or is refused as it is there.
func TestGolden(t *testing.T) {
	for name, list := range readGolden(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 20000
			if raceEnabled || list[0].link == 9 || list[0].link == 104 {
				n /= 10
			}
			packets := newMaker(uint64(list[0].link)).packets(list[0].link, n)
			refused, never, some := 0, 0, 0
			for _, g := range list {
				program, err := compile(g.expression, Target{LinkType: g.link})
				if (err != nil) != (g.program == nil) {
					t.Errorf("%s: %v, and tcpdump has %d instructions", g.expression, err, len(g.program))
				}
				if err != nil || g.program == nil {
					refused++
					continue
				}
				yes := differences(t, g, program, packets)
				if yes == 0 {
					never++
				} else if yes < len(packets) {
					some++
				}
			}
			t.Logf("%d expressions: %d tell packets apart, %d are never true, %d are refused", len(list), some, never, refused)
			if len(list)-refused < 180 {
				t.Error("less than 180 expressions are left")
			}
		})
	}
}

// differences runs both programs, and gives how many packets they let through.
func differences(t *testing.T, g golden, program Program, packets []packet) (yes int) {
	t.Helper()
	wrong := 0
	for i, p := range packets {
		ours, theirs := program.Match(p.data, p.wire), g.program.Match(p.data, p.wire)
		if theirs {
			yes++
		}
		if ours == theirs {
			continue
		}
		if wrong++; wrong == 1 {
			t.Errorf("%s: packet %d: %v, tcpdump says %v: % x", g.expression, i, ours, theirs, p.data)
		}
	}
	if wrong > 1 {
		t.Errorf("%s: %d packets in all", g.expression, wrong)
	}
	return yes
}

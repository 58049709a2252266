package filter

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestTcpdump holds compositions of expressions, drawn at random, against the
// programs that tcpdump makes of them. They are not optimised: optimised ones
// leave out loads that would fail, so that packets cut short differ, and some
// of libpcap 1.10.3 are wrong.
func TestTcpdump(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("tcpdump is not installed")
	}
	n := 40
	if testing.Short() || raceEnabled {
		n = 10
	}
	list := readGolden(t)
	for _, name := range []string{"EN10MB", "LINUX_SLL", "LINUX_SLL2", "RAW", "NULL"} {
		var atoms []string
		for _, g := range list[name] {
			// Geneve moves offsets; where it was not met on the way, they are undefined.
			if g.program != nil && !strings.Contains(g.expression, "geneve") {
				atoms = append(atoms, g.expression)
			}
		}
		link := goldenLinks[name]
		m := newMaker(uint64(link) + 100)
		packets := m.packets(link, 1000)
		for i := range packets[:300] {
			packets[i].data = packets[i].data[:m.IntN(1+len(packets[i].data))]
		}
		same := 0
		for range n {
			text := compose(m.Rand, atoms, 3)
			program, err := compile(text, Target{LinkType: link})
			out, refused := exec.Command("tcpdump", "-y", name, "-O", "-ddd", "--", text).Output()
			if (err != nil) != (refused != nil) {
				t.Errorf("%s: %s: %v, tcpdump: %v", name, text, err, refused)
			}
			if err != nil || refused != nil {
				continue
			}
			g := golden{expression: text}
			for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n")[1:] {
				g.program = append(g.program, parseInstruction(t, line))
			}
			differences(t, g, program, packets)
			same++
		}
		t.Logf("%s: %d compared, of %d", name, same, n)
	}
}

// compose puts expressions together.
func compose(r *rand.Rand, atoms []string, depth int) string {
	part := func() string { return compose(r, atoms, depth-1) }
	switch n := r.IntN(8); {
	case depth == 0 || n < 2:
		return atoms[r.IntN(len(atoms))]
	case n == 2:
		return "not (" + part() + ")"
	case n < 5:
		return "(" + part() + ") and (" + part() + ")"
	case n == 5:
		return part() + " or " + part()
	case n == 6:
		return part() + " and not " + part()
	}
	return "(" + part() + ") || " + part()
}

//go:build libpcap

package filter

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	gopacket "github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"
)

// TestLibpcap holds compositions of expressions, drawn at random, against the
// programs that libpcap makes of them. It optimises them, and so leaves out
// loads that would fail: the packets are whole. Some of what libpcap 1.10
// optimises is wrong; where it differs, tcpdump is asked for the program as it was before.
func TestLibpcap(t *testing.T) {
	n := 600
	if testing.Short() || raceEnabled {
		n = 60
	}
	list := readGolden(t)
	for name, dlt := range map[string]uint8{"EN10MB": 1, "LINUX_SLL": 113, "RAW": 12, "NULL": 0, "PPP": 9, "C_HDLC": 104} {
		t.Run(name, func(t *testing.T) {
			var atoms []string
			for _, g := range list[name] {
				// Geneve moves offsets; where it was not met on the way, they are undefined. gopacket tells no netmask,
				// which a broadcast needs.
				if g.program != nil && !strings.Contains(g.expression, "geneve") && !strings.Contains(g.expression, "ip broadcast") {
					atoms = append(atoms, g.expression)
				}
			}
			link := goldenLinks[name]
			m := newMaker(uint64(link) + 200)
			packets := m.packets(link, 1000)
			count := map[string]int{}
			for range n {
				text := compose(m.Rand, atoms, 3)
				if strings.Contains(text, "pppoes") && strings.Contains(text, "bound") {
					continue // libpcap loads the direction from before the packet
				}
				count[againstLibpcap(t, name, text, link, dlt, packets)]++
			}
			t.Logf("of %d: %v", n, count)
			if count["same"] < n*3/4 {
				t.Errorf("%d of %d could be compared", count["same"], n)
			}
		})
	}
}

// againstLibpcap compares one expression, and says how that ended.
func againstLibpcap(t *testing.T, name, text string, link uint16, dlt uint8, packets []packet) string {
	t.Helper()
	program, err := compile(text, Target{LinkType: link})
	list, refused := pcap.CompileBPFFilter(gopacket.LinkType(dlt), everyByte, text)
	if refused != nil && strings.Contains(refused.Error(), "rejects all packets") {
		for _, p := range packets {
			if err == nil && program.Match(p.data, p.wire) && !agreed(t, name, text, program, packets) {
				t.Errorf("%s: %s: libpcap says that no packet is let through, one is: % x", name, text, p.data)
				return "different"
			}
		}
		return "never true"
	}
	if (err != nil) != (refused != nil) {
		t.Errorf("%s: %s: %v, libpcap: %v", name, text, err, refused)
		return "different"
	}
	if err != nil {
		return "refused"
	}
	theirs := make(Program, len(list))
	for i, in := range list {
		theirs[i] = instruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	for _, p := range packets {
		if program.Match(p.data, p.wire) == theirs.Match(p.data, p.wire) {
			continue
		}
		if agreed(t, name, text, program, packets) {
			return "same before libpcap optimised it"
		}
		t.Errorf("%s: %s: libpcap says %v: % x", name, text, theirs.Match(p.data, p.wire), p.data)
		return "different"
	}
	return "same"
}

// agreed says whether what libpcap does not optimise is what we say.
func agreed(t *testing.T, name, text string, program Program, packets []packet) bool {
	t.Helper()
	out, err := exec.Command("tcpdump", "-y", name, "-O", "-ddd", "--", text).Output()
	if err != nil {
		t.Log(fmt.Errorf("tcpdump: %w", err))
		return false
	}
	var theirs Program
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n")[1:] {
		theirs = append(theirs, parseInstruction(t, line))
	}
	for _, p := range packets {
		if program.Match(p.data, p.wire) != theirs.Match(p.data, p.wire) {
			return false
		}
	}
	return true
}

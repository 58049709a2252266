package reassembly

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// innermost is what of the innermost TCP segment of a packet is compared.
type innermost struct {
	src, dst uint16
	seq      uint32
	size     int
}

// segmentsOf gives the segments of a capture by packet number, and whether any
// was in a tunnel or in IP fragments.
func segmentsOf(t *testing.T, file string) (all map[int64]innermost, inside bool) {
	t.Helper()
	f, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var ip IP
	all = map[int64]innermost{}
	for p := range capture.Packets(f) {
		if s := ip.Segment(p); s != nil {
			inside = inside || s.Path != 0
			all[p.Number] = innermost{s.Src.Port(), s.Dst.Port(), uint32(s.Seq), s.Length()}
		}
	}
	return all, inside || ip.Stats.Fragments > 0
}

// asWireshark gives what tshark says of the innermost TCP segment of each packet.
func asWireshark(t *testing.T, file string) map[int64]innermost {
	t.Helper()
	out, err := exec.Command("tshark", "-n", "-r", file, "-Y", "tcp", "-T", "fields", "-E", "occurrence=l",
		"-e", "frame.number", "-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "tcp.seq_raw", "-e", "tcp.len").Output()
	if err != nil {
		t.Logf("%s: tshark: %v", file, err) // it stops at what it cannot read, and tells of what was before
	}
	all := map[int64]innermost{}
	for line := range bytes.Lines(out) {
		f := strings.Split(strings.TrimRight(string(line), "\n"), "\t")
		if len(f) != 5 {
			t.Fatalf("%s: tshark: %q", file, line)
		}
		var n [5]uint64
		whole := true
		for i, s := range f {
			n[i], err = strconv.ParseUint(s, 10, 64)
			whole = whole && err == nil
		}
		if whole {
			all[int64(n[0])] = innermost{uint16(n[1]), uint16(n[2]), uint32(n[3]), int(n[4])}
		}
	}
	return all
}

// otherTunnels are the captures in which tshark and wssniff see other
// segments, and why.
var otherTunnels = map[string]string{
	"ndpi/fuzz-2006-06-26-2594.pcap": "bytes changed at random: a length in IP is larger than the packet, which is then taken for one that was cut",
}

// TestTunnelsAgainstWireshark compares the segments found in tunnels and IP
// fragments, packet by packet, with those of tshark.
func TestTunnelsAgainstWireshark(t *testing.T) {
	root := os.Getenv("WSSNIFF_CORPUS")
	if root == "" {
		t.Skip("WSSNIFF_CORPUS does not name the folder of third-party captures")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	manifest, err := os.ReadFile(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	files, packets := 0, 0
	for line := range strings.Lines(string(manifest)) {
		f := strings.Split(line, "\t")
		if len(f) < 11 || f[0] == "tier" {
			continue
		}
		own, inside := segmentsOf(t, filepath.Join(root, f[1]))
		if !inside || len(own) == 0 {
			continue
		}
		files++
		if diff := differences(own, asWireshark(t, filepath.Join(root, f[1]))); diff != "" && otherTunnels[f[1]] == "" {
			t.Errorf("%s: %s", f[1], diff)
		} else {
			packets += len(own)
		}
	}
	t.Logf("%d captures, %d segments as tshark has them", files, packets)
	if files < 20 {
		t.Errorf("only %d captures with tunnels or fragments", files)
	}
}

// differences tells of the first few segments that the two have otherwise,
// and of those that only one has.
func differences(own, other map[int64]innermost) string {
	var b strings.Builder
	n := 0
	for packet, s := range own {
		if o, ok := other[packet]; !ok || o != s {
			if n++; n <= 3 {
				fmt.Fprintf(&b, "packet %d: %v, tshark %v (%t); ", packet, s, o, ok)
			}
		}
	}
	missed := 0
	for packet := range other {
		if _, ok := own[packet]; !ok {
			if missed++; missed <= 2 {
				fmt.Fprintf(&b, "packet %d is tshark's alone: %v; ", packet, other[packet])
			}
		}
	}
	if n+missed == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d differ, %d missed: %s", n, len(own), missed, b.String())
}

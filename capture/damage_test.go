package capture

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cuttable gives a file of each format with the offsets at which a packet is
// complete, and those at which the file may end without being cut.
func cuttable() map[string]struct {
	file   []byte
	header int
	ends   []int // ends[i] is where packet i is complete
	whole  map[int]bool
} {
	type cuts = struct {
		file   []byte
		header int
		ends   []int
		whole  map[int]bool
	}
	packets := sample(6, LinkEthernet)
	classicCuts := cuts{header: 24, whole: map[int]bool{24: true}, file: classic.header()}
	for _, w := range packets {
		classicCuts.file = classic.record(classicCuts.file, w)
		classicCuts.ends = append(classicCuts.ends, len(classicCuts.file))
		classicCuts.whole[len(classicCuts.file)] = true
	}
	g := new(ng).section(big, 0)
	ngCuts := cuts{header: len(g.b), whole: map[int]bool{len(g.b): true}}
	mark := func() { ngCuts.whole[len(g.b)] = true }
	g.iface(1, 0)
	mark()
	for i, w := range packets {
		if i == 3 {
			g.block(0x0bad, uint32(1), "custom")
			mark()
			g.section(little, 0)
			mark()
			g.iface(1, 0, uint16(9), uint16(1), "\x09")
			mark()
		}
		g.packet(0, uint64(i), w, uint16(2), uint16(4), uint32(0))
		mark()
		ngCuts.ends = append(ngCuts.ends, len(g.b))
	}
	ngCuts.file = g.b
	return map[string]cuts{"pcap": classicCuts, "pcapng": ngCuts}
}

func TestCutAnywhere(t *testing.T) {
	for name, c := range cuttable() {
		for cut := range len(c.file) + 1 {
			got, in := readBytes(t, c.file[:cut])
			n := 0
			for n < len(c.ends) && c.ends[n] <= cut {
				n++
			}
			if len(got) != n {
				t.Fatalf("%s cut at %d: %d packets, want %d", name, cut, len(got), n)
			}
			if c.whole[cut] {
				if in.Err != nil {
					t.Fatalf("%s cut at %d, between records: %v", name, cut, in.Err)
				}
				continue
			}
			damage, ok := errors.AsType[*DamageError](in.Err)
			if !ok {
				t.Fatalf("%s cut at %d: %v", name, cut, in.Err)
			}
			offset, packet := int64(cut), int64(n+1)
			if cut < c.header {
				offset, packet = 0, 0
			}
			if damage.Offset != offset || damage.Packet != packet || damage.File != "-" {
				t.Fatalf("%s cut at %d: says byte %d, packet %d: %v", name, cut, damage.Offset, damage.Packet, damage)
			}
		}
	}
}

// TestByteAtATime reads from a pipe that is slow.
func TestByteAtATime(t *testing.T) {
	for name, c := range cuttable() {
		fast, _ := readBytes(t, c.file)
		f, err := Open([]string{"-"}, &Config{Stdin: oneByte{bytes.NewReader(c.file)}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fast, drain(t, f)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		f.Close()
	}
}

// A oneByte reader gives one byte at a time, with io.EOF beside the last.
type oneByte struct{ r *bytes.Reader }

func (o oneByte) Read(b []byte) (int, error) {
	n, err := o.r.Read(b[:min(len(b), 1)])
	if err == nil && o.r.Len() == 0 {
		err = io.EOF
	}
	return n, err
}

func TestDamage(t *testing.T) {
	packets := sample(3, LinkEthernet)
	one := packets[0]
	whole := classic.file(packets)
	third := len(whole) - 16 - len(packets[2].Data)
	patch := func(at int, b ...byte) []byte {
		c := bytes.Clone(whole)
		copy(c[at:], b)
		return c
	}
	start := func() *ng { return new(ng).section(little, 0).iface(LinkEthernet, 0).packet(0, 1, one) }
	tail := func(b []byte, at int, v byte) []byte { b[len(b)+at] = v; return b }
	const rest = "; everything before it is in the report"
	tests := []struct {
		name    string
		file    []byte
		packets int
		err     string
	}{
		{"empty", nil, 0, "empty"},
		{"two bytes", []byte{0xd4, 0xc3}, 0, "not a capture file (starts with d4c3)"},
		{"a program", []byte("\x7fELF and more of that"), 0, "not a capture file (starts with 7f454c46)"},
		{"snoop", []byte("snoop\x00\x00\x00\x00\x00\x00\x02"), 0, "not a capture file that can be read: this is snoop"},
		{"cut header", whole[:10], 0, "cut off in the file header (10 bytes of 24)"},
		{"cut record", whole[:len(whole)-10], 2, "cut off at byte 125 in packet 3 (18 bytes of 28)" + rest},
		{"cut record header", whole[:third+4], 2, "cut off at byte 95 in packet 3 (4 bytes of 16)" + rest},
		{"captured length", patch(third+8, 0, 0, 0, 0x80), 2, "record length of 2,147,483,648 bytes at byte 91 in packet 3" + rest},
		{"short block", tail(start().block(6, uint32(0)).b, -12, 8), 1, "block length of 8 bytes at byte 100 in packet 2" + rest},
		{"short unknown block", tail(start().block(99, uint32(0)).b, -12, 8), 1, "block length of 8 bytes at byte 100 in a block that is not a packet before packet 2" + rest},
		{"lengths differ", tail(start().packet(0, 1, one).b, -4, 99), 1, "block lengths differ (48 before it, 99 behind) at byte 100 in packet 2" + rest},
		{"lengths differ in an unknown block", tail(start().block(99).b, -4, 99), 1, "block lengths differ (12 before it, 99 behind) at byte 100 in a block that is not a packet before packet 2" + rest},
		{"huge block", tail(start().block(6).b, -5, 0x7f), 1, "block length of 2,130,706,444 bytes at byte 100 in packet 2" + rest},
		{"huge unknown block", tail(start().block(99).b, -5, 0x7f), 1, "cut off at byte 112 in a block that is not a packet before packet 2 (12 bytes of 2,130,706,444)" + rest},
		{"captured length past the block", tail(start().packet(0, 1, one).b, -27, 1), 1, "packet of 270 bytes in a block of 48 at byte 100 in packet 2" + rest},
		{"unknown interface", start().packet(1, 1, one).b, 1, "interface 1, which was not described, at byte 100 in packet 2" + rest},
		{"simple packet without interface", new(ng).section(little, 0).block(3, uint32(0)).b, 0, "interface 0, which was not described, at byte 32 in packet 1"},
		{"version 2", tail(new(ng).section(little, 0).b, -20, 2), 0, "pcapng version 2, which is not known, in a section header"},
		{"no byte order", tail(new(ng).section(little, 0).b, -24, 0), 0, "no byte order in a section header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, in := readBytes(t, tt.file)
			if len(got) != tt.packets || in.Err == nil || in.Err.Error() != "-: "+tt.err {
				t.Errorf("%d packets, %v\nwant %d, -: %s", len(got), in.Err, tt.packets, tt.err)
			}
		})
	}
}

func TestDamageOfOneLeavesTheOthers(t *testing.T) {
	dir := t.TempDir()
	packets := sample(6, LinkEthernet)
	whole := classic.file(packets)
	got, in := read(t,
		store(t, dir, "a", whole[:len(whole)-1]),
		store(t, dir, "b", nil),
		store(t, dir, "c", []byte("no capture at all")),
		store(t, dir, "d", whole[:20]),
		store(t, dir, "e", whole))
	if len(got) != 11 {
		t.Errorf("%d packets, want 11", len(got))
	}
	for i, packets := range []int64{5, 0, 0, 0, 6} {
		if in[i].Packets != packets || (in[i].Err == nil) != (i == 4) {
			t.Errorf("%s: %d packets, %v; want %d", in[i].Name, in[i].Packets, in[i].Err, packets)
		}
	}
}

func TestReadError(t *testing.T) {
	whole := classic.file(sample(3, LinkEthernet))
	broken := errors.New("the cable was pulled")
	f, err := Open([]string{"-"}, &Config{Stdin: io.MultiReader(bytes.NewReader(whole), failing{broken})})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := drain(t, f); len(got) != 3 {
		t.Errorf("%d packets", len(got))
	}
	in := f.Inputs()[0]
	if !errors.Is(in.Err, broken) || !strings.Contains(in.Err.Error(), "cannot be read on (the cable was pulled) at byte") {
		t.Error(in.Err)
	}
}

// A failing reader gives only its error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestGroup(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -12345: "-12,345", -100: "-100"} {
		if got := group(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

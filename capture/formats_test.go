package capture

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	little = binary.LittleEndian
	big    = binary.BigEndian
)

func TestPcapForms(t *testing.T) {
	with := func(change func(*pcapForm)) pcapForm {
		f := classic
		change(&f)
		return f
	}
	tests := []struct {
		name   string
		form   pcapForm
		format string
	}{
		{"microseconds", classic, "pcap"},
		{"microseconds, big-endian", with(func(f *pcapForm) { f.order = big }), "pcap"},
		{"nanoseconds", with(func(f *pcapForm) { f.magic, f.unit = 0xa1b23c4d, 1 }), "nanosecond pcap"},
		{"nanoseconds, big-endian", with(func(f *pcapForm) { f.magic, f.unit, f.order = 0xa1b23c4d, 1, big }), "nanosecond pcap"},
		{"modified", with(func(f *pcapForm) { f.magic, f.extra = 0xa1b2cd34, 8 }), "modified pcap"},
		{"modified, big-endian", with(func(f *pcapForm) { f.magic, f.extra, f.order = 0xa1b2cd34, 8, big }), "modified pcap"},
		{"snapshot length 0", with(func(f *pcapForm) { f.snaplen = 0 }), "pcap"},
		{"snapshot length below the packets", with(func(f *pcapForm) { f.snaplen = 20 }), "pcap"},
		{"version 2.3", with(func(f *pcapForm) { f.version = [2]uint16{2, 3} }), "pcap"},
		{"version 2.3, big-endian", with(func(f *pcapForm) { f.version, f.order = [2]uint16{2, 3}, big }), "pcap"},
		{"version 9.9", with(func(f *pcapForm) { f.version = [2]uint16{9, 9} }), "pcap"},
		{"SLL2, which takes nine bits", with(func(f *pcapForm) { f.link = 276 }), "pcap"},
		{"frame check sequences said to follow", with(func(f *pcapForm) { f.link = 1 | 1<<26 | 2<<28 }), "pcap"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			packets := sample(20, LinkType(tt.form.link))
			got, in := readBytes(t, tt.form.file(packets))
			if diff := cmp.Diff(packets, got); diff != "" || in.Err != nil {
				t.Fatalf("%v\n%s", in.Err, diff)
			}
			if in.Format != tt.format {
				t.Errorf("format %q, want %q", in.Format, tt.format)
			}
			if in.First != packets[0].Time || in.Last != packets[19].Time {
				t.Errorf("from %d to %d, want %d to %d", in.First, in.Last, packets[0].Time, packets[19].Time)
			}
		})
	}
}

func TestCapturedMoreThanLength(t *testing.T) {
	packets := sample(3, LinkEthernet)
	packets[1].Length = 5
	file := classic.file(packets)
	packets[1].Length = len(packets[1].Data)
	got, in := readBytes(t, file)
	if diff := cmp.Diff(packets, got); diff != "" || in.Err != nil {
		t.Fatalf("%v\n%s", in.Err, diff)
	}
}

func TestOldVersionSwapsLengths(t *testing.T) {
	packets := []want{{1e9, LinkEthernet, "twelve bytes", 60}, {2e9, LinkEthernet, "whole", 5}}
	form := classic
	form.version = [2]uint16{2, 2}
	file := form.file(packets)
	copy(file[24+8:], []byte{60, 0, 0, 0, 12, 0, 0, 0})
	got, in := readBytes(t, file)
	if diff := cmp.Diff(packets, got); diff != "" || in.Err != nil {
		t.Fatalf("%v\n%s", in.Err, diff)
	}
}

func TestPcapng(t *testing.T) {
	one := want{0, LinkEthernet, "a packet of 23 bytes...", 1500}
	at := func(time Time, link LinkType) want { w := one; w.Time, w.Link = time, link; return w }
	start := func() *ng { return new(ng).section(little, 0).iface(LinkEthernet, 0) }
	resolution := func(v byte, more ...any) *ng {
		options := append([]any{uint16(9), uint16(1), string([]byte{v})}, more...)
		return new(ng).section(little, 0).iface(LinkEthernet, 65535, append(options, uint32(0))...)
	}
	tests := []struct {
		name string
		file *ng
		want []want
	}{
		{"microseconds", start().packet(0, 1_000_001, one), []want{at(1_000_001_000, 1)}},
		{"no packet", start(), nil},
		{"10⁻⁹", resolution(9).packet(0, 1_234_567_891, one), []want{at(1_234_567_891, 1)}},
		{"10⁻¹²", resolution(12).packet(0, 1_234_567_891_999, one), []want{at(1_234_567_891, 1)}},
		{"10⁰", resolution(0).packet(0, 1_700_000_000, one), []want{at(1_700_000_000e9, 1)}},
		{"10⁻¹²⁷", resolution(127).packet(0, 1<<63, one), []want{at(0, 1)}},
		{"2⁻¹⁰", resolution(0x8a).packet(0, 1024+512, one), []want{at(1_500_000_000, 1)}},
		{"2⁻³²", resolution(0xa0).packet(0, 3<<32|1<<31, one), []want{at(3_500_000_000, 1)}},
		{"2⁻⁶⁴", resolution(0xc0).packet(0, 1<<63, one), []want{at(500_000_000, 1)}},
		{"2⁻¹²⁷", resolution(0xff).packet(0, 1<<63, one), []want{at(0, 1)}},
		{"a time past all", resolution(0).packet(0, 1<<63, one), []want{at(1<<63-1, 1)}},
		{"an offset", resolution(6, uint16(14), uint16(8), uint64(1_700_000_000)).packet(0, 5, one), []want{at(1_700_000_000_000_005_000, 1)}},
		{"an offset back", resolution(6, uint16(14), uint16(8), ^uint64(0)).packet(0, 5, one), []want{at(-999_995_000, 1)}},
		{"an offset past all", resolution(6, uint16(14), uint16(8), uint64(1)<<62).packet(0, 1<<60, one), []want{at(1<<63-1, 1)}},
		{"options behind the packet", start().packet(0, 7, one, uint16(1), uint16(5), "hello", uint32(0)), []want{at(7000, 1)}},
		{"a damaged option", start().packet(0, 7, one, uint16(1), uint16(0xffff)).packet(0, 8, one), []want{at(7000, 1), at(8000, 1)}},
		{"a late interface", start().packet(0, 1, one).iface(LinkLinuxSLL2, 0).packet(1, 2, one).packet(0, 3, one),
			[]want{at(1000, 1), at(2000, 276), at(3000, 1)}},
		{"statistics, names, custom and unknown blocks",
			start().block(4, uint32(0)).block(0xbad, uint32(32473), "x").block(0x40000bad, uint32(32473)).block(0x77, "?").block(8).
				packet(0, 1, one).block(5, uint32(0), uint64(0)),
			[]want{at(1000, 1)}},
		{"an obsolete packet", start().block(2, uint16(0), uint16(3), uint32(0), uint32(9), uint32(len(one.Data)), uint32(1500), one.Data), []want{at(9000, 1)}},
		{"a simple packet", start().block(3, uint32(len(one.Data)), one.Data), []want{{NoTime, 1, one.Data, len(one.Data)}}},
		{"a simple packet that was cut", new(ng).section(little, 0).iface(1, 8).block(3, uint32(1500), one.Data[:8]), []want{{NoTime, 1, one.Data[:8], 1500}}},
		{"minor version 2", new(ng).section(little, 2).iface(1, 0).packet(0, 1, one), []want{at(1000, 1)}},
		{"link type 228", new(ng).section(little, 0).iface(228, 0).packet(0, 1, one), []want{at(1000, 228)}},
		{"big-endian", new(ng).section(big, 0).iface(276, 0, uint16(9), uint16(1), "\x09", uint32(0)).packet(0, 5<<32, one), []want{at(5<<32, 276)}},
		{"a section of the other byte order, with interfaces of its own",
			start().packet(0, 1, one).section(big, 0).iface(228, 0).packet(0, 2, one).section(little, 0).iface(1, 0).packet(0, 3, one),
			[]want{at(1000, 1), at(2000, 228), at(3000, 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, in := readBytes(t, tt.file.b)
			if diff := cmp.Diff(tt.want, got); diff != "" || in.Err != nil {
				t.Errorf("%v\n%s", in.Err, diff)
			}
			if in.Format != "pcapng" {
				t.Errorf("format %q", in.Format)
			}
		})
	}
}

func TestDrops(t *testing.T) {
	drops := func(g *ng, id uint32, interfaces, system uint64) *ng {
		return g.block(5, id, uint64(0), uint16(4), uint16(8), uint64(1000),
			uint16(5), uint16(8), interfaces, uint16(7), uint16(8), system, uint32(0))
	}
	g := new(ng).section(little, 0).iface(1, 0).iface(1, 0)
	drops(drops(drops(g, 0, 3, 1), 1, 10, 0), 0, 5, 2)
	drops(g.section(big, 0).iface(1, 0), 0, 100, 0)
	drops(g, 77, 1, 1) // of an interface that was not described
	if _, in := readBytes(t, g.b); in.Drops != 5+2+10+100 || in.Err != nil {
		t.Errorf("%d drops, %v; want 117", in.Drops, in.Err)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	const nss = 0x544c534b
	make := func(name, first, second string, from uint64) string {
		g := new(ng).section(little, 0).iface(1, 0).block(10, uint32(nss), uint32(len(first)), first)
		g.packet(0, from, want{Data: "x", Length: 1})
		g.block(10, uint32(nss), uint32(len(second)), second)
		g.packet(0, from+2, want{Data: "y", Length: 1})
		return store(t, dir, name, g.b)
	}
	f, err := Open([]string{make("a", "key 1", "key 22", 1), make("b", "key 3", "key 4", 2)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var p Packet
	if err := f.Read(&p); err != nil || len(f.Secrets()) != 2 {
		t.Fatalf("%v; %d secrets stand before the first packets, want 2", err, len(f.Secrets()))
	}
	for f.Read(&p) == nil {
	}
	wanted := []Secret{{nss, []byte("key 1")}, {nss, []byte("key 3")}, {nss, []byte("key 22")}, {nss, []byte("key 4")}}
	if diff := cmp.Diff(wanted, f.Secrets()); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreBounded(t *testing.T) {
	g := new(ng).section(little, 0)
	chunk := strings.Repeat("k", 1<<20)
	for range 20 {
		g.block(10, uint32(1), uint32(len(chunk)), chunk)
	}
	f, err := Open([]string{store(t, t.TempDir(), "a", g.b)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	drain(t, f)
	if n, lost := len(f.Secrets()), f.Inputs()[0].SecretsLost; n != 16 || lost != 4<<20 {
		t.Errorf("%d kept, %d bytes lost", n, lost)
	}
}

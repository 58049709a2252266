package reassembly

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wssniff/wssniff/capture"
)

// tcp gives a TCP header with options, and payload behind it.
func tcp(options, payload string) string {
	b := binary.BigEndian.AppendUint16(nil, 40000)
	b = binary.BigEndian.AppendUint16(b, 8080)
	b = binary.BigEndian.AppendUint32(b, 0xfffffff0)
	b = binary.BigEndian.AppendUint32(b, 7)
	b = append(b, byte(5+len(options)/4)<<4, byte(FlagPSH|FlagACK), 0x12, 0x34, 0, 0, 0, 0)
	return string(b) + options + payload
}

// ip4 gives a datagram of RFC 791; fragment is the field with the flags.
func ip4(proto byte, fragment uint16, options, payload string) string {
	b := []byte{0x40 | byte(5+len(options)/4), 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(options)+len(payload)))
	b = append(b, 0, 1)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, 64, proto, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2)
	return string(b) + options + payload
}

// ip6 gives a datagram of RFC 8200.
func ip6(next byte, payload string) string {
	b := []byte{0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, next, 64)
	for _, a := range []string{"2001:db8::1", "2001:db8::2"} {
		addr := netip.MustParseAddr(a).As16()
		b = append(b, addr[:]...)
	}
	return string(b) + payload
}

// set changes the bytes of s at a place.
func set(s string, at int, b string) string { return s[:at] + b + s[at+len(b):] }

// A facts is what of a segment is compared.
type facts struct {
	Src, Dst string
	Options  string
	Payload  string
	Missing  int
}

func factsOf(s *Segment) *facts {
	if s == nil {
		return nil
	}
	return &facts{s.Src.String(), s.Dst.String(), string(s.Options), string(s.Payload), s.Missing}
}

func TestSegment(t *testing.T) {
	v4 := func(options, payload string, missing int) *facts {
		return &facts{"192.0.2.1:40000", "192.0.2.2:8080", options, payload, missing}
	}
	v6 := func(payload string, missing int) *facts {
		return &facts{"[2001:db8::1]:40000", "[2001:db8::2]:8080", "", payload, missing}
	}
	const noops = "\x01\x01\x01\x01"
	hello := ip4(6, 0, "", tcp("", "hello"))
	ext := func(next byte, length int) string {
		return string([]byte{next, byte(length/8 - 1)}) + strings.Repeat("\x00", length-2)
	}
	frag := func(offset string) string { return "\x06\x00" + offset + "\x00\x00\x00\x01" }
	big := strings.Repeat("b", 70_000)
	tests := []struct {
		name string
		data string
		wire int // bytes on the wire, where they are more than data
		want *facts
		stat Stats
	}{
		{"IPv4", hello, 0, v4("", "hello", 0), Stats{Segments: 1}},
		{"IPv4, do not fragment", ip4(6, 0x4000, "", tcp("", "hello")), 0, v4("", "hello", 0), Stats{Segments: 1}},
		{"the evil bit", ip4(6, 0x8000, "", tcp("", "hello")), 0, v4("", "hello", 0), Stats{Segments: 1}},
		{"IPv4 options", ip4(6, 0, noops, tcp("", "hello")), 0, v4("", "hello", 0), Stats{Segments: 1}},
		{"TCP options", ip4(6, 0, noops, tcp(noops, "hello")), 0, v4(noops, "hello", 0), Stats{Segments: 1}},
		{"no payload", ip4(6, 0, "", tcp("", "")), 0, v4("", "", 0), Stats{Segments: 1}},
		{"padding", ip4(6, 0, "", tcp("", "")) + "\x00\x00\x00\x00\x00\x00", 0, v4("", "", 0), Stats{Segments: 1}},
		{"padding that was cut", hello + "\x00", 60, v4("", "hello", 0), Stats{Segments: 1}},
		{"total length 0", set(hello, 2, "\x00\x00"), 0, v4("", "hello", 0), Stats{Segments: 1}},
		{"total length 0, cut", set(ip4(6, 0, "", tcp("", big[:9])), 2, "\x00\x00"), 80_000, v4("", big[:9], 80_000-49), Stats{Segments: 1}},
		{"cut payload", hello[:43], len(hello), v4("", "hel", 2), Stats{Segments: 1}},
		{"cut payload that the capture does not tell", hello[:43], 0, v4("", "hel", 2), Stats{Segments: 1}},
		{"cut TCP options", ip4(6, 0, "", tcp(noops, "hello"))[:42], 100, v4(noops[:2], "", 5), Stats{Segments: 1}},
		{"cut before TCP options", ip4(6, 0, "", tcp(noops, "hello"))[:40], 100, v4("", "", 5), Stats{Segments: 1}},
		{"cut TCP header", hello[:39], 100, nil, Stats{Cut: 1}},
		{"cut IPv4 header", hello[:19], 100, nil, Stats{Cut: 1}},
		{"cut IPv4 options", ip4(6, 0, noops, tcp("", ""))[:22], 100, nil, Stats{Cut: 1}},
		{"a short packet", hello[:19], 0, nil, Stats{Malformed: 1}},
		{"header length 4", set(hello, 0, "\x44"), 0, nil, Stats{Malformed: 1}},
		{"total length below the header", set(hello, 2, "\x00\x13"), 0, nil, Stats{Malformed: 1}},
		{"total length within the TCP header", set(hello, 2, "\x00\x27"), 0, nil, Stats{Malformed: 1}},
		{"data offset 4", set(hello, 32, "\x40"), 0, nil, Stats{Malformed: 1}},
		{"data offset behind the end", set(hello, 32, "\xf0"), 0, nil, Stats{Malformed: 1}},
		{"UDP", ip4(17, 0, "", "\x00\x35\x00\x35\x00\x08\x00\x00"), 0, nil, Stats{NotTCP: 1, Protocols: [256]int64{17: 1}}},
		{"first fragment", ip4(6, 0x2000, "", tcp("", "hello world!")), 0, nil, Stats{Fragments: 1, Datagrams: Datagrams{Waiting: 1}}},
		{"first fragment of a length that none can have", ip4(6, 0x2000, "", tcp("", "hello")), 0, nil, Stats{Malformed: 1}},
		{"last fragment", ip4(6, 0x0003, "", tcp("", "hello")), 0, nil, Stats{Fragments: 1, Datagrams: Datagrams{Waiting: 1}}},
		{"fragment behind the longest datagram", ip4(6, 0x1fff, "", tcp("", "hello")), 0, nil, Stats{Malformed: 1}},
		{"fragment of nothing", ip4(6, 0x0003, "", ""), 0, nil, Stats{Malformed: 1}},
		{"AH", ip4(51, 0, "", "\x06\x04"+strings.Repeat("\x00", 22)+tcp("", "hello")), 0, v4("", "hello", 0), Stats{Segments: 1}},

		{"IPv6", ip6(6, tcp("", "hello")), 0, v6("hello", 0), Stats{Segments: 1}},
		{"IPv6, padding", ip6(6, tcp("", "hello")) + "\x00\x00", 0, v6("hello", 0), Stats{Segments: 1}},
		{"all extension headers", ip6(0, ext(60, 8)+ext(43, 16)+ext(44, 24)+"\x3c"+frag("\x00\x00")[1:]+ext(135, 8)+ext(139, 8)+ext(140, 40)+ext(6, 8)+tcp("", "hello")), 0, v6("hello", 0), Stats{Segments: 1}},
		{"atomic fragment", ip6(44, frag("\x00\x06")+tcp("", "hello")), 0, v6("hello", 0), Stats{Segments: 1}},
		{"first fragment, IPv6", ip6(44, frag("\x00\x01")+tcp("", "hello world!")), 0, nil, Stats{Fragments: 1, Datagrams: Datagrams{Waiting: 1}}},
		{"later fragment, IPv6", ip6(44, frag("\x00\x08")+tcp("", "hello")), 0, nil, Stats{Fragments: 1, Datagrams: Datagrams{Waiting: 1}}},
		{"payload length 0", set(ip6(6, tcp("", "hello")), 4, "\x00\x00"), 0, v6("hello", 0), Stats{Segments: 1}},
		{"jumbogram, cut", set(ip6(0, "\x06\x00\xc2\x04\x00\x01\x11\x8c"+tcp("", "hello")), 4, "\x00\x00"), 70_068, v6("hello", 70_000-5), Stats{Segments: 1}},
		{"cut payload, IPv6", ip6(6, tcp("", "hello"))[:62], 65, v6("he", 3), Stats{Segments: 1}},
		{"cut IPv6 header", ip6(6, tcp("", "hello"))[:39], 65, nil, Stats{Cut: 1}},
		{"cut extension header", ip6(0, ext(6, 24)+tcp("", "hello"))[:50], 89, nil, Stats{Cut: 1}},
		{"extension header past the end", ip6(0, "\x06\xff"+strings.Repeat("\x00", 30)), 0, nil, Stats{Malformed: 1}},
		{"extension header without a byte", ip6(0, ""), 0, nil, Stats{Malformed: 1}},
		{"no next header", ip6(59, ""), 0, nil, Stats{NotTCP: 1, Protocols: [256]int64{59: 1}}},
		{"IPv4-mapped addresses stay IPv6", set(ip6(6, tcp("", "")), 8, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x01\x02\x03\x04"), 0,
			&facts{Src: "[::ffff:1.2.3.4]:40000", Dst: "[2001:db8::2]:8080"}, Stats{Segments: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, link := range []struct {
				kind capture.LinkType
				head string
			}{{capture.LinkRaw, ""}, {capture.LinkEthernet, "abcdefabcdef\x08\x00"}, {capture.LinkEthernet, "abcdefabcdef\x81\x00\x00\x07\x86\xdd"}} {
				data := []byte(link.head + tt.data)
				p := capture.Packet{Number: 9, Time: 10, LinkType: link.kind, Data: data, Length: max(len(data), tt.wire+len(link.head))}
				var ip IP
				seg := ip.Segment(&p)
				if diff := cmp.Diff(tt.want, factsOf(seg)); diff != "" {
					t.Errorf("%v: %s", link.kind, diff)
				}
				if diff := cmp.Diff(tt.stat, ip.Stats); diff != "" {
					t.Errorf("%v: %s", link.kind, diff)
				}
				if seg == nil {
					continue
				}
				if seg.Seq != 0xfffffff0 || seg.Ack != 7 || seg.Flags != FlagPSH|FlagACK || seg.Window != 0x1234 || seg.Packet != 9 || seg.Time != 10 {
					t.Errorf("%v: %+v", link.kind, seg)
				}
			}
		})
	}
}

func TestNoDatagram(t *testing.T) {
	var ip IP
	for _, p := range []capture.Packet{
		{LinkType: capture.LinkEthernet, Data: []byte("abcdefabcdef\x08\x06....")},
		{LinkType: capture.LinkEthernet, Data: []byte("abcdef")},
		{LinkType: capture.LinkEthernet, Data: []byte("abcdefabcdef\x08\x00")},
		{LinkType: capture.LinkEthernet, Data: []byte("abcdefabcdef\x08\x00\x55")},
		{LinkType: 187}, {LinkType: 187}, {LinkType: 9999},
	} {
		p.Length = len(p.Data)
		if seg := ip.Segment(&p); seg != nil {
			t.Errorf("%+v", seg)
		}
	}
	want := Stats{NotIP: 1, Cut: 2, Malformed: 1, UnknownLinkType: 3, LinkTypes: map[capture.LinkType]int64{187: 2, 9999: 1}}
	if diff := cmp.Diff(want, ip.Stats); diff != "" {
		t.Error(diff)
	}
}

// TestEveryPacketIsCountedOnce cuts packets at each byte.
func TestEveryPacketIsCountedOnce(t *testing.T) {
	var ip IP
	var n int64
	for _, data := range []string{
		ip4(6, 0, "\x01\x01\x01\x01", tcp("\x01\x01\x01\x00", "hello")),
		ip6(0, "\x2c\x00\x01\x04\x00\x00\x00\x00"+"\x06\x00\x00\x00\x00\x00\x00\x00"+tcp("", "hello")),
	} {
		for cut := range len(data) + 1 {
			for _, wire := range []int{cut, len(data)} {
				n++
				seg := ip.Segment(&capture.Packet{LinkType: capture.LinkRaw, Data: []byte(data[:cut]), Length: wire})
				if seg != nil && seg.Length() != 5 {
					t.Errorf("cut at %d: payload of %d", cut, seg.Length())
				}
			}
		}
	}
	if got := total(&ip.Stats); got != n {
		t.Errorf("%d counted of %d", got, n)
	}
}

// total adds up all reasons.
func total(s *Stats) int64 {
	return s.Segments + s.NotIP + s.NotTCP + s.Fragments + s.Joined + s.Cut + s.Malformed +
		s.Encrypted + s.TooDeep + s.BadChecksum + s.UnknownLinkType
}

func TestSegmentAllocs(t *testing.T) {
	var ip IP
	packets := []capture.Packet{
		{LinkType: capture.LinkEthernet, Data: []byte("abcdefabcdef\x08\x00" + ip4(6, 0, "", tcp("", "hello")))},
		{LinkType: capture.LinkRaw, Data: []byte(ip6(0, "\x06\x00......"+tcp("", "hello")))},
		{LinkType: capture.LinkRaw, Data: []byte(ip4(17, 0, "", "12345678"))},
		{LinkType: 187},
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range packets {
			ip.Segment(&packets[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSegment gives arbitrary bytes as a packet.
func FuzzSegment(f *testing.F) {
	for _, data := range []string{
		ip4(6, 0, "\x01\x01\x01\x01", tcp("\x02\x04\x05\xb4", "hello")),
		ip6(0, "\x2c\x00\x01\x04\x00\x00\x00\x00"+"\x06\x00\x00\x00\x00\x00\x00\x00"+tcp("", "hello")),
	} {
		f.Add(uint16(capture.LinkRaw), []byte(data), uint16(0))
		f.Add(uint16(capture.LinkEthernet), []byte("abcdefabcdef\x81\x00\x00\x07\x08\x00"+data), uint16(100))
		f.Add(uint16(capture.LinkLinuxSLL2), []byte("\x08\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x06abcdef\x00\x00"+data), uint16(1))
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte, cut uint16) {
		var ip IP
		p := capture.Packet{LinkType: capture.LinkType(link), Data: data, Length: len(data) + int(cut)}
		seg := ip.Segment(&p)
		if total(&ip.Stats) != 1 || (seg != nil) != (ip.Stats.Segments == 1) {
			t.Fatalf("%+v", ip.Stats)
		}
		if seg == nil {
			return
		}
		if seg.Missing < 0 || len(seg.Payload)+len(seg.Options)+20 > len(data) || len(seg.Options) > 40 || !seg.Src.IsValid() || !seg.Dst.IsValid() {
			t.Fatalf("%+v of %d bytes", seg, len(data))
		}
		for kind := range 256 {
			if v, ok := seg.Option(byte(kind)); ok && len(v) > len(seg.Options)-2 {
				t.Fatalf("option %d: %x of %x", kind, v, seg.Options)
			}
		}
	})
}

func BenchmarkSegment(b *testing.B) {
	for name, data := range map[string]string{
		"IPv4": "abcdefabcdef\x08\x00" + ip4(6, 0, "", tcp("\x01\x01\x01\x01", strings.Repeat("p", 100))),
		"IPv6": "abcdefabcdef\x86\xdd" + ip6(6, tcp("\x01\x01\x01\x01", strings.Repeat("p", 100))),
	} {
		b.Run(name, func(b *testing.B) {
			var ip IP
			p := capture.Packet{LinkType: capture.LinkEthernet, Data: []byte(data), Length: len(data)}
			for b.Loop() {
				if ip.Segment(&p) == nil {
					b.Fatal(ip.Stats)
				}
			}
		})
	}
}

// BenchmarkReadSegment reads a file and decodes its packets.
func BenchmarkReadSegment(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriter(file)
	w := capture.NewWriter(buffered)
	for i := range 500_000 {
		data := "abcdefabcdef\x08\x00" + ip4(6, 0, "", tcp("\x01\x01\x01\x01", strings.Repeat("p", i*31%150)))
		if err := w.Write(&capture.Packet{Time: capture.Time(i), LinkType: capture.LinkEthernet, Data: []byte(data), Length: len(data)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(buffered.Flush(), file.Close()); err != nil {
		b.Fatal(err)
	}
	var ip IP
	b.ReportAllocs()
	for b.Loop() {
		f, err := capture.Open([]string{path}, nil)
		if err != nil {
			b.Fatal(err)
		}
		for p := range capture.Packets(f) {
			ip.Segment(p)
		}
		f.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(ip.Stats.Segments), "ns/packet")
}

// TestPaddingInside holds that a router's mistake is no data: the padding of
// Ethernet, which it counts in the IP header, but not in that of PPPoE.
func TestPaddingInside(t *testing.T) {
	const padding = "\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct{ name, datagram, ppp string }{
		{"IPv4", ip4(6, 0, "", tcp("", "hello"+padding)), "\x00\x21"},
		{"IPv6", ip6(6, tcp("", "hello"+padding)), "\x00\x57"},
	} {
		for _, counted := range []bool{false, true} {
			inside, want := len(tt.datagram)+2, "hello"+padding
			if !counted {
				inside, want = inside-len(padding), "hello"
			}
			data := "abcdefabcdef\x88\x64\x11\x00\x00\x07" + string(binary.BigEndian.AppendUint16(nil, uint16(inside))) + tt.ppp + tt.datagram
			var ip IP
			seg := ip.Segment(&capture.Packet{LinkType: capture.LinkEthernet, Data: []byte(data), Length: len(data)})
			if seg == nil || string(seg.Payload) != want || seg.Missing != 0 {
				t.Errorf("%s, counted %t: %v, want %q", tt.name, counted, factsOf(seg), want)
			}
		}
	}
}

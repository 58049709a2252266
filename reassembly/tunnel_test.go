package reassembly

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// udp gives a datagram of RFC 768.
func udp(port uint16, payload string) string {
	b := binary.BigEndian.AppendUint16(nil, 50_000)
	b = binary.BigEndian.AppendUint16(b, port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return string(append(b, 0, 0)) + payload
}

const ethernet = "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00" // IPv4 follows

// mplsInGRE gives a GRE header with a key, and two labels behind it.
func mplsInGRE(key byte) string {
	return "\x20\x00\x88\x47\x00\x00\x00" + string([]byte{key}) + "\x00\x01\x00\x40" + "\x00\x02\x01\x40"
}

// tunnels put an IPv4 datagram into another; id is what tells two of a kind apart.
var tunnels = []struct {
	name string
	wrap func(id byte, inner string) string
}{
	{"IP in IP", func(id byte, inner string) string { return set(ip4(4, 0, "", inner), 15, string([]byte{id})) }},
	{"GRE", func(id byte, inner string) string {
		return ip4(47, 0, "", "\x20\x00\x08\x00\x00\x00\x00"+string([]byte{id})+inner)
	}},
	{"GRE, all options", func(id byte, inner string) string {
		return ip4(47, 0, "", "\xb0\x00\x08\x00"+"\xaa\xbb\x00\x00"+"\x00\x00\x01"+string([]byte{id})+"\x00\x00\x00\x09"+inner)
	}},
	{"Ethernet in GRE", func(id byte, inner string) string {
		return ip4(47, 0, "", "\x20\x00\x65\x58\x00\x00\x02"+string([]byte{id})+ethernet+inner)
	}},
	{"ERSPAN II", func(id byte, inner string) string {
		return ip4(47, 0, "", "\x10\x00\x88\xbe\x00\x00\x00\x01"+"\x10\x07\x00"+string([]byte{id})+"\x00\x00\x00\x00"+ethernet+inner)
	}},
	{"ERSPAN III", func(id byte, inner string) string {
		return ip4(47, 0, "", "\x10\x00\x22\xeb\x00\x00\x00\x01"+"\x20\x07\x00"+string([]byte{id})+strings.Repeat("\x00", 8)+ethernet+inner)
	}},
	{"MPLS in GRE", func(id byte, inner string) string {
		return ip4(47, 0, "", mplsInGRE(id)+inner)
	}},
	{"a pseudowire with a control word", func(id byte, inner string) string {
		return ip4(47, 0, "", mplsInGRE(id)+"\x00\x00\x00\x00"+ethernet+inner)
	}},
	{"a pseudowire without, to an address that begins like IPv4", func(id byte, inner string) string {
		return ip4(47, 0, "", mplsInGRE(id)+"\x4a"+ethernet[1:]+inner)
	}},
	{"a pseudowire without, to an address that begins like IPv6", func(id byte, inner string) string {
		return ip4(47, 0, "", mplsInGRE(id)+"\x62"+ethernet[1:]+inner)
	}},
	{"VXLAN", func(id byte, inner string) string {
		return ip4(17, 0, "", udp(4789, "\x08\x00\x00\x00\x00\x00"+string([]byte{id})+"\x00"+ethernet+inner))
	}},
	{"GENEVE with options", func(id byte, inner string) string {
		return ip4(17, 0, "", udp(6081, "\x02\x00\x65\x58\x00\x00"+string([]byte{id})+"\x00"+"\x01\x02\x80\x01\xde\xad\xbe\xef"+ethernet+inner))
	}},
	{"GTP-U", func(id byte, inner string) string {
		return ip4(17, 0, "", udp(2152, "\x30\xff"+string(binary.BigEndian.AppendUint16(nil, uint16(len(inner))))+"\x00\x00\x00"+string([]byte{id})+inner))
	}},
	{"GTP-U with an extension", func(id byte, inner string) string {
		const more = "\x00\x01\x00\x85" + "\x01\x10\x09\x00"
		return ip4(17, 0, "", udp(2152, "\x34\xff"+string(binary.BigEndian.AppendUint16(nil, uint16(len(more)+len(inner))))+"\x00\x00\x00"+string([]byte{id})+more+inner))
	}},
}

func segmentIn(ip *IP, data string, wire int) *Segment {
	return ip.Segment(&capture.Packet{LinkType: capture.LinkRaw, Data: []byte(data), Length: wire})
}

// TestTunnels holds that the innermost segment is found in each tunnel and in
// each inside each other one, and that two tunnels of a kind are told apart.
func TestTunnels(t *testing.T) {
	inner := ip4(6, 0, "", tcp("", "hello"))
	for _, outer := range tunnels {
		paths := map[uint64]bool{}
		for id := byte(1); id <= 2; id++ {
			var ip IP
			data := outer.wrap(id, inner)
			seg := segmentIn(&ip, data, len(data))
			if seg == nil || seg.Dst.Port() != 8080 || string(seg.Payload) != "hello" || seg.Missing != 0 {
				t.Errorf("%s: %v", outer.name, factsOf(seg))
				continue
			}
			paths[seg.Path] = true
		}
		want := 2
		if strings.HasPrefix(outer.name, "GTP") {
			want = 1 // each direction of a session has an ID of its own: it cannot tell connections apart
		}
		if len(paths) != want || paths[0] {
			t.Errorf("%s: %d paths of two tunnels", outer.name, len(paths))
		}
		for _, middle := range tunnels {
			var ip IP
			data := outer.wrap(1, middle.wrap(1, inner))
			if seg := segmentIn(&ip, data, len(data)); seg == nil || string(seg.Payload) != "hello" {
				t.Errorf("%s in %s: %v", middle.name, outer.name, factsOf(seg))
			}
		}
	}
}

// TestCutTunnels cuts each packet at every byte. What is found is the
// beginning of what was sent, with the rest counted, or nothing.
func TestCutTunnels(t *testing.T) {
	inner := ip4(6, 0, "", tcp("", "hello"))
	for _, outer := range tunnels {
		data := outer.wrap(1, inner)
		for cut := range len(data) {
			var ip IP
			seg := segmentIn(&ip, data[:cut], len(data))
			switch {
			case seg == nil && cut >= len(data)-len("hello"):
				t.Errorf("%s cut at %d of %d: nothing, %+v", outer.name, cut, len(data), ip.Stats)
			case seg != nil && (seg.Src.Port() != 40000 || seg.Dst.Port() != 8080 || !strings.HasPrefix("hello", string(seg.Payload)) || seg.Length() != 5):
				t.Errorf("%s cut at %d of %d: %v", outer.name, cut, len(data), factsOf(seg))
			}
		}
	}
}

// TestTooDeep holds that nesting has a limit, which is counted.
func TestTooDeep(t *testing.T) {
	data := ip4(6, 0, "", tcp("", "hello"))
	for range 100 {
		data = ip4(4, 0, "", data)
	}
	var ip IP
	if seg := segmentIn(&ip, data, len(data)); seg != nil || ip.Stats.TooDeep != 1 {
		t.Errorf("%v, %+v", factsOf(seg), ip.Stats)
	}
}

// TestTunnelAllocs holds that looking into a tunnel costs no allocation.
func TestTunnelAllocs(t *testing.T) {
	inner := ip4(6, 0, "", tcp("", "hello"))
	for _, outer := range tunnels {
		var ip IP
		data := []byte(outer.wrap(1, inner))
		p := capture.Packet{LinkType: capture.LinkRaw, Data: data, Length: len(data)}
		ip.Segment(&p)
		if n := testing.AllocsPerRun(100, func() { ip.Segment(&p) }); n != 0 {
			t.Errorf("%s: %v allocations", outer.name, n)
		}
	}
}

package reassembly

import (
	"net/netip"
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// TestQuote holds that what an ICMP error quotes is read, and that what only
// looks like one gives nothing.
func TestQuote(t *testing.T) {
	v4, v6 := ip4(6, 0x4000, "", tcp("", "")), ip6(6, tcp("", ""))
	const head = "\x00\x00\x00\x00" // checksum is 2 bytes before; then what is unused
	for _, test := range []struct {
		name, packet string
		kind         Unreached
		mtu          int
	}{
		{"prohibited", ip4(1, 0, "", "\x03\x0d\x00\x00"+head+v4[:28]), Prohibited, 0},
		{"a port", ip4(1, 0, "", "\x03\x03\x00\x00"+head+v4), NoPort, 0},
		{"too big", ip4(1, 0, "", "\x03\x04\x00\x00\x00\x00\x05\x14"+v4), TooBig, 1300},
		{"options in the quoted header", ip4(1, 0, "", "\x03\x01\x00\x00"+head+ip4(6, 0, "\x01\x01\x01\x00", tcp("", ""))[:32]), NoHost, 0},
		{"IPv6, no way", ip6(58, "\x01\x00\x00\x00"+head+v6), NoNetwork, 0},
		{"IPv6, too big", ip6(58, "\x02\x00\x00\x00\x00\x00\x05\x00"+v6), TooBig, 1280},
		{"an echo", ip4(1, 0, "", "\x08\x00\x00\x00"+head+v4), 0, 0},
		{"a code that is not known", ip4(1, 0, "", "\x03\x63\x00\x00"+head+v4), 0, 0},
		{"UDP", ip4(1, 0, "", "\x03\x03\x00\x00"+head+ip4(17, 0, "", tcp("", ""))), 0, 0},
		{"a later fragment", ip4(1, 0, "", "\x03\x01\x00\x00"+head+ip4(6, 3, "", tcp("", ""))), 0, 0},
		{"cut", ip4(1, 0, "", "\x03\x01\x00\x00"+head+v4[:27]), 0, 0},
		{"nothing quoted", ip4(1, 0, "", "\x03\x01\x00\x00"), 0, 0},
	} {
		var ip IP
		p := &capture.Packet{Number: 7, LinkType: 101, Data: []byte(test.packet), Length: len(test.packet)}
		if ip.Segment(p) != nil {
			t.Errorf("%s: a segment", test.name)
		}
		q := ip.Quote(p)
		if test.kind == 0 {
			if q != nil {
				t.Errorf("%s: %+v", test.name, q)
			}
			continue
		}
		if q == nil || q.Kind != test.kind || q.MTU != test.mtu || q.Seq != 0xfffffff0 || q.Src.Port() != 40000 || q.Dst.Port() != 8080 || q.Packet != 7 {
			t.Errorf("%s: %+v", test.name, q)
			continue
		}
		if want := netip.MustParseAddr("192.0.2.1"); q.From.Is4() && (q.From != want || q.Src.Addr() != want) {
			t.Errorf("%s: from %v, about %v", test.name, q.From, q.Src)
		}
		if ip.Quote(&capture.Packet{Number: 8}) != nil {
			t.Errorf("%s: told again for the next packet", test.name)
		}
	}
}

package reassembly

import (
	"encoding/binary"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// The protocol numbers of ICMP.
const (
	protoICMP   = 1
	protoICMPv6 = 58
)

// A Quote is a TCP segment that an ICMP error says did not arrive: RFC 792,
// RFC 4443 §2.4. It is not the word of either end, and may be forged.
type Quote struct {
	From     netip.Addr     // who says so
	Src, Dst netip.AddrPort // of the segment
	Seq      SeqNum         // likewise
	Kind     Unreached
	MTU      int    // with TooBig: what fits, 0 if it does not tell
	Path     uint64 // of the packet: see Segment.Path

	Packet int64
	Time   capture.Time
}

// An Unreached is why a segment did not arrive, for IPv4 and IPv6 alike.
type Unreached uint8

// Why a segment did not arrive.
const (
	_            Unreached = iota
	NoNetwork              // no way to the network
	NoHost                 // the last router does not find the host
	NoProtocol             // the host knows no TCP
	NoPort                 // the host, or a firewall in its name, says that the port is closed
	Prohibited             // a router or firewall does not let it pass
	TooBig                 // it does not fit, and must not be cut: RFC 1191 §4
	OtherRefused           // another code
)

var unreachedNames = [...]string{"", "the network is unreachable", "the host is unreachable", "the protocol is unreachable", "the port is unreachable",
	"it is administratively prohibited", "the packet is too big", "the destination is unreachable"}

// String says it in words.
func (u Unreached) String() string { return unreachedNames[u] }

// unreached has the codes of ICMP type 3 (RFC 792, RFC 1122 §3.2.2.1, RFC 1812
// §5.2.7.1), unreached6 those of ICMPv6 type 1 (RFC 4443 §3.1).
var (
	unreached = [...]Unreached{NoNetwork, NoHost, NoProtocol, NoPort, TooBig, OtherRefused, NoNetwork, NoHost, OtherRefused,
		Prohibited, Prohibited, NoNetwork, NoHost, Prohibited, Prohibited, Prohibited}
	unreached6 = [...]Unreached{NoNetwork, Prohibited, OtherRefused, NoHost, NoPort, Prohibited, Prohibited, OtherRefused}
)

// Quote gives the TCP segment that the ICMP error in p quotes, nil where p is
// none. It is asked for the packet that Segment was given last and found no
// segment in, and lent until the next one.
func (ip *IP) Quote(p *capture.Packet) *Quote {
	if ip.quote.Packet != p.Number {
		return nil
	}
	return &ip.quote
}

// icmp looks for a quoted segment in a message of ICMP, from the address in
// the IP header before it.
func (ip *IP) icmp(proto uint8, b []byte) {
	if len(b) < 8 {
		return
	}
	q := Quote{From: ip.from, Path: ip.decap.Path(), Packet: ip.seg.Packet, Time: ip.seg.Time}
	kind, code := b[0], int(b[1])
	switch {
	case proto == protoICMP && kind == 3 && code < len(unreached):
		q.Kind = unreached[code]
		if q.Kind == TooBig {
			q.MTU = int(binary.BigEndian.Uint16(b[6:])) // RFC 1191 §4
		}
	case proto == protoICMPv6 && kind == 1 && code < len(unreached6):
		q.Kind = unreached6[code]
	case proto == protoICMPv6 && kind == 2:
		q.Kind, q.MTU = TooBig, int(min(binary.BigEndian.Uint32(b[4:]), 0xffff)) // RFC 4443 §3.2
	default:
		return
	}
	if q.segment(proto, b[8:]) {
		ip.quote = q
	}
}

// segment reads the beginning of the datagram that is quoted: as much of TCP
// as every error has (RFC 792).
func (q *Quote) segment(proto uint8, b []byte) bool {
	var src, dst netip.Addr
	switch {
	case proto == protoICMP && len(b) >= 20 && b[0]>>4 == 4 && b[9] == protoTCP && binary.BigEndian.Uint16(b[6:])&0x1fff == 0:
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		b = b[min(len(b), max(20, int(b[0]&15)*4)):]
	case proto == protoICMPv6 && len(b) >= 40 && b[0]>>4 == 6 && b[6] == protoTCP:
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		b = b[40:]
	default:
		return false
	}
	if len(b) < 8 {
		return false
	}
	q.Src, q.Dst = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	q.Seq = SeqNum(binary.BigEndian.Uint32(b[4:]))
	return true
}

// Quotes says whether a segment of direction d that began at seq was seen: a
// forged quote hardly knows a sequence number.
func (s *Stream) Quotes(d Dir, seq SeqNum) bool {
	h := &s.half[d]
	return h.state.has(started) && seq.Less(h.next) && h.next.Sub(seq) <= maxAhead
}

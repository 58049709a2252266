package reassembly

import (
	"encoding/binary"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// Flags are the control bits of a TCP header (RFC 9293 §3.1).
type Flags uint8

// The control bits.
const (
	FlagFIN Flags = 1 << iota
	FlagSYN
	FlagRST
	FlagPSH
	FlagACK
	FlagURG
	FlagECE
	FlagCWR
)

// Has says whether all bits of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// A Segment is one TCP segment (RFC 9293 §3.1). It and its Payload are lent:
// good until the next one.
type Segment struct {
	Src, Dst netip.AddrPort
	Seq, Ack SeqNum
	Flags    Flags
	Window   uint16 // as in the header, not scaled
	Options  []byte // the option bytes, lent; cut where the capture cut the header
	Payload  []byte // lent; cut where the capture cut the packet
	Missing  int    // payload bytes that followed on the wire and that the capture cut off

	TTL  uint8  // of the IP header; in IPv6 the hop limit
	ID   uint16 // IPv4 identification (RFC 791 §3.1); 0 in IPv6
	Path uint64 // 0, or what tells the VLANs and tunnels it came through from others

	Packet int64
	Time   capture.Time
	Input  uint8 // which of several captures it is from: the low bits of capture.Packet.Input
}

// Length is the segment's payload on the wire.
func (s *Segment) Length() int { return len(s.Payload) + s.Missing }

// Kinds of TCP option.
const (
	OptionMSS           = 2 // RFC 9293 §3.7.1: two bytes
	OptionWindowScale   = 3 // RFC 7323 §2: one byte
	OptionSACKPermitted = 4 // RFC 2018 §2: empty
	OptionSACK          = 5 // RFC 2018 §3: pairs of sequence numbers
	OptionTimestamps    = 8 // RFC 7323 §3: value and echo, four bytes each
)

// Option gives the value of the first option of that kind, lent. Options are
// read up to the first one whose length cannot be (RFC 9293 §3.1).
func (s *Segment) Option(kind byte) (value []byte, ok bool) {
	b := s.Options
	for len(b) > 0 && b[0] != 0 {
		if b[0] == 1 { // no operation: no length
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			break
		}
		if b[0] == kind {
			return b[2:b[1]], true
		}
		b = b[b[1]:]
	}
	return nil, false
}

// tcpHeader is the size of a TCP header without options.
const tcpHeader = 20

// decode reads b, which has at least tcpHeader bytes, of size on the wire.
// It leaves Src and Dst, whose other half is in the IP header. Where the
// capture cut the options, the segment is still good.
func (s *Segment) decode(b []byte, size int) bool {
	head := int(b[12]>>4) * 4
	if head < tcpHeader || head > size {
		return false
	}
	s.Seq = SeqNum(binary.BigEndian.Uint32(b[4:]))
	s.Ack = SeqNum(binary.BigEndian.Uint32(b[8:]))
	s.Flags = Flags(b[13])
	s.Window = binary.BigEndian.Uint16(b[14:])
	s.Missing = size - max(head, len(b))
	head = min(head, len(b))
	s.Options = b[tcpHeader:head]
	s.Payload = b[head:]
	return true
}

package capture

import (
	"encoding/binary"
	"net/netip"
)

// Content says what a [Decap] found.
type Content uint8

// What a packet may hold, or what a datagram may carry.
const (
	HasIP           Content = iota // an IPv4 or IPv6 datagram
	NotIP                          // some other protocol: ARP, LLDP, spanning tree…
	NotTunnel                      // the datagram is no tunnel
	CutHeader                      // it ends within a header
	UnknownLinkType                // nothing is known about how it begins
	Encrypted                      // 802.11 or MACsec keeps it from being read
	TooDeep                        // more than maxLayers stand before what is inside
)

// maxLayers is how many layers are taken off one packet, IP headers of
// tunnels among them. Real ones have up to eight.
const maxLayers = 16

// A Decap takes off what stands before IP: link layers, tags, shims and
// tunnels. Its zero value is ready. Datagram begins with a packet; where the
// datagram is found to carry no TCP, Tunnel goes on behind its IP header, and
// so on down.
//
// What is left after a step always reaches to the end of what the step was
// given, so that the bytes that stood before it can be counted; what is
// behind the datagram, such as padding, is cut off by the length that IP has.
type Decap struct {
	path   uint64
	tags   [maxTags]tag
	ends   [maxTags][2]netip.Addr // of a tag that is two addresses
	n      int                    // of tags
	layers int

	bounded  bool     // nothing stands behind the datagram
	next     LinkType // of nextLink
	src, dst netip.Addr
}

// Beside the EtherTypes, a step says with one of these values what follows.
// IEEE 802.3 gives 1501 to 1535 no meaning, and wireType lets none through.
const (
	maxLength    = 1500 // up to here it is the length of an LLC frame
	minEtherType = 1536

	nextNone      = maxLength + 1 + iota // nothing known
	nextCut                              // the header is not all there
	nextEncrypted                        // what follows cannot be read
	nextNotTunnel                        // it is not the header that it might have been
	nextLink                             // a packet of link type d.next
	nextIP                               // IP, whose version says which
	nextPseudo                           // a pseudowire's Ethernet frame, or IP
)

// The EtherTypes that more than one file names.
const (
	etherIPv4       = 0x0800
	etherARP        = 0x0806
	etherTEB        = 0x6558 // transparent Ethernet bridging, RFC 1701
	etherVLAN       = 0x8100 // IEEE 802.1Q
	etherIPv6       = 0x86dd
	etherPPP        = 0x880b
	etherMPLS       = 0x8847
	etherMPLSUp     = 0x8848 // with upstream-assigned labels, RFC 5332
	etherPPPoE      = 0x8864
	etherQinQ       = 0x88a8 // IEEE 802.1ad
	etherERSPAN     = 0x88be
	etherERSPAN3    = 0x22eb
	etherNSH        = 0x894f
	linuxLLC        = 4 // in Linux cooked headers
	etherFrameRelay = 0x6559
)

// A shim is a row of shims: what is done with a header that an EtherType, or
// a value beside those, announces.
type shim struct {
	next  uint16
	strip strip
}

// shims are looked through in order; what is frequent stands first.
var shims = [...]shim{
	{etherVLAN, stripVLAN},
	{etherQinQ, stripVLAN},
	{0x9100, stripVLAN}, // the same before it was a standard
	{0x9200, stripVLAN},
	{etherTEB, stripEthernet},
	{nextIP, stripRaw},
	{etherMPLS, stripMPLS},
	{etherMPLSUp, stripMPLS},
	{nextPseudo, stripPseudowire},
	{etherERSPAN, stripERSPAN},
	{etherERSPAN3, stripERSPAN},
	{etherPPPoE, stripPPPoE},
	{etherPPP, stripPPP},
	{0x883e, stripWCCP},
	{etherFrameRelay, stripFrameRelay},
	{etherNSH, stripNSH},
	{0x8926, stripVNTag},
	{0x88e7, stripISID},
	{0x88e5, stripMACsec},
	{0x8909, stripCMD},
	{0xd28b, stripArista},
	{0xf1c1, stripRTag},
	{0x892f, stripHSR},
	{0x22f3, stripTRILL},
}

// wireType reads an EtherType or length of a packet.
func wireType(b []byte) uint16 {
	t := binary.BigEndian.Uint16(b)
	if t > maxLength && t < minEtherType {
		return nextNone
	}
	return t
}

// Bounded says whether a layer around the last datagram has told its length:
// the datagram was no longer on the wire, whatever its own header says.
func (d *Decap) Bounded() bool { return d.bounded }

// Datagram finds the IP datagram that p carries. The datagram is a part of
// p.Data that reaches to its end, so link-layer padding is still behind it,
// unless it is Bounded; len(p.Data)-len(datagram) bytes stand before it.
// Whether it is IPv4 or IPv6 is said by its first four bits.
func (d *Decap) Datagram(p *Packet) (datagram []byte, what Content) {
	d.path, d.n, d.layers, d.bounded = 0, 0, 0, false
	if int(p.LinkType) >= len(linkTypes) {
		return nil, UnknownLinkType
	}
	strip := linkTypes[p.LinkType].strip
	if strip == nil {
		return nil, UnknownLinkType
	}
	next, rest := strip(d, p.Data)
	if next == etherVLAN { // the frequent one need not be looked for
		next, rest = stripVLAN(d, rest)
		d.layers = 1
	}
	if next == etherIPv4 || next == etherIPv6 {
		return rest, HasIP
	}
	return d.follow(next, rest)
}

// Tunnel finds the IP datagram that is carried by another one. proto is the
// IP protocol number and b what stands behind the other's IP header and
// extension headers; src and dst are its addresses, or invalid where the way
// back has others. The datagram found is a part of b that reaches to its end.
func (d *Decap) Tunnel(proto uint8, b []byte, src, dst netip.Addr) (datagram []byte, what Content) {
	strip := carriers[proto]
	if strip == nil {
		return nil, NotTunnel
	}
	if d.layers++; d.layers > maxLayers {
		return nil, TooDeep
	}
	d.src, d.dst = src, dst
	return d.follow(strip(d, b))
}

// MayTunnel says whether a datagram of IP protocol proto may carry another,
// as far as that can be seen from b, the first bytes behind its headers.
func MayTunnel(proto uint8, b []byte) bool {
	if proto == protoUDP && len(b) >= 4 {
		return udpStrip(b) != nil
	}
	return carriers[proto] != nil
}

// follow takes layer after layer off until there is IP, or nothing known.
func (d *Decap) follow(next uint16, b []byte) ([]byte, Content) {
	for {
		var step strip
		switch {
		case next == etherIPv4 || next == etherIPv6:
			return b, HasIP
		case next == nextLink:
			if int(d.next) >= len(linkTypes) || linkTypes[d.next].strip == nil {
				return nil, UnknownLinkType
			}
			step = linkTypes[d.next].strip
		case next <= maxLength:
			step = stripLLC
		case next <= nextNotTunnel:
			return nil, outcomes[next-nextNone]
		default:
			step = shimOf(next)
		}
		if step == nil {
			return nil, NotIP
		}
		if d.layers++; d.layers > maxLayers {
			return nil, TooDeep
		}
		next, b = step(d, b)
	}
}

// outcomes says what the values from nextNone on mean.
var outcomes = [...]Content{NotIP, CutHeader, Encrypted, NotTunnel}

func shimOf(next uint16) strip {
	for i := range shims {
		if shims[i].next == next {
			return shims[i].strip
		}
	}
	return nil
}

// link says that a packet of another link type follows after head bytes.
func (d *Decap) link(number uint32, b []byte, head uint32) (uint16, []byte) {
	if int64(head) > int64(len(b)) {
		return nextCut, nil
	}
	if head == 0 || number > 0xffff {
		return nextNone, nil
	}
	d.next = LinkType(number)
	return nextLink, b[head:]
}

package filter

import "strconv"

// EtherTypes, and SAPs of IEEE 802.2, that tests look for.
const (
	typeIP       = 0x0800
	typeARP      = 0x0806
	typeTEB      = 0x6558 // Ethernet in a tunnel
	typeRARP     = 0x8035
	typeATALK    = 0x809b
	typeAARP     = 0x80f3
	typeVLAN     = 0x8100
	typeIPX      = 0x8137
	typeIP6      = 0x86dd
	typeMPLS     = 0x8847
	typePPPoED   = 0x8863
	typePPPoES   = 0x8864
	typeProvider = 0x88a8
	typeQinQ     = 0x9100

	sapSTP     = 0x42
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe

	lastLength = 1500 // of IEEE 802.3; an EtherType is more
)

// A family is how a link layer says what follows it.
type family uint8

const (
	familyEther family = iota // EtherType or, up to 1500, a length with IEEE 802.2 behind it
	familyType                // EtherType alone
	familySLL                 // EtherType, or 1 and 4 for what is like IEEE 802.3
	familyPPP                 // a protocol of PPP
	familyBSD                 // an address family, in the order of the machine
	familyIP                  // nothing: it is IP, and has its version
	familyIP4                 // nothing: it is IPv4
	familyIP6                 // nothing: it is IPv6
)

// A framing is how packets of a link type begin.
type framing struct {
	name    string
	family  family
	kind    uint32 // where it says what follows
	payload uint32 // where that begins
}

var ethernet = framing{"Ethernet", familyEther, 12, 14}

const linkSLL2 = 276

// framings has a row for each link type that can be filtered, by its
// LINKTYPE_ number.
var framings = map[uint16]framing{
	0:        {"NULL", familyBSD, 0, 4},
	1:        ethernet,
	9:        {"PPP", familyPPP, 2, 4},
	12:       {"raw IP", familyIP, 0, 0},
	14:       {"raw IP", familyIP, 0, 0},
	50:       {"PPP in HDLC", familyPPP, 2, 4},
	51:       {"PPPoE", familyPPP, 6, 8},
	101:      {"raw IP", familyIP, 0, 0},
	104:      {"Cisco HDLC", familyType, 2, 4},
	108:      {"LOOP", familyBSD, 0, 4},
	113:      {"Linux SLL", familySLL, 14, 16},
	138:      {"IP over IEEE 1394", familyType, 16, 18},
	228:      {"IPv4", familyIP4, 0, 0},
	229:      {"IPv6", familyIP6, 0, 0},
	linkSLL2: {"Linux SLL2", familyType, 0, 20},
}

// carries is the test that the link layer carries a protocol, by EtherType or
// SAP.
func (g *generator) carries(what uint32) *test {
	if g.labels > 0 {
		return g.carriesMPLS(what)
	}
	switch g.family {
	case familyEther, familySLL:
		return g.carriesEther(what)
	case familyPPP:
		if n, ok := typesPPP[what]; ok {
			what = n
		}
	case familyBSD:
		return g.carriesBSD(what)
	case familyIP, familyIP4, familyIP6:
		return g.carriesIP(what)
	}
	return g.is(what)
}

// kindCode gives the code that loads what the link layer says that follows.
func (g *generator) kindCode() []instruction {
	switch {
	case g.kind.meta && g.kind.cell > 0:
		return []instruction{{Op: loadCell, K: uint32(g.kind.cell - 1)}}
	case g.kind.meta:
		return []instruction{{Op: loadHalf, K: metaProtocol}}
	}
	return g.kind.load(loadHalf, 0)
}

func (g *generator) is(what uint32) *test { return compare(jumpEqual, what, g.kindCode()...) }

// lengthed is the test that IEEE 802.2 follows.
func (g *generator) lengthed() *test {
	if g.family == familySLL {
		return g.is(4)
	}
	return not(compare(jumpGreater, lastLength, g.kindCode()...))
}

// llc is a comparison of bytes of IEEE 802.2.
func (g *generator) llc(op uint16, at, k uint32) *test {
	return compare(jumpEqual, k, g.payload.load(op, at)...)
}

// snap is the test for a header of SNAP: an organisation and its type.
func (g *generator) snap(organisation, what uint32) *test {
	return and(g.llc(loadWord, 4, organisation<<16|what), g.llc(loadWord, 0, 0xaaaa0300|organisation>>16))
}

// carriesEther is carries for EtherTypes, or SAPs behind a length.
func (g *generator) carriesEther(what uint32) *test {
	switch what {
	case sapISO, sapNetBEUI:
		return and(g.lengthed(), g.llc(loadHalf, 0, what<<8|what))
	case sapIPX:
		forms := or(or(g.llc(loadByte, 0, sapIPX), g.snap(0, typeIPX)), g.llc(loadHalf, 0, 0xffff))
		framed := and(g.lengthed(), forms)
		if g.family == familySLL {
			framed = or(g.is(1), and(g.lengthed(), or(g.llc(loadByte, 0, sapIPX), g.snap(0, typeIPX))))
		}
		return or(g.is(typeIPX), framed)
	case typeATALK:
		return or(g.is(what), and(g.lengthed(), g.snap(0x080007, what)))
	case typeAARP:
		return or(g.is(what), and(g.lengthed(), g.snap(0, what)))
	}
	if what <= lastLength {
		return and(g.lengthed(), g.llc(loadByte, 0, what))
	}
	return g.is(what)
}

// typesPPP are the protocols of PPP that are EtherTypes elsewhere.
var typesPPP = map[uint32]uint32{
	typeIP: 0x21, typeIP6: 0x57, 0x6003: 0x27, typeATALK: 0x29, 0x0600: 0x25, sapISO: 0x23, sapSTP: 0x31, sapIPX: 0x2b,
	typeMPLS: 0x281,
}

// familiesBSD are the address families of IP as systems number them. The
// order of bytes is that of the machine that captured; all are accepted, of
// which tcpdump accepts those of the machine it runs on.
var familiesBSD = map[uint32][]uint32{typeIP: {2}, typeIP6: {10, 23, 24, 28, 30}}

func (g *generator) carriesBSD(what uint32) *test {
	t := never
	for _, family := range familiesBSD[what] {
		word := g.kind.load(loadWord, 0)
		t = or(t, or(compare(jumpEqual, family<<24, word...), compare(jumpEqual, family, word...)))
	}
	return t
}

// carriesIP is carries where nothing stands before IP.
func (g *generator) carriesIP(what uint32) *test {
	version := map[uint32]uint32{typeIP: 0x40, typeIP6: 0x60}[what]
	switch {
	case version == 0, g.family == familyIP4 && what == typeIP6, g.family == familyIP6 && what == typeIP:
		return never
	case g.family != familyIP:
		return always
	}
	return g.net(loadByte, 0, version, 0xf0)
}

// carriesMPLS is carries behind labels: nothing says what follows the last,
// but the version of IP.
func (g *generator) carriesMPLS(what uint32) *test {
	version := map[uint32]uint32{typeIP: 0x40, typeIP6: 0x60}[what]
	if version == 0 {
		return g.fail(token{}, "behind mpls only ip and ip6 can be told, and what they carry")
	}
	last := masked(g.payload.load(loadByte, g.network-2), 1, 1)
	return and(last, g.net(loadByte, 0, version, 0xf0))
}

// carried is a protocol by its number, in IP or in the link layer.
type carried struct {
	under  string // ip, ip6, ether or "" for both of IP
	number uint32
}

func (n *carried) gen(g *generator) *test {
	switch n.under {
	case "ether":
		return g.carries(n.number)
	case "ip":
		return and(g.carries(typeIP), g.net(loadByte, 9, n.number, all))
	case "ip6":
		direct := g.net(loadByte, 6, n.number, all)
		behind := and(g.net(loadByte, 6, protoFragment, all), g.net(loadByte, ip6Header, n.number, all))
		return and(g.carries(typeIP6), or(direct, behind))
	}
	return or((&carried{"ip", n.number}).gen(g), (&carried{"ip6", n.number}).gen(g))
}

// outerEther checks that packets have addresses of devices.
func (g *generator) outerEther(t token) bool {
	if g.family != familyEther || g.cooked {
		name := g.name
		if g.cooked {
			name = "the interface any"
		}
		g.fail(t, "is about Ethernet, and "+name+" has no such header")
		return false
	}
	return true
}

// device is the test for an address of a device.
func (g *generator) device(mac [6]byte, dir string) *test {
	high, low := uint32(mac[0])<<8|uint32(mac[1]), uint32(mac[2])<<24|uint32(mac[3])<<16|uint32(mac[4])<<8|uint32(mac[5])
	at := func(o uint32) func() *test {
		return func() *test {
			return and(compare(jumpEqual, low, g.header.load(loadWord, o+2)...), compare(jumpEqual, high, g.header.load(loadHalf, o)...))
		}
	}
	return g.addressed(both(dir, at(6), at(0)))
}

// addressed is a test of addresses of devices. What Geneve carries need not be
// Ethernet; where it is, its payload is further on than its header.
func (g *generator) addressed(t *test) *test {
	if !g.inside {
		return t
	}
	code := append(g.header.sum(0), recall(g.payload.cell))
	return and(not(compare(jumpEqualX, 0, code...)), t)
}

// deviceHost is the address of a device.
type deviceHost struct {
	at  token
	mac [6]byte
	dir string
}

func (n *deviceHost) gen(g *generator) *test {
	if !g.outerEther(n.at) {
		return never
	}
	return g.device(n.mac, n.dir)
}

// cast is broadcast or multicast.
type cast struct {
	at    token
	proto string
	multi bool
}

func (n *cast) gen(g *generator) *test {
	switch {
	case n.proto == "ip" && n.multi:
		return and(g.carries(typeIP), compare(jumpNotLess, 224, g.payload.load(loadByte, g.network+16)...))
	case n.proto == "ip6":
		return and(g.carries(typeIP6), g.net(loadByte, 24, 255, all))
	case n.proto == "ip": // no mask is known: that of a network of one host
		return and(g.carries(typeIP), or(g.net(loadWord, 16, 0, all), g.net(loadWord, 16, all, all)))
	case !g.outerEther(n.at):
		return never
	case n.multi:
		return g.addressed(compare(jumpBits, 1, g.header.load(loadByte, 0)...))
	}
	return g.device([6]byte{255, 255, 255, 255, 255, 255}, "dst")
}

// direction is inbound or outbound.
type direction struct {
	at  token
	out bool
}

const sentByUs = 4 // of packet types of Linux

func (n *direction) gen(g *generator) *test {
	var t *test
	switch {
	case g.live:
		t = compare(jumpEqual, sentByUs, instruction{Op: loadByte, K: metaPacketType})
	case g.link.name == "Linux SLL":
		t = compare(jumpEqual, sentByUs, instruction{Op: loadHalf, K: 0})
	case g.link.name == "Linux SLL2":
		t = compare(jumpEqual, sentByUs, instruction{Op: loadByte, K: 10})
	default:
		return g.fail(n.at, "is what files of "+g.link.name+" do not say")
	}
	if n.out {
		return t
	}
	return not(t)
}

// interfaceIndex is ifindex.
type interfaceIndex struct {
	at token
	n  uint32
}

func (n *interfaceIndex) gen(g *generator) *test {
	switch {
	case g.live:
		return compare(jumpEqual, n.n, instruction{Op: loadWord, K: metaInterface})
	case g.link.name == "Linux SLL2":
		return compare(jumpEqual, n.n, instruction{Op: loadWord, K: 4})
	}
	return g.fail(n.at, strconv.Itoa(int(n.n))+" is what files of "+g.link.name+" do not say")
}

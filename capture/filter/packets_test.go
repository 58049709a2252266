package filter

import (
	"encoding/binary"
	"math/rand/v2"
)

// A packet is what a program runs on.
type packet struct {
	data []byte
	wire int
}

// A maker draws packets in which the addresses, ports and numbers that the
// expressions name are common.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) *maker { return &maker{rand.New(rand.NewPCG(seed, 1))} }

func draw[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func be16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func be32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// packets draws whole packets for a link type.
func (m *maker) packets(link uint16, n int) []packet {
	list := make([]packet, n)
	for i := range list {
		data := m.framed(link)
		list[i] = packet{data, len(data)}
		if m.IntN(10) == 0 {
			list[i].wire += m.IntN(300) // cut by the capture, behind all headers
		}
	}
	return list
}

// framed draws a packet with the header of the link type.
func (m *maker) framed(link uint16) []byte {
	what, body := m.network()
	switch link {
	case 1:
		return m.ethernet(what, body, 0)
	case 113:
		b := be16(nil, draw[uint16](m, 0, 0, 1, 3, 4))
		b = append(b, 0, 1, 0, 6, 2, 0, 0, 0, 0, byte(m.IntN(3)), 0, 0)
		return append(be16(b, m.sll(what)), body...)
	case 276:
		b := be16(nil, m.sll(what))
		b = append(b, 0, 0, 0, 0, 0, byte(m.IntN(4)), 0, 1, byte(m.IntN(5)), 6, 2, 0, 0, 0, 0, 1, 0, 0)
		return append(b, body...)
	case 0:
		family := map[uint16]byte{typeIP: 2, typeIP6: 10}[what]
		return append([]byte{family, 0, 0, 0}, body...)
	case 9:
		return append(be16([]byte{0xff, 3}, typePPP(what)), body...)
	case 104:
		return append(be16([]byte{0x0f, 0}, what), body...)
	}
	return body
}

func typePPP(what uint16) uint16 {
	if n, ok := typesPPP[uint32(what)]; ok {
		return uint16(n)
	}
	return what
}

func (m *maker) sll(what uint16) uint16 {
	if m.IntN(20) == 0 {
		return draw[uint16](m, 1, 4, 4, sapSTP, sapISO)
	}
	return what
}

// ethernet draws an Ethernet frame, at times with tags, labels or a session.
func (m *maker) ethernet(what uint16, body []byte, depth int) []byte {
	b := []byte{2, 0, 0, 0, 0, byte(m.IntN(4)), 2, 0, 0, 0, 0, byte(m.IntN(4))}
	switch m.IntN(12) {
	case 0:
		copy(b, []byte{255, 255, 255, 255, 255, 255})
	case 1:
		copy(b, []byte{1, 0, 0x5e, 0, 0, 1})
	}
	if m.IntN(25) == 0 {
		return m.llc(b)
	}
	for m.IntN(6) == 0 {
		b = be16(be16(b, draw[uint16](m, typeVLAN, typeVLAN, typeProvider, typeQinQ)), uint16(m.IntN(16))<<12|uint16(4+m.IntN(4)))
	}
	switch m.IntN(14) {
	case 0:
		b = be16(b, typeMPLS)
		for m.IntN(2) == 0 {
			b = be32(b, draw[uint32](m, 100, 200, 300)<<12|64)
		}
		return append(be32(b, draw[uint32](m, 100, 200)<<12|0x100|64), body...)
	case 1:
		b = append(be16(b, typePPPoES), 0x11, 0)
		b = be16(be16(b, uint16(6+m.IntN(3))), uint16(len(body)+2))
		return append(be16(b, typePPP(what)), body...)
	case 2:
		if m.IntN(3) == 0 {
			what = typePPPoED
		}
	}
	return append(be16(b, what), body...)
}

// llc draws what follows the addresses of IEEE 802.3.
func (m *maker) llc(b []byte) []byte {
	b = be16(b, uint16(40+m.IntN(100)))
	switch m.IntN(6) {
	case 0:
		b = append(b, sapSTP, sapSTP, 3)
	case 1:
		b = append(b, sapIPX, sapIPX, 3)
	case 2:
		b = append(b, 0xff, 0xff, 3)
	case 3:
		b = append(b, sapISO, sapISO, 3)
	case 4:
		b = append(b, sapNetBEUI, sapNetBEUI, 3)
	default:
		b = append(b, 0xaa, 0xaa, 3, 0, 0, 0)
		what := draw[uint16](m, typeAARP, typeATALK, typeIPX, typeIP)
		if what == typeATALK {
			copy(b[len(b)-3:], []byte{8, 0, 7})
		}
		b = be16(b, what)
	}
	return m.noise(b, 60)
}

func (m *maker) noise(b []byte, n int) []byte {
	for range n {
		b = append(b, byte(m.IntN(8)))
	}
	return b
}

// network draws a packet of the network layer, and gives its EtherType.
func (m *maker) network() (uint16, []byte) {
	switch m.IntN(20) {
	case 0, 1:
		b := append(be16(be16(nil, 1), typeIP), 6, 4, 0, byte(1+m.IntN(4)))
		b = be32(append(b, 2, 0, 0, 0, 0, 1), m.address())
		b = be32(append(b, 2, 0, 0, 0, 0, 2), m.address())
		return draw[uint16](m, typeARP, typeARP, typeRARP), m.noise(b, 60)
	case 2:
		return draw[uint16](m, 0x6001, 0x6002, 0x6003, 0x6004, 0x6007, typeATALK, typeAARP, typeIPX, 0x88cc, 0x9000), m.noise(nil, 80)
	case 3, 4, 5, 6, 7, 8:
		return typeIP6, m.ip6()
	}
	return typeIP, m.ip4(true)
}

func (m *maker) address() uint32 {
	return draw[uint32](m, 0x0a000001, 0x0a000001, 0x0a000002, 0x0a000003, 0x0a010203, 0xc0a80105, 0xc0a90001, 10, 0, 0xffffffff, 0xe0000001, 0x08080808)
}

func (m *maker) ip4(tunnels bool) []byte {
	proto := draw[byte](m, 6, 6, 6, 17, 17, 1, 2, 132, 9, 103, 112, 51, 50, 89, 47)
	options := 0
	if m.IntN(5) == 0 {
		options = 4 * (1 + m.IntN(3))
	}
	body := m.transport(proto, tunnels)
	fragment := uint16(0)
	if m.IntN(8) == 0 {
		fragment = draw[uint16](m, 0x4000, 0x2000, 0x00b9, 0x20b9)
	}
	b := []byte{0x45 + byte(options/4), 0}
	b = be16(be16(be16(b, uint16(20+options+len(body))), 7), fragment)
	b = append(b, byte(60+m.IntN(10)), proto, 0, 0)
	b = be32(be32(b, m.address()), m.address())
	return append(m.noise(b, options), body...)
}

func (m *maker) ip6() []byte {
	proto := draw[byte](m, 6, 6, 17, 58, 132, 50, 51, 103, 0, 44)
	var body []byte
	if proto == 44 || proto == 0 {
		inner := draw[byte](m, 6, 17, 58)
		body = append([]byte{inner, 0, 0, byte(m.IntN(2)), 0, 0, 0, 1}, m.transport(inner, false)...)
	} else {
		body = m.transport(proto, true)
	}
	b := be16([]byte{0x60, 0, 0, 0}, uint16(len(body)))
	b = append(b, proto, byte(60+m.IntN(10)))
	for range 2 {
		b = append(b, draw(m,
			[]byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
			[]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
			[]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})...)
	}
	return append(b, body...)
}

func (m *maker) port() uint16 {
	return draw[uint16](m, 80, 80, 443, 22, 53, 123, 8080, 8500, 55, 6000, uint16(m.IntN(1<<16)))
}

// transport draws what IP carries: always long enough for all that is asked.
func (m *maker) transport(proto byte, tunnels bool) []byte {
	b := be16(be16(nil, m.port()), m.port())
	switch proto {
	case 6:
		offset := byte(5 + m.IntN(3))
		b = be32(be32(b, m.Uint32N(8)), m.Uint32())
		b = append(b, offset<<4, draw[byte](m, 2, 0x12, 0x10, 0x18, 4, 1, 0x11, 0xc2), 1, 0, 0, 0, 0, 0)
		b = m.noise(b, int(offset-5)*4)
		if m.IntN(3) == 0 {
			return append(b, "GET / HTTP/1.1\r\n\r\n"...)
		}
		if m.IntN(2) == 0 {
			return b
		}
	case 17:
		if tunnels && m.IntN(3) == 0 {
			return append(be16(be16(b[:2], genevePort), 0), append([]byte{0, 0}, m.geneve()...)...)
		}
		b = append(be16(b, uint16(8+m.IntN(80))), 0, 0, 1, 2, 3, 4)
	case 1:
		b = []byte{draw[byte](m, 0, 3, 8, 11), byte(m.IntN(4)), 0, 0}
	case 58:
		b = []byte{draw[byte](m, 128, 129, 135, 136, 1), byte(m.IntN(3)), 0, 0}
	case 2:
		b = []byte{draw[byte](m, 0x11, 0x16), 0, 0, 0}
	}
	return m.noise(b, 24+m.IntN(100))
}

// geneve draws the packet of a tunnel, from its own header on.
func (m *maker) geneve() []byte {
	options := m.IntN(3)
	what, body := m.network()
	if m.IntN(3) != 0 {
		what, body = typeTEB, m.ethernet(what, body, 1)
	}
	version := byte(0)
	if m.IntN(12) == 0 {
		version = 0x40
	}
	b := be16([]byte{version | byte(options), 0}, what)
	b = be32(b, uint32(4+m.IntN(3))<<8)
	return append(m.noise(b, 4*options), body...)
}

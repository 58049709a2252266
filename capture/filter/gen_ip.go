package filter

// host is an address or a network: one word for IPv4, four for IPv6.
type host struct {
	proto         string // ip, arp, rarp, ip6 or "" for all that may have it
	dir           string
	address, mask []uint32
}

// places says where addresses of the source and the destination are.
var places = []struct {
	proto    string
	kind     uint32
	src, dst uint32
	words    int
}{
	{"ip", typeIP, 12, 16, 1},
	{"arp", typeARP, 14, 24, 1},
	{"rarp", typeRARP, 14, 24, 1},
	{"ip6", typeIP6, 8, 24, 4},
}

func (n *host) gen(g *generator) *test {
	t := never
	for _, place := range places {
		if len(n.address) != place.words || n.proto != "" && n.proto != place.proto {
			continue
		}
		if n.proto == "" && g.labels > 0 && place.kind != typeIP && place.kind != typeIP6 {
			continue // labels carry no ARP that could be told
		}
		at := func(o uint32) func() *test {
			return func() *test { return n.equal(g, o) }
		}
		here := and(g.carries(place.kind), both(n.dir, at(place.src), at(place.dst)))
		if t == never {
			t = here
		} else {
			t = or(t, here)
		}
	}
	return t
}

// equal is the comparison with the address at a place.
func (n *host) equal(g *generator, at uint32) *test {
	t := g.net(loadWord, at, n.address[0], n.mask[0])
	for i := 1; i < len(n.address); i++ {
		t = and(t, g.net(loadWord, at+uint32(4*i), n.address[i], n.mask[i]))
	}
	return t
}

// port is a port, or a range of them with both ends.
type port struct {
	proto     uint32 // 0: tcp, udp and sctp
	dir       string
	low, high uint16
}

func (n *port) gen(g *generator) *test {
	return or(n.genIP6(g), n.genIP(g))
}

func (n *port) genIP(g *generator) *test {
	at := func(o uint32) func() *test {
		return func() *test { return n.within(g.transport(loadHalf, o)) }
	}
	return and(g.carries(typeIP), and(n.protocol(g, 9), and(g.first(), both(n.dir, at(0), at(2)))))
}

func (n *port) genIP6(g *generator) *test {
	at := func(o uint32) func() *test {
		return func() *test { return n.within(g.transport6(loadHalf, o)) }
	}
	return and(g.carries(typeIP6), and(n.protocol(g, 6), both(n.dir, at(0), at(2))))
}

// protocol is the test for what has ports, at its place in the header of IP.
func (n *port) protocol(g *generator, at uint32) *test {
	if n.proto != 0 {
		return g.net(loadByte, at, n.proto, all)
	}
	is := func(proto uint32) *test { return g.net(loadByte, at, proto, all) }
	return or(is(protoSCTP), or(is(protoTCP), is(protoUDP)))
}

// within is the comparison with a port that code loads.
func (n *port) within(code []instruction) *test {
	if n.low == n.high {
		return compare(jumpEqual, uint32(n.low), code...)
	}
	return and(compare(jumpNotLess, uint32(n.low), code...), not(compare(jumpGreater, uint32(n.high), code...)))
}

// relation is a comparison of numbers.
type relation struct {
	op   string
	a, b *arithmetic
}

// jumps says which jump a comparison is, and whether it is turned round.
var jumps = map[string]struct {
	op     uint16
	turned bool
}{
	"=": {jumpEqual, false}, "!=": {jumpEqual, true},
	">": {jumpGreater, false}, "<=": {jumpGreater, true},
	">=": {jumpNotLess, false}, "<": {jumpNotLess, true},
}

func (n *relation) gen(g *generator) *test {
	jump := jumps[n.op]
	t := &test{jump: jump.op}
	var guard *test
	if n.b.op == "number" {
		t.k = n.b.value
		t.code, guard = g.number(n.a, 0)
	} else {
		right, behind := g.number(n.b, 0)
		left, before := g.number(n.a, 1)
		guard = join(before, behind)
		t.code = append(append(append(right, store(g.cell(0))), left...), recall(1))
		t.jump |= withX
	}
	if jump.turned {
		t = not(t)
	}
	return join(guard, t)
}

// join is and, where a may be nil.
func join(a, b *test) *test {
	if a == nil || b == nil {
		return cmpTest(a, b)
	}
	return and(a, b)
}

func cmpTest(a, b *test) *test {
	if a != nil {
		return a
	}
	return b
}

// cell takes a cell for arithmetic, and gives its number as store has it.
func (g *generator) cell(depth int) int {
	g.scratch = max(g.scratch, depth+1)
	g.room()
	return depth + 1
}

// number gives the code that leaves a number in the accumulator, and the test
// that says where its bytes are there, nil for anywhere. Cells below depth are
// in use. The bytes of the right operand of a sign are not guarded: so it is
// in every program for this language.
func (g *generator) number(n *arithmetic, depth int) ([]instruction, *test) {
	switch {
	case g.err != nil:
		return nil, nil
	case n.op == "number":
		return []instruction{{Op: loadNumber, K: n.value}}, nil
	case n.op == "len":
		return []instruction{{Op: loadLength}}, nil
	case n.op == "negate":
		code, guard := g.number(n.a, depth)
		return append(code, instruction{Op: negate}), guard
	case n.op == "load":
		return g.bytes(n, depth)
	case n.b.op == "number":
		code, guard := g.number(n.a, depth)
		return append(code, instruction{Op: alu[n.op], K: n.b.value}), guard
	}
	right, _ := g.number(n.b, depth)
	left, guard := g.number(n.a, depth+1)
	code := append(append(right, store(g.cell(depth))), left...)
	return append(code, recall(depth+1), instruction{Op: alu[n.op] | withX}), guard
}

// bytes is number for bytes of a header.
func (g *generator) bytes(n *arithmetic, depth int) ([]instruction, *test) {
	op := map[uint32]uint16{1: loadByte, 2: loadHalf, 4: loadWord}[n.size]
	code, guard := g.number(n.a, depth)
	at, base := g.payload, g.network
	transport := false
	switch n.proto {
	case "ether":
		if g.cooked {
			g.fail(n.at, "is about a link layer, and the interface any has none")
		}
		at, base = g.header, 0
	case "icmp6":
		guard = join(guard, and(g.carries(typeIP6), g.net(loadByte, 6, protoICMPv6, all)))
		base += ip6Header
	default:
		if what, ok := etherTypes[n.proto]; ok {
			guard = join(guard, g.carries(what))
			break
		}
		transport = true
		proto := aboveIP[n.proto]
		guard = join(guard, and(g.carries(typeIP), and(proto.gen(g), g.first())))
	}
	base += at.fixed
	switch {
	case transport:
		code = append(code, store(g.cell(depth)))
		code = append(code, g.headerLength()...)
		code = append(code, instruction{Op: loadCell, K: uint32(depth)}, instruction{Op: addX})
	case at.cell > 0:
		code = append(code, recall(at.cell), instruction{Op: addX})
	}
	return append(code, instruction{Op: toX}, instruction{Op: op ^ indexed, K: base}), guard
}

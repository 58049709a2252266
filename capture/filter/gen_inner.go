package filter

// vlan is a VLAN tag, with its number perhaps. What is behind it is looked at
// from there on.
type vlan struct {
	at token
	n  optional
}

func (n *vlan) gen(g *generator) *test {
	switch {
	case g.labels > 0:
		return g.fail(n.at, "cannot be behind mpls")
	case g.family != familyEther && !g.cooked:
		return g.fail(n.at, "is not possible on "+g.name)
	}
	g.tags++
	if g.live && g.tags == 1 && !g.inside {
		return n.genLive(g)
	}
	t := n.genTag(g)
	if g.kind.meta { // the kind is no place: keep what it is now
		code := append(g.payload.load(loadHalf, 2), store(g.kind.cell))
		t = and(t, done(code))
	} else {
		g.kind.fixed += tagLength
	}
	g.payload.fixed += tagLength
	return t
}

const tagLength = 4

// genTag is the test for a tag that is in the packet.
func (n *vlan) genTag(g *generator) *test {
	t := or(or(g.is(typeVLAN), g.is(typeProvider)), g.is(typeQinQ))
	if n.n.there {
		t = and(t, g.net(loadHalf, 0, n.n.value, 0xfff))
	}
	return t
}

// genLive is the test for the outermost tag in the kernel, which has taken it
// off in most cases and keeps it beside the packet. Where it has not, a cell
// holds by how much the rest is further on.
func (n *vlan) genLive(g *generator) *test {
	beside := compare(jumpEqual, 1, instruction{Op: loadByte, K: metaTagged})
	if n.n.there {
		beside = and(beside, masked([]instruction{{Op: loadHalf, K: metaTag}}, n.n.value, 0xfff))
	}
	within := n.genTag(g)
	cell := g.keep()
	code := []instruction{{Op: loadNumber, K: tagLength}, store(cell)}
	if g.cooked {
		code = append(code, g.payload.load(loadHalf, 2)...)
		g.told = g.keep()
		g.kind.cell = g.told
		code = append(code, store(g.told))
	} else {
		g.kind.cell = cell
	}
	g.payload.cell = cell
	return or(beside, and(within, done(code)))
}

// mpls is a label of MPLS, with its number perhaps.
type mpls struct {
	at token
	n  optional
}

func (n *mpls) gen(g *generator) *test {
	var t *test
	switch {
	case g.labels > 0:
		t = masked(g.payload.load(loadByte, g.network-2), 0, 1) // not the last
	case g.family == familyEther, g.family == familyPPP, g.link.name == "Cisco HDLC", g.cooked:
		t = g.carries(typeMPLS)
	default:
		return g.fail(n.at, "is not possible on "+g.name)
	}
	if n.n.there {
		t = and(t, g.net(loadWord, 0, n.n.value<<12, 0xfffff000))
	}
	g.network += 4
	g.labels++
	return t
}

// pppoe is a packet of PPPoE, of its session stage or of that before.
type pppoe struct {
	session bool
	n       optional
}

func (n *pppoe) gen(g *generator) *test {
	if !n.session {
		return g.carries(typePPPoED)
	}
	t := g.carries(typePPPoES)
	if n.n.there {
		t = and(t, g.net(loadWord, 0, n.n.value, 0xffff))
	}
	g.framing = framing{"PPPoE", familyPPP, 0, 2}
	g.header = offset{fixed: g.payload.fixed + g.network + 6, cell: g.payload.cell}
	g.kind, g.payload = g.header, g.header
	g.payload.fixed += 2
	g.network = 0
	return t
}

// geneve is a packet of Geneve (RFC 8926), with its network perhaps. What it
// carries is looked at from there on.
type geneve struct {
	at token
	n  optional
}

const (
	genevePort   = 6081
	geneveHeader = 8
	udpHeader    = 8
)

func (n *geneve) gen(g *generator) *test {
	p := port{proto: protoUDP, dir: "dst", low: genevePort, high: genevePort}
	load := func(transport func(uint16, uint32) []instruction) *test {
		t := masked(transport(loadByte, udpHeader), 0, 0xc0)
		if n.n.there {
			t = and(t, masked(transport(loadWord, udpHeader+4), n.n.value<<8, 0xffffff00))
		}
		return t
	}
	at4 := append(g.headerLength(), instruction{Op: fromX}, instruction{Op: add, K: g.payload.fixed + g.network + udpHeader})
	at6 := g.payload.sum(g.network + ip6Header + udpHeader)
	ip4 := and(p.genIP(g), load(g.transport))
	ip6 := and(p.genIP6(g), load(g.transport6))

	kind, header, payload := g.keep(), g.keep(), g.keep()
	// The code has the Geneve header's place in the accumulator.
	code := []instruction{
		{Op: toX}, {Op: add, K: 2}, store(kind),
		{Op: loadByte ^ indexed}, {Op: bitAnd, K: 0x3f}, {Op: multiply, K: 4}, {Op: add, K: geneveHeader}, {Op: addX},
		store(header), store(payload),
	}
	ip4 = and(ip4, done(append(at4, code...)))
	ip6 = and(ip6, done(append(at6, code...)))
	g.header, g.kind, g.payload = offset{cell: header}, offset{cell: kind}, offset{cell: payload}
	g.framing, g.network, g.labels, g.inside, g.tags = ethernet, 0, 0, true, 0

	ether := compare(jumpEqual, typeTEB, g.kind.load(loadHalf, 0)...)
	moved := []instruction{
		{Op: loadCell, K: uint32(header - 1)}, {Op: add, K: ethernet.kind}, store(kind),
		{Op: add, K: ethernet.payload - ethernet.kind}, store(payload),
	}
	return and(or(ip4, ip6), or(not(ether), done(moved)))
}

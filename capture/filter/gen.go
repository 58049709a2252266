package filter

import "golang.org/x/net/bpf"

// A node is a condition that was read. gen makes the test of it for the
// generator's target, and may move the generator's offsets: what stands
// behind vlan is about what is behind the tag.
type node interface {
	gen(*generator) *test
}

// A generator makes tests for one target. It has the offsets of the headers
// that are looked at, which nodes move on from left to right.
type generator struct {
	filter *Filter
	link   framing // of the packet as a whole
	live   bool
	cooked bool // the kernel gives no link layer
	layers
	tags    int  // VLAN tags so far
	inside  bool // Geneve
	told    int  // cell that holds what a cooked packet carries; 0 is none
	kept    int  // cells of memory that hold offsets: the last ones
	scratch int  // cells that arithmetic has taken at most: the first ones
	err     error
}

// layers are the headers that are looked at.
type layers struct {
	framing
	header  offset // of the link layer
	kind    offset // of the field that says what follows
	payload offset // of what follows
	network uint32 // bytes between payload and the header of the network layer: labels of MPLS
	labels  int
}

// An offset is fixed, with what a cell of memory holds added.
type offset struct {
	fixed uint32
	cell  int  // counted from 1; 0 is none
	meta  bool // of kind: it is no place, but metadata, or a cell that holds its value
}

// fail notes an error about t.
func (g *generator) fail(t token, reason string) *test {
	if g.err == nil {
		g.err = g.filter.failure(t, reason)
	}
	return never
}

// keep takes a cell of memory for an offset.
func (g *generator) keep() int {
	g.kept++
	g.room()
	return cells - g.kept + 1
}

// room checks that offsets and arithmetic do not meet.
func (g *generator) room() {
	if g.kept+g.scratch > cells {
		g.fail(token{}, "the filter takes more memory than the 16 cells that a program has")
	}
}

// prologue makes every kept cell hold something: kernels refuse a program
// that could read one before.
func (g *generator) prologue() (code []instruction) {
	if g.kept > 0 {
		code = append(code, instruction{Op: loadNumber})
		for i := range min(g.kept, cells) {
			code = append(code, store(cells-i))
		}
	}
	if g.told > 0 {
		code = append(code, instruction{Op: loadHalf, K: metaProtocol}, store(g.told))
	}
	return code
}

// A test is a condition in the end: a comparison, or tests put together.
type test struct {
	op   testOp
	a, b *test
	code []instruction // of a comparison, or of done: what is done before
	jump uint16        // of a comparison
	k    uint32        // of a comparison
}

type testOp uint8

const (
	opCompare testOp = iota
	opAnd
	opOr
	opNot
	opNever
	opDone // always true
)

var (
	always = &test{op: opDone}
	never  = &test{op: opNever}
)

type instruction = bpf.RawInstruction

func and(a, b *test) *test { return &test{op: opAnd, a: a, b: b} }
func or(a, b *test) *test  { return &test{op: opOr, a: a, b: b} }
func not(a *test) *test    { return &test{op: opNot, a: a} }

// done is true, and does something.
func done(code []instruction) *test { return &test{op: opDone, code: code} }

func compare(jump uint16, k uint32, code ...instruction) *test {
	return &test{code: code, jump: jump, k: k}
}

// load gives the code that loads bytes at an offset.
func (o offset) load(op uint16, more uint32) []instruction {
	if o.cell == 0 {
		return []instruction{{Op: op, K: o.fixed + more}}
	}
	return []instruction{recall(o.cell), {Op: op ^ indexed, K: o.fixed + more}}
}

// sum gives the code that loads an offset itself.
func (o offset) sum(more uint32) []instruction {
	if o.cell == 0 {
		return []instruction{{Op: loadNumber, K: o.fixed + more}}
	}
	return []instruction{{Op: loadCell, K: uint32(o.cell - 1)}, {Op: add, K: o.fixed + more}}
}

// net is a comparison of bytes of the network layer, of which mask counts.
func (g *generator) net(op uint16, at uint32, k, mask uint32) *test {
	return masked(g.payload.load(op, g.network+at), k, mask)
}

func masked(code []instruction, k, mask uint32) *test {
	if mask != 0xffffffff {
		code = append(code, instruction{Op: bitAnd, K: mask})
	}
	return compare(jumpEqual, k, code...)
}

const all = 0xffffffff

// headerLength gives the code that loads into X where the IPv4 payload begins,
// less payload.fixed and network.
func (g *generator) headerLength() []instruction {
	at := g.payload.fixed + g.network
	if g.payload.cell == 0 {
		return []instruction{{Op: loadXNibble, K: at}}
	}
	return []instruction{
		recall(g.payload.cell), {Op: loadByte ^ indexed, K: at}, {Op: bitAnd, K: 0xf}, {Op: shiftLeft, K: 2},
		{Op: addX}, {Op: toX},
	}
}

// transport gives the code that loads bytes behind the IPv4 header.
func (g *generator) transport(op uint16, at uint32) []instruction {
	return append(g.headerLength(), instruction{Op: op ^ indexed, K: g.payload.fixed + g.network + at})
}

// transport6 is the same behind the IPv6 header alone.
func (g *generator) transport6(op uint16, at uint32) []instruction {
	return g.payload.load(op, g.network+ip6Header+at)
}

const ip6Header = 40

// first is the test that an IPv4 packet is no later fragment.
func (g *generator) first() *test {
	return not(compare(jumpBits, 0x1fff, g.payload.load(loadHalf, g.network+6)...))
}

// both puts tests of source and destination together, as dir says.
func both(dir string, source, destination func() *test) *test {
	switch dir {
	case "src":
		return source()
	case "dst":
		return destination()
	case "and":
		return and(source(), destination())
	}
	return or(source(), destination())
}

// logic is and, or.
type logic struct {
	and  bool
	a, b node
}

func (n *logic) gen(g *generator) *test {
	a := n.a.gen(g)
	b := n.b.gen(g)
	if n.and {
		return and(a, b)
	}
	return or(a, b)
}

// negation is not.
type negation struct{ a node }

func (n *negation) gen(g *generator) *test { return not(n.a.gen(g)) }

// length is less or greater; both mean or equal.
type length struct {
	less bool
	n    uint32
}

func (n *length) gen(*generator) *test {
	if n.less {
		return not(compare(jumpGreater, n.n, instruction{Op: loadLength}))
	}
	return compare(jumpNotLess, n.n, instruction{Op: loadLength})
}

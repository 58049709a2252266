package filter

// An arithmetic is a number that a packet gives.
type arithmetic struct {
	op    string      // a sign with a and b; "number", "len", "negate" with a, "load" with a
	value uint32      // of a number
	proto string      // of a load: whose header
	size  uint32      // of a load: bytes
	a, b  *arithmetic // what it is made of; of a load, a is the place
	at    token
}

// startsRelation says whether a comparison of numbers is next.
func (p *parser) startsRelation() bool {
	t := p.now()
	switch {
	case t.kind == tokenNumber, t.isOne("len", "-"):
		return true
	case t.isOne("("):
		end, ok := p.pairs[p.at]
		if !ok {
			return false
		}
		after := p.tokens[end+1]
		return after.isOne(operators...) || after.isOne(comparisons...)
	}
	return t.isOne(protocols...) && p.ahead().isOne("[")
}

// relation reads a comparison.
func (p *parser) relation() node {
	a := p.arithmetic(0)
	if !p.is(comparisons...) {
		p.wants(p.before(), "a comparison, as = or >")
		return nil
	}
	n := &relation{op: p.take().is, a: a}
	n.b = p.arithmetic(0)
	return n
}

// precedence is how tight a sign binds; all bind from the left. ^ and % have
// none in the language: they take all that follows on their right, and what
// stands just before them on their left.
var precedence = map[string]int{
	"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "^": 7, "%": 7,
}

const negative = 6 // the precedence of a sign before a number

// arithmetic reads what binds tighter than limit.
func (p *parser) arithmetic(limit int) *arithmetic {
	defer func() { p.depth-- }()
	if !p.deeper() {
		return nil
	}
	a := p.operand()
	for p.is(operators...) && precedence[p.now().is] > limit {
		op := p.take()
		right := precedence[op.is]
		if right > negative {
			right = 0
		}
		b := p.arithmetic(right)
		if p.err != nil {
			return nil
		}
		if b.op == "number" && (op.is == "/" || op.is == "%") && b.value == 0 {
			p.fail(op, "divides by zero")
		}
		if b.op == "number" && (op.is == "<<" || op.is == ">>") && b.value > 31 {
			p.fail(op, "shifts by more than 31 bits")
		}
		a = &arithmetic{op: op.is, a: a, b: b, at: op}
	}
	return a
}

// operand reads a number, a length, bytes of a header, or what is in
// parentheses.
func (p *parser) operand() *arithmetic {
	t := p.now()
	switch {
	case t.kind == tokenNumber:
		p.take()
		return &arithmetic{op: "number", value: t.value, at: t}
	case p.is("len"):
		p.take()
		return &arithmetic{op: "len", at: t}
	case p.is("-"):
		p.take()
		return &arithmetic{op: "negate", a: p.arithmetic(negative), at: t}
	case p.is("("):
		p.take()
		a := p.arithmetic(0)
		p.close(t, ")")
		return a
	case p.is(protocols...) && p.ahead().isOne("["):
		return p.load()
	}
	p.wants(p.before(), "a number, len, or bytes as in tcp[13]")
	return nil
}

// load reads the bytes of a header: tcp[13], ip[2:2].
func (p *parser) load() *arithmetic {
	t, open := p.take(), p.take()
	l := &arithmetic{op: "load", proto: t.is, size: 1, at: t}
	l.a = p.arithmetic(0)
	if p.is(":") {
		colon := p.take()
		size := p.now()
		if size.kind != tokenNumber || size.value != 1 && size.value != 2 && size.value != 4 {
			p.wants(colon, "1, 2 or 4")
			return nil
		}
		l.size = p.take().value
	}
	p.close(open, "]")
	if t.isOne("ah", "esp", "iso", "stp", "ipx", "netbeui") {
		p.fail(t, "has no bytes that can be named")
	}
	return l
}

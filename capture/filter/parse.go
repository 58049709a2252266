package filter

import (
	"fmt"
	"slices"
)

// A parser reads tokens into nodes. After its first error it is at the end.
//
//	expression = term { ( "and" | "or" ) ( id | term ) }     from left to right, no precedence
//	term       = "not" term | "(" expression ")" | head id | PROTOCOL | relation | other
//	head       = [ PROTOCOL ] [ direction ] [ kind ]          at least one of the last two
//	id         = "not" id | "(" id { ( "and" | "or" ) id } ")" | NUMBER | NAME | address
//	relation   = arithmetic ( "<" | "<=" | "=" | "!=" | ">=" | ">" ) arithmetic
//
// An id that stands behind and, or is of the kind that the one before was.
type parser struct {
	text   string
	tokens []token
	at     int
	pairs  map[int]int // the token of each opening parenthesis, and that which closes it
	depth  int
	lookup Lookup
	err    error // an *Error
}

// quals are what is said of an id before it.
type quals struct {
	proto string // a word of protocols, "" for none
	dir   string // src, dst, or, and; "" is or
	kind  string // host, net, port, portrange, proto; "" is host
	head  token  // the last word of them; empty where nothing was said
}

var noQuals quals

func (p *parser) now() token   { return p.tokens[p.at] }
func (p *parser) ahead() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

// take gives the token that is next, and goes on.
func (p *parser) take() token {
	t := p.now()
	p.at = min(p.at+1, len(p.tokens)-1)
	return t
}

// is says whether the next token is one of these words or signs.
func (p *parser) is(list ...string) bool { return p.now().isOne(list...) }

func (t token) isOne(list ...string) bool {
	return t.kind == tokenSymbol && slices.Contains(list, t.is)
}

// fail notes an error about t, marked there. The rest is not read.
func (p *parser) fail(t token, format string, args ...any) { p.failAt(t, t.at, format, args...) }

func (p *parser) failAt(t token, at int, format string, args ...any) {
	if p.err == nil {
		p.err = failure(p.text, t, at, fmt.Sprintf(format, args...))
	}
	p.at = len(p.tokens) - 1
}

// wants is the error that something else must stand behind t.
func (p *parser) wants(t token, what string) {
	next := p.now()
	switch {
	case t.text == "":
		p.fail(next, "is not how a filter begins: %s is expected", what)
	case next.kind == tokenEnd:
		p.failAt(t, t.end, "wants %s", what)
	default:
		p.failAt(t, next.at, "wants %s, not %q", what, next.text)
	}
}

// unexpected is the error that what is next cannot stand there.
func (p *parser) unexpected(expected string) {
	switch t := p.now(); {
	case t.kind == tokenStrange:
		p.fail(t, "is no sign of the filter language")
	case t.isOne(")"):
		p.fail(t, "closes nothing")
	default:
		p.fail(t, "is not expected there, but %s", expected)
	}
}

// before is the token that was taken last; empty at the start.
func (p *parser) before() token {
	if p.at == 0 {
		return token{}
	}
	return p.tokens[p.at-1]
}

// deeper goes one level down, and says whether that is still allowed.
func (p *parser) deeper() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.now(), "is nested too deep: the limit is %d", maxDepth)
	}
	return p.err == nil
}

// pair finds the end of each parenthesis.
func (p *parser) pair() {
	p.pairs = map[int]int{}
	var open []int
	for i, t := range p.tokens {
		switch {
		case t.isOne("("):
			open = append(open, i)
		case t.isOne(")") && len(open) > 0:
			p.pairs[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
}

// close takes the sign that ends what open began.
func (p *parser) close(open token, sign string) {
	switch {
	case p.is(sign):
		p.take()
	case p.now().kind == tokenEnd:
		p.fail(open, "is not closed: %s is missing", sign)
	default:
		p.wants(p.before(), sign)
	}
}

// expression reads terms with and, or between. It gives the quals that an id
// behind it would have.
func (p *parser) expression(q quals) (node, quals) {
	n, q := p.term(q)
	for p.is("and", "or") {
		op := p.take()
		var right node
		if p.startsID() {
			right = p.id(q)
		} else {
			right, q = p.term(q)
		}
		n = &logic{op.is == "and", n, right}
	}
	return n, q
}

// term reads one condition; q is what stood before it.
func (p *parser) term(q quals) (node, quals) {
	defer func() { p.depth-- }()
	t := p.now()
	switch {
	case !p.deeper():
		return nil, q
	case p.is("not"):
		p.take()
		n, q := p.term(q)
		return &negation{n}, q
	case p.startsRelation():
		return p.relation(), noQuals
	case p.is("("):
		p.take()
		n, _ := p.expression(q)
		p.close(t, ")")
		return n, q
	case p.is(others...):
		return p.other(), noQuals
	case p.is(protocols...), p.is(directions...), p.is(kinds...):
		return p.head()
	}
	p.noTerm()
	return nil, q
}

// noTerm is the error that no condition begins here.
func (p *parser) noTerm() {
	t := p.now()
	switch reason, known := refused[t.is]; {
	case known:
		p.fail(t, "%s", reason)
	case t.kind == tokenStrange, t.isOne(")") && p.at == 0:
		p.unexpected("")
	case t.kind == tokenName, t.kind == tokenIPv4, t.kind == tokenIPv6:
		p.fail(t, "stands alone: say what it is, as in host %s", t.text)
	case t.kind == tokenMAC:
		p.fail(t, "stands alone: say what it is, as in ether host %s", t.text)
	default:
		p.wants(p.before(), "a condition behind it, as host, port or tcp begin one")
	}
}

// startsID says whether an id without quals of its own is next.
func (p *parser) startsID() bool {
	i := p.at
	for p.tokens[i].isOne("not", "(") {
		i++
	}
	switch p.tokens[i].kind {
	case tokenName, tokenIPv4, tokenIPv6, tokenMAC:
		return true
	case tokenNumber:
		for i++; p.tokens[i].isOne(")"); i++ {
		}
		return !p.tokens[i].isOne(operators...) && !p.tokens[i].isOne(comparisons...)
	}
	return false
}

// id reads what has a kind; q says which.
func (p *parser) id(q quals) node {
	defer func() { p.depth-- }()
	t := p.now()
	switch {
	case !p.deeper():
		return nil
	case p.is("not"):
		p.take()
		return &negation{p.id(q)}
	case p.is("("):
		p.take()
		n := p.id(q)
		for p.is("and", "or") {
			op := p.take()
			n = &logic{op.is == "and", n, p.id(q)}
		}
		p.close(t, ")")
		return n
	case t.kind == tokenEnd, t.kind == tokenSymbol, t.kind == tokenStrange:
		p.wants(cmpToken(q.head, p.before()), q.wanted())
		return nil
	case q.head.text == "":
		p.fail(t, "has no kind: say what it is, as in host %s or port %s", t.text, t.text)
		return nil
	}
	return p.primitive(q, p.take())
}

func cmpToken(a, b token) token {
	if a.text != "" {
		return a
	}
	return b
}

// wanted says what an id of q looks like.
func (q quals) wanted() string {
	switch {
	case q.kind == "port":
		return "a number or a service name"
	case q.kind == "portrange":
		return "two ports, as in 8000-8080"
	case q.kind == "proto" && q.proto == "ether":
		return `a number, or a name with a backslash, as in \ip`
	case q.kind == "proto":
		return `a number, or a name with a backslash, as in \tcp`
	case q.kind == "net":
		return "a network, as in 10.0.0.0/8"
	case q.proto == "ether":
		return "the address of a device, as in 02:00:00:00:00:01"
	}
	return "an address or the name of a host"
}

var (
	directions  = []string{"src", "dst"}
	kinds       = []string{"host", "net", "port", "portrange", "proto"}
	operators   = []string{"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"}
	comparisons = []string{"=", "!=", "<", "<=", ">", ">="}
	protocols   = []string{
		"ether", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp",
		"ah", "esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso", "stp", "ipx", "netbeui",
	}
	others = []string{
		"less", "greater", "broadcast", "multicast", "inbound", "outbound", "ifindex",
		"vlan", "mpls", "pppoed", "pppoes", "geneve",
	}
)

// head reads what begins with a protocol, a direction or a kind.
func (p *parser) head() (node, quals) {
	var q quals
	var proto token
	if p.is(protocols...) {
		proto = p.take()
		q.proto, q.head = proto.is, proto
	}
	if p.is("broadcast", "multicast") {
		return p.cast(proto), noQuals
	}
	if p.is("gateway", "protochain") {
		p.noTerm()
		return nil, q
	}
	if p.is(directions...) {
		q.head = p.take()
		q.dir = q.head.is
		if next := p.ahead(); p.is("and", "or") && next.isOne(directions...) && next.is != q.dir {
			q.dir = p.take().is
			q.head = p.take()
		}
	}
	if p.is(kinds[:4]...) || p.is("proto") && q.dir == "" {
		q.head = p.take()
		q.kind = q.head.is
	}
	if q.dir == "" && q.kind == "" {
		return p.protocol(proto), noQuals
	}
	return p.id(q), q
}

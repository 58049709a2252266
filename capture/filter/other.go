package filter

import "math"

// cast reads broadcast or multicast, with the protocol before it.
func (p *parser) cast(proto token) node {
	t := p.take()
	n := &cast{at: t, proto: proto.is, multi: t.is == "multicast"}
	switch n.proto {
	case "", "ether", "ip":
	case "ip6":
		if !n.multi {
			p.fail(t, "is not for ip6, which has multicast only")
		}
	default:
		p.fail(t, "is not for %s: say ether %s or ip %s", n.proto, t.is, t.is)
	}
	return n
}

// most is the largest number behind each word that takes one.
var most = map[string]uint32{
	"vlan": 0xfff, "mpls": 0xfffff, "pppoes": 0xffff, "geneve": 0xffffff,
	"less": math.MaxUint32, "greater": math.MaxUint32, "ifindex": math.MaxUint32,
}

// other reads what is a condition of its own.
func (p *parser) other() node {
	t := p.now()
	if p.is("broadcast", "multicast") {
		return p.cast(token{})
	}
	p.take()
	var n optional
	if limit, ok := most[t.is]; ok {
		n = p.number(t, limit)
	}
	switch t.is {
	case "less", "greater":
		return &length{t.is == "less", n.value}
	case "inbound", "outbound":
		return &direction{t, t.is == "outbound"}
	case "ifindex":
		return &interfaceIndex{t, n.value}
	case "vlan":
		return &vlan{t, n}
	case "mpls":
		return &mpls{t, n}
	case "geneve":
		return &geneve{t, n}
	}
	return &pppoe{t.is == "pppoes", n}
}

// An optional is a number that may be there.
type optional struct {
	value uint32
	there bool
}

// number reads the number behind t, which may be in parentheses. It may be
// missing behind the names of headers.
func (p *parser) number(t token, limit uint32) optional {
	i := p.at
	for p.tokens[i].isOne("(") {
		i++
	}
	bare := t.is == "less" || t.is == "greater" || t.is == "ifindex"
	if p.tokens[i].kind != tokenNumber || bare && i > p.at {
		if bare {
			p.wants(t, "a number")
		}
		return optional{}
	}
	open := i - p.at
	p.at = i
	v := p.take()
	for range open {
		p.close(v, ")")
	}
	if v.value > limit {
		p.fail(v, "is more than %d, the most that %s has", limit, t.is)
	}
	return optional{v.value, true}
}

package filter

import (
	"math"
	"net/netip"
	"strings"
)

// primitive makes the node of an id; t was taken, what belongs to it is next.
func (p *parser) primitive(q quals, t token) node {
	switch q.kind {
	case "port", "portrange":
		return p.port(q, t)
	case "proto":
		return p.proto(q, t)
	}
	switch {
	case q.proto == "ether":
		if t.kind != tokenMAC || q.kind == "net" {
			p.fail(t, "is no address of a device, as 02:00:00:00:00:01 is")
		}
		return &deviceHost{t, t.mac, q.dir}
	case t.kind == tokenMAC:
		p.fail(t, "is the address of a device: say ether host %s", t.text)
	case t.kind == tokenIPv6:
		return p.net6(q, t)
	case t.kind == tokenName:
		return p.named(q, t)
	}
	return p.net4(q, t)
}

// net4 reads an IPv4 address or network: 10.1.2.3, 10.1, 10, 10.0.0.0/8,
// 10.0.0.0 mask 255.0.0.0.
func (p *parser) net4(q quals, t token) node {
	n := &host{proto: q.proto, dir: q.dir, address: []uint32{t.value}, mask: []uint32{math.MaxUint32}}
	if t.kind == tokenIPv4 {
		n.address[0] <<= 32 - 8*t.parts
		n.mask[0] <<= 32 - 8*t.parts
	}
	for q.kind == "net" && t.kind == tokenNumber && n.address[0] != 0 && n.address[0]>>24 == 0 {
		n.address[0], n.mask[0] = n.address[0]<<8, n.mask[0]<<8
	}
	switch slash := p.now(); {
	case t.kind == tokenIPv4 && p.is("/"):
		p.take()
		n.mask[0] = uint32(uint64(math.MaxUint32) << (32 - p.prefix(slash, 32)))
		p.network(q, t, n)
	case t.kind == tokenIPv4 && p.is("mask"):
		p.take()
		if p.now().kind != tokenIPv4 {
			p.wants(slash, "a mask, as in 255.255.0.0")
			return n
		}
		m := p.take()
		n.mask[0] = m.value << (32 - 8*m.parts)
		p.network(q, t, n)
	}
	p.family(q, t, "", "ip", "arp", "rarp")
	return n
}

// net6 reads an IPv6 address or network.
func (p *parser) net6(q quals, t token) node {
	n := &host{proto: q.proto, dir: q.dir}
	bits := uint32(128)
	if slash := p.now(); p.is("/") {
		p.take()
		bits = p.prefix(slash, 128)
	}
	n.address = words6(t.ip6)
	for range n.address {
		n.mask = append(n.mask, uint32(uint64(math.MaxUint32)<<(32-min(bits, 32))))
		bits -= min(bits, 32)
	}
	if n.mask[3] != math.MaxUint32 {
		p.network(q, t, n)
	}
	p.family(q, t, "", "ip6")
	return n
}

func words6(ip netip.Addr) (list []uint32) {
	b := ip.As16()
	for i := 0; i < 16; i += 4 {
		list = append(list, uint32(b[i])<<24|uint32(b[i+1])<<16|uint32(b[i+2])<<8|uint32(b[i+3]))
	}
	return list
}

// prefix reads how many bits of an address count.
func (p *parser) prefix(slash token, most uint32) uint32 {
	if p.now().kind != tokenNumber {
		p.wants(slash, "a number of bits")
		return 0
	}
	t := p.take()
	if t.value > most {
		p.fail(t, "is more than the %d bits of an address", most)
		return 0
	}
	return t.value
}

// network checks that an address with a mask is one of a network.
func (p *parser) network(q quals, t token, n *host) {
	for i := range n.address {
		if n.address[i]&^n.mask[i] != 0 {
			p.fail(t, "has bits set that its mask leaves out")
			return
		}
	}
	if q.kind != "net" && len(n.address) == 1 || q.kind == "host" {
		p.fail(t, "is a network: say net, not host")
	}
}

// family checks the protocol that stands before an address.
func (p *parser) family(q quals, t token, allowed ...string) {
	for _, a := range allowed {
		if q.proto == a {
			return
		}
	}
	p.fail(t, "cannot be an address of %s", q.proto)
}

// named looks a host up. Its addresses are alternatives.
func (p *parser) named(q quals, t token) (n node) {
	switch {
	case q.kind == "net":
		p.fail(t, "is no network: %s is expected", q.wanted())
		return nil
	case p.lookup == nil:
		p.fail(t, "is no address, and names are not looked up")
		return nil
	}
	list, err := p.lookup(t.name)
	if err != nil {
		p.fail(t, "is no address, and no host has that name: %v", err)
		return nil
	}
	p.family(q, t, "", "ip", "ip6", "arp", "rarp")
	for _, ip := range list {
		ip = ip.Unmap()
		h := &host{proto: q.proto, dir: q.dir, address: words6(ip)}
		if ip.Is4() {
			h.address = words6(ip)[3:]
		}
		if (q.proto == "ip6") == ip.Is4() && q.proto != "" {
			continue
		}
		for range h.address {
			h.mask = append(h.mask, math.MaxUint32)
		}
		if n == nil {
			n = h
		} else {
			n = &logic{false, n, h}
		}
	}
	if n == nil {
		p.fail(t, "has no address of %s", q.proto)
	}
	return n
}

// portProtocols are the protocols that have ports.
var portProtocols = map[string]uint32{"": 0, "tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP}

// port reads a port, or a range of them.
func (p *parser) port(q quals, t token) node {
	proto, ok := portProtocols[q.proto]
	if !ok {
		p.fail(q.head, "is not for %s: ports are of tcp, udp and sctp", q.proto)
	}
	n := &port{proto: proto, dir: q.dir}
	first, last, ranged := strings.Cut(t.text, "-")
	if q.kind == "portrange" && ranged && t.kind == tokenName {
		n.low, n.high = p.portNumber(n, t, first), p.portNumber(n, t, last)
	} else {
		n.low = p.portNumber(n, t, t.text)
		n.high = n.low
	}
	n.low, n.high = min(n.low, n.high), max(n.low, n.high)
	return n
}

// portNumber reads a port by its number or name, which may belong to one
// protocol only.
func (p *parser) portNumber(n *port, t token, text string) uint16 {
	text = strings.TrimPrefix(text, `\`)
	if text != "" {
		if v, ok := number(text); ok {
			if v > math.MaxUint16 {
				p.fail(t, "is no port: the last is 65535")
			}
			return uint16(v)
		}
	}
	s, ok := services[text]
	if !ok {
		p.fail(t, "is no port and no service that is known by its name")
	}
	if s.proto != 0 && n.proto != 0 && n.proto != s.proto {
		p.fail(t, "is no service of that protocol")
	}
	if s.proto != 0 {
		n.proto = s.proto
	}
	return s.port
}

// proto reads the number or name of a protocol.
func (p *parser) proto(q quals, t token) node {
	names := ipProtocols
	switch q.proto {
	case "", "ip", "ip6":
	case "ether":
		names = etherTypes
	default:
		p.fail(q.head, "is not for %s: say ip proto, ip6 proto or ether proto", q.proto)
	}
	n := &carried{under: q.proto, number: t.value}
	switch t.kind {
	case tokenNumber:
	case tokenName:
		var ok bool
		if n.number, ok = names[t.name]; !ok {
			p.fail(t, "is no protocol that is known by its name")
		}
	default:
		p.fail(t, "is no protocol: %s is expected", q.wanted())
	}
	return n
}

// protocol makes the node of a protocol that stands alone.
func (p *parser) protocol(t token) node {
	if v, ok := etherTypes[t.is]; ok {
		return &carried{under: "ether", number: v}
	}
	if c, ok := aboveIP[t.is]; ok {
		return &c
	}
	p.wants(t, "host, src, dst, proto, broadcast, multicast or [ behind it")
	return nil
}

// etherTypes are the protocols that a link layer carries, by EtherType or, up
// to 255, by the SAP of IEEE 802.2.
var etherTypes = map[string]uint32{
	"ip": typeIP, "ip6": typeIP6, "arp": typeARP, "rarp": typeRARP, "atalk": typeATALK, "aarp": typeAARP,
	"decnet": 0x6003, "lat": 0x6004, "sca": 0x6007, "moprc": 0x6002, "mopdl": 0x6001, "loopback": 0x9000,
	"iso": sapISO, "stp": sapSTP, "ipx": sapIPX, "netbeui": sapNetBEUI,
}

// aboveIP are the protocols that IP carries.
var aboveIP = map[string]carried{
	"tcp": {"", protoTCP}, "udp": {"", protoUDP}, "sctp": {"", protoSCTP}, "pim": {"", 103}, "ah": {"", 51}, "esp": {"", 50},
	"icmp": {"ip", 1}, "igmp": {"ip", 2}, "igrp": {"ip", 9}, "vrrp": {"ip", 112}, "carp": {"ip", 112},
	"icmp6": {"ip6", protoICMPv6},
}

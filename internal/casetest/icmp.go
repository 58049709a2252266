package casetest

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/wssniff/wssniff/capture"
)

// An unreach takes the words of icmp.
type unreach struct {
	code, mtu int
	from      netip.Addr
}

func (u *unreach) take(w word) (bool, error) {
	switch w.name {
	case "code":
		var err error
		u.code, err = w.length()
		return true, err
	case "mtu":
		return true, positive(&u.mtu, w)
	case "from":
		return true, address(&u.from, w)
	}
	return false, nil
}

// icmp has a router say that the last segment of one end did not arrive:
// destination unreachable (RFC 792, RFC 4443 §3.1), or too big for the next
// network (RFC 1191 §4, RFC 4443 §3.2).
func (p *player) icmp(l *line) error {
	u, who := unreach{from: netip.MustParseAddr("10.0.0.254")}, ender{}
	if p.conn.path.ends[0].Addr().Is6() {
		u.from = netip.MustParseAddr("2001:db8::fe")
	}
	if err := takeAll(l.words, &u, &who); err != nil {
		return err
	}
	s := p.conn.ends[who.dir].last
	if s == nil {
		return errors.New("nothing was sent")
	}
	path := p.conn.path // a copy: the identifications of the ends do not move on
	v6 := path.ends[0].Addr().Is6()
	tcp := s.bytes(path.ends[who.dir], path.ends[1-who.dir])
	var message []byte
	switch {
	case v6 && u.mtu > 0:
		message = binary.BigEndian.AppendUint32([]byte{2, 0, 0, 0}, uint32(u.mtu))
	case v6:
		message = []byte{1, byte(u.code), 0, 0, 0, 0, 0, 0}
	case u.mtu > 0:
		message = binary.BigEndian.AppendUint32([]byte{3, 4, 0, 0}, uint32(u.mtu))
	default:
		message = []byte{3, byte(u.code), 0, 0, 0, 0, 0, 0}
	}
	if v6 {
		message = append(append(message, path.ipv6(who.dir, len(tcp), 0, false, false)...), tcp...)
	} else {
		message = append(append(message, path.ipv4(who.dir, len(tcp), 0, false, false)...), tcp[:8]...)
	}
	binary.BigEndian.PutUint16(message[2:], checksum(0, message))
	path.ends[1-who.dir] = netip.AddrPortFrom(u.from, 0)
	var b []byte
	if v6 {
		b = append(path.link.header(&path, 1-who.dir, typeIPv6), path.ipv6(1-who.dir, len(message), 0, false, false)...)
		b[len(b)-34] = 58
	} else {
		b = append(path.link.header(&path, 1-who.dir, typeIPv4), path.ipv4(1-who.dir, len(message), 0, false, false)...)
		b[len(b)-11] = 1
	}
	b = append(b, message...)
	pkt := capture.Packet{Number: int64(len(p.packets) + 1), Time: p.clock, LinkType: path.link.number, Data: b, Length: len(b)}
	p.clock += capture.Time(1e6)
	p.packets = append(p.packets, pkt)
	l.packets = append(l.packets, pkt.Number)
	return nil
}

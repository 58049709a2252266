package casetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// The two directions: who sends.
const (
	client = 0
	server = 1
)

var directions = map[string]int{"c": client, "s": server}

// start is the time of the first packet: 2026-01-02 03:04:05 UTC.
const start = capture.Time(1_767_323_045 * time.Second)

// mss is the payload that a segment has at most.
const mss = 1460

// A player plays a script: it is the two ends and the network between them.
type player struct {
	crowded uint64 // connections that crowd has opened
	lines   []*line
	packets []capture.Packet
	clock   capture.Time
	conns   map[uint64]*conn
	conn    *conn
	deaf    [2]bool // directions that the capture does not see
	losing  bool    // the line's packets are not captured
	masks   uint32
}

// A conn is a TCP connection of the script.
type conn struct {
	id    uint64
	path  path
	ends  [2]end
	opens uint32
	head  head
}

// An end is what one end of a connection has sent.
type end struct {
	next    uint32     // sequence number of the byte it sends next
	arrived uint32     // what the other end acknowledges
	sent    []byte     // its byte stream, up to next
	pending []byte     // bytes of join lines, to leave with the next line's
	owners  []*line    // of pending
	last    *segment   // the last one that was put
	held    []*segment // swap: captured behind the next one
}

func play(script string) (*player, error) {
	lines, err := parse(script)
	if err != nil {
		return nil, err
	}
	p := &player{lines: lines, clock: start, conns: map[uint64]*conn{}}
	p.connect(1)
	for _, l := range lines {
		verb, ok := verbs[l.verb]
		if !ok {
			return nil, fmt.Errorf("line %d: unknown verb %q", l.number, l.verb)
		}
		if p.conn.opens == 0 && !unopened[l.verb] {
			return nil, fmt.Errorf("line %d: %s: no connection is open", l.number, l.verb)
		}
		p.losing = false
		l.conn = p.conn.id
		if err := verb(p, l); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", l.number, l.verb, err)
		}
	}
	return p, p.finish()
}

func (p *player) finish() error {
	for _, c := range p.conns {
		for dir := range c.ends {
			if len(c.ends[dir].pending) > 0 {
				return errors.New("join: nothing follows to be joined with")
			}
			if len(c.ends[dir].held) > 0 {
				return errors.New("swap: nothing follows to be exchanged with")
			}
		}
	}
	return nil
}

func (p *player) wants() []Want {
	var all []Want
	for _, l := range p.lines {
		slices.Sort(l.packets)
		for _, w := range l.wants {
			w.Line, w.Packets = l.number, slices.Compact(l.packets)
			if w.Not {
				w.Packets = p.packetsOf(l.conn)
			}
			all = append(all, w)
		}
	}
	return all
}

// packetsOf are the packets of all lines about a connection.
func (p *player) packetsOf(conn uint64) []int64 {
	var all []int64
	for _, l := range p.lines {
		if l.conn == conn {
			all = append(all, l.packets...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// connect makes connection id the one of the next lines.
func (p *player) connect(id uint64) {
	c, ok := p.conns[id]
	if !ok {
		c = &conn{id: id, head: newHead()}
		p.conns[id] = c
	}
	p.conn = c
}

func newHead() head {
	return head{target: "/", host: "server.example", key: sampleKey, status: 101}
}

// start sets a new TCP connection up, in the place of the one before.
func (c *conn) start(s *setup) {
	if s.clientPort == 0 {
		s.clientPort = uint16(50000 + c.id)
	}
	c.path = path{link: links[s.link], vlans: s.vlans, pad: s.pad, router: s.router, ids: c.path.ids}
	addrs := [2]string{"10.0.0.1", "10.0.0.2"}
	if s.ipv6 {
		addrs = [2]string{"2001:db8::1", "2001:db8::2"}
	}
	for dir, port := range [2]uint16{s.clientPort, s.port} {
		ip := s.ips[dir]
		if !ip.IsValid() {
			ip = netip.MustParseAddr(addrs[dir])
		}
		c.path.ends[dir] = netip.AddrPortFrom(ip, port)
		c.ends[dir] = end{next: s.isn[dir], arrived: s.isn[dir]}
	}
	c.opens++
	c.head = newHead()
}

// newSetup has the numbers that a connection gets when its script names none.
func (c *conn) newSetup() setup {
	begin := uint32(c.id)*1_000_000 + c.opens*100_000_000
	return setup{isn: [2]uint32{begin, begin + 50_000_000}, port: 80, link: "ethernet"}
}

// segment is an empty segment of one end, as it would be sent now.
func (c *conn) segment(dir int, flags byte, l *line) *segment {
	s := &segment{dir: dir, seq: c.ends[dir].next, flags: flags, window: 0xffff, owners: []*line{l}}
	if flags&flagACK != 0 {
		s.ack = c.ends[1-dir].arrived
	}
	return s
}

// dress gives a segment what the TCP words say; i is its place in the line.
func (m *manner) dress(s *segment, i int) {
	s.lose, s.cut, s.fragment, s.badSum = m.lose.has(i), m.cut, m.fragment, m.badSum
	s.ttl = byte(m.ttl)
	s.seq += uint32(m.shift)
	s.ack += uint32(m.ackShift)
	if m.window >= 0 {
		s.window = uint16(m.window)
	}
}

// put sends a segment: it takes a millisecond, and a packet number unless the
// capture does not see it. A router sends it on 20 microseconds later.
func (p *player) put(s *segment) {
	path := &p.conn.path
	p.conn.ends[s.dir].last = s
	next := path.ids
	if s.numbered {
		path.ids[s.dir] = s.id
	}
	ids := path.ids
	packets := path.packets(s)
	var second [][]byte
	if path.router {
		second = path.forwarded(s, ids)
	}
	if s.numbered {
		path.ids = next
	}
	for i, b := range packets {
		at := p.clock
		p.clock += capture.Time(time.Millisecond)
		if s.lose || p.losing || p.deaf[s.dir] {
			continue
		}
		p.capturePacket(s, b, at)
		if second != nil {
			p.capturePacket(s, second[i], at+capture.Time(20*time.Microsecond))
		}
	}
}

func (p *player) capturePacket(s *segment, b []byte, at capture.Time) {
	pkt := capture.Packet{
		Number: int64(len(p.packets) + 1), Time: at,
		LinkType: p.conn.path.link.number, Data: b, Length: len(b),
	}
	if s.cut > 0 && s.cut < len(b) {
		pkt.Data = bytes.Clone(b[:s.cut])
	}
	p.packets = append(p.packets, pkt)
	for _, l := range s.owners {
		l.packets = append(l.packets, pkt.Number)
	}
}

// send puts a segment that others may be waiting behind, and those then.
func (p *player) send(s *segment, hold bool) {
	e := &p.conn.ends[s.dir]
	if hold {
		ids := &p.conn.path.ids[s.dir]
		s.id, s.numbered = *ids, true
		*ids++
		e.held = append(e.held, s)
		return
	}
	p.put(s)
	for _, h := range e.held {
		p.put(h)
	}
	e.held = nil
}

// acknowledge has the other end of dir answer with a bare ACK, unless it
// still waits for something.
func (p *player) acknowledge(dir int, m *manner, l *line) {
	e := &p.conn.ends[dir]
	if m.noAck || len(e.held) > 0 {
		return
	}
	e.arrived = e.next
	p.put(p.conn.segment(1-dir, flagACK, l))
}

// bytes sends bytes of one end as the TCP words say.
func (p *player) bytes(dir int, b []byte, m *manner, l *line) error {
	e := &p.conn.ends[dir]
	if e.pending = append(e.pending, b...); m.join {
		e.owners = append(e.owners, l)
		return nil
	}
	b, owners := e.pending, append(e.owners, l)
	e.pending, e.owners = nil, nil
	size := mss
	if m.split > 0 {
		size = m.split
	}
	for i := 0; len(b) > 0; i++ {
		n := min(size, len(b))
		if err := p.data(dir, b[:n], n == len(b), i, m, owners); err != nil {
			return err
		}
		p.acknowledge(dir, m, l)
		b = b[n:]
	}
	return nil
}

// data sends one segment of a line, the i-th.
func (p *player) data(dir int, b []byte, last bool, i int, m *manner, owners []*line) error {
	e := &p.conn.ends[dir]
	s := p.conn.segment(dir, flagACK, nil)
	s.owners, s.payload = owners, b
	if last {
		s.flags |= flagPSH
	}
	m.dress(s, i)
	if m.overlap > 0 && i == 0 {
		if m.overlap > len(e.sent) {
			return fmt.Errorf("overlap=%d: only %d bytes were sent", m.overlap, len(e.sent))
		}
		before := e.sent[len(e.sent)-m.overlap:]
		s.seq -= uint32(m.overlap)
		s.payload = append(m.repeat(before), b...)
	}
	if m.shift == 0 { // otherwise the end itself knows nothing of it
		e.sent = append(e.sent, b...)
		e.next += uint32(len(b))
	}
	p.send(s, m.swap.has(i))
	if m.again.has(i) {
		copied := *s
		copied.lose, copied.payload = false, s.payload
		if m.overlap == 0 {
			copied.payload = m.repeat(s.payload)
		}
		p.put(&copied)
	}
	return nil
}

// repeat gives the bytes that come again: the same, or others.
func (m *manner) repeat(b []byte) []byte {
	b = bytes.Clone(b)
	for i := range b {
		if m.differ {
			b[i] ^= 1
		}
	}
	return b
}

package casetest

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// verbs are the words that a script's line may begin with.
var verbs = map[string]func(*player, *line) error{
	"open":      (*player).open,
	"syn":       (*player).syn,
	"request":   (*player).request,
	"response":  (*player).response,
	"c":         func(p *player, l *line) error { return p.frames(client, l) },
	"s":         func(p *player, l *line) error { return p.frames(server, l) },
	"ack":       (*player).ack,
	"keepalive": (*player).keepAlive,
	"resend":    (*player).resend,
	"fin":       (*player).fin,
	"rst":       (*player).rst,
	"wait":      (*player).wait,
	"conn":      (*player).change,
	"crowd":     (*player).crowd,
	"capture":   (*player).capture,
	"packet":    (*player).packet,
	"icmp":      (*player).icmp,
}

// unopened are the verbs that need no connection.
var unopened = map[string]bool{"open": true, "syn": true, "wait": true, "conn": true, "crowd": true, "capture": true, "packet": true}

// open is syn, request and response in one.
func (p *player) open(l *line) error {
	set, m, h := p.conn.newSetup(), newManner(), newHead()
	if err := takeAll(l.words, &m, &set, &h); err != nil {
		return err
	}
	p.losing = m.lose.all
	join := m.join
	m.join = false
	p.conn.start(&set)
	p.conn.head = h
	request := h.request()
	if set.fastOpen {
		set.data = string(request)
		if !set.untaken {
			request = nil
		}
	}
	p.shake(&set, &m, l)
	if set.unanswered || set.refused {
		return nil
	}
	if err := p.bytes(client, request, &m, l); err != nil {
		return err
	}
	m.join = join
	return p.bytes(server, h.response(), &m, l)
}

func newManner() manner { return manner{window: -1} }

// syn opens the TCP connection alone.
func (p *player) syn(l *line) error {
	set, m := p.conn.newSetup(), newManner()
	if err := takeAll(l.words, &m, &set); err != nil {
		return err
	}
	p.losing = m.lose.all
	p.conn.start(&set)
	p.shake(&set, &m, l)
	return nil
}

// shake sends SYN, SYN-ACK, ACK (RFC 9293 §3.5).
func (p *player) shake(set *setup, m *manner, l *line) {
	c, s := &p.conn.ends[client], &p.conn.ends[server]
	syn := p.conn.segment(client, flagSYN, l)
	syn.options = []byte{2, 4, mss >> 8, mss & 0xff, 1, 3, 3, 7} // RFC 9293 §3.2: MSS; RFC 7323 §2.2: window scale
	syn.payload = []byte(set.data)
	m.dress(syn, 0)
	p.put(syn)
	if m.again.any() {
		p.put(syn)
	}
	c.next++
	if !set.untaken {
		c.sent = append(c.sent, set.data...)
		c.next += uint32(len(set.data))
	}
	c.arrived = c.next
	switch {
	case set.unanswered:
		return
	case set.refused:
		p.put(p.conn.segment(server, flagRST|flagACK, l))
		return
	}
	answer := p.conn.segment(server, flagSYN|flagACK, l)
	answer.options = syn.options
	p.clock += capture.Time(set.far)
	p.put(answer)
	s.next++
	s.arrived = s.next
	p.put(p.conn.segment(client, flagACK, l))
}

// request sends the client's opening handshake, or the lines of its body.
func (p *player) request(l *line) error {
	m, h := newManner(), newHead()
	if err := takeAll(l.words, &m, &h); err != nil {
		return err
	}
	p.conn.head = h
	if l.hasBody {
		return p.bytes(client, h.fromBody(l.body), &m, l)
	}
	return p.bytes(client, h.request(), &m, l)
}

// response sends the server's answer to the last request, or the lines of its body.
func (p *player) response(l *line) error {
	m, h := newManner(), &p.conn.head
	if err := takeAll(l.words, &m, statusWord{h}, h); err != nil {
		return err
	}
	if l.hasBody {
		return p.bytes(server, h.fromBody(l.body), &m, l)
	}
	return p.bytes(server, h.response(), &m, l)
}

// statusWord takes a bare number: response 403.
type statusWord struct{ *head }

func (s statusWord) take(w word) (bool, error) {
	n, err := strconv.Atoi(w.name)
	if err != nil || w.valued {
		return false, nil
	}
	s.status = n
	return true, nil
}

// frames sends the frames of a line in as few segments as they fit.
func (p *player) frames(dir int, l *line) error {
	m := newManner()
	var b []byte
	f := p.newFrame(dir)
	end := func() (err error) {
		b, err = f.appendTo(b)
		f = p.newFrame(dir)
		return err
	}
	for _, w := range l.words {
		if w.name == "with" {
			if err := end(); err != nil {
				return err
			}
			continue
		}
		if err := takeOne(w, []taker{&m, f}); err != nil {
			return err
		}
	}
	if err := end(); err != nil {
		return err
	}
	return p.bytes(dir, b, &m, l)
}

// newFrame is a frame as its sender should send it: a client masks, each
// frame with another key (RFC 6455 §5.3).
func (p *player) newFrame(dir int) *frame {
	key := 0x37fa213d + p.masks*0x9e3779b1 // the key of RFC 6455 §5.7, and then others
	p.masks++
	return &frame{fin: true, masked: dir == client, mask: binary.BigEndian.AppendUint32(nil, key)}
}

// bare sends a segment without frames, of the end that the line names.
func (p *player) bare(l *line, flags byte, dir int) error {
	m, who := newManner(), ender{dir: dir}
	if err := takeAll(l.words, &m, &who); err != nil {
		return err
	}
	if other := &p.conn.ends[1-who.dir]; !m.noAck && len(other.held) == 0 {
		other.arrived = other.next
	}
	s := p.conn.segment(who.dir, flags, l)
	m.dress(s, 0)
	p.put(s)
	if m.again.any() {
		p.put(s)
	}
	return nil
}

func (p *player) ack(l *line) error { return p.bare(l, flagACK, client) }

// keepAlive probes the other end (RFC 9293 §3.8.4), which answers.
func (p *player) keepAlive(l *line) error {
	m, who, probe := newManner(), ender{}, garbage{}
	if err := takeAll(l.words, &m, &who, &probe); err != nil {
		return err
	}
	s := p.conn.segment(who.dir, flagACK, l)
	s.seq--
	s.payload = probe.b
	m.dress(s, 0)
	p.put(s)
	p.acknowledge(who.dir, &m, l)
	return nil
}

// A garbage takes the word of a keep-alive that carries a byte.
type garbage struct{ b []byte }

func (g *garbage) take(w word) (bool, error) {
	if w.name == "garbage" {
		g.b = []byte{0}
	}
	return w.name == "garbage", nil
}

// resend sends bytes of one end once more: resend c len=10 for the last ten,
// resend c len=10 before=5 for the ten before the last five.
func (p *player) resend(l *line) error {
	m, who, last := newManner(), ender{}, span{}
	if err := takeAll(l.words, &m, &who, &last); err != nil {
		return err
	}
	e := &p.conn.ends[who.dir]
	back := last.n + last.before
	if last.n == 0 || back > len(e.sent) {
		return fmt.Errorf("%d of %d bytes sent", back, len(e.sent))
	}
	s := p.conn.segment(who.dir, flagACK|flagPSH, l)
	s.payload = m.repeat(e.sent[len(e.sent)-back:][:last.n])
	s.seq -= uint32(back)
	m.dress(s, 0)
	p.put(s)
	p.acknowledge(who.dir, &m, l)
	return nil
}

// A span takes the words that say which bytes are sent once more.
type span struct{ n, before int }

func (s *span) take(w word) (bool, error) {
	switch w.name {
	case "len":
		return true, positive(&s.n, w)
	case "before":
		return true, positive(&s.before, w)
	}
	return false, nil
}

// fin ends one direction, or both in turn (RFC 9293 §3.6), the server's first
// (RFC 6455 §7.1.1).
func (p *player) fin(l *line) error {
	m, who := newManner(), ender{}
	if err := takeAll(l.words, &m, &who); err != nil {
		return err
	}
	dirs := []int{server, client}
	if who.given {
		dirs = []int{who.dir}
	}
	for _, dir := range dirs {
		s := p.conn.segment(dir, flagFIN|flagACK, l)
		m.dress(s, 0)
		p.conn.ends[dir].next++
		p.send(s, m.swap.any())
		if m.again.any() {
			p.put(s)
		}
		p.acknowledge(dir, &m, l)
	}
	return nil
}

// rst resets the connection; the server does where the line names nobody.
func (p *player) rst(l *line) error {
	return p.bare(l, flagRST|flagACK, server)
}

func (p *player) wait(l *line) error {
	var d pause
	if err := takeAll(l.words, &d); err != nil {
		return err
	}
	p.clock += capture.Time(d.Duration)
	return nil
}

// change makes another connection the one of the next lines.
func (p *player) change(l *line) error {
	if len(l.words) != 1 {
		return errors.New("one number expected")
	}
	id, err := strconv.ParseUint(l.words[0].name, 10, 8)
	if err != nil || id == 0 {
		return fmt.Errorf("%v: not a number from 1 to 255", l.words[0])
	}
	p.connect(id)
	return nil
}

// crowd opens so many connections, each as open does, from the number 1001 on.
func (p *player) crowd(l *line) error {
	const most = 3000
	if len(l.words) == 0 {
		return errors.New("a number expected")
	}
	n, err := strconv.ParseUint(l.words[0].name, 10, 16)
	if err != nil || n == 0 || n > most {
		return fmt.Errorf("%v: not a number from 1 to %d", l.words[0], most)
	}
	each := *l
	for range n {
		p.crowded++
		id := 1000 + p.crowded
		p.connect(id)
		var key [16]byte
		binary.BigEndian.PutUint64(key[8:], id)
		each.words = append(slices.Clone(l.words[1:]), word{name: "key", valued: true, value: base64.StdEncoding.EncodeToString(key[:])})
		if err := p.open(&each); err != nil {
			return err
		}
	}
	return nil
}

// capture says whose packets are captured from here on: c, s, both or none.
func (p *player) capture(l *line) error {
	deaf, ok := map[string][2]bool{
		"both": {false, false}, "c": {false, true}, "s": {true, false}, "none": {true, true},
	}[wordsOf(l)]
	if !ok {
		return errors.New("one of c, s, both, none expected")
	}
	p.deaf = deaf
	return nil
}

func wordsOf(l *line) string {
	if len(l.words) != 1 {
		return ""
	}
	return l.words[0].name
}

// packet captures bytes as they are: packet link=ethernet hex=….
func (p *player) packet(l *line) error {
	var f frame
	set := setup{link: "ethernet"}
	if err := takeAll(l.words, &set, &f); err != nil {
		return err
	}
	pkt := capture.Packet{
		Number: int64(len(p.packets) + 1), Time: p.clock,
		LinkType: links[set.link].number, Data: f.payload, Length: len(f.payload),
	}
	p.clock += capture.Time(time.Millisecond)
	p.packets = append(p.packets, pkt)
	l.packets = append(l.packets, pkt.Number)
	return nil
}

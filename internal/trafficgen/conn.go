package trafficgen

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// The two directions: who sends.
const (
	client = 0
	server = 1
)

// What stands before a payload: Ethernet, IPv4 and TCP with the timestamps
// option of RFC 7323 §3; and how much payload there is at most.
const (
	headerLength = 14 + 20 + 32
	mss          = 1448
)

// The control bits of RFC 9293 §3.1.
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

// A conn is an open connection.
type conn struct {
	number int
	seq    [2]uint32
	left   int    // messages it has yet to send
	queue  []byte // what is being sent
	buffer []byte // what queue is the rest of; the next message takes its place
	dir    int    // of queue
	ping   bool   // a ping follows
	unseen int    // data segments not yet answered by an ACK
	sent   bool   // the opening handshake was
}

// open sends the three segments of TCP and the opening handshake.
func (g *generator) open() *conn {
	c := &conn{number: g.next, seq: [2]uint32{g.rng.Uint32(), g.rng.Uint32()}}
	c.left = 1 + g.rng.IntN(2*g.shape.Messages-1)
	g.next++
	g.truth.Connections++
	g.packet(c, client, flagSYN, nil)
	c.seq[client]++
	g.packet(c, server, flagSYN|flagACK, nil)
	c.seq[server]++
	g.packet(c, client, flagACK, nil)

	var nonce [16]byte
	binary.BigEndian.PutUint64(nonce[:], g.rng.Uint64())
	binary.BigEndian.PutUint64(nonce[8:], g.rng.Uint64())
	key := base64.StdEncoding.EncodeToString(nonce[:])
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 §1.3
	g.say(c, client, fmt.Appendf(nil, "GET /feed/%d HTTP/1.1\r\nHost: ws%d.example\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nOrigin: http://www.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		c.number, c.number%4, key))
	g.say(c, server, fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:])))
	g.truth.Established++
	c.sent = true
	return c
}

// say sends bytes that fit a segment, and their ACK.
func (g *generator) say(c *conn, dir int, b []byte) {
	g.packet(c, dir, flagPSH|flagACK, b)
	c.seq[dir] += uint32(len(b))
	g.packet(c, 1-dir, flagACK, nil)
}

// segment sends the next segment of what is queued.
func (g *generator) segment(c *conn) {
	n := min(mss, len(c.queue))
	flags := byte(flagACK)
	if n == len(c.queue) {
		flags |= flagPSH
	}
	g.packet(c, c.dir, flags, c.queue[:n])
	c.seq[c.dir] += uint32(n)
	c.queue = c.queue[n:]
	if c.unseen++; c.unseen >= g.shape.AckEvery {
		c.unseen = 0
		g.packet(c, 1-c.dir, flagACK, nil)
	}
	if len(c.queue) == 0 && c.ping {
		c.ping = false
		var payload [8]byte
		binary.BigEndian.PutUint64(payload[:], g.now)
		g.say(c, server, g.frame(nil, server, 9, payload[:], false))
		g.say(c, client, g.frame(nil, client, 10, payload[:], false))
	}
}

// close sends the closing handshake and the FINs.
func (g *generator) close(c *conn) {
	body := []byte{1000 >> 8, 1000 & 0xff}
	g.say(c, client, g.frame(nil, client, 8, body, false))
	g.say(c, server, g.frame(nil, server, 8, body, false))
	g.truth.Closed++
	for _, dir := range []int{server, client} {
		g.packet(c, dir, flagFIN|flagACK, nil)
		c.seq[dir]++
	}
	g.packet(c, server, flagACK, nil)
}

// fileHeader writes what a classic capture begins with: Ethernet, nanoseconds.
func (g *generator) fileHeader() {
	var b [24]byte
	binary.LittleEndian.PutUint32(b[0:], 0xa1b23c4d)
	binary.LittleEndian.PutUint16(b[4:], 2) // version 2.4
	binary.LittleEndian.PutUint16(b[6:], 4)
	binary.LittleEndian.PutUint32(b[16:], 262144)
	binary.LittleEndian.PutUint32(b[20:], 1)
	g.write(b[:])
}

func (g *generator) write(b []byte) {
	if g.err == nil {
		_, g.err = g.w.Write(b)
	}
}

// packet writes a packet with a segment of that direction. The TCP checksum
// is left 0, as on a machine whose network card fills it in.
func (g *generator) packet(c *conn, dir int, flags byte, payload []byte) {
	length := headerLength + len(payload)
	b := g.buf[:length]
	copy(b, []byte{2, 0, 0, 0, 0, byte(2 - dir), 2, 0, 0, 0, 0, byte(1 + dir), 8, 0})
	ip := b[14:34]
	copy(ip, []byte{0x45, 0, byte((length - 14) >> 8), byte(length - 14), 0, 0, 0x40, 0, 64, 6, 0, 0})
	addrs := [2][4]byte{{10, 1, byte(c.number >> 15), byte(c.number >> 7)}, {10, 0, 0, byte(1 + c.number%4)}}
	ports := [2]uint16{32768 + uint16(c.number&0x7f), 8080}
	copy(ip[12:], addrs[dir][:])
	copy(ip[16:], addrs[1-dir][:])
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))

	tcp := b[34:headerLength]
	binary.BigEndian.PutUint16(tcp[0:], ports[dir])
	binary.BigEndian.PutUint16(tcp[2:], ports[1-dir])
	binary.BigEndian.PutUint32(tcp[4:], c.seq[dir])
	var ack uint32
	if flags&flagACK != 0 {
		ack = c.seq[1-dir]
	}
	binary.BigEndian.PutUint32(tcp[8:], ack)
	copy(tcp[12:], []byte{8 << 4, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10})
	binary.BigEndian.PutUint32(tcp[24:], uint32(g.now/1_000_000))
	binary.BigEndian.PutUint32(tcp[28:], 0)
	copy(b[headerLength:], payload)
	if len(payload) > 0 && flags&flagSYN == 0 && c.sent {
		g.spoil(b)
		return
	}
	g.record(b)
}

// checksum is that of an IPv4 header whose own field is 0 (RFC 791 §3.1).
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16)
}

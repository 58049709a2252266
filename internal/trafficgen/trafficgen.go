// Package trafficgen writes large synthetic captures of WebSocket traffic: a
// [Shape] goes in, a capture file and the [Truth] about it come out.
//
// The same shape gives the same bytes. Connections are complete: SYN, opening
// handshake, messages, close frames, FIN; those that are open when the file
// has grown long enough stay open, but no frame is cut.
package trafficgen

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
)

// A Shape says what the traffic is like.
type Shape struct {
	Name        string
	Packets     int     // the file ends soon after so many
	Connections int     // at most, in all; 0: no end
	Concurrent  int     // open at once
	Messages    int     // a connection's mean; each has 1 to 2·Messages-1
	Least, Most int     // bytes of a message
	Masked      float64 // share of messages that the client sends
	Text        float64 // share of messages that are text; one text in ten has characters beyond ASCII
	Pings       float64 // share of messages followed by a ping and its pong
	AckEvery    int     // data segments that one bare ACK answers
	Burst       int     // segments of one connection in a row, at most
	Seed        uint64
}

// Shapes are the shapes that have a name.
var Shapes = []Shape{
	{
		Name: "small", Packets: 5_000_000, Concurrent: 500, Messages: 1 << 20, Least: 60, Most: 200,
		Masked: 0.5, Text: 1, Pings: 0.01, AckEvery: 1, Burst: 4,
	},
	{
		Name: "bulk", Packets: 1_000_000, Concurrent: 32, Messages: 1 << 20, Least: 65536, Most: 65536,
		Masked: 0.3, Text: 0.5, Pings: 0.01, AckEvery: 2, Burst: 16,
	},
	{
		Name: "many", Packets: 2_000_000, Concurrent: 5000, Messages: 3, Least: 60, Most: 400,
		Masked: 0.5, Text: 1, Pings: 0.01, AckEvery: 1, Burst: 4,
	},
}

// A Truth is what was put into a capture.
type Truth struct {
	Packets      int64 `json:"packets"`
	Bytes        int64 `json:"bytes"` // of the packets, not of the file
	Connections  int64 `json:"connections"`
	Established  int64 `json:"established"` // answered with 101
	Closed       int64 `json:"closed"`      // with close frames of both ends
	Frames       int64 `json:"frames"`
	ClientFrames int64 `json:"client_frames"`
	Text         int64 `json:"text"`
	Binary       int64 `json:"binary"`
	Pings        int64 `json:"pings"`
	Pongs        int64 `json:"pongs"`
	CloseFrames  int64 `json:"close_frames"`
	Payload      int64 `json:"payload_bytes"` // of all frames
}

// A generator is the state of one capture that is being written.
type generator struct {
	shape Shape
	w     *bufio.Writer
	err   error
	rng   *rand.Rand
	truth Truth
	now   uint64 // nanoseconds since 1970
	conns []*conn
	next  int // number of the connection that opens next
	text  []byte
	noise []byte
	buf   [headerLength + mss]byte
}

// Write writes a capture of that shape, in the classic format with
// nanoseconds.
func Write(w io.Writer, shape Shape) (Truth, error) {
	if shape.Packets <= 0 || shape.Concurrent <= 0 || shape.Messages <= 0 || shape.Least < 0 || shape.Most < shape.Least {
		return Truth{}, fmt.Errorf("trafficgen: shape %q is incomplete", shape.Name)
	}
	shape.AckEvery, shape.Burst = max(shape.AckEvery, 1), max(shape.Burst, 1)
	g := &generator{
		shape: shape,
		w:     bufio.NewWriterSize(w, 1<<20),
		rng:   rand.New(rand.NewPCG(shape.Seed, 0x77737367)),
		now:   1_767_323_045_000_000_000,
	}
	g.material()
	g.fileHeader()
	g.run()
	if err := g.w.Flush(); g.err == nil {
		g.err = err
	}
	if g.err != nil {
		return Truth{}, fmt.Errorf("trafficgen: %w", g.err)
	}
	return g.truth, nil
}

// run gives connections their turns, in random order, until the file is long
// enough; then each finishes what it has begun to say.
func (g *generator) run() {
	for g.err == nil && g.truth.Packets < int64(g.shape.Packets) {
		if len(g.conns) < g.shape.Concurrent && g.mayOpen() {
			g.conns = append(g.conns, g.open())
		}
		if len(g.conns) == 0 {
			return
		}
		i := g.rng.IntN(len(g.conns))
		if g.turn(g.conns[i]) {
			g.conns[i] = g.conns[len(g.conns)-1]
			g.conns = g.conns[:len(g.conns)-1]
		}
	}
	for _, c := range g.conns {
		for len(c.queue) > 0 {
			g.segment(c)
		}
	}
}

func (g *generator) mayOpen() bool {
	return g.shape.Connections == 0 || g.next < g.shape.Connections
}

// turn has a connection send a burst, and says whether it is over then.
func (g *generator) turn(c *conn) bool {
	for range 1 + g.rng.IntN(g.shape.Burst) {
		if len(c.queue) == 0 {
			if c.left == 0 {
				g.close(c)
				return true
			}
			c.left--
			g.message(c)
		}
		g.segment(c)
	}
	return false
}

// material prepares what payloads are cut from: ASCII text, and noise.
func (g *generator) material() {
	const size = 1 << 16
	n := 2*size + g.shape.Most
	for i := 0; len(g.text) < n; i++ {
		g.text = fmt.Appendf(g.text, `{"seq":%06d,"px":%07d}`, i%1_000_000, g.rng.IntN(10_000_000))
	}
	g.noise = make([]byte, n)
	for i := range g.noise {
		g.noise[i] = byte(g.rng.Uint32())
	}
}

// message queues a message, and now and then a ping that follows it.
func (g *generator) message(c *conn) {
	dir := server
	if g.rng.Float64() < g.shape.Masked {
		dir = client
	}
	length := g.shape.Least + g.rng.IntN(g.shape.Most-g.shape.Least+1)
	opcode, from := byte(2), g.noise
	if g.rng.Float64() < g.shape.Text {
		opcode, from = 1, g.text
	}
	at := g.rng.IntN(1 << 16)
	c.dir = dir
	c.queue = g.frame(c.buffer[:0], dir, opcode, from[at:at+length], opcode == 1 && g.rng.IntN(10) == 0)
	c.buffer = c.queue
	c.ping = g.rng.Float64() < g.shape.Pings
}

// frame appends a frame (RFC 6455 §5.2) and counts it. A text that is wide
// has two of its bytes replaced by a character of two bytes.
func (g *generator) frame(b []byte, dir int, opcode byte, payload []byte, wide bool) []byte {
	mask := byte(0)
	if dir == client {
		mask = 0x80
	}
	b = append(b, 0x80|opcode)
	switch n := len(payload); {
	case n <= 125:
		b = append(b, mask|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	var key [4]byte
	if dir == client {
		binary.BigEndian.PutUint32(key[:], g.rng.Uint32())
		b = append(b, key[:]...)
	}
	begin := len(b)
	b = append(b, payload...)
	if wide && len(payload) >= 4 {
		copy(b[begin+2:], "ü")
	}
	if dir == client {
		for i := range b[begin:] {
			b[begin+i] ^= key[i&3]
		}
	}
	g.count(dir, opcode, len(payload))
	return b
}

func (g *generator) count(dir int, opcode byte, payload int) {
	g.truth.Frames++
	g.truth.Payload += int64(payload)
	if dir == client {
		g.truth.ClientFrames++
	}
	switch opcode {
	case 1:
		g.truth.Text++
	case 2:
		g.truth.Binary++
	case 8:
		g.truth.CloseFrames++
	case 9:
		g.truth.Pings++
	case 10:
		g.truth.Pongs++
	}
}

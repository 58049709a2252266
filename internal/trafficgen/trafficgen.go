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
	Large       float64 // share of messages that have 64 KiB instead
	Batch       int     // messages sent at once, so that segments begin and end inside frames; 0: 1
	Lasting     bool    // connections are not closed
	Late        float64 // share of data segments captured one to three packets late
	Twice       float64 // share of data segments captured again, later
	Lost        float64 // share of data segments not captured
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
	lasting("open10k", 10_000),
	lasting("open100k", 100_000),
	mixed("ordered", 0, 0, 0),
	mixed("late", 0.1, 0.1, 0),
	mixed("lossy", 0, 0, 0.001),
}

// lasting has n connections that are all open at once, and stay so.
func lasting(name string, n int) Shape {
	return Shape{
		Name: name, Packets: 14 * n, Connections: n, Concurrent: n, Messages: 3, Least: 60, Most: 400,
		Masked: 0.5, Text: 1, AckEvery: 1, Burst: 4, Lasting: true,
	}
}

// mixed has small and large messages whose frames straddle segments, and dirt.
func mixed(name string, late, twice, lost float64) Shape {
	return Shape{
		Name: name, Packets: 190_000, Concurrent: 32, Messages: 1 << 20, Least: 60, Most: 2000, Large: 0.2, Batch: 8,
		Masked: 0.5, Text: 0.8, AckEvery: 2, Burst: 16, Late: late, Twice: twice, Lost: lost,
	}
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
	LostSegments int64 `json:"lost_segments"`
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
	late  []late
}

// Write writes a capture of that shape, in the classic format with
// nanoseconds.
func Write(w io.Writer, shape Shape) (Truth, error) {
	if shape.Packets <= 0 || shape.Concurrent <= 0 || shape.Messages <= 0 || shape.Least < 0 || shape.Most < shape.Least {
		return Truth{}, fmt.Errorf("trafficgen: shape %q is incomplete", shape.Name)
	}
	shape.AckEvery, shape.Burst, shape.Batch = max(shape.AckEvery, 1), max(shape.Burst, 1), max(shape.Batch, 1)
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
	for len(g.late) > 0 {
		g.overdue()
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
				if !g.shape.Lasting {
					g.close(c)
				}
				return true
			}
			g.messages(c)
		}
		g.segment(c)
	}
	return false
}

// material prepares what payloads are cut from: ASCII text, and noise.
func (g *generator) material() {
	const size = 1 << 16
	n := 2*size + max(g.shape.Most, large)
	for i := 0; len(g.text) < n; i++ {
		g.text = fmt.Appendf(g.text, `{"seq":%06d,"px":%07d}`, i%1_000_000, g.rng.IntN(10_000_000))
	}
	g.noise = make([]byte, n)
	for i := range g.noise {
		g.noise[i] = byte(g.rng.Uint32())
	}
}

// large is the size in bytes of the messages that are large.
const large = 1 << 16

// messages queues a batch of messages of one direction, and now and then a
// ping that follows it.
func (g *generator) messages(c *conn) {
	c.dir = server
	if g.rng.Float64() < g.shape.Masked {
		c.dir = client
	}
	c.queue = c.buffer[:0]
	for n := min(g.shape.Batch, c.left); n > 0; n-- {
		c.left--
		g.message(c)
	}
	c.buffer = c.queue
	c.ping = g.rng.Float64() < g.shape.Pings
}

// message queues a message.
func (g *generator) message(c *conn) {
	length := g.shape.Least + g.rng.IntN(g.shape.Most-g.shape.Least+1)
	if g.shape.Large > 0 && g.rng.Float64() < g.shape.Large {
		length = large
	}
	opcode, from := byte(2), g.noise
	if g.rng.Float64() < g.shape.Text {
		opcode, from = 1, g.text
	}
	at := g.rng.IntN(1 << 16)
	c.queue = g.frame(c.queue, c.dir, opcode, from[at:at+length], opcode == 1 && g.rng.IntN(10) == 0)
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

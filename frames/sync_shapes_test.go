package frames

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A shape is a way of sending frames. Those that always have the same header
// are not seen where nothing is known: messages of other protocols may begin
// so, too.
type shape struct {
	name    string
	masked  bool
	deflate bool
	large   bool
	least   [2]int // percent of the frames that have to be found behind losses, sent one by one or together
	seen    [2]int // percent of the searches from the middle on that have to end
	frame   func(rnd *rand.Rand, i int) (b0 byte, payload string)
}

func ofText(words string) func(*rand.Rand, int) string {
	all := strings.Fields(words)
	return func(rnd *rand.Rand, n int) string {
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, `{"%s":%d,"%s":"%s %s"}`, all[rnd.IntN(len(all))], rnd.IntN(100000),
				all[rnd.IntN(len(all))], all[rnd.IntN(len(all))], all[rnd.IntN(len(all))])
		}
		return b.String()
	}
}

var (
	latin   = ofText("price volume side buy sell order ticker BTC-USD the quick brown fox jumps OVER")
	chinese = ofText("你好 世界 价格 今天 天气 很好 消息 用户 🙂🚀 здравствуйте")
)

func noise(rnd *rand.Rand, n int) string {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rnd.Uint64())
	}
	return string(b[:n])
}

// nested is frames as a payload.
func nested(rnd *rand.Rand, n int, key uint32, most int) string {
	var b []byte
	for len(b) < n {
		if key != 0 {
			key = rnd.Uint32() | 1
		}
		b = wire(b, 0x81, key, latin(rnd, 20+rnd.IntN(most)))
	}
	return string(b[rnd.IntN(20) : n-rnd.IntN(20)])
}

var shapes = []shape{
	{name: "chat", masked: true, least: [2]int{95, 95}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, latin(rnd, rnd.IntN(200))
	}},
	{name: "chat", least: [2]int{95, 95}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, latin(rnd, rnd.IntN(200))
	}},
	{name: "chinese", masked: true, least: [2]int{95, 90}, seen: [2]int{95, 70}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, chinese(rnd, rnd.IntN(3000))
	}},
	{name: "chinese", least: [2]int{85, 75}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, chinese(rnd, rnd.IntN(3000))
	}},
	{name: "long text", large: true, masked: true, least: [2]int{95, 95}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, latin(rnd, rnd.IntN(30000))
	}},
	{name: "long text", large: true, least: [2]int{95, 90}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x81, chinese(rnd, rnd.IntN(30000))
	}},
	{name: "binary", masked: true, least: [2]int{90, 80}, seen: [2]int{95, 60}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, rnd.IntN(3000))
	}},
	{name: "binary", least: [2]int{90, 70}, seen: [2]int{95, 0}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, rnd.IntN(3000))
	}},
	{name: "small binary", masked: true, least: [2]int{95, 95}, seen: [2]int{95, 85}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, rnd.IntN(80))
	}},
	{name: "small binary", least: [2]int{95, 95}, seen: [2]int{95, 60}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, rnd.IntN(80))
	}},
	{name: "64 KiB", large: true, masked: true, least: [2]int{95, 95}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, 65536-rnd.IntN(3000))
	}},
	{name: "64 KiB", large: true, least: [2]int{95, 85}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, 65536-rnd.IntN(3000))
	}},
	{name: "deflate", masked: true, deflate: true, least: [2]int{90, 95}, seen: [2]int{85, 60}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0xC1, noise(rnd, 10+rnd.IntN(500))
	}},
	{name: "deflate", deflate: true, least: [2]int{90, 90}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0xC1, noise(rnd, 10+rnd.IntN(500))
	}},
	{name: "pings", masked: true, least: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x89, noise(rnd, 8)
	}},
	{name: "pings", least: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x89, noise(rnd, 8)
	}},
	{name: "audio", masked: true, least: [2]int{95, 90}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, 640)
	}},
	{name: "audio", least: [2]int{90, 90}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, noise(rnd, 640)
	}},
	{name: "fragments", masked: true, least: [2]int{95, 95}, seen: [2]int{85, 60}, frame: fragments},
	{name: "fragments", least: [2]int{95, 95}, seen: [2]int{95, 95}, frame: fragments},
	{name: "zeros", masked: true, least: [2]int{85, 80}, seen: [2]int{95, 85}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat("\x00", rnd.IntN(3000))
	}},
	{name: "zeros", least: [2]int{85, 60}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat("\x00", rnd.IntN(3000))
	}},
	{name: "rows", least: [2]int{85, 60}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat(noise(rnd, 8<<rnd.IntN(4)), rnd.IntN(100))
	}},
	{name: "rows", masked: true, least: [2]int{85, 85}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat(noise(rnd, 8<<rnd.IntN(4)), rnd.IntN(100))
	}},
	{name: "tunnel", masked: true, least: [2]int{80, 65}, seen: [2]int{95, 85}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, nested(rnd, 100+rnd.IntN(8000), 1, 300)
	}},
	{name: "tunnel", least: [2]int{80, 60}, seen: [2]int{95, 85}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, nested(rnd, 100+rnd.IntN(8000), 0, 300)
	}},
	{name: "tunnel big", large: true, least: [2]int{90, 95}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, nested(rnd, 50000+rnd.IntN(8000), 0, 30)
	}},
	{name: "tunnel of small", least: [2]int{95, 90}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, string(wire(nil, 0x81, 0, latin(rnd, rnd.IntN(300))))
	}},
	{name: "everything", masked: true, least: [2]int{90, 90}, seen: [2]int{95, 60}, frame: everything},
	{name: "everything", least: [2]int{80, 60}, seen: [2]int{95, 60}, frame: everything},
	{name: "tunnel of some", large: true, least: [2]int{90, 90}, seen: [2]int{95, 95}, frame: func(rnd *rand.Rand, i int) (byte, string) {
		var b []byte
		for range 20 + rnd.IntN(20) {
			b = wire(b, 0x81, 0, latin(rnd, rnd.IntN(200)))
		}
		return 0x82, string(b)
	}},
}

func fragments(rnd *rand.Rand, i int) (byte, string) {
	return [4]byte{0x01, 0x00, 0x89, 0x80}[i%4], latin(rnd, rnd.IntN(50))
}

func everything(rnd *rand.Rand, i int) (byte, string) {
	switch rnd.IntN(6) {
	case 0:
		return 0x8A, "pong"
	case 1:
		return 0x82, noise(rnd, rnd.IntN(9000))
	case 2:
		return 0x82, strings.Repeat("\x00", rnd.IntN(9000))
	case 3:
		return 0x82, nested(rnd, 100+rnd.IntN(3000), 0, 100)
	case 4:
		return 0x81, chinese(rnd, rnd.IntN(3000))
	default:
		return 0x81, latin(rnd, rnd.IntN(300))
	}
}

func (s *shape) String() string {
	if s.masked {
		return s.name + " masked"
	}
	return s.name
}

// A sent is a stream, with the places where its frames begin, cut into chunks.
type sent struct {
	b      []byte
	begins map[int64]bool
	chunks []int // sizes
}

// send makes a stream of about size bytes. Frames are sent some at a time, in
// segments of 1448 bytes.
func (s *shape) send(rnd *rand.Rand, size, together int) *sent {
	out := &sent{begins: map[int64]bool{}}
	for i := 0; len(out.b) < size; {
		from := len(out.b)
		for range 1 + rnd.IntN(together) {
			b0, payload := s.frame(rnd, i)
			if b0&8 != 0 {
				payload = payload[:min(len(payload), 125)]
			}
			key := uint32(0)
			if s.masked {
				key = rnd.Uint32() | 1
			}
			out.begins[int64(len(out.b))] = true
			out.b = wire(out.b, b0, key, payload)
			i++
		}
		for n := len(out.b) - from; n > 0; n -= 1448 {
			out.chunks = append(out.chunks, min(n, 1448))
		}
	}
	return out
}

// stream is how long a stream has to be to say something about the shape.
func (s *shape) stream() int {
	if s.large {
		return 400_000
	}
	return 60_000
}

// habit is what is known of such a direction before its first frame.
func (s *shape) habit() Habit {
	if s.masked {
		return Habit{Mask: MaskSet, Deflate: s.deflate}
	}
	return Habit{Mask: MaskClear, Deflate: s.deflate}
}

package frames

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A shape is a way of sending frames.
type shape struct {
	name    string
	masked  bool
	deflate bool
	least   float64 // share of the frames that have to be found, of those with a header
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
	{name: "chat", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, latin(rnd, rnd.IntN(200)) }},
	{name: "chat", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, latin(rnd, rnd.IntN(200)) }},
	{name: "chinese", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, chinese(rnd, rnd.IntN(3000)) }},
	{name: "chinese", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, chinese(rnd, rnd.IntN(3000)) }},
	{name: "long text", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, latin(rnd, rnd.IntN(30000)) }},
	{name: "long text", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x81, chinese(rnd, rnd.IntN(30000)) }},
	{name: "binary", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, rnd.IntN(3000)) }},
	{name: "binary", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, rnd.IntN(3000)) }},
	{name: "small binary", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, rnd.IntN(80)) }},
	{name: "small binary", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, rnd.IntN(80)) }},
	{name: "64 KiB", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, 65536-rnd.IntN(4)) }},
	{name: "64 KiB", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, 65536-rnd.IntN(4)) }},
	{name: "deflate", masked: true, deflate: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0xC1, noise(rnd, 10+rnd.IntN(500)) }},
	{name: "deflate", deflate: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0xC1, noise(rnd, 10+rnd.IntN(500)) }},
	{name: "pings", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x89, noise(rnd, 8) }},
	{name: "pings", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x89, noise(rnd, 8) }},
	{name: "audio", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, 640) }},
	{name: "audio", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, noise(rnd, 640) }},
	{name: "fragments", masked: true, frame: fragments},
	{name: "fragments", frame: fragments},
	{name: "zeros", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, strings.Repeat("\x00", rnd.IntN(3000)) }},
	{name: "zeros", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, strings.Repeat("\x00", rnd.IntN(3000)) }},
	{name: "rows", frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat(noise(rnd, 8<<rnd.IntN(4)), rnd.IntN(100))
	}},
	{name: "rows", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, strings.Repeat(noise(rnd, 8<<rnd.IntN(4)), rnd.IntN(100))
	}},
	{name: "tunnel", masked: true, frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, nested(rnd, 100+rnd.IntN(8000), 1, 300)
	}},
	{name: "tunnel", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, nested(rnd, 100+rnd.IntN(8000), 0, 300) }},
	{name: "tunnel big", frame: func(rnd *rand.Rand, i int) (byte, string) { return 0x82, nested(rnd, 50000+rnd.IntN(8000), 0, 30) }},
	{name: "tunnel of small", frame: func(rnd *rand.Rand, i int) (byte, string) {
		return 0x82, string(wire(nil, 0x81, 0, latin(rnd, rnd.IntN(300))))
	}},
	{name: "everything", masked: true, frame: everything},
	{name: "everything", frame: everything},
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

// A follower follows one direction as a session does.
type follower struct {
	p      Parser
	f      Finder
	habit  Habit
	base   int64 // of the search
	search bool
	frames []int64 // where they began
	most   int     // that was held
}

func (w *follower) pieces(b []byte) {
	for p := range w.p.Pieces(b) {
		if p.First {
			w.habit.Note(&p.Header)
			w.frames = append(w.frames, w.p.FrameOffset())
		}
	}
}

func (w *follower) feed(b []byte) {
	if !w.search {
		w.pieces(b)
		return
	}
	if w.f.Feed(b, 1, 2) {
		w.resync()
	}
	w.most = max(w.most, w.f.Held())
}

func (w *follower) resync() {
	// What the finder passed over goes through the parser, which is out of
	// step, so that its offset is right.
	for range w.p.Lose(w.f.Skipped()) {
	}
	w.p.Resync()
	w.habit.Interrupt()
	for r := range w.f.Runs() {
		if w.base+r.Offset != w.p.Offset() {
			panic(fmt.Sprintf("run at %d, the parser is at %d", w.base+r.Offset, w.p.Offset()))
		}
		if r.Lost > 0 {
			for range w.p.Lose(r.Lost) {
			}
			continue
		}
		w.pieces(r.Data)
	}
	if !w.p.Synced() {
		panic("what was found does not hold")
	}
	w.search = false
}

func (w *follower) lose(n int) {
	if w.search {
		w.f.Lose(int64(n), 1, 2)
		return
	}
	for range w.p.Lose(int64(n)) {
	}
	if !w.p.Synced() {
		w.begin()
	}
}

func (w *follower) begin() {
	w.search = true
	w.base = w.p.Offset()
	w.f.Reset(w.habit)
}

// TestFinderAfterLoss loses segments of many kinds of streams. No frame may be found
// that was not sent, and few may be missed.
func TestFinderAfterLoss(t *testing.T) {
	trials := 60
	if testing.Short() {
		trials = 6
	}
	for i := range shapes {
		s := &shapes[i]
		for _, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				sum := tally{}
				for range trials {
					s.lossy(t, rnd, together, &sum)
				}
				t.Logf("%d searches, %d ended, %d frames, %d seen, %d found", sum.searches, sum.ended, sum.frames, sum.seen, sum.found)
			})
		}
	}
}

type tally struct{ searches, ended, frames, seen, found int }

func (s *shape) lossy(t *testing.T, rnd *rand.Rand, together int, sum *tally) {
	in := s.send(rnd, []int{60_000, 700_000}[bitOf(s.name == "64 KiB" || strings.HasPrefix(s.name, "tunnel big") || s.name == "long text")], together)
	w := follower{}
	w.habit.Deflate = s.deflate
	w.habit.Mask = MaskClear
	if s.masked {
		w.habit.Mask = MaskSet
	}
	at, chunk := 0, 0
	early := rnd.IntN(len(in.chunks)/2 + 1)
	for chunk < len(in.chunks) {
		n := in.chunks[chunk]
		if chunk >= early && rnd.IntN(len(in.chunks)/4+2) == 0 {
			n = 0
			for range 1 + rnd.IntN(3) {
				if chunk < len(in.chunks) {
					n += in.chunks[chunk]
					chunk++
				}
			}
			was := w.search
			w.lose(n)
			if !was && w.search {
				sum.searches++
			}
			for at2 := at; at2 < at+n; at2++ {
				if in.begins[int64(at2)] {
					sum.frames--
				}
			}
			at += n
			continue
		}
		was := w.search
		w.feed(in.b[at : at+n])
		if was && !w.search {
			sum.ended++
		}
		at += n
		chunk++
	}
	sum.frames += len(in.begins)
	for _, o := range w.frames {
		if !in.begins[o] {
			t.Fatalf("invented: a frame at %d (of %d frames, %d found)", o, len(in.begins), len(w.frames))
		}
	}
	sum.found += len(w.frames)
	if w.most > 600<<10 {
		t.Errorf("%d bytes held", w.most)
	}
}

func bitOf(b bool) int {
	if b {
		return 1
	}
	return 0
}

var _ = slices.Contains[[]int]

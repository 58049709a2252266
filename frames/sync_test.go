package frames

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
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

// A tally counts over some trials.
type tally struct {
	searches, ended int
	frames          int // whose headers were captured
	found           int
}

func (a *tally) String() string {
	return fmt.Sprintf("%d searches, %d ended; %d frames, %d found", a.searches, a.ended, a.frames, a.found)
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

// check holds that each frame followed was sent, and counts.
func (w *follower) check(t *testing.T, in *sent, sum *tally) {
	t.Helper()
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

// TestFinderAfterLoss loses segments of many kinds of streams. No frame may be
// found that was not sent, and few may be missed.
func TestFinderAfterLoss(t *testing.T) {
	for i := range shapes {
		s := &shapes[i]
		for j, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				sum := tally{}
				for range trials {
					s.lossy(t, rnd, together, &sum)
				}
				t.Log(&sum)
				if sum.found*100 < sum.frames*s.least[j] {
					t.Errorf("%v: less than %d %%", &sum, s.least[j])
				}
			})
		}
	}
}

// trials is how often each shape is tried. FuzzInvented goes on with it.
const trials = 8

func (s *shape) lossy(t *testing.T, rnd *rand.Rand, together int, sum *tally) {
	t.Helper()
	in := s.send(rnd, s.stream(), together)
	w := follower{habit: s.habit()}
	early := rnd.IntN(len(in.chunks)/2 + 1)
	sum.frames += len(in.begins)
	at, losses := 0, 0
	for i, n := range in.chunks {
		was := w.search
		if losses == 0 && i >= early && rnd.IntN(len(in.chunks)/4+2) == 0 {
			losses = 1 + rnd.IntN(3)
		}
		if losses > 0 {
			losses--
			w.lose(n)
			sum.frames -= in.headers(at, at+n)
		} else {
			w.feed(in.b[at : at+n])
		}
		at += n
		switch {
		case w.search && !was:
			sum.searches++
		case was && !w.search:
			sum.ended++
		}
	}
	w.check(t, in, sum)
}

// headers counts those that begin in a part of the stream.
func (s *sent) headers(from, to int) (n int) {
	for i := from; i < to; i++ {
		n += int(bit(s.begins[int64(i)], 1))
	}
	return n
}

// TestFinderInTheMiddle begins in the middle of streams of which nothing is
// known.
func TestFinderInTheMiddle(t *testing.T) {
	for i := range shapes {
		s := &shapes[i]
		for j, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				sum := tally{}
				for range trials {
					in := s.send(rnd, s.stream()*2, together)
					w := follower{}
					in.middle(&w, rnd.IntN(len(in.b)/2))
					w.check(t, in, &sum)
					sum.searches++
					sum.ended += 1 - int(bit(w.search, 1))
					sum.frames += len(in.begins)
				}
				t.Log(&sum)
				if sum.ended*100 < sum.searches*s.seen[j] {
					t.Errorf("%v: less than %d %% ended", &sum, s.seen[j])
				}
			})
		}
	}
}

// middle feeds a stream from some place on.
func (s *sent) middle(w *follower, from int) {
	for range w.p.Lose(int64(from)) {
	}
	w.begin()
	at := 0
	for _, n := range s.chunks {
		if at+n > from {
			w.feed(s.b[max(at, from) : at+n])
		}
		at += n
	}
}

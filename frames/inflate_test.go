package frames

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A deflater is a sender of compressed messages, made of the standard library.
type deflater struct {
	w     *flate.Writer
	buf   bytes.Buffer
	fresh bool // no context takeover
}

func newDeflater(level int, fresh bool) *deflater {
	d := &deflater{fresh: fresh}
	d.w, _ = flate.NewWriter(&d.buf, level)
	return d
}

func (d *deflater) payload(s string) string {
	d.buf.Reset()
	if d.fresh {
		d.w.Reset(&d.buf)
	}
	d.w.Write([]byte(s))
	d.w.Flush()
	return strings.TrimSuffix(d.buf.String(), "\x00\x00\xff\xff")
}

// sentence is text that looks like traffic: it compresses, and it is told
// apart from every other one.
func sentence(rnd *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, `{"id":%d,"name":"ключ-%d","price":%.3f}`, rnd.IntN(1e6), rnd.IntN(99), rnd.Float64())
	}
	return strings.ToValidUTF8(b.String()[:size], "")
}

// TestInflateExamples are those of RFC 7692 §7.2.3.
func TestInflateExamples(t *testing.T) {
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for _, tt := range []struct {
		name string
		wire []byte
		want []string
	}{
		{"one block", wire(nil, 0xc1, 0, hello), []string{"Hello"}},
		{"fragments", wire(wire(nil, 0x41, 0, hello[:3]), 0x80, 0, hello[3:]), []string{"Hello"}},
		{"a shared window", wire(wire(nil, 0xc1, 0, hello), 0xc1, 0, "\xf2\x00\x11\x00\x00"), []string{"Hello", "Hello"}},
		{"a stored block", wire(nil, 0xc1, 0, "\x00\x05\x00\xfa\xffHello\x00"), []string{"Hello"}},
		{"a block marked as the last", wire(nil, 0xc1, 0, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []string{"Hello"}},
		{"two blocks", wire(nil, 0xc1, 0, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), []string{"Hello"}},
		{"an empty message", wire(nil, 0xc1, 0, "\x00"), []string{""}},

		{"a last block and nothing behind it", wire(nil, 0xc1, 0, "\xf3\x48\xcd\xc9\xc9\x07\x00"), []string{"Hello"}},
		{"an empty last block less its end", wire(nil, 0xc1, 0, "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x01"), []string{"Hello"}},
		{"two last blocks", wire(nil, 0xc1, 0, strings.Repeat("\xf3\x48\xcd\xc9\xc9\x07\x00", 2)+"\x00"), []string{"HelloHello"}},
		{"a window over a last block", wire(nil, 0xc1, 0, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), []string{"HelloHello"}},
		{"a payload of no bytes", wire(wire(nil, 0xc1, 0, ""), 0xc1, 0, hello), []string{"", "Hello"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := joined(&Assembler{Keep: -1, Deflate: new(Deflate)}, tt.wire)
			if len(got) != len(tt.want) {
				t.Fatalf("%d messages; want %d", len(got), len(tt.want))
			}
			for i, m := range got {
				if m.Text != tt.want[i] || !m.Inflated || !m.ValidUTF8 || m.Length != uint64(len(tt.want[i])) {
					t.Errorf("message %d: %+v; want %q", i, m, tt.want[i])
				}
			}
		})
	}
}

// TestInflate sends messages of all sizes, whole and in fragments, between
// pings and messages that are not compressed, against the standard library.
func TestInflate(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			t.Run(fmt.Sprintf("fresh=%v/level=%d", fresh, level), func(t *testing.T) {
				testInflate(t, newDeflater(level, fresh))
			})
		}
	}
}

func testInflate(t *testing.T, d *deflater) {
	rnd := rand.New(rand.NewPCG(7, 8))
	var b []byte
	var want []string
	for _, size := range []int{0, 1, 2, 5, 60, 200, 1000, 8000, 31_000, 32_768, 33_792, 40_000, 65_536, 100, 0, 150_000, 7, 1000} {
		s := sentence(rnd, size)
		payload := d.payload(s)
		want = append(want, s)
		switch rnd.IntN(3) {
		case 0:
			b = wire(b, 0xc1, key1+uint32(size), payload)
		case 1:
			cut := rnd.IntN(len(payload) + 1)
			b = wire(wire(wire(b, 0x41, key2, payload[:cut]), 0x89, 0, "ping"), 0x80, 0, payload[cut:])
		case 2:
			b = wire(wire(b, 0xc1, 0, payload), 0x81, key2, "plain")
			want = append(want, "plain")
		}
	}
	for range 10 {
		cut := rnd.IntN(len(b))
		a := Assembler{Keep: -1, Deflate: &Deflate{NoContextTakeover: d.fresh}}
		got := joined(&a, b[:cut], b[cut:])
		if len(got) != len(want) {
			t.Fatalf("%d messages; want %d", len(got), len(want))
		}
		for i, m := range got {
			if m.Text != want[i] || m.Length != uint64(len(want[i])) || m.Inflated != m.Compressed || !m.Complete || !m.ValidUTF8 {
				t.Fatalf("message %d of %d bytes is wrong: %v", i, len(want[i]), m.Obstacle)
			}
		}
		if d.fresh && a.Held() > 0 || a.Held() > 1<<15 {
			t.Errorf("%d bytes held", a.Held())
		}
	}
}

// TestWindowSlidesUnseen: messages of which nothing is kept take part.
func TestWindowSlidesUnseen(t *testing.T) {
	d := newDeflater(6, false)
	rnd := rand.New(rand.NewPCG(9, 10))
	a := Assembler{Deflate: new(Deflate)}
	for range 20 {
		joined(&a, wire(nil, 0xc2, key1, d.payload(sentence(rnd, rnd.IntN(20_000)))))
	}
	a.Keep = 10
	if got := joined(&a, wire(nil, 0xc1, key1, d.payload(strings.Repeat("again", 4)))); got[0].Text != "againagain" || !got[0].ValidUTF8 {
		t.Errorf("%+v", got)
	}
}

// TestLostCompressedMessage loses one message, or some of its bytes. What is
// inflated afterwards must be right; what cannot be must be said to be so.
func TestLostCompressedMessage(t *testing.T) {
	for _, level := range []int{1, 6, flate.HuffmanOnly} {
		for lost := range 10 {
			d := newDeflater(level, false)
			rnd := rand.New(rand.NewPCG(11, uint64(lost)))
			a := Assembler{Keep: -1, Deflate: new(Deflate)}
			var p Parser
			missing := 0
			for i := range 30 {
				s := sentence(rnd, 400)
				if i == 20 {
					d.w.Reset(&d.buf) // a sender may forget what went before
				}
				b := wire(nil, 0xc1, key1, d.payload(s))
				m := addWithLoss(&a, &p, b, i == lost, 10+lost)
				switch {
				case i == lost && (m.Inflated || m.Obstacle != PartMissing || m.Text != ""):
					t.Fatalf("the lost message: %+v", m)
				case i < lost && !m.Inflated, i >= 20 && !m.Inflated:
					t.Fatalf("message %d, %d lost: %v", i, lost, m.Obstacle)
				case m.Inflated && m.Text != s:
					t.Fatalf("message %d, %d lost: wrong plaintext %q; want %q", i, lost, m.Text, s)
				case !m.Inflated && m.Text != "":
					t.Fatalf("message %d, %d lost: not inflated but %q", i, lost, m.Text)
				case i > lost && !m.Inflated:
					if missing++; m.Obstacle != ContextMissing {
						t.Fatalf("message %d, %d lost: %v", i, lost, m.Obstacle)
					}
				}
			}
			if level == 6 && missing == 0 {
				t.Errorf("%d lost: no later message missed it", lost)
			}
		}
	}
}

func addWithLoss(a *Assembler, p *Parser, b []byte, lose bool, at int) (m said) {
	add := func(piece *Piece) {
		if got := a.Add(piece); got != nil {
			m = say(got)
		}
	}
	n := len(b)
	if lose {
		n = at
	}
	for piece := range p.Pieces(b[:n]) {
		add(piece)
	}
	if lose {
		for piece := range p.Lose(3) {
			add(piece)
		}
		for piece := range p.Pieces(b[at+3:]) {
			add(piece)
		}
	}
	return m
}

func TestLossDoesNotOutliveAMessageWithoutContext(t *testing.T) {
	d := newDeflater(6, true)
	a := Assembler{Keep: -1, Deflate: &Deflate{NoContextTakeover: true}}
	var p Parser
	for i := range 6 {
		m := addWithLoss(&a, &p, wire(nil, 0xc1, key1, d.payload("the same text every time")), i%2 == 1, 9)
		if m.Inflated != (i%2 == 0) || m.Inflated && m.Text != "the same text every time" {
			t.Errorf("message %d: %+v", i, m)
		}
	}
}

// TestDamagedMessage: what is not DEFLATE data is said to be so, and what
// was sent before stays out of what comes after.
func TestDamagedMessage(t *testing.T) {
	d := newDeflater(6, false)
	a := Assembler{Keep: -1, Deflate: new(Deflate)}
	first := joined(&a, wire(nil, 0xc1, 0, d.payload("to be remembered")))[0]
	bad := joined(&a, wire(nil, 0xc1, 0, "\x07\x01\x02"))[0]
	later := joined(&a, wire(nil, 0xc1, 0, d.payload("to be remembered")))[0]
	if !first.Inflated || bad.Inflated || bad.Obstacle != DeflateDamaged || !bad.Complete || bad.ValidUTF8 || bad.Text != "" {
		t.Errorf("damaged: %+v", bad)
	}
	if later.Inflated || later.Obstacle != ContextMissing {
		t.Errorf("behind it: %+v", later)
	}
	for _, payload := range []string{"\xf2\x48\xcd", "\x00\x05", "\x06", "\x00\x05\x00\xfa\xffHel", "\xed\xfd\xff"} {
		if m := joined(&Assembler{Keep: -1, Deflate: new(Deflate)}, wire(nil, 0xc1, 0, payload))[0]; m.Inflated {
			t.Errorf("%x was inflated to %q", payload, m.Text)
		}
	}
}

// TestMaxMessageBoundsInflating: a bomb is not let off, and up to a point the
// context survives it.
func TestMaxMessageBoundsInflating(t *testing.T) {
	for _, tt := range []struct {
		size     int
		obstacle Obstacle
		survives bool
	}{
		{1000, NoObstacle, true}, {100_000, NoObstacle, true}, {100_001, MessageTooLong, true},
		{1_500_000, MessageTooLong, true}, {2_000_000, MessageTooLong, false}, {50_000_000, MessageTooLong, false},
	} {
		d := newDeflater(6, false)
		a := Assembler{Keep: 50, MaxMessage: 100_000, Deflate: new(Deflate)}
		bomb := joined(&a, wire(nil, 0xc2, 0, d.payload("remember"+strings.Repeat("x", tt.size-8))))[0]
		if bomb.Obstacle != tt.obstacle || !strings.HasPrefix(bomb.Text, "rememberxxx") || len(bomb.Text) != 50 {
			t.Errorf("%d bytes: %+v", tt.size, bomb)
		}
		if limit := uint64(maxOverrun*a.MaxMessage + 1<<16); bomb.Length > limit || tt.survives && bomb.Length != uint64(tt.size) {
			t.Errorf("%d bytes: %d inflated", tt.size, bomb.Length)
		}
		next := joined(&a, wire(nil, 0xc2, 0, d.payload("xxxxxxxxxxxx")))[0]
		if next.Inflated != tt.survives {
			t.Errorf("%d bytes: then %+v", tt.size, next)
		}
	}
	a := Assembler{Keep: -1, MaxMessage: 1000, Deflate: new(Deflate)}
	big := joined(&a, wire(nil, 0xc2, 0, newDeflater(flate.NoCompression, false).payload(strings.Repeat("x", 2000))))[0]
	if big.Obstacle != MessageTooLong {
		t.Errorf("more than MaxMessage compressed: %+v", big)
	}
	restarts := joined(&a, wire(nil, 0xc2, 0, strings.Repeat("\x03\x00", 490)))[0]
	if restarts.Obstacle != MessageTooLong {
		t.Errorf("490 last blocks: %+v", restarts)
	}
}

func TestIntrudersInOneContext(t *testing.T) {
	d := newDeflater(6, false)
	one, two, three := d.payload("one one one one"), d.payload("two one two one"), d.payload("three one two")
	b := wire(wire(wire(nil, 0x41, 0, one[:4]), 0xc1, 0, two), 0x80, 0, one[4:])
	for _, m := range joined(&Assembler{Keep: -1, Deflate: new(Deflate)}, wire(b, 0xc1, 0, three)) {
		if m.Inflated || m.Obstacle != ContextMissing || m.Text != "" {
			t.Errorf("%+v", m)
		}
	}
}

// slowInflate inflates messages with slowDeflate.
func slowInflate(payloads []string) (all []string, obstacles []Obstacle) {
	var window []byte
	lost := false
	for _, payload := range payloads {
		var r slowResult
		if payload != "" {
			r = slowDeflate(payload, window)
		}
		obstacle := NoObstacle
		switch {
		case r.broken, r.reach > len(window) && !lost:
			obstacle = DeflateDamaged
		case r.reach > len(window):
			obstacle = ContextMissing
		}
		if obstacle != NoObstacle {
			window, r.out, lost = nil, nil, true
		}
		obstacles = append(obstacles, obstacle)
		window = append(window, r.out...)
		if len(window) >= 1<<15 {
			window, lost = window[len(window)-1<<15:], false
		}
		all = append(all, string(r.out))
	}
	return all, obstacles
}

func FuzzInflate(f *testing.F) {
	d, rnd := newDeflater(6, false), rand.New(rand.NewPCG(15, 16))
	for _, size := range []int{5, 100, 1000} {
		one, two := d.payload(sentence(rnd, size)), d.payload(sentence(rnd, size))
		f.Add([]byte(one), []byte(two), []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
		f.Add([]byte(two), []byte{}, []byte(one))
	}
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00"), []byte("\xf2\x00\x11\x00\x00"), []byte("\xf2\x00\x11\x00\x00"))
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		if len(one)+len(two)+len(three) > 1<<12 {
			return // so that no limit is met: the slow one has none
		}
		payloads := []string{string(one), string(two), string(three)}
		want, obstacles := slowInflate(payloads)
		a := Assembler{Keep: -1, MaxMessage: 1 << 23, Deflate: new(Deflate)}
		for i, payload := range payloads {
			m := joined(&a, wire(nil, 0xc1, key1, payload))[0]
			if m.Text != want[i] || m.Obstacle != obstacles[i] || m.Inflated != (m.Obstacle == NoObstacle) {
				t.Fatalf("message %d: %q, %v; want %q, %v", i, m.Text, m.Obstacle, want[i], obstacles[i])
			}
			valid, at := slowUTF8([]byte(m.Text))
			if m.Inflated && (m.ValidUTF8 != valid || m.InvalidAt != at) {
				t.Fatalf("message %d: %q valid %v at %d", i, m.Text, m.ValidUTF8, m.InvalidAt)
			}
		}
	})
}

func TestDropContext(t *testing.T) {
	d := newDeflater(6, false)
	a := Assembler{Keep: -1, Deflate: new(Deflate)}
	joined(&a, wire(nil, 0xc1, 0, d.payload("something to refer to")))
	if a.Held() == 0 {
		t.Error("nothing held")
	}
	a.DropContext()
	if m := joined(&a, wire(nil, 0xc1, 0, d.payload("something to refer to")))[0]; a.Held() != 0 || m.Obstacle != ContextMissing {
		t.Errorf("%d bytes held, %+v", a.Held(), m)
	}
}

package frames

import (
	"math/rand/v2"
	"strings"
	"testing"

	klauspost "github.com/klauspost/compress/flate"
)

// TestDeflated: each fact of a single message, and what it does not keep from
// being inflated.
func TestDeflated(t *testing.T) {
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for _, tt := range []struct {
		name, payload string
		want          Deflated
		text          string
		obstacle      Obstacle
		at            int64
	}{
		{"as it should be", hello, 0, "Hello", NoObstacle, 0},
		{"empty", "\x00", 0, "", NoObstacle, 0},
		{"no byte at all", "", NoPayload, "", NoObstacle, 0},
		{"a last block, closed", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", FinalBlock, "Hello", NoObstacle, 0},
		{"a last block", "\xf3\x48\xcd\xc9\xc9\x07\x00", FinalBlock | Unclosed, "Hello", NoObstacle, 0},
		{"with its tail", hello + "\x00\x00\xff\xff", Unclosed | TrailerKept, "Hello", NoObstacle, 0},
		{"a stored block alone", "\x00\x05\x00\xfa\xffHello", Unclosed, "Hello", NoObstacle, 0},
		{"cut", hello[:3], Unfinished, "", DeflateDamaged, 3},
		{"a stored block, cut", "\x00\x05\x00\xfa\xffHel", Unfinished, "", DeflateDamaged, 8},
		{"block type 3", hello[:6] + "\x00\x00\x00\xff\xff\x07", 0, "", DeflateDamaged, 11},
		{"refers to nothing", "\xf2\x00\x11\x00\x00", NeverSent, "", DeflateDamaged, 1},
	} {
		for _, deflate := range []Deflate{{}, {NoContextTakeover: true}, {WindowBits: 9}} {
			m := joined(&Assembler{Keep: -1, Deflate: &deflate}, wire(nil, 0xc1, key1, tt.payload))[0]
			if m.Deflated != tt.want || m.Text != tt.text || m.Obstacle != tt.obstacle || m.BrokenAt != tt.at {
				t.Errorf("%s, %+v: [%v] %q, %v at %d; want [%v] %q, %v at %d", tt.name, deflate,
					m.Deflated, m.Text, m.Obstacle, m.BrokenAt, tt.want, tt.text, tt.obstacle, tt.at)
			}
		}
	}
}

func TestDeflatedString(t *testing.T) {
	if got := (Unagreed | FinalBlock).String(); got != "final-block,unagreed" || Deflated(0).String() != "" {
		t.Error(got)
	}
	if all := Deflated(1<<len(deflatedNames) - 1); !all.Has(Unagreed) || all>>1 >= Unagreed {
		t.Error("as many names as facts")
	}
}

// TestTailKeptInOneContext: the message behind one with its tail is inflated too.
func TestTailKeptInOneContext(t *testing.T) {
	d := newDeflater(6, false)
	a := Assembler{Keep: -1, Deflate: new(Deflate)}
	for _, s := range []string{"to be remembered", "to be remembered, again", "remembered"} {
		m := joined(&a, wire(nil, 0xc1, 0, d.payload(s)+"\x00\x00\xff\xff"))[0]
		if m.Text != s || !m.Deflated.Has(TrailerKept) || !m.ValidUTF8 {
			t.Errorf("%q: %+v", s, m)
		}
	}
}

// TestContextBroken: a sender that promised no context takeover and keeps its
// context is followed from the beginning on, and said to do so where it does.
func TestContextBroken(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	d := newDeflater(6, false)
	a := Assembler{Keep: -1, Deflate: &Deflate{NoContextTakeover: true}}
	broken := 0
	for i := range 60 {
		s := sentence(rnd, 1500)
		payload := d.payload(s)
		m := joined(&a, wire(nil, 0xc1, key1, payload))[0]
		if m.Text != s || !m.Inflated {
			t.Fatalf("message %d: %+v", i, m)
		}
		_, err := library(payload, nil)
		if m.Deflated.Has(ContextBroken) != (err != nil) {
			t.Fatalf("message %d: [%v]; alone it gives %v", i, m.Deflated, err)
		}
		if err != nil {
			broken++
		}
	}
	if broken < 50 {
		t.Errorf("only %d messages referred back", broken)
	}
}

// TestPromiseIsTrustedInTheEnd: the window of a sender that keeps its promise
// is freed; what it refers to afterwards is not there, once.
func TestPromiseIsTrustedInTheEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(33, 34))
	fresh := newDeflater(6, true)
	a := Assembler{Keep: -1, Deflate: &Deflate{NoContextTakeover: true}}
	for range 10 {
		joined(&a, wire(nil, 0xc1, 0, fresh.payload(sentence(rnd, 4000))))
	}
	if a.Held() != 0 {
		t.Errorf("%d bytes held", a.Held())
	}
	d := newDeflater(6, false)
	d.payload("a sentence to refer to")
	one := joined(&a, wire(nil, 0xc1, 0, d.payload("a sentence to refer to, one")))[0]
	two := joined(&a, wire(nil, 0xc1, 0, fresh.payload("a sentence to refer to, two")))[0]
	if one.Inflated || one.Obstacle != ContextMissing || !one.Deflated.Has(ContextBroken) || one.Text != "" {
		t.Errorf("%+v", one)
	}
	if two.Text != "a sentence to refer to, two" || two.Deflated != 0 {
		t.Errorf("%+v", two)
	}
}

// TestWindowExceeded: references inside a message and into earlier ones, with
// compressors that hold to a window and ones that do not.
func TestWindowExceeded(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for sent := 8; sent <= 15; sent++ {
			rnd := rand.New(rand.NewPCG(35, uint64(bits)))
			var buf strings.Builder
			w, err := klauspost.NewWriterWindow(&buf, 1<<sent)
			if err != nil {
				t.Fatal(err)
			}
			a := Assembler{Keep: -1, Deflate: &Deflate{WindowBits: bits}}
			farthest := 0
			var history []byte
			for i := range 12 {
				s := sentence(rnd, 200+900*i)
				buf.Reset()
				w.Write([]byte(s))
				w.Flush()
				payload := strings.TrimSuffix(buf.String(), string(deflateTail[:4]))
				r := slowDeflate(payload, history)
				history = append(history, s...)
				history = history[max(0, len(history)-1<<15):]
				m := joined(&a, wire(nil, 0xc2, key1, payload))[0]
				if string(r.out) != s || m.Text != s {
					t.Fatalf("%d bits sent with %d: message %d: %+v", bits, sent, i, m.Message)
				}
				if far := r.distance > 1<<bits; m.Deflated.Has(WindowExceeded) != far || far && m.Distance != r.distance {
					t.Fatalf("%d bits sent with %d: message %d goes back %d: [%v] %d", bits, sent, i, r.distance, m.Deflated, m.Distance)
				}
				farthest = max(farthest, r.distance)
			}
			if sent <= bits && farthest > 1<<bits || sent > bits+1 && farthest <= 1<<bits {
				t.Errorf("%d bits sent with %d: nothing goes back more than %d", bits, sent, farthest)
			}
		}
	}
}

// TestUnagreed: RSV1 without an extension is compared with DEFLATE data once.
func TestUnagreed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(37, 38))
	noise := make([]byte, 20_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	d := newDeflater(6, true)
	for _, tt := range []struct {
		name    string
		b0      byte
		payload string
		want    Deflated
	}{
		{"a short one", 0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00", Unagreed},
		{"a text", 0xc1, d.payload(sentence(rnd, 5000)), Unagreed},
		{"longer than what is looked at", 0xc1, d.payload(sentence(rnd, 200_000)), Unagreed},
		{"plain text", 0xc1, sentence(rnd, 5000), 0},
		{"noise", 0xc2, string(noise), 0},
		{"nothing", 0xc1, "", 0},
		{"an empty message", 0xc1, "\x00", 0},
		{"refers back", 0xc1, "\xf2\x00\x11\x00\x00", 0},
		{"compressed, but not text", 0xc1, d.payload("\xff\xfe\xfd"), 0},
		{"not text, and not said to be", 0xc2, d.payload("\xff\xfe\xfd"), Unagreed},
		{"no RSV1", 0x81, d.payload("hello, hello"), 0},
	} {
		b := wire(nil, tt.b0, key1, tt.payload)
		for _, cut := range []int{1, len(b) / 2, len(b)} {
			m := joined(&Assembler{Keep: 4}, b[:cut], b[cut:])[0]
			if m.Deflated != tt.want || m.Compressed || m.Length != uint64(len(tt.payload)) {
				t.Errorf("%s: %+v", tt.name, m)
			}
		}
	}
	var a Assembler
	hello := wire(nil, 0xc1, 0, "\xf2\x48\xcd\xc9\xc9\x07\x00")
	if got := joined(&a, hello, hello); got[0].Deflated != Unagreed || got[1].Deflated != 0 {
		t.Errorf("%+v", got)
	}
}

// TestInflatedTraffic: a direction knows what its messages come to.
func TestInflatedTraffic(t *testing.T) {
	a := Assembler{Deflate: new(Deflate)}
	if a.Inflated() != (Traffic{}) {
		t.Error("nothing was sent")
	}
	d := newDeflater(6, false)
	one, two := d.payload("one one one one"), d.payload("two")
	b := wire(wire(wire(nil, 0xc1, 0, one), 0x81, 0, "plain"), 0xc1, 0, two)
	joined(&a, wire(b, 0xc1, 0, "\x07"))
	if got, want := a.Inflated(), (Traffic{2, uint64(len(one) + len(two)), 18}); got != want {
		t.Errorf("%+v; want %+v", got, want)
	}
}

// TestDeflatedSplitAnywhere: wherever the bytes are cut, the same is known of
// how each message was compressed.
func TestDeflatedSplitAnywhere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(51, 52))
	keeps := newDeflater(6, false)
	var b []byte
	for _, payload := range []string{
		keeps.payload(sentence(rnd, 60)), keeps.payload(sentence(rnd, 60)), // against the promise
		"\xf3\x48\xcd\xc9\xc9\x07\x00",             // a last block
		keeps.payload("tail") + "\x00\x00\xff\xff", // with its tail
		"", "\xf2\x48\xcd", "\x00\x05\x00\xfa\xffHello",
	} {
		half := len(payload) / 2
		b = wire(b, 0x41, key1, payload[:half]) // two fragments
		b = wire(b, 0x80, key2, payload[half:])
	}
	for _, deflate := range []*Deflate{nil, {}, {NoContextTakeover: true}, {WindowBits: 8}} {
		want := joined(&Assembler{Keep: -1, Deflate: deflate}, b)
		if len(want) != 7 {
			t.Fatalf("%d messages", len(want))
		}
		for cut := range b {
			got := joined(&Assembler{Keep: -1, Deflate: deflate}, b[:cut], b[cut:])
			for i := range want {
				w, g := &want[i], &got[i]
				if g.Deflated != w.Deflated || g.Distance != w.Distance || g.BrokenAt != w.BrokenAt || g.Obstacle != w.Obstacle || g.Text != w.Text {
					t.Fatalf("%+v cut at %d, message %d: [%v] %d back, broken at %d, %v; whole [%v] %d back, broken at %d, %v", deflate, cut, i,
						g.Deflated, g.Distance, g.BrokenAt, g.Obstacle, w.Deflated, w.Distance, w.BrokenAt, w.Obstacle)
				}
			}
		}
	}
}

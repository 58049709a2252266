package frames

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// foreign is what other protocols send: the next message of each.
var foreign = []struct {
	name    string
	message func(rnd *rand.Rand, i int) string
}{
	{"random bytes", func(rnd *rand.Rand, i int) string { return noise(rnd, 2000) }},
	{"zeros", func(rnd *rand.Rand, i int) string { return strings.Repeat("\x00", 2000) }},
	{"ASCII", func(rnd *rand.Rand, i int) string { return latin(rnd, 500) + "\r\n" }},
	{"UTF-8", func(rnd *rand.Rand, i int) string { return chinese(rnd, 5000) + "\r\n" }},
	{"tables", func(rnd *rand.Rand, i int) string { return strings.Repeat(noise(rnd, 4+rnd.IntN(60)), 100) }},
	{"TLS", func(rnd *rand.Rand, i int) string {
		return "\x17\x03\x03" + prefixed(2, noise(rnd, 20+rnd.IntN(16000)))
	}},
	{"Redis", func(rnd *rand.Rand, i int) string {
		s := latin(rnd, 50)
		return fmt.Sprintf("*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(s), s)
	}},
	{"PostgreSQL", func(rnd *rand.Rand, i int) string { return "D" + prefixed(4, latin(rnd, rnd.IntN(200))) }},
	{"MQTT", func(rnd *rand.Rand, i int) string { return "\x30" + prefixed(1, noise(rnd, rnd.IntN(100))) }},
	{"DNS", func(rnd *rand.Rand, i int) string { return prefixed(2, noise(rnd, 20+rnd.IntN(700))) }},
	{"short DNS", func(rnd *rand.Rand, i int) string { return prefixed(2, noise(rnd, 20+rnd.IntN(100))) }},
	{"NetBIOS", func(rnd *rand.Rand, i int) string {
		return []string{"\x81\x00", "\x82\x00", "\x00\x00"}[min(i, 2)] + prefixed(2, noise(rnd, rnd.IntN(3000)))
	}},
	{"short, with a length", func(rnd *rand.Rand, i int) string { return prefixed(1, noise(rnd, rnd.IntN(120))) }},
	{"type 1 and a length", func(rnd *rand.Rand, i int) string { return "\x01" + prefixed(1, latin(rnd, rnd.IntN(80))) }},
	{"BER", func(rnd *rand.Rand, i int) string {
		var b string
		for range rnd.IntN(20) {
			b += string([]byte{0x80 + byte(rnd.IntN(11))}) + prefixed(1, noise(rnd, rnd.IntN(20)))
		}
		return "\x03\x00" + prefixed(2, "\x61"+prefixed(1, "\x30"+prefixed(1, b)))
	}},
	{"MessagePack", func(rnd *rand.Rand, i int) string {
		var b []byte
		for range 1 + rnd.IntN(30) {
			b = append(b, 0x81+byte(rnd.IntN(2)), 0xA4)
			b = append(b, "name\xA8"...)
			b = append(b, latin(rnd, 8)[:8]...)
			b = append(b, byte(rnd.IntN(128)))
		}
		return string(b)
	}},
	{"protobuf", func(rnd *rand.Rand, i int) string {
		var b []byte
		for range 1 + rnd.IntN(30) {
			b = append(b, []byte{0x82, 0x8A, 0x88}[rnd.IntN(3)], 0x01)
			b = append(b, prefixed(1, latin(rnd, rnd.IntN(60)))...)
		}
		return prefixed(4, string(b))
	}},
	{"always the same beginning", func(rnd *rand.Rand, i int) string { return "\x82\x20" + noise(rnd, 32) }},
	{"always the same text", func(rnd *rand.Rand, i int) string { return "\x81\x0bhello world" }},
	{"capture with frames in it", func(rnd *rand.Rand, i int) string {
		key := uint32(bit(rnd.IntN(2) == 0, 1))
		return noise(rnd, 16+14+20+32) + nested(rnd, 1400, key, 200)
	}},
	{"HTTP with frames in it", func(rnd *rand.Rand, i int) string {
		var b []byte
		for range 1 + rnd.IntN(200) {
			b = wire(b, 0x81, 0, latin(rnd, rnd.IntN(100)))
		}
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
	}},
}

// prefixed is s behind its length, in n bytes.
func prefixed(n int, s string) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(len(s)))
	return string(b[8-n:]) + s
}

// TestFinderElsewhere begins in the middle of what are no frames at all.
func TestFinderElsewhere(t *testing.T) {
	for i, p := range foreign {
		for _, together := range []int{1, 20} {
			t.Run(fmt.Sprint(p.name, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				f := Finder{GiveUp: 128 << 10}
				for trial := range 3 {
					f.Reset(Habit{})
					for n := 0; f.Offset() < 150_000; {
						var b string
						for range 1 + rnd.IntN(together) {
							b += p.message(rnd, n)
							n++
						}
						if f.Offset() == 0 {
							b = b[rnd.IntN(len(b)):]
						}
						for ; len(b) > 0; b = b[min(len(b), 1448):] {
							if f.Feed([]byte(b[:min(len(b), 1448)]), 0, 0) {
								t.Fatalf("trial %d: a frame was found at %d, masked %t", trial, f.Skipped(), f.Masked())
							}
						}
					}
					if n, _ := f.Score(); n == 0 && !f.Hopeless() {
						t.Error("there is hope though nothing speaks for frames")
					}
					if n := f.Held(); n > 400_000 {
						t.Errorf("%d bytes held", n)
					}
				}
			})
		}
	}
}

const flood = 128 << 10 // bytes

// floods are made to cost much.
func floods() map[string][]byte {
	rnd := rand.New(rand.NewPCG(3, 9))
	all := map[string][]byte{"random": []byte(noise(rnd, flood)), "text": []byte(latin(rnd, flood))}
	for name, unit := range map[string]string{
		"zeros": "\x00", "empty frames": "\x81\x00", "masked": "\x81\x80", "longest": "\x82\x7e\xff\xff", "first": "\x82",
		"huge": "\x82\x7f\x00\x00\x00\x00\x00\x0f\xff\xff", "text frames": "\x81\x04abcd", "fragments": "\x01\x00\x80\x00",
	} {
		all[name] = bytes.Repeat([]byte(unit), flood/len(unit))
	}
	stairs := make([]byte, 0, flood) // headers that all expect another place
	for i := 0; len(stairs) < flood; i++ {
		stairs = append(stairs, 0x82, 0x7E, byte(128+i>>8&127), byte(i))
	}
	all["stairs"] = stairs
	return all
}

// TestFinderIsBounded floods the finder: its memory stays within its bounds,
// and nothing is allocated once it has it.
func TestFinderIsBounded(t *testing.T) {
	for name, b := range floods() {
		for _, known := range []Habit{{}, {Mask: MaskSet}, {Mask: MaskClear}, {Deflate: true}} {
			f := Finder{MaxHeld: 64 << 10}
			run := func() {
				f.Reset(known)
				for c := b; len(c) > 0; c = c[min(len(c), 1448):] {
					f.Feed(c[:min(len(c), 1448)], 1, 1)
				}
				if n, most := f.Held(), 3*(64<<10)+maxChains*chainSize*2; n > most {
					t.Fatalf("%s: %d bytes held, at most %d are allowed", name, n, most)
				}
			}
			if n := testing.AllocsPerRun(1, run); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	}
}

func TestFinderSizes(t *testing.T) {
	if n := unsafe.Sizeof(Habit{}); n > 32 {
		t.Errorf("a habit has %d bytes", n)
	}
	if n := unsafe.Sizeof(chain{}); n > chainSize {
		t.Errorf("a chain has %d bytes, %d are counted", n, chainSize)
	}
	if n := unsafe.Sizeof(Run{}); n > runSize {
		t.Errorf("a run has %d bytes, %d are counted", n, runSize)
	}
}

// outcome is all that a search came to.
func (f *Finder) outcome() string {
	n, masked := f.Score()
	s := fmt.Sprint(f.Found(), f.Skipped(), f.Masked(), n, masked, f.Hopeless())
	for r := range f.Runs() {
		s += fmt.Sprintf(" %d+%d:%x", r.Offset, r.Lost, r.Data)
	}
	return s
}

// TestFinderSplit: only the ends of chunks count, not in how many parts a
// chunk is copied.
func TestFinderSplit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8))
	for i := range shapes {
		s := &shapes[i]
		in := s.send(rnd, 30_000, 3)
		var whole, parts Finder
		whole.Reset(s.habit())
		parts.Reset(s.habit())
		at := 0
		for _, n := range in.chunks {
			b := in.b[at : at+n]
			at += n
			if whole.Found() {
				break
			}
			whole.Feed(b, 1, 1)
			parts.begin(n, 1, 1)
			for len(b) > 0 {
				k := 1 + rnd.IntN(min(len(b), 90))
				parts.extend(b[:k])
				b = b[k:]
			}
			parts.finish()
		}
		if a, b := whole.outcome(), parts.outcome(); a != b {
			t.Errorf("%v: in parts\n%s\nis not as whole\n%s", s, b, a)
		}
	}
}

// TestFinderAcrossLoss: what is lost inside a payload does not end a chain.
func TestFinderAcrossLoss(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	frame := func(n int) []byte { return wire(nil, 0x82, rnd.Uint32()|1, noise(rnd, n)) }
	f := Finder{Habit: Habit{Mask: MaskSet}}
	f.Feed([]byte("the end of a payload"), 1, 100)
	sent, packet := int64(20), int64(2)
	var lost int64
	for i := range 40 {
		b := frame(1000 + i)
		sent += int64(len(b))
		f.Feed(b[:300], packet, 100+packet)
		f.Lose(200, packet, 100+packet)
		lost += 200
		packet++
		if f.Feed(b[500:], packet, 100+packet) {
			break
		}
		packet++
	}
	if !f.Found() || !f.Masked() {
		t.Fatalf("not found in %d bytes", sent)
	}
	at := f.Skipped()
	if at < 20 || at > 12_000 {
		t.Errorf("found only at %d", at)
	}
	held := int64(0)
	for r := range f.Runs() {
		if r.Offset != at || r.Time != 100+r.Packet || (r.Lost == 0) == (len(r.Data) == 0) {
			t.Errorf("run at %d: %d lost, %d bytes, packet %d at %d; want it at %d", r.Offset, r.Lost, len(r.Data), r.Packet, r.Time, at)
		}
		at += int64(len(r.Data)) + r.Lost
		held += r.Lost
	}
	if at != sent || at != f.Offset() || held == 0 || held >= lost {
		t.Errorf("the runs end at %d of %d, with %d lost bytes of %d", at, sent, held, lost)
	}
}

// TestFinderLetsGo: frames that are larger than what may be held are found,
// but not from the first one on.
func TestFinderLetsGo(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 5))
	for _, key := range []uint32{0, key1} {
		f := Finder{MaxHeld: 64 << 10}
		begins := map[int64]bool{}
		for i := 0; i < 12 && !f.Found(); i++ {
			begins[f.Offset()] = true
			for b := wire(nil, 0x82, key*uint32(2*i+1), noise(rnd, 300_000+i)); len(b) > 0 && !f.Found(); b = b[min(len(b), 1448):] {
				f.Feed(b[:min(len(b), 1448)], 0, 0)
			}
		}
		if !f.Found() || !begins[f.Skipped()] {
			t.Errorf("key %x: found %t at %d of %d", key, f.Found(), f.Skipped(), f.Offset())
		}
		if n := f.Held(); n > 3*64<<10 {
			t.Errorf("%d bytes held", n)
		}
	}
}

// TestFinderCrowded: a frame that the finder forgets, because too many other
// headers may be one, still counts as what holds the frames in its payload.
func TestFinderCrowded(t *testing.T) {
	const crowded = 3 * maxChains / 2
	rnd := rand.New(rand.NewPCG(4, 7))
	for range 5 {
		w := follower{habit: Habit{Mask: MaskClear}}
		begins := map[int64]bool{}
		var at int64
		send := func(b []byte) {
			w.feed(b)
			at += int64(len(b))
		}
		for range habitual {
			begins[at] = true
			send(wire(nil, 0x82, 0, noise(rnd, 60_000)))
		}
		w.lose(1000)
		at += 1000
		for i := range 60 {
			var crowd, inner []byte
			const text = "a text that is as long as what is looked at, and that speaks for it"
			for j := range crowded { // each ends at another place behind them
				n := (crowded-j)*(4+len(text)) + j - 4
				crowd = append(crowd, 0x81, 0x7E, byte(n>>8), byte(n))
				crowd = append(crowd, text...)
			}
			crowd = append(crowd, strings.Repeat("x", crowded)...)
			const many = 40
			var sizes []int
			for range many {
				was := len(inner)
				inner = wire(inner, 0x81, 0, latin(rnd, 150+rnd.IntN(100)))
				sizes = append(sizes, len(inner)-was)
			}
			begins[at] = true
			send(wire(nil, 0x82, 0, string(crowd)+string(inner))[:4+len(crowd)])
			for _, n := range sizes {
				send(inner[:n])
				inner = inner[n:]
			}
			if i > 2 && !w.search {
				break
			}
		}
		for _, o := range w.frames {
			if !begins[o] {
				t.Fatalf("invented: a frame at %d", o)
			}
		}
	}
}

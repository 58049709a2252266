package frames

import (
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A said is what is compared of a message: a Message that owns its data.
type said struct {
	Message
	Text string
}

func say(m *Message) said {
	s := said{*m, string(m.Data)}
	s.Data = nil
	return s
}

// joined feeds a stream in parts through a Parser and an Assembler and gives
// all messages, that which is open at the end last.
func joined(a *Assembler, parts ...[]byte) (all []said) {
	var p Parser
	if a.Scratch == nil {
		a.Scratch = new(Scratch)
	}
	p.Scratch = a.Scratch
	for _, b := range parts {
		for piece := range p.Pieces(b) {
			if m := a.Add(piece); m != nil {
				all = append(all, say(m))
			}
		}
	}
	if m, ok := a.Open(); ok {
		all = append(all, say(m))
	}
	return all
}

// slowJoined is the whole of RFC 6455 §5 for a stream that is at hand in one
// slice: how joined must see it, written as plainly as can be.
func slowJoined(b []byte, keep int) (all []said) {
	type half struct {
		frames  int
		text    bool
		payload []byte
		wire    uint64
		ended   bool
	}
	emit := func(h *half) {
		m := said{Message: Message{Opcode: Binary, Frames: h.frames, WireLength: h.wire, Length: h.wire, InvalidAt: -1}}
		m.Complete = h.ended
		valid, at := slowUTF8(h.payload)
		if h.text {
			m.Opcode = Text
			m.ValidUTF8 = valid && h.ended
			m.InvalidAt = at
			if !h.ended && at >= 0 && stillCut(h.payload[at:]) {
				m.InvalidAt = -1 // more of the character may follow
			}
			if m.InvalidAt >= 0 {
				_, m.Fault = CheckUTF8(h.payload)
			}
		}
		m.Text = string(h.payload[:min(keep, len(h.payload))])
		all = append(all, m)
	}
	var open *half
	for {
		op, fin, length, payload, rest, ok := slowFrame(b)
		if !ok {
			break
		}
		b = rest
		seen := uint64(len(payload))
		var h *half
		switch {
		case op == 0 && open != nil:
			h = open
		case op == 1 || op == 2:
			if h = (&half{text: op == 1}); !fin || open == nil {
				if open != nil {
					emit(open)
				}
				open = h
			}
		default:
			continue
		}
		h.frames++
		h.payload, h.wire = append(h.payload, payload...), h.wire+seen
		if fin && seen == length {
			h.ended = true
			emit(h)
			if h == open {
				open = nil
			}
		}
	}
	if open != nil {
		emit(open)
	}
	return all
}

// slowFrame takes the first frame off b, or what there is of it; ok is false
// if its header is not whole.
func slowFrame(b []byte) (op byte, fin bool, length uint64, payload, rest []byte, ok bool) {
	if len(b) < 2 {
		return
	}
	op, fin, length = b[0]&15, b[0] >= 128, uint64(b[1]&127)
	masked := b[1] >= 128
	rest = b[2:]
	if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
		if len(rest) < size {
			return
		}
		length = 0
		for _, c := range rest[:size] {
			length = length<<8 | uint64(c)
		}
		rest = rest[size:]
	}
	var key [4]byte
	if masked {
		if len(rest) < 4 {
			return
		}
		key, rest = [4]byte(rest[:4]), rest[4:]
	}
	seen := min(length, uint64(len(rest)))
	return op, fin, length, slowUnmask(rest[:seen], key, 0), rest[seen:], true
}

// stillCut reports whether b could be the beginning of a character.
func stillCut(b []byte) bool {
	if len(b) > 3 {
		return false
	}
	for _, end := range []string{"\x80", "\x80\x80", "\x80\x80\x80", "\xa0", "\xa0\x80", "\x90\x80\x80"} {
		if valid, _ := slowUTF8([]byte(string(b) + end)); valid {
			return true
		}
	}
	return false
}

func TestMessages(t *testing.T) {
	text := func(s string, frames int) said {
		return said{Message{Opcode: Text, Frames: frames, WireLength: uint64(len(s)), Length: uint64(len(s)),
			Complete: true, ValidUTF8: true, InvalidAt: -1}, s}
	}
	given := func(m said) said { m.Complete, m.ValidUTF8 = false, false; return m }
	for _, tt := range []struct {
		name string
		wire []byte
		want []said
	}{
		{"one frame", wire(nil, 0x81, key1, "hello"), []said{text("hello", 1)}},
		{"an empty one", wire(nil, 0x81, 0, ""), []said{text("", 1)}},
		{"a ping between fragments", wire(wire(wire(nil, 1, key1, "hel"), 0x89, key2, "?"), 0x80, key2, "lo"), []said{text("hello", 2)}},
		{"a close between fragments", wire(wire(wire(nil, 1, 0, "hel"), 0x88, 0, "\x03\xe8"), 0x80, 0, "lo"), []said{text("hello", 2)}},
		{"fragments without bytes", wire(wire(wire(nil, 1, 0, ""), 0, key1, ""), 0x80, 0, "x"), []said{text("x", 3)}},
		{"a character cut by fragments", wire(wire(nil, 1, key1, "\xf0\x9f"), 0x80, key2, "\x98\x80"), []said{text("😀", 2)}},
		{"a message between fragments", wire(wire(wire(nil, 1, key1, "a"), 0x81, key2, "in"), 0x80, key2, "b"),
			[]said{text("in", 1), text("ab", 2)}},
		{"a first fragment between fragments", wire(wire(wire(nil, 1, key1, "a"), 1, key2, "c"), 0x80, key2, "d"),
			[]said{given(text("a", 1)), text("cd", 2)}},
		{"a continuation of nothing", wire(wire(nil, 0x80, 0, "x"), 0x81, 0, "y"), []said{text("y", 1)}},
		{"reserved opcodes", wire(wire(wire(nil, 0x83, 0, "x"), 0x8b, 0, "z"), 0x81, 0, "y"), []said{text("y", 1)}},
		{"RSV1 with nothing negotiated", wire(nil, 0xc1, 0, "y"), []said{text("y", 1)}},
		{"no end", wire(wire(nil, 1, 0, "x"), 0, 0, "y"), []said{given(text("xy", 2))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, joined(&Assembler{Keep: -1}, tt.wire)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, slowJoined(tt.wire, 1<<20)); diff != "" {
				t.Errorf("the slow one: %s", diff)
			}
		})
	}
}

// TestTextIsValidatedBeyondKeep: what is not kept is judged all the same.
func TestTextIsValidatedBeyondKeep(t *testing.T) {
	for _, keep := range []int{0, 1, 10, 20_000, -1} {
		long := strings.Repeat("a", 50_000) + "\xff" + strings.Repeat("b", 50_000)
		for _, key := range []uint32{0, key1} {
			got := joined(&Assembler{Keep: keep}, wire(nil, 0x81, key, long))
			want := long
			if keep >= 0 {
				want = long[:keep]
			}
			if len(got) != 1 || got[0].InvalidAt != 50_000 || got[0].ValidUTF8 || got[0].Text != want {
				t.Errorf("Keep %d: InvalidAt %d, %d bytes kept", keep, got[0].InvalidAt, len(got[0].Text))
			}
		}
	}
}

// TestLookingFirstChangesNothing: who asks for a part of a piece before the
// assembler does, does not spoil its verdict.
func TestLookingFirstChangesNothing(t *testing.T) {
	b := wire(nil, 0x81, key1, "\xff bad at once, and then all of it is ASCII")
	var p Parser
	var a Assembler
	for piece := range p.Pieces(b) {
		piece.Data(4)
		if m := a.Add(piece); m == nil || m.ValidUTF8 || m.InvalidAt != 0 {
			t.Errorf("%+v", m)
		}
	}
}

func TestMaxMessageBoundsWhatIsKept(t *testing.T) {
	a := Assembler{Keep: -1, MaxMessage: 1000}
	got := joined(&a, wire(nil, 0x82, key1, strings.Repeat("x", 5000)))
	if len(got) != 1 || got[0].Length != 5000 || len(got[0].Text) != 1000 || !got[0].Complete {
		t.Errorf("%+v", got)
	}
}

// TestMessagesWithLostBytes loses every range inside a payload.
func TestMessagesWithLostBytes(t *testing.T) {
	b := wire(wire(wire(nil, 1, key1, "first half, "), 0x80, key2, "second half"), 0x81, key1, "another")
	for _, pl := range places(b) {
		for i := pl.payload; i < pl.end; i++ {
			for j := i + 1; j <= pl.end; j++ {
				checkLost(t, b, i, j)
			}
		}
	}
}

func checkLost(t *testing.T, b []byte, i, j int) {
	t.Helper()
	var p Parser
	a := Assembler{Keep: -1}
	var got []said
	add := func(piece *Piece) {
		if m := a.Add(piece); m != nil {
			got = append(got, say(m))
		}
	}
	p.Pieces(b[:i])(func(piece *Piece) bool { add(piece); return true })
	p.Lose(int64(j - i))(func(piece *Piece) bool { add(piece); return true })
	p.Pieces(b[j:])(func(piece *Piece) bool { add(piece); return true })
	want := []string{"first half, second half", "another"}
	if len(got) != 2 || got[0].Complete == got[1].Complete {
		t.Fatalf("lost %d to %d: %+v", i, j, got)
	}
	for k, m := range got {
		if m.Length != uint64(len(want[k])) || m.Complete != m.ValidUTF8 || m.InvalidAt != -1 {
			t.Fatalf("lost %d to %d: %+v", i, j, m)
		}
		if m.Complete && (m.Text != want[k] || m.Lost != 0) {
			t.Fatalf("lost %d to %d: %+v of what is whole", i, j, m)
		}
		if !m.Complete && (!strings.HasPrefix(want[k], m.Text) || m.Lost != uint64(j-i)) {
			t.Fatalf("lost %d to %d: %+v", i, j, m)
		}
	}
}

func TestInterrupt(t *testing.T) {
	a := Assembler{Keep: -1}
	if m := a.Interrupt(); m != nil {
		t.Errorf("a message out of nothing: %+v", m)
	}
	var p Parser
	for piece := range p.Pieces(wire(nil, 1, key1, "begun")) {
		a.Add(piece)
	}
	m := a.Interrupt()
	if m == nil || m.Complete || string(m.Data) != "begun" {
		t.Fatalf("Interrupt = %+v", m)
	}
	if got := joined(&a, wire(wire(nil, 0x80, 0, "rest"), 0x81, 0, "next")); len(got) != 1 || got[0].Text != "next" {
		t.Errorf("after Interrupt: %+v", got)
	}
}

// TestSharedScratch: two directions that take turns in one Scratch do not
// mix, even in the middle of a message.
func TestSharedScratch(t *testing.T) {
	s := new(Scratch)
	var parsers [2]Parser
	var joins [2]Assembler
	var streams [2][]byte
	for d := range joins {
		parsers[d].Scratch, joins[d] = s, Assembler{Keep: -1, Scratch: s}
		for i := range 50 {
			streams[d] = wire(streams[d], 1, key1+uint32(d), fmt.Sprintf("side %d ", d))
			streams[d] = wire(streams[d], 0x80, key2+uint32(i), fmt.Sprintf("message %d", i))
		}
	}
	var got [2]int
	for at := 0; at < len(streams[0]); at += 7 {
		for d := range joins {
			for piece := range parsers[d].Pieces(streams[d][at:min(at+7, len(streams[d]))]) {
				if m := joins[d].Add(piece); m != nil {
					if want := fmt.Sprintf("side %d message %d", d, got[d]); string(m.Data) != want {
						t.Fatalf("%q; want %q", m.Data, want)
					}
					got[d]++
				}
			}
		}
	}
	if got != [2]int{50, 50} {
		t.Errorf("%v messages", got)
	}
}

func FuzzAssembler(f *testing.F) {
	f.Add(conversation(), uint16(10), uint8(4))
	for _, s := range textSamples {
		b := wire(wire(wire(nil, 1, key1, "é"+s), 0x82, key2, s), 0x80, 0, s+"é")
		f.Add(wire(wire(b, 1, 0, "x"), 1, key2, s), uint16(11), uint8(3))
	}
	f.Add(wire(nil, 0xc2, 0, "\xab\xc2\x04\x00"), uint16(3), uint8(9)) // by chance, DEFLATE data
	f.Add(wire(nil, 0xc2, 0, "\x8a\x20\x04\x00"), uint16(3), uint8(9)) // and data that ends with a block
	f.Fuzz(func(t *testing.T, b []byte, cut uint16, keep uint8) {
		at := int(cut) % (len(b) + 1)
		want := slowJoined(b, int(keep))
		got := joined(&Assembler{Keep: int(keep)}, b[:at], b[at:])
		if diff := cmp.Diff(joined(&Assembler{Keep: int(keep)}, b), got); diff != "" {
			t.Fatalf("cut at %d, and not cut: %s", at, diff)
		}
		for i := range got {
			checkUnagreed(t, &got[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("cut at %d: %s", at, diff)
		}
	})
}

// checkUnagreed holds what is said to be DEFLATE data against another
// decoder, and takes the note off: slowJoined knows of no compression.
func checkUnagreed(t *testing.T, m *said) {
	t.Helper()
	if !m.Deflated.Has(Unagreed) {
		return
	}
	m.Deflated &^= Unagreed
	if uint64(len(m.Text)) < m.WireLength {
		return
	}
	// A payload that ends with a block, byte for byte, needs no flush.
	const syncFlush, end = "\x00\x00\xff\xff", "\x01\x00\x00\xff\xff"
	_, err := io.Copy(io.Discard, flate.NewReader(strings.NewReader(m.Text+syncFlush+end)))
	if _, whole := io.Copy(io.Discard, flate.NewReader(strings.NewReader(m.Text+end))); err != nil && whole != nil {
		t.Fatalf("%x is said to be DEFLATE data: %v", m.Text, err)
	}
}

package handshake

import "testing"

// A turn of a fuzzed conversation: who speaks, and how much.
type turn struct {
	from side
	size int
	skip bool // lost by the capture
}

// turns reads a plan of turns: a byte each, the lowest bit the side.
func turns(plan []byte) []turn {
	var list []turn
	for _, b := range plan {
		list = append(list, turn{side(b & 1), 1 + int(b>>1), b >= 0xf8})
	}
	return append(list, turn{fromClient, 1 << 20, false}, turn{fromServer, 1 << 20, false})
}

// speak plays the turns; each is offered whole, or cut into pieces of a size.
func speak(t *testing.T, r Reader, client, server, plan []byte, losses bool, piece int) *talk {
	talk := &talk{t: t, r: r}
	text := [2][]byte{client, server}
	for _, turn := range turns(plan) {
		b := text[turn.from]
		b = b[:min(len(b), turn.size)]
		text[turn.from] = text[turn.from][len(b):]
		if losses && turn.skip {
			if turn.from == fromClient {
				talk.r.SkipClient(int64(len(b)))
			} else {
				talk.r.SkipServer(int64(len(b)))
			}
			continue
		}
		for len(b) > 0 {
			n := min(len(b), piece)
			talk.offer(turn.from, b[:n:n])
			b = b[n:]
		}
	}
	return talk
}

// seed adds a conversation to the corpus.
func seed(f *testing.F, lines []string, maxHead int) {
	var text [2][]byte
	var plan []byte
	for _, line := range lines {
		from := fromClient
		if line[0] == '<' {
			from = fromServer
		}
		text[from] = append(text[from], line[1:]...)
		for n := len(line) - 1; n > 0; n -= 100 {
			plan = append(plan, byte(min(n, 100)-1)<<1|byte(from))
		}
	}
	f.Add(text[0], text[1], plan, uint16(maxHead))
}

// FuzzReader hands arbitrary bytes to both directions. Any split of a turn
// must give the same; with losses, where the place of a call matters, there
// must be progress within the limits.
func FuzzReader(f *testing.F) {
	for _, c := range conversations {
		seed(f, c.lines, c.maxHead)
	}
	for _, c := range preludes {
		seed(f, c.lines, 0)
	}
	f.Fuzz(func(t *testing.T, client, server, plan []byte, maxHead uint16) {
		r := Reader{MaxHead: int(maxHead)}
		want := speak(t, r, client, server, plan, false, 1<<20).result()
		for _, piece := range []int{1, 3, 17} {
			if got := speak(t, r, client, server, plan, false, piece).result(); got != want {
				t.Fatalf("in pieces of %d:\n%s\nwant\n%s", piece, got, want)
			}
		}
		speak(t, r, client, server, plan, true, 1<<20)
		r.MidStream = true
		speak(t, r, client, server, plan, true, 5)
	})
}

func FuzzExtensions(f *testing.F) {
	for _, c := range extensionCases {
		f.Add(c.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		list := ParseExtensions(value)
		for _, e := range list {
			again := ParseExtensions(e.String())
			if len(again) != 1 || again[0].String() != e.String() {
				t.Fatalf("%q: %+v is written as %q and read as %+v", value, e, e.String(), again)
			}
		}
	})
}

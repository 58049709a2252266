package h2

import (
	"fmt"
	"strings"
	"testing"
)

// lossy is a conversation with something of everything in it.
func lossy() []said {
	first := func(name, value string) string { return literal(0x40, name, value) }
	all := hello(
		c(frame(1, endHeaders, 1, first(":method", "CONNECT")+first(":protocol", "websocket")+fields(":path /one"))),
		s(frame(1, endHeaders, 1, accepted)),
		c(frame(1, endHeaders|endStream, 3, get)),
	)
	for i := range 8 {
		text := fmt.Sprintf("%d client to server, %d;", i, i*i)
		all = append(all,
			c(frame(0, 0, 1, text)), c(frame(0, padded, 1, "\x05"+text+"\x00\x00\x00\x00\x00"), frame(6, 0, 0, "12345678")),
			s(frame(0, 0, 1, strings.ToUpper(text))), s(frame(0, 0, 3, "<p>"+text), frame(0, 0, 1, "!"), frame(8, 0, 1, number(9))),
		)
	}
	return append(all,
		c(frame(1, endHeaders, 5, "\xbf\xbe"+fields(":path /two"))), // as the first request
		s(frame(1, endHeaders, 5, accepted)), c(frame(0, 0, 5, "two, from the client")), s(frame(0, 0, 5, "and from the server")),
		c(frame(0, endStream, 1, "end")), s(frame(0, endStream, 1, "END")), c(frame(0, 0, 5, "two goes on")),
	)
}

// A truth is what was sent on each stream, by each side.
type truth map[string]string

func key(stream uint32, fromClient bool) string { return fmt.Sprint(stream, fromClient) }

// A reading is how far into the truth what was told can have come: several
// places, where it is not known how much was missed.
type reading map[int]bool

// follow takes note of an event. It fails where the event cannot be true.
func follow(t *testing.T, want string, at reading, e *Event) reading {
	next := reading{}
	for i := range at {
		switch {
		case e.Kind == Torn:
			for j := i; j <= len(want); j++ {
				next[j] = true
			}
		case e.Lost > 0 && i+int(e.Lost) <= len(want):
			next[i+int(e.Lost)] = true
		case e.Lost == 0 && strings.HasPrefix(want[i:], string(e.Data)):
			next[i+len(e.Data)] = true
		}
	}
	if len(next) == 0 {
		t.Errorf("%d: %q, lost %d: this was not sent", e.Stream, e.Data, e.Lost)
	}
	return next
}

// without is the conversation with n bytes of one of its parts gone.
func without(all []said, part, at, n int) []said {
	out := append([]said(nil), all[:part]...)
	x := all[part]
	add := func(from, to int, lost bool) {
		if from < to {
			out = append(out, said{client: x.client, bytes: x.bytes[from:to], lost: lost})
		}
	}
	add(0, at, false)
	add(at, at+n, true)
	add(at+n, len(x.bytes), false)
	return append(out, all[part+1:]...)
}

// TestLossAnywhere holds that whatever range of bytes is lost, nothing is told
// that was not sent, no head is made up, and most of the rest is there.
func TestLossAnywhere(t *testing.T) {
	all := lossy()
	sent := truth{}
	var whole Parser
	total := 0
	for _, e := range events(&whole, all) {
		if e.Kind == Data {
			sent[key(e.Stream, e.FromClient)] += string(e.Data)
			total += len(e.Data)
		}
	}
	runs, got := 0, 0
	for part := range all {
		for at := range all[part].bytes {
			for _, n := range []int{1, 2, 9, 30, 1000} {
				n = min(n, len(all[part].bytes)-at)
				runs++
				got += checkLoss(t, sent, without(all, part, at, n))
				if t.Failed() {
					t.Fatalf("with %d bytes lost at %d of part %d", n, at, part)
				}
			}
		}
	}
	if share := 100 * got / (runs * total); share < 95 {
		t.Errorf("%d %% of what was sent was told", share)
	}
}

// checkLoss gives how many bytes were told.
func checkLoss(t *testing.T, sent truth, all []said) (got int) {
	t.Helper()
	places := map[string]reading{}
	var p Parser
	for _, e := range events(&p, all) {
		k := key(e.Stream, e.FromClient)
		switch e.Kind {
		case Opened:
			for _, f := range e.Head.Fields {
				if line := f.Name + " " + f.Value; f.Name != "" && !strings.Contains(":method CONNECT :protocol websocket :path /one :path /two", line) {
					t.Errorf("a field that was not sent: %q", line)
				}
			}
			if path := e.Head.Target; path != "" && path != map[uint32]string{1: "/one", 5: "/two"}[e.Stream] {
				t.Errorf("stream %d is told to ask for %s", e.Stream, path)
			}
		case Data, Torn:
			if e.Stream == 3 && !e.Sure {
				continue // it might have been one
			}
			if places[k] == nil {
				places[k] = reading{}
				for i := range len(sent[k]) + 1 {
					places[k][i] = i == 0 || !e.Sure
				}
			}
			places[k] = follow(t, sent[k], places[k], e)
			got += len(e.Data)
		}
	}
	return got
}

// events gives copies of all that is told.
func events(p *Parser, all []said) (out []*Event) {
	note := func(e *Event) {
		own := *e
		own.Data = append([]byte(nil), e.Data...)
		out = append(out, &own)
	}
	for _, x := range all {
		if x.lost {
			for e := range p.Lost(x.client, uint64(len(x.bytes))) {
				note(e)
			}
		} else {
			for e := range p.Bytes(x.client, []byte(x.bytes)) {
				note(e)
			}
		}
	}
	return out
}

// TestLossInPayload holds that a loss that ends where its frame does, or
// before, costs these bytes and no more.
func TestLossInPayload(t *testing.T) {
	var p Parser
	expect(t, talk(&p, hello(
		c(frame(1, endHeaders, 1, connect)), s(frame(1, endHeaders, 1, accepted)),
		c(frame(0, 0, 1, "abc")[:10]), gone(c("b")), c("c", frame(0, padded, 1, "\x02de__")[:11]), gone(c("e__")),
		c(frame(0, 0, 1, "f"), frame(0, padded|endStream, 1, "")[:4], "\x09\x00\x00\x00\x01"),
		s(frame(0, 0, 1, "x"), frame(4, 0, 0, "123456")[:9]), gone(s("123456")), s(frame(0, 0, 1, "y")),
		s(frame(0, padded, 1, "...")[:9]), gone(s(".")), s("..", frame(0, 0, 1, "z")),
	), 1<<20), `
		0 c set
		0 s set
		1 c opened [CONNECT /chat 0] 6 fields
		1 s answered [  200] 2 fields
		1 c data a
		1 c data lost 1
		1 c data cd
		1 c data lost 1
		1 c data f
		1 c ended 0 NO_ERROR
		1 s data x
		0 s set
		1 s data y
		1 s torn
		1 s data z
		1 s ended 3 NO_ERROR`)
	if !p.InStep(true) || !p.InStep(false) {
		t.Error("out of step")
	}
}

// TestSearch holds that the beginning of a frame is found again, in the middle
// of a piece too, and that a run of zeros or of one byte is not taken for one.
func TestSearch(t *testing.T) {
	noise := strings.Repeat("\x00", 40) + strings.Repeat("\x01", 40)
	open := hello(c(frame(1, endHeaders, 1, connect)), s(frame(1, endHeaders, 1, accepted)), gone(c("?")), c(noise))
	var p Parser
	talk(&p, open, 1<<20)
	if p.InStep(true) {
		t.Errorf("%+v", p.Facts())
	}
	settings := frame(4, 0, 0, strings.Repeat("\x00\x02\x00\x00\x00\x00", 100))
	for i, rest := range [][]said{
		{c(frame(0, 0, 1, "alone"))},
		{c(noise, frame(0, 0, 1, "al"), frame(6, 0, 0, "12345678"), frame(0, 0, 1, "one"))},
		{c(noise, frame(0, 0, 1, "alo")[:11]), c("o", frame(6, 0, 0, "12345678")[:12]), c("45678", frame(0, 0, 1, "ne"))},
		{c(frame(0, 0, 1, "alone")[:12]), c("ne")},
		{c(settings[:300]), c(settings[300:]), c(frame(0, 0, 1, "alone")[:5]), c(frame(0, 0, 1, "alone")[5:])},
	} {
		expect(t, talk(new(Parser), append(open[:len(open):len(open)], rest...), 1<<20), `
			0 c set
			0 s set
			1 c opened [CONNECT /chat 0] 6 fields
			1 s answered [  200] 2 fields
			1 c torn`+map[int]string{4: "\n0 c set"}[i]+`
			1 c data alone
			1 s ended 3 NO_ERROR`)
	}
}

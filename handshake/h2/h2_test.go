package h2

import (
	"testing"
)

const (
	endStream  = 0x1
	endHeaders = 0x4
	padded     = 0x8
	priority   = 0x20
)

var conversations = []struct {
	name string
	said []said
	want string
}{
	{"one WebSocket", hello(
		c(frame(1, endHeaders, 1, connect)), s(frame(1, endHeaders, 1, accepted)),
		c(frame(0, 0, 1, "half a fra")), c(frame(0, 0, 1, "me")), s(frame(0, 0, 1, "hi")),
		c(frame(0, endStream, 1, "")), s(frame(0, endStream, 1, "bye")),
	), `
		0 c set
		0 s set
		1 c opened [CONNECT /chat 0] 6 fields
		1 s answered [  200] 2 fields
		1 c data half a frame
		1 s data hi
		1 c ended 0 NO_ERROR
		1 s data bye
		1 s ended 0 NO_ERROR`},
	{"beside ordinary requests, and two of them", hello(
		c(frame(1, endHeaders|endStream, 1, get), frame(1, endHeaders, 3, connect), frame(1, endHeaders, 5, get), frame(1, endHeaders, 7, connect)),
		s(frame(1, endHeaders, 5, page), frame(0, 0, 5, "<html>"), frame(1, endHeaders, 7, accepted), frame(0, endStream, 1, "x"), frame(1, endHeaders, 3, accepted)),
		c(frame(0, 0, 7, "seven"), frame(0, endStream, 5, "body"), frame(0, 0, 3, "three")),
		s(frame(3, 0, 7, number(8)), frame(0, 0, 3, "ok")), c(frame(0, 0, 7, "late")),
	), `
		0 c set
		0 s set
		3 c opened [CONNECT /chat 0] 6 fields
		7 c opened [CONNECT /chat 0] 6 fields
		7 s answered [  200] 2 fields
		3 s answered [  200] 2 fields
		7 c data seven
		3 c data three
		7 s ended 1 CANCEL
		3 s data ok
		3 s ended 3 NO_ERROR`},
	{"padding, priority, continuation, trailers, other frames", hello(
		c(frame(1, padded|priority, 1, "\x03"+number(0)+"\x10"+connect[:20]+"\x00\x00\x00"), frame(9, 0, 1, connect[20:21]), frame(9, endHeaders, 1, connect[21:])),
		c(frame(2, 0, 1, "12345"), frame(0xfa, 0xff, 1<<31|1, "grease"), frame(6, 0, 0, "12345678"), frame(6, 1, 0, "12345678")),
		s(frame(1, endHeaders, 1, fields(":status 103", "link x")), frame(1, endHeaders, 1, accepted)),
		s(frame(0, padded, 1, "\x04data\x00\x00\x00\x00"), frame(0, padded, 1, "\x00!"), frame(0, padded, 1, "\x02\x00\x00"), frame(0, padded, 1, "\x09more than all")),
		s(frame(5, endHeaders, 1, number(2)+get), frame(1, endHeaders, 2, page), frame(0, endStream, 2, "pushed")),
		s(frame(1, endHeaders|endStream, 1, fields("trailer x"))),
	), `
		0 c set
		0 s set
		1 c opened [CONNECT /chat 0] 6 fields
		1 s answered [  200] 2 fields
		1 s data data!more
		1 s ended 0 NO_ERROR
		1 s ended 3 NO_ERROR`},
	{"refused", hello(
		c(frame(1, endHeaders, 1, connect), frame(1, endHeaders, 3, connect), frame(1, endHeaders, 5, connect)),
		s(frame(1, endHeaders|endStream, 1, fields(":status 501"))), s(frame(3, 0, 3, number(7))),
		s(frame(7, 0, 0, number(3)+number(11)+"calm down")),
	), `
		0 c set
		0 s set
		1 c opened [CONNECT /chat 0] 6 fields
		3 c opened [CONNECT /chat 0] 6 fields
		5 c opened [CONNECT /chat 0] 6 fields
		1 s answered [  501] 1 fields
		1 s ended 0 NO_ERROR
		3 s ended 1 REFUSED_STREAM
		3 s away ENHANCE_YOUR_CALM "calm down"
		5 s ended 2 ENHANCE_YOUR_CALM
		1 s ended 3 NO_ERROR`},
	{"asked for as in HTTP/1.1, and another protocol", hello(
		c(frame(1, endHeaders, 1, get+fields("upgrade websocket"))),
		c(frame(1, endHeaders, 3, fields(":method CONNECT", ":protocol connect-udp", ":path /"))),
		c(frame(0, 0, 3, "datagram")),
	), `
		0 c set
		0 s set
		1 c opened [GET / 0] 5 fields
		1 s ended 3 NO_ERROR`},
	{"no table, then one, of two sizes", hello(
		c(frame(1, endHeaders, 1, "\x20\x3f\xe1\x1f"+literal(0x40, ":method", "CONNECT")+literal(0x40, ":protocol", "websocket"))),
		c(frame(1, endHeaders, 3, "\x3f\xe1\x07\x3f\xe1\x1f\xbf\xbe\x84")),
	), `
		0 c set
		0 s set
		1 c opened [CONNECT  0] 2 fields
		3 c opened [CONNECT / 0] 3 fields
		1 s ended 3 NO_ERROR
		3 s ended 3 NO_ERROR`},
	{"a block that is none", hello(
		c(frame(1, endHeaders, 1, "\xff\xff\xff\xff\x0f")), c(frame(0, 0, 1, "who knows")), s(frame(1, endHeaders, 1, accepted)),
		c(frame(1, endHeaders, 3, get), frame(0, 0, 3, "ordinary")),
		c(frame(1, 0, 5, connect), frame(6, 0, 0, "12345678"), frame(9, endHeaders, 5, "")),
	), `
		0 c set
		0 s set
		1 c opened? [  0] 0 fields 0 unknown broken=true
		1 c data? who knows
		1 s answered? [  200] 2 fields
		5 c opened? [  0] 0 fields 0 unknown broken=true
		1 s ended? 3 NO_ERROR
		5 s ended? 3 NO_ERROR`},
}

// TestConversations holds what is told, however the bytes are cut.
func TestConversations(t *testing.T) {
	for _, test := range conversations {
		t.Run(test.name, func(t *testing.T) {
			for size := 1; size <= 64; size++ {
				if expect(t, talk(new(Parser), test.said, size), test.want); t.Failed() {
					t.Fatalf("in pieces of %d bytes", size)
				}
			}
			expect(t, talk(new(Parser), test.said, 1<<20), test.want)
		})
	}
}

// TestJoined holds what is told where the capture begins late: the table that
// the first request filled is not there, and what it held is unknown.
func TestJoined(t *testing.T) {
	said := []said{
		c(frame(0, 0, 1, "old")), s(frame(0, 0, 1, "old, too")), s(frame(0, 0, 3, "<html>")),
		c(frame(1, endHeaders, 5, "\xc0\xbf\x84"+literal(0x40, "x", "y"))), // CONNECT, websocket and / of an earlier one
		c(frame(1, endHeaders, 7, literal(0, ":method", "CONNECT")+literal(0, ":protocol", "websocket")+"\xbe\xbf")),
		s(frame(1, endHeaders, 3, page)), s(frame(0, 0, 3, "more")), s(frame(1, endHeaders, 5, accepted)),
		c(frame(1, endHeaders, 9, get)), s(frame(0, 0, 9, "page")),
	}
	var p Parser
	expect(t, talk(&p, said, 1<<20), `
		1 c data? old
		1 s torn?
		1 s data? old, too
		3 s data? <html>
		5 c opened? [ / 0] 4 fields 2 unknown broken=false
		7 c opened [CONNECT  0] 4 fields 1 unknown broken=false
		3 s dismissed?
		5 s answered? [  200] 2 fields
		1 s ended? 3 NO_ERROR
		5 s ended? 3 NO_ERROR
		7 s ended 3 NO_ERROR`)
}

// TestSettings holds what is known of a connection.
func TestSettings(t *testing.T) {
	var p Parser
	talk(&p, hello(s(settings(4, 100, 8, 0, 77, 1), frame(6, 0, 0, "12345678"))), 3)
	set := p.Settings(false)
	for id, want := range map[SettingID]uint32{InitialWindowSize: 100, EnableConnectProtocol: 0} {
		if got, sent := set.Get(id); got != want || !sent {
			t.Errorf("setting %d is %d, %v", id, got, sent)
		}
	}
	if _, sent := set.Get(MaxFrameSize); sent {
		t.Error("a setting that was not sent")
	}
	if set.Frames != 2 || set.Acks != 1 || p.Facts().Pings != [2]uint64{0, 1} {
		t.Errorf("%+v, %+v", set, p.Facts())
	}
}

// TestStalls holds when a sender has to wait, by both windows.
func TestStalls(t *testing.T) {
	open := []said{
		c(preface, settings(4, 10)), s(settings(8, 1), frame(4, 1, 0, "")), c(frame(4, 1, 0, "")),
		c(frame(1, endHeaders, 1, connect)), s(frame(1, endHeaders, 1, accepted)),
	}
	const begun = `
		0 c set
		0 s set
		1 c opened [CONNECT /chat 0] 6 fields
		1 s answered [  200] 2 fields
		`
	var p Parser
	expect(t, talk(&p, append(open[:5:5],
		s(frame(0, 0, 1, "0123456")), s(frame(0, padded, 1, "\x01a\x00")),
		c(frame(8, 0, 1, number(5))), s(frame(0, 0, 1, "b")), c(settings(4, 6), frame(8, 0, 0, number(1))), s(frame(4, 1, 0, "")),
		s(frame(0, 0, 1, "")),
		c(frame(8, 0, 1, number(100))), s(frame(0, 0, 1, "c")), c(frame(0, 0, 1, string(make([]byte, 10)))),
	), 1<<20), begun+`
		1 s data 0123456a
		1 s stalled
		1 s granted
		1 s resumed
		1 s data b
		0 c set
		1 s data c
		1 c data `+string(make([]byte, 10))+`
		1 s ended 3 NO_ERROR`)
	if got := p.Facts().Stalls; got != [2]uint64{0, 1} {
		t.Errorf("stalls %v", got)
	}
	big := string(make([]byte, 1<<14))
	p = Parser{}
	talk(&p, append(open[:5:5], c(frame(0, 0, 1, big), frame(0, 0, 1, big), frame(0, 0, 1, big), frame(0, 0, 1, big[1:]), frame(8, 0, 0, number(10)))), 1<<20)
	if got := p.Facts().Stalls; got != [2]uint64{2, 0} {
		t.Errorf("stalls of stream and connection: %v", got)
	}
}

// TestBounds holds that what is kept has an end: streams, and a header block.
func TestBounds(t *testing.T) {
	var p Parser
	p.MaxStreams = 3
	said := hello()
	for id := uint32(1); id < 20; id += 2 {
		said = append(said, c(frame(1, endHeaders, id, connect)))
	}
	talk(&p, said, 1<<20)
	if len(p.streams.list) != 3 || p.Facts().Untracked != 7 {
		t.Errorf("%d streams, %d untracked", len(p.streams.list), p.Facts().Untracked)
	}
	p = Parser{}
	said = hello(c(frame(1, 0, 1, connect)))
	for range 40 {
		said = append(said, c(frame(9, 0, 1, string(make([]byte, 1<<14)))))
	}
	talk(&p, said, 1<<20)
	if h := &p.half[client]; cap(h.block.buf) > 2*maxBlock || cap(h.held) > 2*maxBlock {
		t.Errorf("%d and %d bytes are held", cap(h.block.buf), cap(h.held))
	}
}

// TestLooks holds what is recognised, and from which byte on.
func TestLooks(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
	for _, test := range []struct {
		client bool
		bytes  string
		look   Look
		before int
	}{
		{true, preface, Preface, 0},
		{true, preface + settings(), Preface, 0},
		{true, preface[:9], Partly, 0},
		{true, "PRI * HTTP/1.1\r\n", Other, 0},
		{true, "", Other, 0},
		{false, settings(8, 1), Settled, 0},
		{false, settings()[:8], Partly, 0},
		{false, settings(8, 1)[:5], Partly, 0},
		{false, frame(4, 1, 0, ""), Other, 0},
		{false, frame(6, 0, 0, "12345678"), Other, 0},
		{false, "\x00\x00\x07\x04\x00\x00\x00\x00\x00", Other, 0},
		{false, head + settings(), Upgraded, len(head)},
		{false, head[:30], Other, 0},
		{false, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", Other, 0},
	} {
		if look, before := Looks(test.client, []byte(test.bytes)); look != test.look || before != test.before {
			t.Errorf("%q looks %v, %d", test.bytes, look, before)
		}
	}
}

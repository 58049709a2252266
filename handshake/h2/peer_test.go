package h2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A peer is one end of a connection, as the HTTP/2 of golang.org/x/net writes it.
type peer struct {
	framer *http2.Framer
	block  bytes.Buffer
	hpack  *hpack.Encoder
}

func newPeer(w *bytes.Buffer) *peer {
	p := &peer{framer: http2.NewFramer(w, nil)}
	p.hpack = hpack.NewEncoder(&p.block)
	return p
}

// heads writes a header block in one frame or in several.
func (p *peer) heads(r *rand.Rand, stream uint32, pairs ...string) {
	p.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		p.hpack.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	b := p.block.Bytes()
	cut := len(b)
	if r.IntN(2) == 0 {
		cut = r.IntN(len(b) + 1)
	}
	param := http2.HeadersFrameParam{StreamID: stream, BlockFragment: b[:cut], EndHeaders: cut == len(b), PadLength: uint8(r.IntN(3) * 20)}
	if r.IntN(3) == 0 {
		param.Priority = http2.PriorityParam{StreamDep: 1, Weight: 3}
	}
	p.framer.WriteHeaders(param)
	if cut < len(b) {
		p.framer.WriteContinuation(stream, false, nil)
		p.framer.WriteContinuation(stream, true, b[cut:])
	}
}

// TestPeer holds, for conversations that are drawn, that all is understood
// that the other implementation writes.
func TestPeer(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var bufs [2]bytes.Buffer
		peers := [2]*peer{newPeer(&bufs[0]), newPeer(&bufs[1])}
		var p Parser
		var want, got []string
		last := ""
		flush := func(d int) {
			for b := bufs[d].Bytes(); len(b) > 0; {
				n := min(len(b), 1+r.IntN(40))
				for e := range p.Bytes(d == 0, b[:n]) {
					if e.Kind == Set {
						continue
					}
					line := peerLine(e)
					if e.Kind == Data && last == line {
						got[len(got)-1] += string(e.Data)
						continue
					}
					if last = ""; e.Kind == Data {
						last, line = line, line+string(e.Data)
					}
					got = append(got, line)
				}
				b = b[n:]
			}
			bufs[d].Reset()
		}
		bufs[0].WriteString(http2.ClientPreface)
		peers[0].framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		peers[1].framer.WriteSettings(http2.Setting{ID: 8, Val: 1})
		flush(0)
		flush(1)
		for id := uint32(1); id < 40; id += 2 {
			want = append(want, drawStream(r, peers, id, flush)...)
		}
		if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, g, w)
		}
		if f := p.Facts(); f.Broken != [2]uint64{} || f.Unread != [2]uint64{} {
			t.Fatalf("seed %d: %+v", seed, f)
		}
	}
}

func peerLine(e *Event) string {
	line := fmt.Sprintln(e.Stream, e.FromClient, kindNames[e.Kind], e.How, e.Code)
	if e.Head != nil {
		for _, f := range e.Head.Fields {
			line += f.Name + "=" + f.Value + "\n"
		}
	}
	return line
}

// drawStream writes a request, its answer and what follows, and gives what is
// to be told of it.
func drawStream(r *rand.Rand, peers [2]*peer, id uint32, flush func(int)) (want []string) {
	say := func(kind Kind, fromClient bool, pairs ...string) {
		line := peerLine(&Event{Stream: id, FromClient: fromClient, Kind: kind})
		for i := 0; i < len(pairs); i += 2 {
			line += pairs[i] + "=" + pairs[i+1] + "\n"
		}
		want = append(want, line)
	}
	if r.IntN(8) == 0 { // what a decoder of one side allows, the other's encoder uses
		peers[0].hpack.SetMaxDynamicTableSize(uint32(r.IntN(3) * 100))
		peers[0].hpack.SetMaxDynamicTableSize(uint32(r.IntN(4096)))
	}
	agent := strings.Repeat("agent ", r.IntN(30))
	if r.IntN(3) == 0 {
		peers[0].heads(r, id, ":method", "GET", ":path", fmt.Sprint("/", r.IntN(5)), "user-agent", agent)
		flush(0)
		peers[1].heads(r, id, ":status", "200", "content-type", "text/html", "server", agent)
		peers[1].framer.WriteData(id, true, []byte(agent))
		flush(1)
		return nil
	}
	asks := []string{":method", "CONNECT", ":protocol", "websocket", ":path", fmt.Sprint("/", r.IntN(5)), "user-agent", agent}
	peers[0].heads(r, id, asks...)
	say(Opened, true, asks...)
	flush(0)
	answer := []string{":status", "200", "server", agent, "sec-websocket-protocol", fmt.Sprint(r.IntN(3))}
	peers[1].heads(r, id, answer...)
	say(Answered, false, answer...)
	flush(1)
	for range r.IntN(6) {
		d := r.IntN(2)
		text := strings.Repeat(fmt.Sprint(r.IntN(1e9)), 1+r.IntN(20))
		say(Data, d == 0)
		want[len(want)-1] += text
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(30))
			peers[d].framer.WriteDataPadded(id, false, []byte(rest[:n]), make([]byte, r.IntN(2)*r.IntN(9)))
			peers[d].framer.WritePing(false, [8]byte{})
			rest = rest[n:]
		}
		if n := len(want); n > 1 && strings.HasPrefix(want[n-2], strings.TrimSuffix(want[n-1], text)) {
			want[n-2] += text
			want = want[:n-1]
		}
		flush(d)
	}
	peers[1].framer.WriteRSTStream(id, http2.ErrCodeCancel)
	flush(1)
	want = append(want, peerLine(&Event{Stream: id, Kind: Ended, How: Reset, Code: 8}))
	return want
}

// A tap hands what is written to a connection to a parser, too.
type tap struct {
	net.Conn
	wrote chan<- said
	said  said
}

func (t *tap) Write(b []byte) (int, error) {
	t.wrote <- said{client: t.said.client, bytes: string(b)}
	return t.Conn.Write(b)
}

// TestSession holds what is told of two ends that talk with each other.
func TestSession(t *testing.T) {
	a, b := net.Pipe()
	wrote := make(chan said, 1000)
	done := make(chan error, 1)
	go func() { done <- serve(&tap{Conn: b, wrote: wrote}) }()
	if err := ask(&tap{Conn: a, wrote: wrote, said: said{client: true}}); err != nil {
		t.Error("client:", err)
	}
	a.Close()
	if err := <-done; err != nil {
		t.Error("server:", err)
	}
	close(wrote)
	var all []said
	for x := range wrote {
		all = append(all, x)
	}
	expect(t, talk(new(Parser), all, 1<<20), `
		0 s set
		0 c set
		1 c opened [CONNECT /chat 0] 4 fields
		1 s answered [  200] 1 fields
		1 c data hello
		1 s data HELLO
		1 c data again
		1 s data AGAIN
		1 c ended 0 NO_ERROR
		1 s ended 0 NO_ERROR`)
}

// ask is a client: it opens a stream, and waits for each answer.
func ask(conn net.Conn) error {
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := f.ReadFrame(); err != nil { // the server's SETTINGS
		return err
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return err
	}
	f.WriteSettings()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, x := range [][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/chat"}} {
		e.WriteField(hpack.HeaderField{Name: x[0], Value: x[1]})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
	if _, err := f.ReadFrame(); err != nil {
		return err
	}
	for _, text := range []string{"hello", "again"} {
		f.WriteData(1, false, []byte(text))
		if _, err := f.ReadFrame(); err != nil {
			return err
		}
	}
	f.WriteData(1, true, nil)
	_, err := f.ReadFrame()
	return err
}

// serve is a server: it says what it hears in capitals.
func serve(conn net.Conn) error {
	f := http2.NewFramer(conn, conn)
	f.WriteSettings(http2.Setting{ID: 8, Val: 1})
	if _, err := conn.Read(make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		switch x := frame.(type) {
		case *http2.HeadersFrame:
			var block bytes.Buffer
			hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		case *http2.DataFrame:
			f.WriteData(1, x.StreamEnded(), bytes.ToUpper(x.Data()))
			if x.StreamEnded() {
				return nil
			}
		}
	}
}

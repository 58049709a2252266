package diagnose

import (
	"testing"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// deaf is told and does nothing.
type deaf struct{}

func (deaf) Observe(session.Event) {}
func (deaf) Finding(*Finding)      {}

// opened is a checker with all rules, and a connection that is open.
func opened() (*Checker, *session.Conn) {
	c, conn := New(All(), deaf{}), new(session.Conn)
	h := &handshake.Handshake{Established: true}
	c.Observe(&session.Handshake{Where: session.Where{Conn: conn, Packet: 4}, Handshake: h})
	return c, conn
}

// TestAllocs holds that rules cost no allocation where nothing is wrong, and
// where the same is wrong again and again, whatever kind of frame it is.
func TestAllocs(t *testing.T) {
	const server, client = reassembly.FromServer, reassembly.FromClient
	for _, test := range []struct {
		name   string
		dir    reassembly.Dir
		header frames.Header
		data   string // of the message that the frame ends, if it ends one
	}{
		{"text", server, frames.Header{FIN: true, Opcode: frames.Text}, "hello"},
		{"text of a client", client, frames.Header{FIN: true, Opcode: frames.Text, Masked: true, MaskingKey: [4]byte{1, 2, 3, 4}}, "hello"},
		{"JSON", server, frames.Header{FIN: true, Opcode: frames.Text}, `{"type":"tick","list":[1,2,3],"text":"a"}`},
		{"binary", client, frames.Header{FIN: true, Opcode: frames.Binary, Masked: true}, "\x00\x01\x02"},
		{"ping", server, frames.Header{FIN: true, Opcode: frames.Ping}, ""},
		{"pong", client, frames.Header{FIN: true, Opcode: frames.Pong, Masked: true}, ""},
		{"fragment", server, frames.Header{Opcode: frames.Text}, ""},
		{"no mask", client, frames.Header{FIN: true, Opcode: frames.Text}, "hello"},
		{"reserved bits", server, frames.Header{FIN: true, RSV1: true, RSV2: true, Opcode: frames.Text}, "hello"},
		{"reserved opcode", server, frames.Header{FIN: true, Opcode: 3}, ""},
		{"ping too long", server, frames.Header{FIN: true, Opcode: frames.Ping, PayloadLength: 126}, ""},
	} {
		c, conn := opened()
		where := session.Where{Conn: conn, Packet: 9, Dir: test.dir}
		frame := &session.Frame{Where: where, Header: test.header}
		frame.PayloadLength = max(frame.PayloadLength, uint64(len(test.data)))
		message := &session.Message{Where: where, Message: &frames.Message{
			Opcode: test.header.Opcode, Frames: 1, InvalidAt: -1, ValidUTF8: true, Complete: true,
			Length: uint64(len(test.data)), WireLength: uint64(len(test.data)), Data: []byte(test.data),
		}}
		told := func() {
			c.Observe(frame)
			if test.data != "" {
				c.Observe(message)
			}
		}
		for range 100 { // until what is counted has its place
			told()
		}
		if n := testing.AllocsPerRun(1000, told); n != 0 {
			t.Errorf("%s: %v allocations for a frame and its message", test.name, n)
		}
	}
}

// TestRepeats holds that what is wrong again is counted and not told again.
func TestRepeats(t *testing.T) {
	var out teller
	conn := new(session.Conn)
	c := New(All(), &out)
	c.Observe(&session.Handshake{Where: session.Where{Conn: conn, Packet: 4}, Handshake: &handshake.Handshake{Established: true}})
	for i := range 1000 {
		where := session.Where{Conn: conn, Packet: int64(9 + i), Dir: reassembly.FromClient}
		c.Observe(&session.Frame{Where: where, Header: frames.Header{FIN: true, Opcode: frames.Text}})
	}
	if len(out.all) != 1 || out.all[0].Packet != 9 {
		t.Errorf("%d findings, want the first alone", len(out.all))
	}
	if n := c.Counts()["masking-wrong.client-unmasked"]; n != 1000 {
		t.Errorf("%d counted, want 1000", n)
	}
}

// teller keeps what it is told.
type teller struct {
	deaf
	all []*Finding
}

func (t *teller) Finding(f *Finding) { t.all = append(t.all, f) }

// TestHeadline holds which finding explains the others.
func TestHeadline(t *testing.T) {
	finding := func(layer Layer, s Severity, packet int64) *Finding {
		return &Finding{Where: session.Where{Packet: packet}, Rule: &Rule{Layer: layer}, Severity: s}
	}
	warning, closing := finding(Opening, Warning, 4), finding(Closing, Error, 9)
	framing, later := finding(Framing, Error, 8), finding(Framing, Error, 10)
	if got := Headline([]*Finding{warning, closing, later, framing}); got != framing {
		t.Errorf("the finding in packet %d leads", got.Packet)
	}
}

func BenchmarkFrame(b *testing.B) {
	c, conn := opened()
	e := &session.Frame{Where: session.Where{Conn: conn, Packet: 9, Dir: reassembly.FromServer}, Header: frames.Header{FIN: true, Opcode: frames.Text, PayloadLength: 5}}
	b.ReportAllocs()
	for b.Loop() {
		c.Observe(e)
	}
}

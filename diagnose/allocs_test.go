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
// where the same is wrong again and again.
func TestAllocs(t *testing.T) {
	c, conn := opened()
	where := session.Where{Conn: conn, Packet: 9, Dir: reassembly.FromServer}
	good := &session.Frame{Where: where, Header: frames.Header{FIN: true, Opcode: frames.Text, PayloadLength: 5}}
	message := &session.Message{Where: where, Message: &frames.Message{Opcode: frames.Text, InvalidAt: -1, ValidUTF8: true, Complete: true, Length: 5}}
	if n := testing.AllocsPerRun(1000, func() { c.Observe(good); c.Observe(message) }); n != 0 {
		t.Errorf("%v allocations for a frame and its message", n)
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

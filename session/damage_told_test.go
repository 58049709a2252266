package session_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A place is where something stands, and in which packets it was seen.
type place struct {
	offset        int64
	first, packet int64
}

type aFrame struct {
	place
	header  frames.Header
	missing uint64
	payload string
	close   frames.CloseBody
}

// size is the frame's bytes in the stream that were seen.
func (f *aFrame) size() int64 {
	return int64(f.header.Len()) + int64(f.header.PayloadLength-f.missing)
}

// A content is a message without its place.
type content struct {
	opcode                        frames.Opcode
	frames                        int
	compressed, inflated          bool
	obstacle                      frames.Obstacle
	wireLength, length, lostBytes uint64
	complete, validUTF8           bool
	invalidAt                     int64
	data                          string
}

type aMessage struct {
	place
	content
}

type aLoss struct {
	place
	length int64
	reason string
}

// An aHandshake is what a handshake says of itself.
type aHandshake struct {
	client, server    netip.AddrPort
	target            string
	status            int
	established       bool
	takeover          [2]bool // by direction: a message may refer to earlier ones
	requested, packet int64
}

// told is what a run told, copied: by direction, and all of it line by line.
type told struct {
	frames     map[way][]aFrame
	messages   map[way][]aMessage
	losses     map[way][]aLoss
	handshakes map[way][]aHandshake    // by the client's way
	closed     map[way][]session.Facts // by the client's way
	all        bool
	lines      []string // of all
}

// Observe implements session.Observer.
func (o *told) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Opened:
		o.line("opened", &e.Where, "")
	case *session.Frame:
		f := aFrame{place{e.Offset, e.FirstPacket, e.Packet}, e.Header, e.Missing, string(e.Payload), frames.CloseBody{}}
		if e.CloseBody != nil {
			f.close = *e.CloseBody
		}
		o.frames[wayOf(&e.Where)] = append(o.frames[wayOf(&e.Where)], f)
		o.line("frame", &e.Where, f)
	case *session.Message:
		m := aMessage{place{e.Offset, e.FirstPacket, e.Packet}, contentOf(e.Message)}
		o.messages[wayOf(&e.Where)] = append(o.messages[wayOf(&e.Where)], m)
		o.line("message", &e.Where, m)
	case *session.Lost:
		l := aLoss{place{e.Offset, 0, e.Packet}, e.Length, e.Reason}
		o.losses[wayOf(&e.Where)] = append(o.losses[wayOf(&e.Where)], l)
		o.line("lost", &e.Where, l)
	case *session.Handshake:
		h := handshakeOf(e)
		o.handshakes[way{h.client, h.server}] = append(o.handshakes[way{h.client, h.server}], h)
		o.line("handshake", &e.Where, h)
	case *session.Closed:
		w := way{e.Conn.Client, e.Conn.Server}
		o.closed[w] = append(o.closed[w], e.Conn.Facts)
		if o.all {
			o.line("closed", &e.Where, factsLine(&e.Conn.Facts))
		}
	}
}

func (o *told) line(kind string, w *session.Where, what any) {
	if !o.all {
		return
	}
	o.lines = append(o.lines, fmt.Sprintf("%s %v %d %d: %+v", kind, wayOf(w), w.Packet, w.Time, what))
}

func wayOf(w *session.Where) way {
	if w.Dir == reassembly.FromServer {
		return way{w.Conn.Server, w.Conn.Client}
	}
	return way{w.Conn.Client, w.Conn.Server}
}

func contentOf(m *frames.Message) content {
	return content{
		m.Opcode, m.Frames, m.Compressed, m.Inflated, m.Obstacle,
		m.WireLength, m.Length, m.Lost, m.Complete, m.ValidUTF8, m.InvalidAt, string(m.Data),
	}
}

func handshakeOf(e *session.Handshake) aHandshake {
	h := aHandshake{
		client: e.Conn.Client, server: e.Conn.Server, target: e.Target(),
		established: e.Established, requested: e.Requested.Packet, packet: e.Packet,
	}
	if e.Response != nil {
		h.status = e.Response.Status
	}
	if d, agreed := e.Deflate(); agreed {
		h.takeover = [2]bool{!d.ClientNoContextTakeover, !d.ServerNoContextTakeover}
	}
	return h
}

// factsLine is what a connection's end says, less what points into memory.
func factsLine(f *session.Facts) string {
	sides := f.Sides
	closes := [2]session.Close{}
	for d := range sides {
		if sides[d].Close != nil {
			closes[d], sides[d].Close = *sides[d].Close, nil
		}
	}
	return fmt.Sprintf("#%d %v %v-%v %d-%d %d %+v %+v code %d by %v clean %v attempts %d idle %v tcp %+v pings %d",
		f.ID, f.State, f.Client, f.Server, f.StartPacket, f.EndPacket, f.Stream, sides, closes,
		f.CloseCode, f.ClosedBy, f.Clean, f.Attempts, f.IdleMax, f.TCP, f.PingRTT.Count)
}

// hear runs the packets, in memory that is overwritten once it was lent, and
// gives what was told.
func hear(t testing.TB, packets []capture.Packet, workers int, all bool) *told {
	t.Helper()
	o := &told{
		all:    all,
		frames: map[way][]aFrame{}, messages: map[way][]aMessage{}, losses: map[way][]aLoss{},
		handshakes: map[way][]aHandshake{}, closed: map[way][]session.Facts{},
	}
	src := casetest.Poison(casetest.Source(packets))
	if _, err := session.Run(src, session.Config{Keep: session.KeepAll}, workers, o); err != nil {
		t.Fatal(err)
	}
	return o
}

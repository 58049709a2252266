package diagnose

import (
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// talkOf opens a connection with a subprotocol.
func talkOf(c *Checker, subprotocol string) *session.Conn {
	conn := new(session.Conn)
	field := handshake.Fields{{Name: "Sec-WebSocket-Protocol", Value: subprotocol}}
	h := &handshake.Handshake{Established: true, Request: &handshake.Head{Fields: field}, Response: &handshake.Head{Status: 101, Fields: field}}
	c.Observe(&session.Handshake{Where: session.Where{Conn: conn, Packet: 4}, Handshake: h})
	return conn
}

// text is a text message at a time in milliseconds.
func text(conn *session.Conn, d reassembly.Dir, packet int64, ms int64, s string) *session.Message {
	w := session.Where{Conn: conn, Packet: packet, Time: capture.Time(ms * 1e6), Dir: d}
	m := &frames.Message{Opcode: frames.Text, Frames: 1, InvalidAt: -1, ValidUTF8: true, Complete: true, Length: uint64(len(s)), Data: []byte(s)}
	return &session.Message{Where: w, Message: m, FirstPacket: packet}
}

// TestReplies holds that answers are paired with their requests, each once,
// whatever comes between.
func TestReplies(t *testing.T) {
	c := New(All(), deaf{})
	conn := talkOf(c, "jsonrpc")
	for _, m := range []*session.Message{
		text(conn, reassembly.FromClient, 5, 1000, `{"jsonrpc":"2.0","id":1,"method":"a"}`),
		text(conn, reassembly.FromClient, 6, 1010, `{"jsonrpc":"2.0","id":2,"method":"b"}`),
		text(conn, reassembly.FromClient, 7, 1020, `{"jsonrpc":"2.0","id":1,"result":0}`), // the client's own, to nothing
		text(conn, reassembly.FromServer, 8, 1040, `{"jsonrpc":"2.0","id":2,"result":0}`),
		text(conn, reassembly.FromServer, 9, 1100, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}`),
		text(conn, reassembly.FromServer, 10, 1200, `{"jsonrpc":"2.0","id":1,"result":0}`), // answered before
	} {
		c.Observe(m)
	}
	got := conn.Attached.(*Conn).Replies()
	want := Replies{Count: 2, Min: 30e6, Max: 100e6, Sum: 130e6, Slowest: 9}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestHeardAllocs holds that what is said costs no allocation, be it of a
// subprotocol, JSON, or nothing known.
func TestHeardAllocs(t *testing.T) {
	c := New(All(), deaf{})
	for protocol, s := range map[string]string{
		"graphql-transport-ws": `{"id":"1","type":"next","payload":{"data":{"a":1}}}`,
		"v12.stomp":            "MESSAGE\ndestination:/a\n\nhello\x00",
		"":                     `{"a":1,"b":[1,2,3]}`,
		"chat":                 "hello",
	} {
		conn := talkOf(c, protocol)
		e := text(conn, reassembly.FromServer, 9, 1000, s)
		if n := testing.AllocsPerRun(200, func() { c.Observe(e) }); n != 0 {
			t.Errorf("%q: %v allocations for %q", protocol, n, s)
		}
	}
}

// TestDeaf: on a connection in which nothing could be understood, what another
// one says is not taken for its own.
func TestDeaf(t *testing.T) {
	var told teller
	c := New(All(), &told)
	plain, json := talkOf(c, "chat"), talkOf(c, "chat")
	say := func(packet int64, frameCount int) {
		c.Observe(text(json, reassembly.FromClient, packet, 10*packet, `{"a":1}`))
		m := text(plain, reassembly.FromClient, packet+1, 10*packet+1, "x = "+strings.Repeat("y", 20))
		m.Frames = frameCount
		c.Observe(m)
	}
	for i := range int64(8) {
		say(10+2*i, 1)
	}
	say(30, 2)
	c.Observe(&session.Frame{
		Where:     session.Where{Conn: plain, Packet: 32, Time: 303e6, Dir: reassembly.FromServer},
		Header:    frames.Header{FIN: true, Opcode: frames.Close, PayloadLength: 2},
		CloseBody: &frames.CloseBody{Code: frames.InvalidPayload, HasCode: true},
	})
	for _, f := range told.all {
		if f.Rule.ID == "message-split-read" {
			t.Errorf("%s", f.Message)
		}
	}
	if plain.Attached.(*Conn).talk != nil || json.Attached.(*Conn).talk == nil {
		t.Error("what was understood of one is kept, and nothing of the other")
	}
}

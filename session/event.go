package session

import (
	"slices"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// An Event is something that happened on a connection: one of *Opened,
// *Handshake, *Refusal, *Frame, *Message, *Lost, *Sealed,
// *Ordinary, *Issued and *Closed. It is lent: good until Observe returns. Who keeps something of it copies it.
type Event interface {
	where() *Where
}

// An Observer is told what happens, in order of packet number and then of
// position in the byte stream. It tells the kinds apart by a type switch; a
// kind it does not name passes by.
type Observer interface {
	Observe(Event)
}

// A WholeObserver is told of a message in one frame, as nearly all are, in one
// call: it stands for Observe of the frame and then of the message. A Tracker
// that has no other Observer makes it.
type WholeObserver interface {
	Observer
	ObserveWhole(*Frame, *Message)
}

// Where says on which connection, in which packet and when something became
// known, and who sent it.
type Where struct {
	Conn   *Conn
	Packet int64 // the packet that completed it, 1-based
	Time   capture.Time
	Dir    reassembly.Dir // who sent it
	Offset int64          // its first byte's place in the byte stream of Dir, 0-based
}

func (w *Where) where() *Where { return w }

// Opened is told when a connection turns out to be one that could be a
// WebSocket: before its first other event.
type Opened struct{ Where }

// Handshake is told when an opening handshake (RFC 6455 §4) is over: answered
// with a 101 or otherwise, or never answered (Response is nil, told when the
// connection ends). Where is that of the response, or of the request if there
// is none.
type Handshake struct {
	Where
	*handshake.Handshake
	Requested Where             // where the request was complete; Packet is 0 if it was not captured
	Early     int               // bytes that the client sent behind the request before it had seen any of the answer
	EarlyIn   int64             // the first packet of them
	Via       []handshake.Via   // the proxies passed so far, not lent
	H2        *H2               // of the stream of HTTP/2 that it is about, nil without: up to Scheme it grows no more
	TLS       *tlsdecrypt.Facts // of the TLS connection that it was inside, nil without; it still grows
}

// Refusal is told behind a Handshake that did not open a WebSocket, once the
// body of the answer has been read as far as it is kept, or cannot be read on.
// Handshake.Response is not nil.
type Refusal struct {
	Where // where the body ended
	*handshake.Handshake
	Answered  Where  // where its head was complete
	Requested Where  // as in Handshake
	Body      []byte // at most its first 1,024 bytes, without the chunked coding
}

// Frame is told when a frame is complete, or when it cannot be completed any
// more because the capture lost its end or the connection ended inside it.
type Frame struct {
	Where
	frames.Header
	FirstPacket int64  // the packet that carried the end of its header
	Missing     uint64 // payload bytes that the capture does not hold
	Payload     []byte // of control frames: unmasked, at most its first 4,096 bytes
	CloseBody   *frames.CloseBody
}

// Message is told when a message is complete or given up.
type Message struct {
	Where
	*frames.Message
	FirstPacket int64        // the packet that carried the header of its first frame
	FirstTime   capture.Time // when that was known, what was sent before it being there

	// UndecodableSince is 0 unless the message is compressed and could not be
	// inflated: then it is the packet in which the first such message of the
	// direction began, with none behind it that could (RFC 7692 §7.2.2).
	UndecodableSince int64
}

// Lost is told when bytes of a WebSocket connection are known to be missing
// from the capture, or could not be followed.
type Lost struct {
	Where
	Length int64  // bytes
	Reason string // what became of them, for people: "not captured", "limit reached"
}

// Sealed is told once of a TLS connection that could not be looked into, and
// that did not fail either: Conn.TLS has what it shows outside. It has no
// other event.
type Sealed struct{ Where }

// Ordinary is told once of a TCP connection in clear that ended and is none of
// the report, if there is something to tell: it was opened and carried nothing,
// or Conn.HTTP is not nil. It has no other event.
type Ordinary struct{ Where }

// Issued is told when a server has begun a session of Engine.IO by long
// polling: a WebSocket goes on with it, perhaps on another connection. The
// connection may turn out to be of the report or not.
type Issued struct {
	Where
	Session []byte
}

// Closed is told once, when a connection has ended or the capture has: all
// facts of Conn are final then.
type Closed struct{ Where }

// clone gives a copy of e that is not lent.
func clone(e Event) Event {
	switch e := e.(type) {
	case *Opened:
		c := *e
		return &c
	case *Handshake:
		c := *e
		return &c
	case *Refusal:
		c := *e
		c.Body = slices.Clone(e.Body)
		return &c
	case *Frame:
		c := *e
		c.Payload = slices.Clone(e.Payload)
		return &c
	case *Message:
		c, m := *e, *e.Message
		m.Data = slices.Clone(m.Data)
		c.Message = &m
		return &c
	case *Lost:
		c := *e
		return &c
	case *Sealed:
		c := *e
		return &c
	case *Ordinary:
		c := *e
		return &c
	case *Issued:
		c := *e
		c.Session = slices.Clone(e.Session)
		return &c
	case *Closed:
		c := *e
		return &c
	}
	panic("wssniff: internal error: an event without a copy")
}

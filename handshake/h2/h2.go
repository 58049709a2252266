// Package h2 finds the WebSockets in an HTTP/2 connection: streams that an
// extended CONNECT opened (RFC 8441 §4), and the bytes of their DATA frames
// (RFC 9113 §6.1), which are to be read as RFC 6455 has it.
//
//	client ──Parser.Bytes──┐
//	                       ├──▶ Event: Opened, Answered, Data, Ended …
//	server ──Parser.Bytes──┘
//
// A [Parser] is handed the bytes of both directions, in any pieces. It judges
// nothing and follows what can be followed: from the middle of a connection,
// past frames of unknown types, and across bytes that the capture lost.
// Requests that are no WebSockets cost what their header blocks cost.
package h2

import "iter"

// A Kind says what an Event tells.
type Kind uint8

// The kinds. Those from Opened to Dismissed are of one stream; an Event says in
// which fields.
const (
	Opened    Kind = iota // a request for a WebSocket: Head
	Answered              // its final answer (RFC 9110 §15): Head
	Data                  // bytes of the stream: Data, or Lost of them that the capture did not see
	Torn                  // bytes of the stream may be missing here, and nobody knows how many: at most Lost, if that is not 0
	Ended                 // the stream: How, Code
	Dismissed             // the stream of which there was Data is, as is known now, no WebSocket
	Set                   // SETTINGS (RFC 9113 §6.5): Parser.Settings has them
	Away                  // GOAWAY (RFC 9113 §6.8): Stream is the last one, Code, Data the debug data
	Stalled               // what FromClient says may send no more DATA: the window of Stream, or with 0 that of the connection, is used up
	Granted               // it may send again
	Resumed               // it does: DATA was waiting, if it comes right behind that
)

// A How says in which way a stream ended.
type How uint8

// The ways.
const (
	EndStream How = iota // the flag END_STREAM: one direction, as a FIN is (RFC 8441 §5)
	Reset                // RST_STREAM: both directions
	GoneAway             // GOAWAY named an earlier stream as the last one
	Cut                  // the connection ended
)

// An Event is lent, with all that it points to but Head, until the loop turns.
type Event struct {
	Kind       Kind
	FromClient bool // who sent what the event tells of
	Sure       bool // the stream is a WebSocket: it was asked for, and seen to be
	Stream     uint32
	Head       *Head  // not changed any more: it may be kept
	Data       []byte // of the bytes that Bytes was handed, or of the parser's
	Lost       uint64 // bytes, instead of Data
	First      bool   // a DATA frame begins with Data
	Last       bool   // one ends with Data, but for padding
	How        How
	Code       ErrorCode // RFC 9113 §7
}

// A dir is the sender of bytes.
type dir uint8

const (
	client dir = iota
	server
)

func (d dir) other() dir { return 1 - d }

func from(fromClient bool) dir {
	if fromClient {
		return client
	}
	return server
}

// A Parser reads one HTTP/2 connection. The zero value expects its first
// bytes: the client's preface, the server's SETTINGS (RFC 9113 §3.4). If they
// are others it has joined late, and looks for the beginning of a frame.
type Parser struct {
	// Upgraded says that an HTTP/1.1 request asked for h2c and became stream 1.
	Upgraded bool
	// Behind says of client and server whether bytes that they have sent are
	// not here yet, but may come: what ends streams from the other side waits
	// for them, until Settle.
	Behind [2]bool
	// MaxStreams is how many streams are known at a time; 0 means 256.
	MaxStreams int

	half    [2]half
	streams streams
	flow    [2]flow // of what that side sends
	facts   Facts
	queue   []Event // what the last step has to tell
	late    []ending
}

// Facts are counts of a connection.
type Facts struct {
	Pings     [2]uint64 // PING frames without ACK, by client and server
	Stalls    [2]uint64 // times that a window was used up, by who had to wait
	Unread    [2]uint64 // bytes between frames whose beginning was not found
	Late      uint64    // bytes of DATA behind the end of their stream
	Untracked uint64    // streams that might be WebSockets and were not followed: there were too many
	Broken    [2]uint64 // header blocks that could not be decoded, or not in full
}

// Facts gives what was counted so far.
func (p *Parser) Facts() Facts { return p.facts }

// Settings gives what that side has set so far.
func (p *Parser) Settings(fromClient bool) *Settings { return &p.half[from(fromClient)].settings }

// Held is how many bytes are kept of those that were handed over: frames that
// are not whole, and what may be some behind a loss. It is bounded.
func (p *Parser) Held() (n int) {
	for i := range p.half {
		h := &p.half[i]
		n += len(h.held) + len(h.quest.bytes)
	}
	return n
}

// InStep tells whether it is known where that side's frames begin.
func (p *Parser) InStep(fromClient bool) bool {
	s := p.half[from(fromClient)].state
	return s == inHeader || s == inPayload
}

// Bytes takes the next bytes of one direction and yields what they tell. A
// loop that is left early loses the bytes behind.
func (p *Parser) Bytes(fromClient bool, b []byte) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		d := from(fromClient)
		for b := b; len(b) > 0; {
			b = b[p.step(d, b):]
			if len(p.queue) > 0 && !p.tell(yield) {
				return
			}
		}
	}
}

// Lost takes note that the capture lost the next n bytes of one direction. A
// frame that they do not reach beyond is followed; otherwise the parser is out
// of step until it finds the beginning of a frame.
func (p *Parser) Lost(fromClient bool, n uint64) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		if n > 0 {
			p.lose(from(fromClient), n)
			p.tell(yield)
		}
	}
}

// Waiting tells whether there is something for Settle to yield.
func (p *Parser) Waiting() bool { return len(p.late) > 0 }

// Settle yields the ends of streams that have waited for bytes sent before
// them: these are here now, or lost.
func (p *Parser) Settle() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		late := p.late
		p.late = nil
		for _, e := range late {
			p.end(e.d, e.s, e.how, e.code)
		}
		p.tell(yield)
	}
}

// Unfound yields which streams may miss bytes behind a loss, where the beginning
// of a frame was not found any more.
func (p *Parser) Unfound() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		for _, s := range p.streams.list {
			p.torn(client, s)
			p.torn(server, s)
		}
		p.tell(yield)
	}
}

// End yields the end of each stream that is still open.
func (p *Parser) End() iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		for _, e := range p.late {
			p.end(e.d, e.s, e.how, e.code)
		}
		p.late = nil
		for _, s := range p.streams.list {
			p.end(server, s, Cut, 0)
		}
		p.tell(yield)
	}
}

func (p *Parser) tell(yield func(*Event) bool) bool {
	queue := p.queue
	p.queue = queue[:0]
	for i := range queue {
		if !yield(&queue[i]) {
			return false
		}
	}
	return true
}

func (p *Parser) add(e Event) { p.queue = append(p.queue, e) }

// of begins an event of a stream.
func (s *stream) of(k Kind, d dir) Event {
	s.told = true
	return Event{Kind: k, FromClient: d == client, Sure: s.kind == webSocket, Stream: s.id}
}

// Package handshake reads the opening handshake of RFC 6455 §4: the HTTP/1.1
// requests and responses of a connection up to the one that makes it a
// WebSocket connection.
//
//	client ──Reader.Client──▶ Asked ─────┐
//	                                     ├──▶ Reader.Handshake
//	server ──Reader.Server──▶ Answered ──┘
//
// A [Reader] is handed the bytes of both directions, in any pieces, and says
// after each piece what has been learned ([Step]). It judges nothing: a head
// is kept as it was sent, and a 101 answer to an upgrade request opens the
// connection whatever is wrong with its fields.
package handshake

import "strings"

// A Step says what a Reader knows behind the bytes it took.
type Step uint8

// The steps.
const (
	More     Step = iota // all bytes were taken and there is nothing to tell
	Asked                // a request that asks for a WebSocket is complete; the client's next bytes wait for its answer
	Answered             // the answer to it is complete: Reader.Handshake holds both
	Foreign              // this direction is not HTTP/1.1, or no longer: nothing more will be taken
)

var stepNames = [...]string{"more", "asked", "answered", "foreign"}

// String is the step's name in lower case.
func (s Step) String() string { return stepNames[s] }

// A Handshake is one attempt to open a WebSocket connection.
type Handshake struct {
	Request     *Head // nil where the capture holds only the response
	Response    *Head // nil while, or if never, answered
	Established bool  // the answer was a 101 for a WebSocket: frames follow
	Obsolete    bool  // of a draft before RFC 6455 with other frames (hixie-75, hixie-76): what follows cannot be followed

	proof proof // what AcceptValid says, once a Reader has read both heads
}

// A Head is the start line and the fields of an HTTP/1.1 message, as sent.
type Head struct {
	Method, Target string // of a request
	Status         int    // of a response
	Reason         string // of a response
	Proto          string // "HTTP/1.1"
	Fields         Fields
	Folded         int  // continuation lines (RFC 9112 §5.2), each joined to its field's value with one space
	Size           int  // bytes of the head on the wire, its empty line included
	Truncated      bool // it outgrew the limit; what stood before the limit is here
}

// A Field is one field line: name and value without the white space around
// the value, and the place of its name, counted from the first byte of the
// head. The name is as sent, white space before the colon included; it is
// empty for a line without a colon, which is all Value.
type Field struct {
	Name, Value string
	Offset      int
}

// Fields are the field lines of a head in the order they were sent, repeats included.
type Fields []Field

// Target is the request target as sent (RFC 9112 §3.2), "" without a request.
func (h *Handshake) Target() string {
	if h.Request == nil {
		return ""
	}
	return h.Request.Target
}

// Host is the Host field of the request or, where there is none, its
// :authority (RFC 9113 §8.3.1) or that of a target in absolute form (RFC 9112 §3.2.2).
func (h *Handshake) Host() string {
	for _, name := range [...]string{"Host", ":authority"} {
		if host := h.asked(name); host != "" {
			return host
		}
	}
	_, rest, ok := strings.Cut(h.Target(), "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// Origin is the request's Origin, which drafts before RFC 6455 called
// Sec-WebSocket-Origin.
func (h *Handshake) Origin() string {
	if origin := h.asked("Origin"); origin != "" {
		return origin
	}
	return h.asked("Sec-WebSocket-Origin")
}

// UserAgent is the request's User-Agent.
func (h *Handshake) UserAgent() string { return h.asked("User-Agent") }

// Key is the request's Sec-WebSocket-Key (RFC 6455 §11.3.1), the first if it
// was sent more than once.
func (h *Handshake) Key() string { return h.asked("Sec-WebSocket-Key") }

// Version is the request's Sec-WebSocket-Version (RFC 6455 §11.3.5): "13".
func (h *Handshake) Version() string { return h.asked("Sec-WebSocket-Version") }

// Accept is the response's Sec-WebSocket-Accept (RFC 6455 §11.3.3).
func (h *Handshake) Accept() string { return h.answered("Sec-WebSocket-Accept") }

// AcceptExpected is the Sec-WebSocket-Accept that answers the request's key,
// "" if the request or its key is not known.
func (h *Handshake) AcceptExpected() string {
	if h.Request == nil || !h.Request.Fields.Has("Sec-WebSocket-Key") {
		return ""
	}
	return Accept(h.Key())
}

// AcceptValid tells whether the answer proves that the server has read the
// key (RFC 6455 §4.1). It is not known unless both the key and a 101 answer
// were captured.
func (h *Handshake) AcceptValid() (valid, known bool) {
	p := h.proof
	if p == unproved {
		p = h.prove()
	}
	return p == proofValid, p != proofMissing
}

// A proof is what Sec-WebSocket-Accept says of the key.
type proof uint8

const (
	unproved     proof = iota // nobody has looked
	proofMissing              // nothing: the key or a 101 is missing
	proofValid
	proofWrong
)

// prove looks at it: at the price of a SHA-1, which many want to know of.
func (h *Handshake) prove() proof {
	if h.Status() != 101 || h.Request == nil || !h.Request.Fields.Has("Sec-WebSocket-Key") {
		return proofMissing
	}
	if want := accept(h.Key()); h.Accept() != string(want[:]) {
		return proofWrong
	}
	return proofValid
}

// SubprotocolsOffered are the names in the request's Sec-WebSocket-Protocol
// (RFC 6455 §11.3.4), in order.
func (h *Handshake) SubprotocolsOffered() []string {
	if h.Request == nil {
		return nil
	}
	return h.Request.Fields.Tokens("Sec-WebSocket-Protocol")
}

// Subprotocol is the response's Sec-WebSocket-Protocol, as sent.
func (h *Handshake) Subprotocol() string { return h.answered("Sec-WebSocket-Protocol") }

// ExtensionsOffered is the request's Sec-WebSocket-Extensions (RFC 6455 §9.1).
func (h *Handshake) ExtensionsOffered() []Extension { return extensions(h.Request) }

// Extensions is the response's Sec-WebSocket-Extensions: those in use.
func (h *Handshake) Extensions() []Extension { return extensions(h.Response) }

// Status is the response's status code, 0 without a response.
func (h *Handshake) Status() int {
	if h.Response == nil {
		return 0
	}
	return h.Response.Status
}

// Reason is the response's reason phrase (RFC 9112 §4).
func (h *Handshake) Reason() string {
	if h.Response == nil {
		return ""
	}
	return h.Response.Reason
}

// ServerSoftware is the response's Server field (RFC 9110 §10.2.4).
func (h *Handshake) ServerSoftware() string { return h.answered("Server") }

func (h *Handshake) asked(name string) string    { return first(h.Request, name) }
func (h *Handshake) answered(name string) string { return first(h.Response, name) }

func first(head *Head, name string) string {
	if head == nil {
		return ""
	}
	return head.Fields.Get(name)
}

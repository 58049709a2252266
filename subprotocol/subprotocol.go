// Package subprotocol says what a message means in the protocol that is
// spoken inside a WebSocket (RFC 6455 §1.9): which message of it this is,
// which request it belongs to, whether it reports an error or is only a sign
// of life.
//
//	Message ──▶ Reader ──▶ Info
//
// A [Reader] knows the protocol of one connection: by the name that was
// negotiated, or by what the first messages look like. The protocols are the
// rows of a table, each with a function in a file of its own; a new one is a
// row more. What is in clear text inside stays where it is: an [Info] holds
// names, IDs and error texts, but no payload, no password and no token that
// has a place of its own in its protocol.
//
// [Sniff] looks at messages of no protocol: JSON, MessagePack, CBOR, protobuf.
package subprotocol

// A Message is what is to be read. Data is lent and not changed.
type Message struct {
	Data       []byte // the beginning of the message, or all of it
	Length     uint64 // of all of it, in bytes
	Whole      bool   // Data is all of it
	Text       bool   // a text message, not a binary one
	FromClient bool
}

// A Kind says what a message is for.
type Kind uint8

// The kinds. The zero value is a message that only has a name.
const (
	Other   Kind = iota
	Hello        // asks for the application's session: comes first
	Welcome      // and grants it
	Request      // asks for an answer that has its ID
	Reply        // is the answer
	Event        // asks for none
	Ping         // a sign of life, which the other end may have to answer
	Pong         // the answer
	Error        // says that something failed
	Bye          // ends the session, with no error
)

var kindNames = [...]string{"other", "hello", "welcome", "request", "reply", "event", "ping", "pong", "error", "bye"}

// String is the word of the report.
func (k Kind) String() string { return kindNames[k] }

// Heartbeat tells whether the message is a sign of life and nothing else.
func (k Kind) Heartbeat() bool { return k == Ping || k == Pong }

// An Info is what a message means. Its byte slices are lent: they are parts
// of the message, as they were sent (in JSON with their escapes), or belong to
// the Reader, and are good until its next call. What is not known is empty.
type Info struct {
	Protocol string // "socket.io"; see Protocols
	Over     string // the protocol around it: "sockjs"
	Type     string // of message, as its protocol calls it: "CONNACK"
	Kind     Kind
	Fatal    bool   // of an Error: about the whole session, not about one request
	Answer   bool   // of an Error: the answer to the request with its ID
	ID       []byte // a request and its replies have the same, and the same ID may return later
	Name     []byte // of the event, method, topic, destination
	Code     []byte // of an error
	Text     []byte // of an error: what it says
	Means    string // of an error: what its code means
	Foreign  string // the dialect that this message belongs to, where it is not the negotiated one
	More     int    // further messages of the protocol that the same WebSocket message holds
	Secret   bool   // the message holds a password or the like in a place of its protocol's own
	Cut      bool   // only the beginning of the message was there: what stood behind is not known
}

// Append appends the message's meaning in a line: protocol, type, name, ID,
// and of an error what it says. What comes from the message is neither cleaned
// for a terminal nor masked.
func (in *Info) Append(dst []byte) []byte {
	dst = append(dst, in.Protocol...)
	if in.Type != "" {
		dst = append(append(dst, ' '), in.Type...)
	}
	if len(in.Name) > 0 {
		dst = append(append(dst, ' '), in.Name...)
	}
	if len(in.ID) > 0 {
		dst = append(append(dst, " id "...), in.ID...)
	}
	if len(in.Code) > 0 {
		dst = append(append(dst, " code "...), in.Code...)
	}
	if in.Means != "" {
		dst = append(append(dst, ", "...), in.Means...)
	}
	if len(in.Text) > 0 {
		dst = append(append(dst, ": "...), in.Text...)
	}
	if in.More > 0 {
		dst = append(dst, " and more"...)
	}
	return dst
}

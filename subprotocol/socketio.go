package subprotocol

import "bytes"

// Engine.IO prefixes each message with the number of its type; a message of
// type 4 holds Socket.IO, which begins with a number of its own.

var engineTypes = [...]word{
	{"open", Welcome}, {"close", Bye}, {"ping", Ping}, {"pong", Pong}, {"message", Event}, {"upgrade", Other}, {"noop", Other},
}

var socketTypes = [...]word{
	{"CONNECT", Hello}, {"DISCONNECT", Bye}, {"EVENT", Event}, {"ACK", Reply}, {"CONNECT_ERROR", Error}, {"BINARY_EVENT", Event}, {"BINARY_ACK", Reply},
}

// Of engineTypes and socketTypes.
const (
	enginePing    = 2
	engineMessage = 4
	socketConnect = 0
	socketEvent   = 2
	socketError   = 4
	socketBinary  = 5
)

func guessSocketIO(m *Message) bool {
	if !m.Text {
		return false
	}
	if m.FromClient { // asks for the change from long polling to the WebSocket
		return string(m.Data) == "2probe"
	}
	return bytes.HasPrefix(m.Data, []byte("0{")) && member(m.Data[1:], "sid") != nil && member(m.Data[1:], "pingInterval") != nil
}

func readSocketIO(r *Reader, m *Message, in *Info) bool {
	if !m.Text { // an attachment of the event before
		in.Type, in.Kind = "attachment", Other
		return true
	}
	t := int(m.Data[0]) - '0'
	if t < 0 || t >= len(engineTypes) {
		return false
	}
	rest := m.Data[1:]
	if t == engineMessage && len(rest) > 0 {
		return readSocketPacket(r, m, in, rest)
	}
	in.Type, in.Kind = engineTypes[t].text, engineTypes[t].kind
	if t == enginePing && len(rest) == 0 && r.version != 0 && m.FromClient == (r.version == 4) {
		in.Foreign = "Engine.IO 4" // its servers ping, those of 3 are pinged
		if m.FromClient {
			in.Foreign = "Engine.IO 3"
		}
	}
	if string(rest) == "probe" {
		in.Kind, in.Name = Other, rest
	}
	return true
}

// readSocketPacket reads type, attachments, namespace, ID and data.
func readSocketPacket(r *Reader, m *Message, in *Info, b []byte) bool {
	t := int(b[0]) - '0'
	if t < 0 || t >= len(socketTypes) {
		in.Type, in.Kind = "message", Event
		return true
	}
	in.Type, in.Kind = socketTypes[t].text, socketTypes[t].kind
	b = b[1:]
	if i := digits(b); t >= socketBinary && i < len(b) && b[i] == '-' {
		b = b[i+1:]
	}
	var namespace []byte
	if len(b) > 0 && b[0] == '/' {
		i := bytes.IndexByte(b, ',')
		if i < 0 {
			i = len(b)
		}
		namespace, b = b[:i], b[min(i+1, len(b)):]
		namespace, _, _ = bytes.Cut(namespace, []byte("?"))
	}
	if i := digits(b); i > 0 && t != socketConnect && t != socketError {
		in.ID, b = b[:i], b[i:]
	}
	switch {
	case t == socketConnect:
		in.Name = namespace
		if !m.FromClient {
			in.Kind = Welcome
		}
	case t == socketError:
		in.Name, in.Fatal = namespace, true
		if in.Text = scalar(member(b, "message")); in.Text == nil && r.version != 4 {
			in.Text = scalar(b)
		}
	case in.Kind == Event:
		if len(in.ID) > 0 {
			in.Kind = Request
		}
		var first [1][]byte
		elements(b, first[:])
		in.Name = scalar(first[0])
	}
	return true
}

// digits is how many digits b begins with.
func digits(b []byte) int {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

package subprotocol

import "bytes"

// SignalR begins with a handshake in JSON, whatever comes then: JSON records
// that end with 0x1E, or MessagePack with the length before each.

const recordSeparator = 0x1e

var signalRTypes = [...]word{
	{}, {"Invocation", Event}, {"StreamItem", Event}, {"Completion", Reply}, {"StreamInvocation", Request}, {"CancelInvocation", Event},
	{"Ping", Ping}, {"Close", Bye}, {"Ack", Other}, {"Sequence", Other},
}

// Of signalRTypes.
const (
	signalRInvocation = 1
	signalRCompletion = 3
	signalRClose      = 7
)

func guessSignalR(m *Message) bool {
	record, rest, ended := bytes.Cut(m.Data, []byte{recordSeparator})
	return m.FromClient && ended && len(rest) == 0 && member(record, "protocol") != nil && member(record, "version") != nil
}

func readSignalR(r *Reader, m *Message, in *Info) bool {
	if m.Data[0] != '{' {
		return readSignalRPack(m, in)
	}
	record, rest, ended := bytes.Cut(m.Data, []byte{recordSeparator})
	if !ended && m.Whole {
		return false
	}
	in.More = bytes.Count(rest, []byte{recordSeparator})
	var protocol, kind, failure []byte
	for o := objectIn(record); o.next(); {
		switch string(o.key) {
		case "protocol":
			protocol = plain(o.value)
		case "type":
			kind = o.value
		case "target":
			in.Name = scalar(o.value)
		case "invocationId":
			in.ID = scalar(o.value)
		case "error":
			failure = scalar(o.value)
		}
	}
	t := number(kind)
	switch {
	case t > 0 && t < len(signalRTypes):
		return signalR(in, t, failure)
	case protocol != nil:
		in.Type, in.Kind, in.Name = "handshake", Hello, protocol
	case failure != nil:
		in.Type, in.Kind, in.Fatal, in.Text = "handshake", Error, true, failure
	case kind == nil && ended:
		in.Type, in.Kind = "handshake", Welcome
	default:
		return false
	}
	return true
}

// signalR fills in what follows from a type.
func signalR(in *Info, t int, failure []byte) bool {
	in.Type, in.Kind = signalRTypes[t].text, signalRTypes[t].kind
	switch {
	case t == signalRInvocation && len(in.ID) > 0:
		in.Kind = Request
	case failure != nil && (t == signalRClose || t == signalRCompletion):
		in.Kind, in.Text = Error, failure
		in.Fatal, in.Answer = t == signalRClose, t == signalRCompletion
	}
	return true
}

// readSignalRPack reads a message in MessagePack: an array of type, headers,
// invocation ID and what the type has.
func readSignalRPack(m *Message, in *Info) bool {
	b := m.Data
	length, n := uvarint(b)
	if n <= 0 {
		return false
	}
	b = b[n:]
	if length < uint64(len(b)) {
		in.More = 1
		b = b[:length]
	}
	var list [5][]byte
	n = packElements(b, list[:])
	if n == 0 || len(list[0]) != 1 {
		return false
	}
	t := int(list[0][0])
	if t == 0 || t >= len(signalRTypes) {
		return false
	}
	var failure []byte
	switch t {
	case signalRClose:
		if n > 1 {
			failure = packString(list[1])
		}
	case signalRInvocation, signalRCompletion, 2, 4, 5:
		in.ID = packString(list[2])
	}
	const resultError = 1
	switch {
	case t == signalRInvocation || t == 4:
		in.Name = packString(list[3])
	case t == signalRCompletion && n > 4 && len(list[3]) == 1 && list[3][0] == resultError:
		failure = packString(list[4])
	}
	return signalR(in, t, failure)
}

// uvarint reads a number of seven bits a byte, the lowest first; n is how many
// bytes it took, 0 or less if it is cut off or too long.
func uvarint(b []byte) (v uint64, n int) {
	const most = 10
	for i, c := range b[:min(len(b), most)] {
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

package subprotocol

// SockJS wraps the messages of another protocol into strings of a JSON array.
// The server's frames begin with a letter: o opened, h heartbeat, a array of
// messages, c closed.

const (
	sockJS = "sockjs"

	maxUnescaped = 4096 // bytes of a message inside that are looked at
)

func guessSockJS(m *Message) bool { return m.Text && !m.FromClient && string(m.Data) == "o" }

func (r *Reader) readSockJS(m *Message, in *Info) bool {
	b := m.Data
	in.Protocol = sockJS
	if !m.FromClient {
		switch b[0] {
		case 'o':
			in.Type, in.Kind = "open", Welcome
			return len(b) == 1
		case 'h':
			in.Type, in.Kind = "heartbeat", Ping
			return len(b) == 1
		case 'c':
			var list [2][]byte
			if elements(b[1:], list[:]) < 2 {
				return false
			}
			in.Type, in.Kind, in.Code, in.Text = "close", Bye, scalar(list[0]), scalar(list[1])
			return true
		case 'a':
			b = b[1:]
		default:
			return false
		}
	}
	var list [2][]byte
	n := elements(b, list[:])
	if n == 0 {
		in.Type = "message"
		return len(b) > 0 && b[0] == '['
	}
	r.buf = unescape(r.buf[:0], plain(list[0][:min(len(list[0]), maxUnescaped)]))
	r.inner = Message{Data: r.buf, Whole: m.Whole && len(list[0]) <= maxUnescaped, Text: true, FromClient: m.FromClient}
	if len(r.buf) > 0 && r.read(&r.inner, in) {
		in.Over = sockJS
	} else {
		*in = Info{Protocol: sockJS, Type: "message", Kind: Event, Cut: in.Cut}
	}
	in.More += n - 1
	return true
}

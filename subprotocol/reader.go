package subprotocol

import (
	"strconv"
	"strings"
)

// A protocol is a row: what is known of it before a message of it was seen,
// and how its messages are read.
type protocol struct {
	id     string
	names  []string                            // as negotiated in Sec-WebSocket-Protocol
	binary bool                                // it knows no text messages
	json   bool                                // its text messages are JSON, with nothing around it
	once   bool                                // the hello may come only once
	pongs  bool                                // a Ping of it is answered with a Pong
	hello  string                              // the message that its client must send first; "" if there is none
	guess  func(*Message) bool                 // whether a message can hardly be of anything else; nil: never guessed
	read   func(*Reader, *Message, *Info) bool // false if the message is none of the protocol
}

// protocols are in the order in which they are guessed.
var protocols = [...]protocol{
	{id: "graphql-transport-ws", once: true, pongs: true, json: true, names: []string{"graphql-transport-ws"}, hello: "connection_init", read: readGraphQL},
	{id: "graphql-ws", json: true, names: []string{"graphql-ws"}, hello: "connection_init", guess: guessGraphQL, read: readGraphQL},
	{id: "stomp", names: []string{"v10.stomp", "v11.stomp", "v12.stomp", "stomp"}, hello: "CONNECT", guess: guessSTOMP, read: readSTOMP},
	{id: "mqtt", once: true, pongs: true, names: []string{"mqtt", "mqttv3.1"}, binary: true, hello: "CONNECT", guess: guessMQTT, read: readMQTT},
	{id: "wamp", once: true, json: true, names: []string{"wamp.2.json", "wamp.2.msgpack"}, hello: "HELLO", read: readWAMP},
	{id: "actioncable", json: true, names: []string{"actioncable-v1-json", "actioncable-v1-ext-json"}, guess: guessActionCable, read: readActionCable},
	{id: "ocpp", json: true, names: []string{"ocpp1.6", "ocpp2.0", "ocpp2.0.1", "ocpp2.1"}, read: readOCPP},
	{id: "sip", pongs: true, names: []string{"sip"}, read: readSIP},
	{id: "xmpp", names: []string{"xmpp"}, hello: "open", read: readXMPP},
	{id: "socket.io", pongs: true, hello: "CONNECT", guess: guessSocketIO, read: readSocketIO},
	{id: "signalr", hello: "handshake", guess: guessSignalR, read: readSignalR},
	{id: "phoenix", pongs: true, json: true, names: []string{"phoenix"}, guess: guessPhoenix, read: readPhoenix},
	{id: "json-rpc", json: true, names: []string{"jsonrpc", "json-rpc", "jsonrpc-2.0"}, guess: guessJSONRPC, read: readJSONRPC},
}

// guesses is how many messages are looked at for a protocol that has no name.
const guesses = 4

// A Reader reads the messages of one connection, of both directions. Its zero
// value is ready for a connection of which nothing is known.
type Reader struct {
	of       *protocol    // nil as long as it is not known
	id       string       // its, or that of the dialect
	named    string       // what was negotiated, of those that have a row
	over     bool         // inside SockJS
	tried    uint8        // messages looked at without success
	version  uint8        // of the protocol, where reading goes by it
	mqtt     *[2]mqttSide // what server and client have begun; nil before a message of MQTT
	*Scratch              // of the call
}

// A Scratch is memory that Infos are lent from: all Readers that run in one
// goroutine may share one. Its zero value is ready.
type Scratch struct {
	inner Message // what SockJS holds
	buf   []byte  // of a string without its escapes
	nums  []byte  // of numbers in digits
}

// Open is told what the opening handshake agreed on: the subprotocol, "" for
// none, and the request's target. It says whether they tell anything; it may
// be left out.
func (r *Reader) Open(subprotocol, target string) bool {
	*r = Reader{}
	if subprotocol == "" && !strings.Contains(target, "EIO=") {
		return false // nearly all
	}
	for i := range protocols {
		for _, name := range protocols[i].names {
			if strings.EqualFold(name, subprotocol) {
				r.of, r.id, r.named = &protocols[i], protocols[i].id, name
			}
		}
	}
	switch {
	case strings.Contains(target, "EIO=3"):
		r.version = 3
	case strings.Contains(target, "EIO=4"):
		r.version = 4
	}
	return r.of != nil || r.version != 0
}

// Protocol is what is spoken: the name that Info.Protocol has, "" as long as
// it is not known.
func (r *Reader) Protocol() string { return r.id }

// Negotiated is the subprotocol by which the protocol is known, "" if it is
// not known by one.
func (r *Reader) Negotiated() string { return r.named }

// Pongs tells whether the protocol answers a Ping with a Pong: in others
// heartbeats of both sides go their own ways, or of one side alone.
func (r *Reader) Pongs() bool { return r.of != nil && r.of.pongs }

// Binary tells whether the protocol knows no text messages.
func (r *Reader) Binary() bool { return r.of != nil && r.of.binary }

// Hello is the type of the message with which the client must begin, "" if
// there is none or the protocol is not known.
func (r *Reader) Hello() string {
	if r.of == nil || r.id == "socket.io" && r.version != 4 { // before it, the server began
		return ""
	}
	return r.of.hello
}

// HelloOnce tells whether a second message of that type breaks the protocol.
func (r *Reader) HelloOnce() bool { return r.of != nil && r.of.once }

// JSON tells whether messages are JSON as they are, or may be.
func (r *Reader) JSON() bool { return r.of == nil && !r.over || r.of != nil && r.of.json && !r.over }

// Deaf tells that Read will not find anything any more: nothing was
// negotiated, and the first messages looked like nothing known.
func (r *Reader) Deaf() bool { return r.of == nil && !r.over && r.tried >= guesses }

// Read says what the next message means, and whether it knows. What it says
// is lent until the next call that is handed the same Scratch.
func (r *Reader) Read(m *Message, in *Info, s *Scratch) bool {
	if r.Deaf() || len(m.Data) == 0 {
		return false
	}
	r.Scratch = s
	*in = Info{Cut: !m.Whole}
	r.nums = r.nums[:0]
	if r.of == nil && !r.over && r.tried == 0 && guessSockJS(m) {
		r.over = true
	}
	if r.over {
		return r.readSockJS(m, in)
	}
	return r.read(m, in)
}

// read is Read of what is not inside anything.
func (r *Reader) read(m *Message, in *Info) bool {
	if r.of == nil && !r.guess(m) {
		return false
	}
	in.Protocol = r.id
	return r.of.read(r, m, in)
}

// guess looks for a protocol that the message can be of.
func (r *Reader) guess(m *Message) bool {
	for i := range protocols {
		if p := &protocols[i]; p.guess != nil && p.guess(m) {
			r.of, r.id = p, p.id
			return true
		}
	}
	if r.tried < guesses {
		r.tried++
	}
	return false
}

// Protocols are the names that Info.Protocol can have, in a fixed order.
func Protocols() []string {
	var all []string
	for i := range protocols {
		all = append(all, protocols[i].id)
	}
	return append(all, sockJS, formJSON, formMessagePack, formCBOR, formProtobuf)
}

// Interrupt tells that messages of that end may be missing here.
func (r *Reader) Interrupt(fromClient bool) {
	if r.mqtt == nil {
		return
	}
	s := &r.mqtt[0]
	if fromClient {
		s = &r.mqtt[1]
	}
	*s = mqttSide{held: s.held[:0]}
}

// decimal gives a number in digits, lent as an Info is.
func (r *Reader) decimal(n uint64) []byte {
	from := len(r.nums)
	r.nums = strconv.AppendUint(r.nums, n, 10)
	return r.nums[from:len(r.nums):len(r.nums)]
}

package subprotocol

import (
	"strings"
	"testing"
)

// say is a message: "<" from the server, ">" from the client, with a capital
// B behind it in binary.
func say(s string) *Message {
	m := &Message{Text: true, Whole: true, FromClient: s[0] == '>'}
	s = s[1:]
	if strings.HasPrefix(s, "B ") {
		m.Text = false
		s = s[1:]
	}
	m.Data = []byte(s[1:])
	m.Length = uint64(len(m.Data))
	return m
}

// A talk is what was negotiated, what is said, and what each message means:
// its kind and its line, or "" for nothing.
type talk struct {
	name, protocol, target string
	messages               []string
	want                   []string
}

var talks = []talk{
	{"Engine.IO 4", "", "/socket.io/?EIO=4&transport=websocket",
		[]string{`< 0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`, `> 40{"token":"abc"}`, `< 40{"sid":"x"}`, `< 2`, `> 3`,
			`> 42["chat","hi"]`, `> 4212["ask",{}]`, `< 4312["yes"]`, `> 42/admin,3["reset"]`, `< 44{"message":"not authorized"}`, `< 41`, `> 451-["file",{"_placeholder":true,"num":0}]`, `>B 123`},
		[]string{"welcome socket.io open", "hello socket.io CONNECT", "welcome socket.io CONNECT", "ping socket.io ping", "pong socket.io pong",
			"event socket.io EVENT chat", "request socket.io EVENT ask id 12", "reply socket.io ACK id 12", "request socket.io EVENT reset id 3",
			"error! socket.io CONNECT_ERROR: not authorized", "bye socket.io DISCONNECT", "event socket.io BINARY_EVENT file", "other socket.io attachment"}},
	{"a client pings as in Engine.IO 3", "", "/socket.io/?EIO=4",
		[]string{`< 0{"sid":"abc","pingInterval":25000}`, `> 2`}, []string{"welcome socket.io open", "ping socket.io ping (Engine.IO 3)"}},
	{"Engine.IO 3", "", "/socket.io/?EIO=3",
		[]string{`> 2probe`, `< 3probe`, `> 5`, `> 2`, `< 3`, `< 44"Authentication error"`},
		[]string{"other socket.io ping probe", "other socket.io pong probe", "other socket.io upgrade", "ping socket.io ping", "pong socket.io pong", "error! socket.io CONNECT_ERROR: Authentication error"}},
	{"graphql-transport-ws", "graphql-transport-ws", "",
		[]string{`> {"type":"connection_init","payload":{"token":"x"}}`, `< {"type":"connection_ack"}`, `> {"id":"1","type":"subscribe","payload":{"operationName":"Q","query":"{a}"}}`,
			`< {"id":"1","type":"next","payload":{}}`, `< {"type":"error","id":"1","payload":[{"message":"Cannot query field \"a\""}]}`, `< {"id":"1","type":"complete"}`, `> {"type":"ping"}`, `< {"type":"pong"}`, `> {"id":"2","type":"start"}`},
		[]string{"hello graphql-transport-ws connection_init", "welcome graphql-transport-ws connection_ack", "request graphql-transport-ws subscribe Q id 1",
			"reply graphql-transport-ws next id 1", `error graphql-transport-ws error id 1: Cannot query field \"a\"`, "reply graphql-transport-ws complete id 1",
			"ping graphql-transport-ws ping", "pong graphql-transport-ws pong", "request graphql-transport-ws start id 2 (graphql-ws)"}},
	{"the older graphql-ws, guessed", "", "",
		[]string{`> {"type":"connection_init"}`, `> {"type":"start","id":"1","payload":{}}`, `< {"type":"ka"}`, `< {"type":"connection_error","payload":{"message":"no"}}`},
		[]string{"hello graphql-ws connection_init", "request graphql-ws start id 1", "ping graphql-ws ka", "error! graphql-ws connection_error: no"}},
	{"SignalR in JSON", "", "/chat?id=x",
		[]string{"> {\"protocol\":\"json\",\"version\":1}\x1e", "< {}\x1e", "< {\"type\":6}\x1e", "> {\"type\":1,\"invocationId\":\"0\",\"target\":\"Send\",\"arguments\":[]}\x1e{\"type\":6}\x1e",
			"< {\"type\":3,\"invocationId\":\"0\",\"error\":\"it failed\"}\x1e", "< {\"type\":7,\"error\":\"Connection closed with an error.\"}\x1e", "< {\"type\":7}\x1e"},
		[]string{"hello signalr handshake json", "welcome signalr handshake", "ping signalr Ping", "request signalr Invocation Send id 0 and more",
			"error signalr Completion id 0: it failed", "error! signalr Close: Connection closed with an error.", "bye signalr Close"}},
	{"SignalR in MessagePack", "", "",
		[]string{"> {\"protocol\":\"messagepack\",\"version\":1}\x1e", "< {\"error\":\"Requested protocol 'messagepack' is not available.\"}\x1e", "<B \x02\x91\x06", ">B \x0d\x96\x01\x80\xa1\x30\xa4Send\x91\x01\x90", "<B \x0b\x95\x03\x80\xa1\x30\x01\xa4oops"},
		[]string{"hello signalr handshake messagepack", "error! signalr handshake: Requested protocol 'messagepack' is not available.", "ping signalr Ping", "request signalr Invocation Send id 0", "error signalr Completion id 0: oops"}},
	{"STOMP", "v12.stomp", "",
		[]string{"> CONNECT\naccept-version:1.2\nlogin:u\npasscode:p\n\n\x00", "< CONNECTED\r\nversion:1.1\r\n\r\n\x00", "> \n", "> SEND\ndestination:/queue/a\nreceipt:r1\n\nhi\x00", "< RECEIPT\nreceipt-id:r1\n\n\x00",
			"< MESSAGE\ndestination:/queue/a\nmessage-id:1\n\nhi\x00", "< ERROR\nmessage:access refused\nreceipt-id:r2\n\n\x00", "> DISCONNECT\n\n\x00", "> HELLO\n\n\x00"},
		[]string{"hello stomp CONNECT", "welcome stomp CONNECTED (STOMP 1.1)", "ping stomp heartbeat", "request stomp SEND /queue/a id r1", "reply stomp RECEIPT id r1",
			"event stomp MESSAGE /queue/a", "error! stomp ERROR id r2: access refused", "bye stomp DISCONNECT", ""}},
	{"STOMP inside SockJS", "", "/stomp/123/abc/websocket",
		[]string{"< o", `> ["CONNECT\naccept-version:1.2\n\n\u0000"]`, `< a["CONNECTED\nversion:1.2\n\n\u0000"]`, "< h", `< a["ERROR\nmessage:no\n\n\u0000"]`, `< c[3000,"Go away!"]`, `> ["\n"]`},
		[]string{"welcome sockjs open", "hello stomp CONNECT in sockjs", "welcome stomp CONNECTED in sockjs", "ping sockjs heartbeat", "error! stomp ERROR: no in sockjs", "bye sockjs close code 3000: Go away!", "ping stomp heartbeat in sockjs"}},
	{"MQTT 3.1.1", "mqtt", "",
		[]string{">B \x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00", "<B \x20\x02\x00\x05", "<B \x20\x02\x00\x00", ">B \x82\x08\x00\x07\x00\x03a/b\x00", "<B \x90\x03\x00\x07\x80", ">B \x32\x08\x00\x03a/b\x00\x09x", "<B \x40\x02\x00\x09", ">B \x30\x06\x00\x03a/bx\xc0\x00", "<B \xd0\x00", ">B \xe0\x00", "> text"},
		[]string{"hello mqtt CONNECT MQTT 3.1.1", "error! mqtt CONNACK code 5, not authorized", "welcome mqtt CONNACK", "request mqtt SUBSCRIBE a/b id 7", "error mqtt SUBACK id 7 code 128, unspecified error",
			"request mqtt PUBLISH a/b id 9", "reply mqtt PUBACK id 9", "event mqtt PUBLISH a/b and more", "pong mqtt PINGRESP", "bye mqtt DISCONNECT", ""}},
	{"a packet of MQTT in two messages", "mqttv3.1", "",
		[]string{">B \x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00", ">B \x30\x08\x00\x03a/b", ">B \xc0\x00z\xc0\x00", "<B \xd0\x00"},
		[]string{"hello mqtt CONNECT MQTT 3.1", "other mqtt part of a packet", "event mqtt PUBLISH a/b and more", "pong mqtt PINGRESP"}},
	{"MQTT byte by byte", "mqtt", "",
		[]string{">B \x10", ">B \x0c\x00", ">B \x04MQTT\x04\x02\x00\x3c\x00\x00", "<B \x20", "<B \x02", "<B \x00", "<B \x05"},
		[]string{"other mqtt part of a packet", "other mqtt part of a packet", "hello mqtt CONNECT MQTT 3.1.1", "other mqtt part of a packet", "other mqtt part of a packet", "other mqtt part of a packet", "error! mqtt CONNACK code 5, not authorized"}},
	{"MQTT 5, guessed", "", "",
		[]string{">B \x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00", "<B \x20\x03\x00\x87\x00", "<B \xe0\x01\x8e", "<B \x40\x03\x00\x01\x97"},
		[]string{"hello mqtt CONNECT MQTT 5", "error! mqtt CONNACK code 135, not authorized", "error! mqtt DISCONNECT code 142, session taken over", "error mqtt PUBACK id 1 code 151, quota exceeded"}},
	{"WAMP", "wamp.2.json", "",
		[]string{`> [1,"realm1",{}]`, `< [2,9129137332,{}]`, `< [3,{"message":"x"},"wamp.error.no_such_realm"]`, `> [48,7814135,{},"com.add",[1,2]]`, `< [50,7814135,{},[3]]`, `< [8,48,7814136,{},"wamp.error.no_such_procedure"]`, `> [999,1]`},
		[]string{"hello wamp HELLO realm1", "welcome wamp WELCOME", "error! wamp ABORT code wamp.error.no_such_realm", "request wamp CALL com.add id 7814135", "reply wamp RESULT id 7814135", "error wamp ERROR id 7814136 code wamp.error.no_such_procedure", ""}},
	{"WAMP in MessagePack", "wamp.2.msgpack", "",
		[]string{">B \x93\x01\xa6realm1\x80", ">B \x94\x30\xcd\x01\x02\x80\xa3add", "<B \x93\x32\xcd\x01\x02\x80"},
		[]string{"hello wamp HELLO realm1", "request wamp CALL add id 258", "reply wamp RESULT id 258"}},
	{"Phoenix 2", "", "/socket/websocket?vsn=2.0.0",
		[]string{`> ["1","1","room:lobby","phx_join",{}]`, `< ["1","1","room:lobby","phx_reply",{"response":{},"status":"ok"}]`, `> [null,"2","phoenix","heartbeat",{}]`, `< [null,"2","phoenix","phx_reply",{"response":{},"status":"ok"}]`,
			`> ["1","3","room:lobby","shout",{}]`, `< ["1","3","room:lobby","phx_reply",{"response":{"reason":"unauthorized"},"status":"error"}]`, `< ["1",null,"room:lobby","phx_error",{}]`, `< [null,null,"room:lobby","shout",{}]`},
		[]string{"hello phoenix phx_join room:lobby id 1", "reply phoenix phx_reply room:lobby id 1", "ping phoenix heartbeat phoenix id 2", "pong phoenix phx_reply phoenix id 2",
			"request phoenix push shout id 3", "error phoenix phx_reply room:lobby id 3: unauthorized", "error! phoenix phx_error room:lobby", "event phoenix push shout"}},
	{"Phoenix 1", "", "",
		[]string{`> {"topic":"room:lobby","event":"phx_join","payload":{},"ref":"1"}`, `< {"topic":"room:lobby","event":"new","payload":{},"ref":null}`},
		[]string{"hello phoenix phx_join room:lobby id 1", "event phoenix push new"}},
	{"ActionCable", "actioncable-v1-json", "",
		[]string{`< {"type":"welcome"}`, `< {"type":"ping","message":1700000000}`, `> {"command":"subscribe","identifier":"{\"channel\":\"A\"}"}`, `< {"identifier":"{\"channel\":\"A\"}","type":"reject_subscription"}`,
			`< {"identifier":"{\"channel\":\"A\"}","message":{"a":1}}`, `< {"type":"disconnect","reason":"unauthorized","reconnect":false}`, `< {"type":"disconnect","reason":"server_restart","reconnect":true}`},
		[]string{"welcome actioncable welcome", "ping actioncable ping", `request actioncable subscribe id {\"channel\":\"A\"}`, `error actioncable reject_subscription id {\"channel\":\"A\"}`,
			`event actioncable message id {\"channel\":\"A\"}`, "error! actioncable disconnect: unauthorized", "bye actioncable disconnect: server_restart"}},
	{"JSON-RPC", "", "",
		[]string{`> {"jsonrpc":"2.0","id":1,"method":"sum","params":[1]}`, `< {"jsonrpc":"2.0","id":1,"result":3}`, `< {"jsonrpc":"2.0","method":"tick"}`, `< {"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"Method not found"}}`, `> [{"jsonrpc":"2.0","id":3,"method":"a"},{"jsonrpc":"2.0","id":4,"method":"b"}]`, `> {"a":1}`},
		[]string{"request json-rpc request sum id 1", "reply json-rpc result id 1", "event json-rpc notification tick", "error json-rpc error id 2 code -32601: Method not found", "request json-rpc request a id 3 and more", ""}},
	{"OCPP", "ocpp1.6", "",
		[]string{`> [2,"a1","BootNotification",{}]`, `< [3,"a1",{}]`, `< [4,"a2","NotImplemented","no such action",{}]`, `> [2,"a3","Heartbeat",{}]`},
		[]string{"request ocpp CALL BootNotification id a1", "reply ocpp CALLRESULT id a1", "error ocpp CALLERROR id a2 code NotImplemented: no such action", "ping ocpp CALL Heartbeat id a3"}},
	{"SIP", "sip", "",
		[]string{"> REGISTER sip:a.example SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n", "< SIP/2.0 401 Unauthorized\r\nCSeq: 1 REGISTER\r\n\r\n", "< SIP/2.0 403 Forbidden\r\nCSeq: 2 REGISTER\r\n\r\n", "> \r\n\r\n", "< \r\n"},
		[]string{"request sip REGISTER id 1 REGISTER", "reply sip response id 1 REGISTER code 401: Unauthorized", "error sip response id 2 REGISTER code 403: Forbidden", "ping sip CRLF", "pong sip CRLF"}},
	{"XMPP", "xmpp", "",
		[]string{`> <open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="a.example"/>`, `< <open id="x"/>`, `> <iq type="get" id="7"><query/></iq>`, `< <iq id='7' type='result'/>`, `< <failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>`, `< <iq type="error" id="8"/>`, "> hi"},
		[]string{"hello xmpp open", "other xmpp open", "request xmpp iq id 7", "reply xmpp iq id 7", "error! xmpp failure code not-authorized", "error xmpp iq id 8", ""}},
	{"nothing known", "", "", []string{"> hello", `> {"a":1}`, "> x", "> y", `> {"type":"connection_init"}`}, []string{"", "", "", "", ""}},
}

// TestTalks holds what each message of a conversation means.
func TestTalks(t *testing.T) {
	for _, talk := range talks {
		t.Run(talk.name, func(t *testing.T) {
			var r Reader
			var scratch Scratch
			r.Open(talk.protocol, talk.target)
			for i, s := range talk.messages {
				var in Info
				got := ""
				if r.Read(say(s), &in, &scratch) {
					got = in.Kind.String()
					if in.Fatal {
						got += "!"
					}
					got += " " + string(in.Append(nil))
					if in.Foreign != "" {
						got += " (" + in.Foreign + ")"
					}
					if in.Over != "" {
						got += " in " + in.Over
					}
				}
				if got != talk.want[i] {
					t.Errorf("%q is %q, want %q", s, got, talk.want[i])
				}
			}
		})
	}
}

// TestSecretsStay holds that no credential that has a place of its own gets out.
func TestSecretsStay(t *testing.T) {
	for _, talk := range []struct{ protocol, message string }{
		{"v12.stomp", "> CONNECT\nlogin:me\npasscode:hunter2\n\n\x00"},
		{"mqtt", ">B \x10\x1b\x00\x04MQTT\x04\xc2\x00\x3c\x00\x00\x00\x02me\x00\x07hunter2"},
		{"wamp.2.json", `> [5,"hunter2",{}]`},
		{"graphql-ws", `> {"type":"connection_init","payload":{"authToken":"hunter2"}}`},
		{"xmpp", `> <auth mechanism="PLAIN">hunter2</auth>`},
		{"sip", "> REGISTER sip:a SIP/2.0\r\nAuthorization: Digest response=\"hunter2\"\r\n\r\n"},
	} {
		var r Reader
		var scratch Scratch
		var in Info
		r.Open(talk.protocol, "")
		if !r.Read(say(talk.message), &in, &scratch) {
			t.Errorf("%q is not read", talk.message)
		}
		if line := string(in.Append(nil)); strings.Contains(line, "hunter2") {
			t.Errorf("%q gives %q", talk.message, line)
		}
	}
}

// TestAllocs holds that a message costs no allocation once a connection is known.
func TestAllocs(t *testing.T) {
	for _, talk := range talks {
		var r Reader
		var scratch Scratch
		var in Info
		r.Open(talk.protocol, talk.target)
		var all []*Message
		for _, s := range talk.messages {
			m := say(s)
			all = append(all, m)
			r.Read(m, &in, &scratch)
		}
		for _, m := range all[1:] {
			if n := testing.AllocsPerRun(20, func() { r.Read(m, &in, &scratch) }); n != 0 {
				t.Errorf("%s: %q takes %v allocations", talk.name, m.Data, n)
			}
		}
	}
}

// FuzzRead holds of any bytes, in any protocol, cut anywhere: no panic, and
// what is named lies within what was sent.
func FuzzRead(f *testing.F) {
	for i, talk := range talks {
		for _, s := range talk.messages {
			m := say(s)
			f.Add(m.Data, uint8(i), m.Text, m.FromClient, uint16(len(m.Data)))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8, text, fromClient bool, cut uint16) {
		talk := talks[int(which)%len(talks)]
		var r Reader
		var scratch Scratch
		var in Info
		r.Open(talk.protocol, talk.target)
		r.Read(say(talk.messages[0]), &in, &scratch)
		m := &Message{Data: data[:min(int(cut), len(data))], Length: uint64(len(data)), Text: text, FromClient: fromClient}
		m.Whole = len(m.Data) == len(data)
		for range 2 {
			if !r.Read(m, &in, &scratch) {
				continue
			}
			if in.Protocol == "" || int(in.Kind) >= len(kindNames) {
				t.Fatalf("%+v", in)
			}
			if len(in.Append(nil)) > len(data)+200 {
				t.Fatalf("%d bytes say %q", len(data), in.Append(nil))
			}
		}
		Sniff(m, &in)
		if at, fault := JSONFault(m.Data); at > len(m.Data) || (at < 0) != (fault == NoFault) {
			t.Fatalf("fault %v at %d of %d", fault, at, len(m.Data))
		}
	})
}

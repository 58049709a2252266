package diagnose

import (
	"bytes"
	"fmt"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// dialectRules are about the protocol inside the WebSocket (RFC 6455 §1.9):
// the errors that it reports, and what the two ends must agree on.
var dialectRules = []Rule{
	{
		ID: "subprotocol-error", Severity: Error, Stands: Idling, Clause: "RFC 6455 §1.9",
		Title:  "application error",
		Advice: "look up the code or text in the application: the WebSocket itself works",
		Seen:   "a message that its protocol has for errors: ERROR of STOMP, a refusing CONNACK of MQTT, CONNECT_ERROR of Socket.IO, error of GraphQL, JSON-RPC, SignalR, Phoenix, WAMP, OCPP, SIP, XMPP",
		Means:  "the application refused the session, ended it, or could not answer a request",
		Causes: []string{"credentials that are missing, wrong or expired", "a request that the server does not know or does not allow", "a failure inside the server"},
		Fixes: []Fix{
			{"MQTT", "CONNACK 4, 5, 134 or 135: check user name, password and access lists; 2 or 133: choose another client identifier"},
			{"STOMP", "look at the message header, and at login, passcode and the destination"},
			{"Socket.IO", "CONNECT_ERROR comes from a middleware that called next(error), or from a namespace that does not exist"},
			{"GraphQL", "the text names the operation's fault; for connection errors look at onConnect"},
			{"SignalR", "enable detailed errors in the hub's options while you look for it"},
			{"ActionCable", "unauthorized and reject_subscription come from connect and subscribed in the channel"},
			{"", "look for the request's ID in the server's log"},
		},
		Confirm: "run with --follow and read the request before it",
		NotWhen: "401 and 407 of SIP ask for credentials; an answer to one request that says error is a warning only",
		Message: func(p *Pass, m *session.Message) {
			in := p.Heard.Said
			if in == nil || in.Kind != subprotocol.Error {
				return
			}
			f := p.Report("", "%s", short(in)).With("protocol", in.Protocol).With("type", in.Type)
			if !in.Fatal {
				f.At(Warning)
			}
			if len(in.Code) > 0 {
				f.With("code", string(in.Code))
			}
			if len(in.ID) > 0 {
				f.With("id", string(in.ID))
			}
			f.In(p.Heard.Asked)
		},
	},
	{
		ID: "dialect-mismatch", Severity: Error, Clause: "RFC 6455 §1.9",
		Title:  "two dialects of one protocol",
		Advice: "use libraries of one family, or versions that both know, at both ends",
		Seen:   "a message that only another version has than the one that was agreed on",
		Means:  "the other end does not know the message: it ignores it, or closes with 1002, 4400 or 4406",
		Causes: []string{"a client library of another generation than the server's", "a subprotocol that is written by hand and does not fit the library"},
		Fixes: []Fix{
			{"GraphQL", "the subprotocol graphql-ws is of the library subscriptions-transport-ws; the library graphql-ws speaks graphql-transport-ws"},
			{"MQTT", "offer mqtt for 3.1.1 and 5, mqttv3.1 for 3.1"},
			{"STOMP", "offer the versions in accept-version that the broker has"},
			{"Socket.IO", "clients of version 2 speak Engine.IO 3, from 3 on Engine.IO 4; the server can take both with allowEIO3"},
		},
		Confirm: "compare the name of the subprotocol with the types of the messages in --follow",
		NotWhen: "no subprotocol was negotiated: then the messages alone say what is spoken",
		Variants: []Variant{
			{ID: "graphql", Title: "two GraphQL protocols"},
			{ID: "mqtt", Title: "MQTT of another version"},
			{ID: "stomp", Severity: Warning, Title: "STOMP of another version"},
			{ID: "socket-io", Title: "two versions of Socket.IO"},
		},
		Message: func(p *Pass, m *session.Message) {
			in := p.Heard.Said
			if in == nil || in.Foreign == "" {
				return
			}
			agreed := p.Conn.talk.reader.Negotiated()
			if agreed == "" {
				agreed = "another version"
			}
			p.Report(dialects[in.Protocol], "%s of %s, where %s was agreed", in.Type, in.Foreign, agreed).With("type", in.Type).With("spoken", in.Foreign)
		},
	},
	{
		ID: "app-handshake-missing", Severity: Error, Stands: Idling, Clause: "RFC 6455 §1.9",
		Title:   "the handshake of the application went wrong",
		Advice:  "send the protocol's first message as soon as the WebSocket is open, and wait for its answer",
		Seen:    "the subprotocol that was agreed, and whether its first message came, came once, and was answered before the next",
		Means:   "servers close: graphql-transport-ws with 4408 after 3 s, 4429 for a second connection_init, 4401 for a subscribe before the answer; MQTT and STOMP servers without a code",
		Causes:  []string{"the message is sent before the WebSocket is open, and lost", "two libraries or listeners on one WebSocket", "a proxy that kept back what came with the request", "a client that does not speak the subprotocol that it offers"},
		Fixes:   []Fix{{"", "send it in the handler of open, and the rest once the answer has come"}, {"graphql-ws", "let createClient do it; raise connectionInitWaitTimeout only for slow clients"}},
		Confirm: "look at the first message of the client in --follow",
		NotWhen: "the capture lost bytes, began later, or ended within three seconds",
		Variants: []Variant{
			{ID: "absent", Title: "no first message"},
			{ID: "early", Title: "a request too early"},
			{ID: "twice", Title: "the first message twice"},
		},
		Message: appHandshake,
		Closed:  appHandshakeAbsent,
	},
}

// dialects are the variants of dialect-mismatch.
var dialects = map[string]string{
	"graphql-ws": "graphql", "graphql-transport-ws": "graphql", "mqtt": "mqtt", "stomp": "stomp", "socket.io": "socket-io",
}

// short is a message's meaning with an end.
func short(in *subprotocol.Info) string {
	const most = 200
	named := *in
	named.ID = nil // long, and not what is wrong
	b := bytes.TrimRight(named.Append(nil), ".")
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// appHandshake looks at the first messages.
func appHandshake(p *Pass, m *session.Message) {
	in := p.Heard.Said
	if in == nil || m.Dir != reassembly.FromClient || !p.Conn.Opened || p.Conn.Sides[0].Lost || p.Conn.Sides[1].Lost {
		return
	}
	t := p.Conn.talk
	switch {
	case in.Kind == subprotocol.Hello && t.hello > 0 && t.reader.HelloOnce():
		p.Report("twice", "%s again, after that in packet %d", in.Type, t.hello).With("first", t.hello).In(t.hello)
	case in.Kind == subprotocol.Request && in.Protocol == "graphql-transport-ws" && t.welcome == 0:
		p.Report("early", "%s before connection_ack", in.Type).In(t.hello)
	}
}

// appHandshakeAbsent looks at a connection that is over.
func appHandshakeAbsent(p *Pass, e *session.Closed) {
	const patience = 3 * time.Second
	c := p.Conn
	if c.talk == nil || !c.Answer || c.Sides[0].Lost || c.Sides[1].Lost || c.OneSided {
		return
	}
	want := c.talk.reader.Hello()
	client, server := &e.Conn.Facts.Sides[reassembly.FromClient], &e.Conn.Facts.Sides[reassembly.FromServer]
	if want == "" || c.talk.hello > 0 || client.Messages > 0 || c.Sides[reassembly.FromClient].Cut != nil {
		return
	}
	waited := e.Conn.End.Sub(c.Answered.Time)
	if waited < patience && !(server.Close != nil && server.Close.HasCode && server.Close.Code != frames.NormalClosure) {
		return
	}
	said := "the client sent no message"
	if server.Close != nil && server.Close.HasCode {
		said = fmt.Sprintf("the client sent no message, and the server closed with %d", server.Close.Code)
	}
	p.Where.Dir = reassembly.FromClient
	p.Report("absent", "no %s of %s in %.1f s: %s", want, c.talk.reader.Protocol(), waited.Seconds(), said).
		With("expected", want).With("waited_s", waited.Seconds()).In(c.Answered.Packet)
}

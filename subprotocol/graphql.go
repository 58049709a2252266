package subprotocol

// GraphQL has two protocols. The older one, of subscriptions-transport-ws, is
// negotiated as graphql-ws; the newer, of the library graphql-ws, as
// graphql-transport-ws. They share the types of the handshake.

var graphQLTypes = []word{
	{"connection_init", Hello},
	{"connection_ack", Welcome},
	{"connection_error", Error},
	{"connection_terminate", Bye},
	{"ping", Ping},
	{"pong", Pong},
	{"ka", Ping},
	{"subscribe", Request},
	{"start", Request},
	{"next", Reply},
	{"data", Reply},
	{"error", Error},
	{"complete", Reply},
	{"stop", Event},
}

// graphQLDialect gives the protocol that alone has a type.
func graphQLDialect(kind string) string {
	switch kind {
	case "subscribe", "next", "ping", "pong":
		return "graphql-transport-ws"
	case "start", "data", "stop", "ka", "connection_error", "connection_terminate":
		return "graphql-ws"
	}
	return ""
}

func guessGraphQL(m *Message) bool {
	return m.Text && m.FromClient && string(plain(member(m.Data, "type"))) == "connection_init"
}

func readGraphQL(r *Reader, m *Message, in *Info) bool {
	var payload []byte
	var t *word
	for o := objectIn(m.Data); o.next(); {
		switch string(o.key) {
		case "type":
			t = find(graphQLTypes, plain(o.value))
		case "id":
			in.ID = scalar(o.value)
		case "payload":
			payload = o.value
		}
	}
	if t == nil {
		return false
	}
	in.Type, in.Kind = t.text, t.kind
	if in.Kind == Error {
		in.Fatal, in.Answer = t.text == "connection_error", t.text == "error"
		in.Text = graphQLError(payload)
	} else if t.kind == Request {
		in.Name = plain(member(payload, "operationName"))
	}
	switch d := graphQLDialect(t.text); {
	case d == "":
	case r.named == "": // the handshake of both is the same: from here on it is known
		in.Protocol, r.id = d, d
	case d != r.named:
		in.Foreign = d
	}
	return true
}

// graphQLError is the message of the first error of a payload.
func graphQLError(payload []byte) []byte {
	var first [1][]byte
	if elements(payload, first[:]) == 1 {
		payload = first[0]
	}
	return scalar(member(payload, "message"))
}

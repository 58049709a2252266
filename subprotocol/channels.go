package subprotocol

// Phoenix channels, versions 1 (objects) and 2 (arrays), and ActionCable.

// guessPhoenix asks for what a client of channels sends: a join.
func guessPhoenix(m *Message) bool {
	p, ok := phoenixParts(m)
	return ok && m.FromClient && (string(p.event) == "phx_join" || string(p.event) == "heartbeat" && string(p.topic) == "phoenix")
}

// A phoenixMessage are its parts, without quotes but for payload.
type phoenixMessage struct{ ref, topic, event, payload []byte }

func phoenixParts(m *Message) (p phoenixMessage, ok bool) {
	if !m.Text {
		return p, false
	}
	var list [5][]byte
	if n := elements(m.Data, list[:]); n >= 4 {
		return phoenixMessage{plain(list[1]), scalar(list[2]), scalar(list[3]), list[4]}, len(list[2]) > 0 && list[2][0] == '"' && list[3][0] == '"'
	}
	for o := objectIn(m.Data); o.next(); {
		switch string(o.key) {
		case "ref":
			p.ref = scalar(o.value)
		case "topic":
			p.topic = scalar(o.value)
		case "event":
			p.event = scalar(o.value)
		case "payload":
			p.payload = o.value
		}
	}
	return p, p.topic != nil && p.event != nil
}

var phoenixEvents = []word{
	{"phx_join", Hello}, {"phx_reply", Reply}, {"phx_error", Error}, {"phx_close", Bye}, {"phx_leave", Request}, {"heartbeat", Ping},
}

func readPhoenix(_ *Reader, m *Message, in *Info) bool {
	if !m.Text {
		in.Type, in.Kind = "binary push", Event
		return true
	}
	p, ok := phoenixParts(m)
	if !ok {
		return false
	}
	in.ID, in.Name = p.ref, p.topic
	w := find(phoenixEvents, p.event)
	if w == nil {
		in.Type, in.Kind, in.Name = "push", Event, p.event
		if m.FromClient && len(p.ref) > 0 {
			in.Kind = Request
		}
		return true
	}
	in.Type, in.Kind = w.text, w.kind
	switch {
	case w.kind == Error:
		in.Fatal = true
	case w.kind == Reply && string(p.topic) == "phoenix":
		in.Kind = Pong
	case w.kind == Reply && string(plain(member(p.payload, "status"))) == "error":
		in.Kind, in.Answer = Error, true
		in.Text = scalar(member(member(p.payload, "response"), "reason"))
	}
	return true
}

var cableTypes = []word{
	{"welcome", Welcome}, {"ping", Ping}, {"disconnect", Error}, {"confirm_subscription", Reply}, {"reject_subscription", Error},
}

var cableCommands = []word{{"subscribe", Request}, {"unsubscribe", Event}, {"message", Event}}

func guessActionCable(m *Message) bool {
	return m.Text && !m.FromClient && string(m.Data) == `{"type":"welcome"}`
}

func readActionCable(_ *Reader, m *Message, in *Info) bool {
	var w *word
	for o := objectIn(m.Data); o.next(); {
		switch string(o.key) {
		case "type":
			w = find(cableTypes, plain(o.value))
		case "command":
			w = find(cableCommands, plain(o.value))
		case "identifier":
			in.ID = scalar(o.value)
		case "reason":
			in.Text = scalar(o.value)
		case "message":
			if w == nil {
				in.Type, in.Kind = "message", Event
			}
		}
	}
	if w == nil {
		return in.Type != ""
	}
	in.Type, in.Kind = w.text, w.kind
	switch w.text {
	case "disconnect":
		if in.Fatal = string(in.Text) != "server_restart"; !in.Fatal {
			in.Kind = Bye
		}
	case "reject_subscription":
		in.Answer = true
	}
	return true
}

package subprotocol

// JSON-RPC 2.0, and the calls of charge points (OCPP over JSON).

func guessJSONRPC(m *Message) bool {
	return m.Text && string(plain(member(m.Data, "jsonrpc"))) == "2.0"
}

func readJSONRPC(_ *Reader, m *Message, in *Info) bool {
	b := m.Data
	var batch [1][]byte
	if elements(b, batch[:]) == 1 {
		b, in.More = batch[0], 1
	}
	var failure []byte
	rpc, result := false, false
	for o := objectIn(b); o.next(); {
		switch string(o.key) {
		case "jsonrpc":
			rpc = true
		case "id":
			in.ID = scalar(o.value)
		case "method":
			in.Name = scalar(o.value)
		case "result":
			result = true
		case "error":
			failure = o.value
		}
	}
	switch {
	case failure != nil && string(failure) != "null":
		in.Type, in.Kind, in.Answer = "error", Error, len(in.ID) > 0
		in.Code, in.Text = scalar(member(failure, "code")), scalar(member(failure, "message"))
	case result:
		in.Type, in.Kind = "result", Reply
	case in.Name != nil && in.ID != nil:
		in.Type, in.Kind = "request", Request
	case in.Name != nil:
		in.Type, in.Kind = "notification", Event
	default: // cut off before what it is came
		return rpc && !m.Whole
	}
	return true
}

var ocppTypes = []struct {
	code int
	name string
	kind Kind
}{{2, "CALL", Request}, {3, "CALLRESULT", Reply}, {4, "CALLERROR", Error}, {5, "CALLRESULTERROR", Error}, {6, "SEND", Event}}

func readOCPP(_ *Reader, m *Message, in *Info) bool {
	var list [4][]byte
	if !m.Text || elements(m.Data, list[:]) < 2 {
		return false
	}
	for _, t := range ocppTypes {
		if number(list[0]) != t.code {
			continue
		}
		in.Type, in.Kind, in.ID = t.name, t.kind, scalar(list[1])
		switch t.kind {
		case Request, Event:
			in.Name = scalar(list[2])
			if string(in.Name) == "Heartbeat" {
				in.Kind = Ping
			}
		case Error:
			in.Code, in.Text, in.Answer = scalar(list[2]), scalar(list[3]), true
		}
		return true
	}
	return false
}

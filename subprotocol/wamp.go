package subprotocol

// WAMP 2: arrays that begin with the number of their type, in JSON or
// MessagePack.

// A wampType says where a type has its request's ID, and its name.
type wampType struct {
	code    int
	name    string
	kind    Kind
	id, uri int // places in the array; 0: none
}

var wampTypes = []wampType{
	{1, "HELLO", Hello, 0, 1}, {2, "WELCOME", Welcome, 0, 0}, {3, "ABORT", Error, 0, 2}, {4, "CHALLENGE", Other, 0, 1},
	{5, "AUTHENTICATE", Other, 0, 0}, {6, "GOODBYE", Bye, 0, 2}, {8, "ERROR", Error, 2, 4},
	{16, "PUBLISH", Event, 1, 3}, {17, "PUBLISHED", Reply, 1, 0}, {32, "SUBSCRIBE", Request, 1, 3}, {33, "SUBSCRIBED", Reply, 1, 0},
	{34, "UNSUBSCRIBE", Request, 1, 0}, {35, "UNSUBSCRIBED", Reply, 1, 0}, {36, "EVENT", Event, 0, 0},
	{48, "CALL", Request, 1, 3}, {49, "CANCEL", Event, 1, 0}, {50, "RESULT", Reply, 1, 0},
	{64, "REGISTER", Request, 1, 3}, {65, "REGISTERED", Reply, 1, 0}, {66, "UNREGISTER", Request, 1, 0}, {67, "UNREGISTERED", Reply, 1, 0},
	{68, "INVOCATION", Request, 1, 0}, {69, "INTERRUPT", Event, 1, 0}, {70, "YIELD", Reply, 1, 0},
}

func readWAMP(r *Reader, m *Message, in *Info) bool {
	var list [5][]byte
	code := -1
	if m.Text {
		if elements(m.Data, list[:]) > 0 {
			code = number(list[0])
		}
		for i := range list {
			list[i] = scalar(list[i])
		}
	} else {
		if packElements(m.Data, list[:]) > 0 && len(list[0]) == 1 && list[0][0] < 0x80 {
			code = int(list[0][0])
		}
		for i := range list {
			list[i] = r.packScalar(list[i])
		}
	}
	for i := range wampTypes {
		t := &wampTypes[i]
		if t.code != code {
			continue
		}
		in.Type, in.Kind, in.Secret = t.name, t.kind, t.name == "AUTHENTICATE"
		if t.id > 0 {
			in.ID = list[t.id]
		}
		if t.uri > 0 {
			in.Name = list[t.uri]
		}
		if t.kind == Error {
			in.Code, in.Name, in.Fatal, in.Answer = in.Name, nil, t.id == 0, t.id > 0
		}
		return true
	}
	return false
}

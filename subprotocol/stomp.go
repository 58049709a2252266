package subprotocol

import "bytes"

// STOMP, 1.0 to 1.2: a command, header lines, an empty line, a body and NUL.

var stompCommands = []word{
	{"CONNECT", Hello}, {"STOMP", Hello}, {"CONNECTED", Welcome},
	{"SEND", Event}, {"SUBSCRIBE", Event}, {"UNSUBSCRIBE", Event}, {"MESSAGE", Event},
	{"ACK", Event}, {"NACK", Event}, {"BEGIN", Event}, {"COMMIT", Event}, {"ABORT", Event},
	{"DISCONNECT", Bye}, {"RECEIPT", Reply}, {"ERROR", Error},
}

// stompVersions are the versions that the subprotocols stand for.
var stompVersions = map[string]string{"v10.stomp": "STOMP 1.0", "v11.stomp": "STOMP 1.1", "v12.stomp": "STOMP 1.2"}

func guessSTOMP(m *Message) bool {
	line, _, ok := bytes.Cut(m.Data, []byte("\n"))
	w := find(stompCommands, bytes.TrimSuffix(line, []byte("\r")))
	return ok && w != nil && (w.kind == Hello || w.kind == Welcome)
}

func readSTOMP(r *Reader, m *Message, in *Info) bool {
	b := bytes.TrimLeft(m.Data, "\r\n")
	if len(b) == 0 {
		in.Type, in.Kind = "heartbeat", Ping
		return true
	}
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	w := find(stompCommands, bytes.TrimSuffix(line, []byte("\r")))
	if w == nil {
		return false
	}
	in.Type, in.Kind = w.text, w.kind
	receipt := stompHeaders(r, in, rest)
	switch w.kind {
	case Event, Bye:
		in.ID = receipt
		if len(receipt) > 0 {
			in.Kind = Request
		}
	case Error:
		in.Fatal = true
	}
	if _, after, ok := bytes.Cut(b, []byte{0}); ok {
		in.More = bytes.Count(after, []byte{0})
	}
	return true
}

// stompHeaders reads the header lines. It returns the receipt that is asked for.
func stompHeaders(r *Reader, in *Info, b []byte) (receipt []byte) {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return receipt
		}
		switch string(name) {
		case "destination":
			in.Name = value
		case "receipt":
			receipt = value
		case "receipt-id":
			in.ID = value
			in.Answer = in.Kind == Error
		case "message":
			if in.Kind == Error {
				in.Text = value
			}
		case "version":
			if want := stompVersions[r.named]; in.Kind == Welcome && want != "" && want[len("STOMP "):] != string(value) {
				in.Foreign = stompDialect(value)
			}
		}
	}
	return receipt
}

// stompDialect names the version that a broker speaks.
func stompDialect(version []byte) string {
	for _, v := range stompVersions {
		if v[len("STOMP "):] == string(version) {
			return v
		}
	}
	return "another version of STOMP"
}

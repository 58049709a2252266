package handshake

import "bytes"

// An Oddity is something about an ordinary exchange that has to do with
// WebSockets all the same.
type Oddity uint8

// The oddities.
const (
	BareUpgrade     Oddity = iota // a request whose Connection says upgrade, with no Upgrade that says to what: RFC 9110 §7.8
	UpgradeRequired               // an answer with 426 that names no other protocol than WebSocket: RFC 9110 §15.5.22
	Poll                          // a request of a library that has WebSockets, too, by long polling
	Stripped                      // a request whose target asks for a WebSocket, and whose fields do not
	Oddities        = iota
)

// polls are parts of the targets of long polling: Engine.IO, SignalR, SockJS.
var polls = [...]string{"transport=polling", "transport=longPolling", "/xhr_streaming", "/xhr_send", "/xhr?", "/xhr "}

// noteOdd looks at the head of an ordinary request.
func (r *Reader) noteOdd(head []byte) {
	if f := &r.facts; f.hop && !f.upgrades {
		r.Odd[BareUpgrade]++
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	for _, p := range polls {
		if bytes.Contains(line, []byte(p)) {
			r.Odd[Poll]++
			return
		}
	}
	if bytes.Contains(line, []byte("transport=websocket")) && !bytes.Contains(head, []byte("text/html")) { // what a browser wants when a person opens the URL
		r.Odd[Stripped]++
	}
}

// asksForSession tells whether an ordinary request asks Engine.IO for a session:
// by long polling, and it does not name one.
func asksForSession(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.Contains(line, []byte("transport=polling")) && !bytes.Contains(line, []byte("sid="))
}

// Session is the session that the server has begun for a client that polls,
// as Engine.IO says it: "0{"sid":"…". It is told once, and lent; nil before.
func (r *Reader) Session() []byte {
	if !r.begins {
		return nil
	}
	r.begins = r.server.keep // else there is no more of it to come
	const member = `"sid":"`
	at := bytes.Index(r.server.body, []byte(member))
	if at < 0 {
		return nil
	}
	id, _, whole := bytes.Cut(r.server.body[at+len(member):], []byte{'"'})
	if !whole {
		return nil
	}
	r.begins, r.server.keep = false, false
	return id
}

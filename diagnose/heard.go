package diagnose

import (
	"bytes"
	"hash/maphash"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// Looked is how many bytes of each message are looked at to say what it
// means: a session that is judged should keep as many. What a longer message
// has behind them is not judged.
const Looked = 512

// heard is what the message at hand says, and what of it rules may go by.
type heard struct {
	Said    *subprotocol.Info // nil if it is not known what it means
	JSON    bool              // it is whole, and JSON
	FaultAt int               // where text stops being JSON that nearly all before it was; -1 if it does not
	Fault   subprotocol.Fault
	Base64  int   // bytes of the string of base64 that is most of it
	Twin    int64 // packet of the same message, shortly before
	Asked   int64 // packet of the request that it answers
	Blames  bool  // it says that JSON could not be read, shortly after a fragmented message

	any     bool // what is above may not be as it is where nothing was heard
	message subprotocol.Message
	info    subprotocol.Info
	scratch subprotocol.Scratch
	seen    heardSum
}

// A heardSum stands for a message; 0 for one that need not be remembered.
type heardSum uint64

// odd tells that a rule may have something to say.
func (h *heard) odd(t *talk, e *session.Message) bool {
	switch text := e.Opcode == frames.Text; {
	case t == nil:
		return false
	case h.FaultAt >= 0, h.Base64 > 0, h.Twin > 0, h.Blames, text && t.reader.Binary():
		return true
	case h.JSON && (!text || t.sides[e.Dir].binaryJSON > 0):
		return true
	case h.Said == nil:
		return false
	}
	return h.Said.Kind == subprotocol.Error || h.Said.Foreign != "" || h.Said.Kind == subprotocol.Hello ||
		h.Said.Kind == subprotocol.Request && t.welcome == 0
}

// A talk is what was said on a connection so far.
type talk struct {
	reader  subprotocol.Reader
	sides   [2]talkSide // by reassembly.Dir
	hello   int64       // packet of the client's first Hello
	welcome int64       // and of the first Welcome
	silent  bool        // nothing will be found any more
	asked   *asked      // nil before the first request with an ID
	twins   *[2]twins   // nil before the first message that could be sent twice
	Replies Replies
	beats   [2]beat // by reassembly.Dir
	replied
}

// A talkSide is what one end has said.
type talkSide struct {
	texts, json  int64 // text messages that were judged, and those of them that were JSON
	binaryJSON   int64 // binary messages that were
	whole        int64 // text messages in one frame
	split        int64 // packet of the last text message in several
	splitAt      capture.Time
	splitFrames  int
	base64Looked uint8
}

// Replies is how long answers took, where the subprotocol says what answers what.
type Replies struct {
	Count         int64
	Slow          int64 // of more than a second
	Min, Max, Sum time.Duration
	Slowest       int64 // packet of the one that took Max
}

// Replies tells how long answers took so far; nothing where no subprotocol
// with IDs is known.
func (c *Conn) Replies() Replies {
	if c.talk == nil {
		return Replies{}
	}
	return c.talk.Replies
}

// Protocol is what is spoken inside the WebSocket, as subprotocol names it; ""
// if it is not known.
func (c *Conn) Protocol() string {
	if c.talk == nil {
		return ""
	}
	return c.talk.reader.Protocol()
}

// An asked holds the last requests of both ends that had an ID.
type asked struct {
	list [16]request
	n    int
}

// A request waits for its answer; an answered one has no packet.
type request struct {
	id     uint64
	packet int64
	at     capture.Time
	dir    reassembly.Dir
}

// find looks for an open request of d.
func (a *asked) find(id uint64, d reassembly.Dir) *request {
	if a == nil {
		return nil
	}
	for i := range a.list {
		if r := &a.list[i]; r.packet > 0 && r.id == id && r.dir == d {
			return r
		}
	}
	return nil
}

// twins are the last messages of one end, for those that come twice.
type twins struct {
	list [8]struct {
		sum    heardSum
		packet int64
		at     capture.Time
	}
	n int
}

// Said is what a message means that a Checker is telling of, nil if that is
// not known. It is lent as the message is.
func Said(m *session.Message) *subprotocol.Info {
	if conn, ok := m.Conn.Attached.(*Conn); ok {
		return conn.said
	}
	return nil
}

// listen takes from the opening handshake what is going to be spoken.
func (c *Checker) listen(conn *Conn, e *session.Handshake) {
	var r subprotocol.Reader
	if !e.Established || !r.Open(e.Subprotocol(), e.Target()) {
		return
	}
	if conn.talk == nil {
		conn.talk = c.freshTalk()
	}
	conn.talk.reader = r
}

// hear finds out what a message means, before anybody is told of it.
func (c *Checker) hear(conn *Conn, e *session.Message) {
	h := &c.pass.Heard
	if h.any {
		h.Said, h.JSON, h.FaultAt, h.Base64, h.Twin, h.Asked, h.Blames, h.seen = nil, false, -1, 0, 0, 0, false, 0
		h.any = false
	}
	if conn.deaf {
		return
	}
	conn.said = nil
	if len(e.Data) == 0 {
		return
	}
	h.any = true
	if conn.talk == nil {
		conn.talk = c.freshTalk()
	}
	t := conn.talk
	h.message = subprotocol.Message{
		Data: e.Data[:min(Looked, len(e.Data))], Length: e.Length,
		Text: e.Opcode == frames.Text, FromClient: e.Dir == reassembly.FromClient,
	}
	h.message.Whole = e.Complete && uint64(len(h.message.Data)) == e.Length
	if t.reader.Read(&h.message, &h.info, &h.scratch) {
		h.Said, conn.said = &h.info, &h.info
	}
	if e.InvalidAt < 0 {
		t.judge(h, e)
	}
	t.pair(h, e)
	t.silent = t.reader.Deaf() && t.sides[0].json+t.sides[1].json+t.sides[0].binaryJSON+t.sides[1].binaryJSON == 0 && !h.JSON
}

// judge looks whether the message is the JSON that it should be.
func (t *talk) judge(h *heard, e *session.Message) {
	s, m := &t.sides[e.Dir], &h.message
	if !t.reader.JSON() {
		return
	}
	looks := subprotocol.LooksJSON(m.Data)
	if m.Text && looks && s.base64Looked < looksForBase64 && len(m.Data) >= longBase64 {
		s.base64Looked++
		if n := longestBase64(m.Data); n >= longBase64 && n*10 > len(m.Data)*7 {
			h.Base64 = n
		}
	}
	if !m.Whole || !looks && (!m.Text || s.json == 0) {
		return
	}
	at, fault := subprotocol.JSONFault(m.Data)
	h.JSON = at < 0 && looks
	if m.Text && at >= 0 && s.json >= usualJSON && s.json*5 >= s.texts*4 && !bareWord(m.Data) {
		h.FaultAt, h.Fault = at, fault
	}
}

const (
	usualJSON      = 4   // messages in JSON before another is expected to be
	looksForBase64 = 32  // messages of each end that are looked at
	longBase64     = 200 // bytes of base64 that are worth a word
)

// bareWord tells whether text is a word or a number of its own: a message of
// another kind, as "ping" is, and not JSON gone wrong.
func bareWord(b []byte) bool {
	const longest = 32
	switch string(b) {
	case "undefined", "NaN", "None":
		return false
	}
	return len(b) <= longest && !bytes.ContainsAny(b, "{}[]\"'<")
}

// longestBase64 is the length of the longest run of base64.
func longestBase64(b []byte) int {
	longest, from, kinds := 0, 0, 0
	const lower, upper, digit = 1, 2, 4
	for i := 0; i <= len(b); i++ {
		kind := 0
		if i < len(b) {
			switch c := b[i]; {
			case 'a' <= c && c <= 'z':
				kind = lower
			case 'A' <= c && c <= 'Z':
				kind = upper
			case '0' <= c && c <= '9' || c == '+' || c == '/':
				kind = digit
			}
		}
		if kinds |= kind; kind != 0 {
			continue
		}
		if kinds == lower|upper|digit {
			longest = max(longest, i-from)
		}
		from, kinds = i+1, 0
	}
	return longest
}

// complaint are words of a receiver that could not read JSON.
var complaint = [...]string{"JSON", "Json", "json", "Unexpected end", "Unexpected token", "parse error"}

// pair finds what the message belongs to: the request that it answers, the
// same one before it, the fragmented one that it complains about.
func (t *talk) pair(h *heard, e *session.Message) {
	if in := h.Said; in != nil && len(in.ID) > 0 && (in.Kind == subprotocol.Reply || in.Kind == subprotocol.Pong || in.Answer) {
		if r := t.asked.find(sumOf(in.ID), e.Dir.Other()); r != nil {
			h.Asked = r.packet
		}
	}
	if o := &t.sides[e.Dir.Other()]; o.split > 0 && o.whole > 0 && within(o.splitAt, e.Time, blameTime) {
		for _, s := range complaint {
			h.Blames = h.Blames || bytes.Contains(h.message.Data, []byte(s))
		}
	}
	if h.message.Whole && t.identified(h) {
		h.seen = heardSum(sumOf(h.message.Data) | 1)
		if h.Said != nil { // it may stand in an earlier piece
			h.seen ^= heardSum(sumOf(h.Said.ID) << 1)
		}
		h.Twin = t.twin(h, e)
	}
}

// blameTime is how soon after a fragmented message a complaint is about it.
const blameTime = time.Second

func within(from, to capture.Time, d time.Duration) bool {
	return from != 0 && to.Sub(from) >= 0 && to.Sub(from) <= d
}

func sumOf(b []byte) uint64 { return maphash.Bytes(worldSeed, b) }

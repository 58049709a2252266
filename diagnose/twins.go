package diagnose

import (
	"bytes"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// twinTime is how soon the same message must come again to be one that was
// sent twice.
const twinTime = 5 * time.Second

// idNames are members by which applications tell one message from another
// like it. A short value of the last is a number that may be used again.
var idNames = [...]string{
	`"messageId"`, `"message_id"`, `"msgId"`, `"msg_id"`, `"eventId"`, `"event_id"`, `"uuid"`, `"nonce"`, `"requestId"`, `"request_id"`,
}

// beats are words of messages that are the same each time.
var beats = [...]string{"ping", "pong", "heartbeat", "keepalive", "keep-alive", "poll"}

// identified tells whether the message says which one it is: a request with
// an ID, or JSON with a member for it. Only then is a second one a fault.
func (t *talk) identified(h *heard) bool {
	switch in := h.Said; {
	case in != nil:
		return in.Kind == subprotocol.Request && len(in.ID) > 0 && in.More == 0
	case !h.JSON:
		return false
	}
	found := false
	for _, name := range idNames {
		found = found || bytes.Contains(h.message.Data, []byte(name))
	}
	if !found {
		return false
	}
	for _, word := range beats {
		if bytes.Contains(h.message.Data, []byte(word)) {
			return false
		}
	}
	return true
}

// twin is the packet of the same message of that end, shortly before, and not
// answered since; 0 without one.
func (t *talk) twin(h *heard, e *session.Message) int64 {
	if t.twins == nil {
		return 0
	}
	for i := range t.twins[e.Dir].list {
		o := &t.twins[e.Dir].list[i]
		if o.sum != h.seen || !within(o.at, e.Time, twinTime) {
			continue
		}
		if h.Said != nil && t.asked.find(sumOf(h.Said.ID), e.Dir) == nil {
			continue // it has its answer: the ID is used again
		}
		return o.packet
	}
	return 0
}

// heard notes a message that the rules have seen.
func (t *talk) heard(h *heard, e *session.Message) {
	s := &t.sides[e.Dir]
	m := &h.message
	switch {
	case !m.Text && h.JSON:
		s.binaryJSON++
	case m.Text && m.Whole:
		s.texts++
		if h.JSON {
			s.json++
		}
	}
	if m.Text && subprotocol.LooksJSON(m.Data) {
		if e.Frames > 1 {
			s.split, s.splitAt, s.splitFrames = e.Packet, e.Time, e.Frames
		} else {
			s.whole++
		}
	}
	if h.seen != 0 {
		if t.twins == nil {
			t.twins = new([2]twins)
		}
		w := &t.twins[e.Dir]
		o := &w.list[w.n%len(w.list)]
		o.sum, o.packet, o.at = h.seen, e.Packet, e.Time
		w.n++
	}
	if h.Said != nil {
		t.said(h, e)
	}
}

// said notes what a message was for.
func (t *talk) said(h *heard, e *session.Message) {
	in := h.Said
	if in.Kind.Heartbeat() {
		t.beats[e.Dir].note(in.Kind, e)
		if in.Kind == subprotocol.Pong {
			t.beats[e.Dir.Other()].answered(e)
		}
	}
	switch {
	case in.Kind == subprotocol.Hello && h.message.FromClient && t.hello == 0:
		t.hello = e.Packet
	case in.Kind == subprotocol.Welcome && !h.message.FromClient && t.welcome == 0:
		t.welcome = e.Packet
	}
	if len(in.ID) == 0 {
		return
	}
	id := sumOf(in.ID)
	if in.Kind == subprotocol.Request {
		if t.asked == nil {
			t.asked = new(asked)
		}
		if t.asked.find(id, e.Dir) == nil {
			t.asked.list[t.asked.n%len(t.asked.list)] = request{id: id, packet: e.Packet, at: e.Time, dir: e.Dir}
			t.asked.n++
		}
	}
	if h.Asked == 0 {
		return
	}
	if r := t.asked.find(id, e.Dir.Other()); r != nil {
		t.Replies.add(r.at, e)
		t.answer(r, e)
		r.packet = 0
	}
}

// add counts an answer.
func (r *Replies) add(asked capture.Time, e *session.Message) {
	d := e.Time.Sub(asked)
	if r.Count == 0 || d < r.Min {
		r.Min = d
	}
	if r.Count == 0 || d > r.Max {
		r.Max, r.Slowest = d, e.Packet
	}
	r.Count++
	r.Sum += d
	if d > time.Second {
		r.Slow++
	}
}

// freshTalk gives a talk in which nothing was said.
func (c *Checker) freshTalk() *talk {
	last := len(c.spareTalks) - 1
	if last < 0 {
		return new(talk)
	}
	t := c.spareTalks[last]
	c.spareTalks = c.spareTalks[:last]
	return t
}

// spareTalk keeps the talk of a connection that is over for one to come.
func (c *Checker) spareTalk(t *talk) {
	if t != nil && len(c.spareTalks) < maxSpare {
		*t = talk{}
		c.spareTalks = append(c.spareTalks, t)
	}
}

package session_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// digest is what must not depend on the order in which two neighbours were
// captured, nor on one being captured twice: by direction what was sent in its
// order, and how each connection ended. Left out are what the packets' order
// decides: times, round trips, the counts of TCP, who closed first and the
// numbers of connections; and packet numbers are taken through same.
func digest(o *told, same func(int64) int64) map[way][]string {
	all := map[way][]string{}
	add := func(w way, format string, args ...any) { all[w] = append(all[w], fmt.Sprintf(format, args...)) }
	for w := range o.frames {
		for _, f := range o.frames[w] {
			f.first, f.packet = same(f.first), same(f.packet)
			add(w, "frame %+v", f)
		}
	}
	for w := range o.messages {
		for _, m := range o.messages[w] {
			m.first, m.packet = same(m.first), same(m.packet)
			add(w, "message %+v %+v", m.place, m.content)
		}
	}
	for w := range o.losses {
		for _, l := range o.losses[w] {
			l.packet = same(l.packet)
			add(w, "lost %+v", l)
		}
	}
	for w := range o.handshakes {
		for _, h := range o.handshakes[w] {
			h.requested, h.packet = same(h.requested), same(h.packet)
			add(w, "handshake %+v", h)
		}
	}
	for w := range o.closed {
		for i := range o.closed[w] {
			f := &o.closed[w][i]
			add(w, "closed %v clean %v attempts %d, %s, %s", f.State, f.Clean, f.Attempts, sideLine(&f.Sides[0]), sideLine(&f.Sides[1]))
		}
	}
	return all
}

func sideLine(s *session.Side) string {
	c := *s
	c.Close = nil
	if s.Close != nil {
		return fmt.Sprintf("%+v %+v", c, s.Close.CloseBody)
	}
	return fmt.Sprintf("%+v", c)
}

// sameStory claims that two runs told the same.
func sameStory(t *testing.T, name string, want, got map[way][]string) {
	t.Helper()
	for w := range want {
		if !slices.Equal(want[w], got[w]) {
			t.Errorf("%s: %v > %v: %s", name, w.from, w.to, firstDifference(want[w], got[w]))
		}
	}
	for w := range got {
		if want[w] == nil {
			t.Errorf("%s: %v > %v: %.300q, nothing was sent", name, w.from, w.to, got[w])
		}
	}
}

func firstDifference(want, got []string) string {
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			other := "(nothing)"
			if i < len(got) {
				other = got[i]
			}
			return fmt.Sprintf("line %d\n\twant %.400s\n\tgot  %.400s", i+1, want[i], other)
		}
	}
	return fmt.Sprintf("more lines: %.400s", got[len(want)])
}

// swapped gives the packets with those at i and i+1 captured in the other
// order: with the times of their places, or each with its own.
func swapped(packets []capture.Packet, i int, ownTimes bool) []capture.Packet {
	s := slices.Clone(packets)
	s[i], s[i+1] = s[i+1], s[i]
	s[i].Number, s[i+1].Number = s[i+1].Number, s[i].Number
	if !ownTimes {
		s[i].Time, s[i+1].Time = s[i+1].Time, s[i].Time
	}
	return s
}

// TestDamageSwap captures each two neighbours in the other order.
func TestDamageSwap(t *testing.T) {
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			rec := record(t, name)
			for i := range thin(len(rec.packets)-1, places) {
				for _, ownTimes := range []bool{false, true} {
					rec.swap(t, i, ownTimes)
				}
			}
		})
	}
}

// late names pairs of a retransmission and its acknowledgment, by the first of
// them. The gap had been waited for as long as any is: with the acknowledgment
// first, it is a loss, and the retransmission comes too late.
var late = map[string]bool{"path-loss 115": true}

// swap claims that the order of two packets decides nothing; except where a
// RST comes before what was sent ahead of it, and where an answer comes before
// its request: then, too, nothing is told that was not sent.
func (rec *recording) swap(t *testing.T, i int, ownTimes bool) {
	t.Helper()
	first := rec.packets[i].Number
	same := func(n int64) int64 {
		if n == first+1 {
			return first
		}
		return n
	}
	if late[fmt.Sprintf("%s %d", rec.name, i+1)] {
		return
	}
	name := fmt.Sprintf("%d and %d swapped, own times %v", i+1, i+2, ownTimes)
	tr := rec.try(t, name, swapped(rec.packets, i, ownTimes))
	for w := range rec.model.wires {
		tr.framesTrue(w)
		tr.messagesTrue(w)
	}
	reset := rec.isReset(i + 1)
	answered := false
	for _, hs := range rec.ref.handshakes {
		for _, h := range hs {
			answered = answered || h.requested == first && h.packet == first+1
		}
	}
	if answered {
		for w := range rec.model.wires {
			tr.framesThere(w)
			tr.messagesThere(w)
		}
	}
	if !reset && !answered {
		sameStory(t, rec.name+": "+name, digest(rec.ref, same), digest(tr.got, same))
	}
}

// isReset says whether the packet at i is a RST.
func (rec *recording) isReset(i int) bool {
	var ip reassembly.IP
	g := ip.Segment(&rec.packets[i])
	return g != nil && g.Flags.Has(reassembly.FlagRST)
}

// TestDamageDouble captures each packet twice, at once and a little later.
func TestDamageDouble(t *testing.T) {
	same := func(n int64) int64 { return n }
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			rec := record(t, name)
			want := digest(rec.ref, same)
			for i := range thin(len(rec.packets), places) {
				for _, later := range []int{1, 7} {
					if i+later >= len(rec.packets) { // the last packet gives its number to what the end tells
						continue
					}
					got := hear(t, slices.Insert(slices.Clone(rec.packets), i+later, rec.packets[i]), 1, false)
					sameStory(t, fmt.Sprintf("%d again before %d", i+1, i+1+later), want, digest(got, same))
				}
			}
		})
	}
}

// TestDamageEnd cuts the end off: what is told is the beginning of what was
// told of the whole recording, and each connection is in the state that it had
// come to.
func TestDamageEnd(t *testing.T) {
	for _, name := range names(t) {
		rec := record(t, name)
		if rec.lossy { // its gaps are repaired later, or are not
			continue
		}
		for i := range thin(len(rec.packets)+1, 100) {
			tr := rec.try(t, fmt.Sprintf("up to %d", i), rec.packets[:i])
			for w := range tr.got.frames {
				tr.prefix(w)
			}
			for w := range tr.got.closed {
				tr.stateThen(w, rec.packets[:i])
			}
		}
	}
}

// prefix claims that the frames that were told are the first of the
// recording, and that the last alone may lack something.
func (tr *trial) prefix(w way) {
	sent := tr.rec.ref.frames[w]
	for i, f := range tr.got.frames[w] {
		last := i == len(tr.got.frames[w])-1
		if i >= len(sent) || f.offset != sent[i].offset || f.missing != sent[i].missing && !last {
			tr.errorf(w, "frame %d: %+v, sent %+v", i+1, f, sent[min(i, len(sent)-1)])
		}
	}
}

// stateThen claims that a connection's state follows from what of it the
// packets hold: a 101, Close frames, and FIN or RST.
func (tr *trial) stateThen(client way, packets []capture.Packet) {
	f, last := &tr.got.closed[client][0], int64(len(packets))
	handshakes := tr.rec.ref.handshakes[client]
	if n := len(handshakes); n == 0 || !handshakes[n-1].established || handshakes[n-1].packet > last {
		if f.State != session.Connecting && f.State != session.Refused && f.State != session.Unanswered && tr.rec.ref.closed[client][0].State != session.MidStream {
			tr.errorf(client, "%v before it was open", f.State)
		}
		return
	}
	closes := 0
	for d := range f.Sides {
		if c := tr.rec.ref.closed[client][0].Sides[d].Close; c != nil && c.Packet <= last {
			closes++
		}
	}
	over := tr.model.ended[client] || tr.model.ended[client.back()]
	want := []session.State{session.Open}
	switch {
	case closes == 2, over && closes == 1:
		want = []session.State{session.Ended}
	case over:
		want = []session.State{session.Aborted, session.Rejected}
	}
	if !slices.Contains(want, f.State) {
		tr.errorf(client, "%v, with %d Close frames, TCP over %v", f.State, closes, over)
	}
}

// TestDamageWorkers runs damaged recordings with two workers: they tell the
// same as one, line by line.
func TestDamageWorkers(t *testing.T) {
	for _, name := range []string{"after-http", "deflate-ws", "fragments-ws", "ipv6", "any-sll", "path-loss", "stacks-at-once", "forty", "nginx"} {
		rec := record(t, name)
		for i := range thin(len(rec.packets)-1, 12) {
			for what, packets := range map[string][]capture.Packet{
				"removed": without(rec.packets, i, i+1),
				"from":    rec.packets[i:],
				"up to":   rec.packets[:i],
				"swapped": swapped(rec.packets, i, true),
				"doubled": slices.Insert(slices.Clone(rec.packets), i, rec.packets[i]),
			} {
				one, two := hear(t, packets, 1, true), hear(t, packets, 2, true)
				if !slices.Equal(one.lines, two.lines) {
					t.Errorf("%s: %s %d: two workers tell something else than one: %s", name, what, i+1, firstDifference(one.lines, two.lines))
				}
			}
		}
	}
}

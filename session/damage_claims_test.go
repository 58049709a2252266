package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// How strict the claims are. Without resync, frames behind a header that was
// lost may be missing, if their bytes are accounted for; with it, the frame
// that follows resyncWithin whole ones must be told again.
const (
	resync       = false
	resyncWithin = 4
)

// A trial is a damaged recording, what a run told of it, and what is held
// against that.
type trial struct {
	t       *testing.T
	name    string
	rec     *recording
	packets []capture.Packet
	got     *told
	model   *model
	wires   map[way]*wire   // what the damaged packets hold, in the places of the recording
	shift   map[way]int64   // from places in the damaged byte streams to those of the recording
	intact  map[way]bool    // either way: both directions are there up to their first frame
	lastOf  map[way]int     // how many frames in a row, from the first one, must be told
	spoiled map[way][]int64 // where frames begin that lack payload
}

func (rec *recording) try(t *testing.T, name string, packets []capture.Packet) *trial {
	t.Helper()
	tr := &trial{
		t: t, name: rec.name + ": " + name, rec: rec, packets: packets,
		got: hear(t, packets, 1, false), model: newModel(packets),
		intact: map[way]bool{}, lastOf: map[way]int{}, spoiled: map[way][]int64{},
	}
	tr.wires, tr.shift = tr.model.against(rec.model)
	for w, hs := range rec.ref.handshakes {
		if !hs[len(hs)-1].established {
			continue
		}
		b := w.back()
		tr.intact[w] = tr.wires[w].whole(0, rec.base[w]) && tr.wires[b].whole(0, rec.base[b])
		tr.intact[b] = tr.intact[w]
	}
	return tr
}

func (tr *trial) errorf(w way, format string, args ...any) {
	tr.t.Helper()
	tr.t.Errorf("%s: %v > %v: %s", tr.name, w.from, w.to, fmt.Sprintf(format, args...))
}

// claims holds all that was told against the recording.
func (tr *trial) claims() {
	tr.t.Helper()
	for w := range tr.rec.model.wires {
		tr.framesTrue(w)
		tr.framesThere(w)
		tr.messagesTrue(w)
		tr.messagesThere(w)
		tr.lossesTrue(w)
	}
	for w, ways := range map[string]int{"frames": len(tr.got.frames), "messages": len(tr.got.messages), "losses": len(tr.got.losses)} {
		if ways > len(tr.rec.model.wires) {
			tr.t.Errorf("%s: %s of %d directions, there are %d", tr.name, w, ways, len(tr.rec.model.wires))
		}
	}
	for w, closed := range tr.got.closed {
		for i := range closed {
			tr.countsTrue(w, &closed[i])
			tr.closeTrue(w, &closed[i])
		}
	}
}

// missing is how many payload bytes of f the damaged packets do not hold.
func (tr *trial) missing(w way, f *aFrame) uint64 {
	at := f.offset + int64(f.header.Len())
	n := min(f.header.PayloadLength, uint64(len(tr.rec.model.wires[w].have)))
	return f.header.PayloadLength - uint64(tr.wires[w].present(at, at+int64(n)))
}

// framesTrue claims that each frame that was told was sent: a frame of the
// recording, told once, lacking what the packets lack, with its payload.
func (tr *trial) framesTrue(w way) {
	sent := map[int64]*aFrame{}
	for i := range tr.rec.ref.frames[w] {
		f := &tr.rec.ref.frames[w][i]
		sent[f.offset] = f
	}
	for _, f := range tr.got.frames[w] {
		at := f.offset + tr.shift[w]
		s := sent[at]
		if s == nil || s.header != f.header {
			tr.errorf(w, "a frame at %d that was not sent: %+v", at, f.header)
			continue
		}
		delete(sent, at)
		if want := tr.missing(w, s); f.missing != want {
			tr.errorf(w, "the frame at %d lacks %d bytes of its payload, told %d", at, want, f.missing)
		}
		if !strings.HasPrefix(s.payload, f.payload) || f.missing == 0 && (s.payload != f.payload || s.close != f.close) {
			tr.errorf(w, "the frame at %d: payload %q, sent %q", at, f.payload, s.payload)
		}
		if f.close.HasCode && f.close.Code != s.close.Code || !strings.HasPrefix(s.close.Reason, f.close.Reason) {
			tr.errorf(w, "the frame at %d: close %+v, sent %+v", at, f.close, s.close)
		}
	}
}

// framesThere claims that each frame is told up to the first whose header is
// lost; and later ones, with resync.
func (tr *trial) framesThere(w way) {
	if !tr.intact[w] {
		return
	}
	there := map[int64]bool{}
	for _, f := range tr.got.frames[w] {
		there[f.offset+tr.shift[w]] = true
	}
	inStep, whole := true, 0
	for i := range tr.rec.ref.frames[w] {
		f := &tr.rec.ref.frames[w][i]
		missing := tr.missing(w, f)
		if !tr.wires[w].whole(f.offset, f.offset+int64(f.header.Len())) {
			inStep, whole = false, -1
		}
		if inStep {
			tr.lastOf[w] = i + 1
		}
		if missing > 0 {
			tr.spoiled[w] = append(tr.spoiled[w], f.offset)
		}
		if must := inStep || resync && whole >= resyncWithin; must && !there[f.offset] {
			tr.errorf(w, "the frame at %d is missing: %+v", f.offset, f.header)
		}
		if whole++; missing > 0 && !inStep {
			whole = 0
		}
	}
}

// messagesTrue claims that each message that was told was sent: what is
// complete is as it was, and what is not has the beginning of its bytes.
func (tr *trial) messagesTrue(w way) {
	sent := map[int64]*aMessage{}
	for i := range tr.rec.ref.messages[w] {
		m := &tr.rec.ref.messages[w][i]
		sent[m.offset] = m
	}
	for _, m := range tr.got.messages[w] {
		at := m.offset + tr.shift[w]
		s := sent[at]
		if s == nil || s.opcode != m.opcode || s.compressed != m.compressed && tr.intact[w] {
			tr.errorf(w, "a message at %d that was not sent: %v of %d bytes", at, m.opcode, m.wireLength)
			continue
		}
		delete(sent, at)
		if s.compressed != m.compressed {
			continue // without the answer, RSV1 has no meaning
		}
		switch {
		case m.complete && m.compressed && !m.inflated:
			if m.frames != s.frames || m.wireLength != s.wireLength || !strings.HasPrefix(s.data, m.data) || m.obstacle == frames.NoObstacle {
				tr.errorf(w, "the message at %d, not inflated: %+v, sent %+v", at, brief(m.content), brief(s.content))
			}
		case m.complete:
			if m.content != s.content {
				tr.errorf(w, "the message at %d: %+v, sent %+v", at, brief(m.content), brief(s.content))
			}
		case m.validUTF8, m.frames > s.frames, m.wireLength > s.wireLength, m.invalidAt >= 0 && m.invalidAt != s.invalidAt, !strings.HasPrefix(s.data, m.data):
			tr.errorf(w, "the message at %d in part: %+v, sent %+v", at, brief(m.content), brief(s.content))
		}
	}
}

func brief(c content) content {
	if len(c.data) > 60 {
		c.data = fmt.Sprintf("%.60s… %d", c.data, len(c.data))
	}
	return c
}

// messagesThere claims that a message is whole if its frames are told and
// none lacks anything, whatever became of the others.
func (tr *trial) messagesThere(w way) {
	there := map[int64]content{}
	for _, m := range tr.got.messages[w] {
		there[m.offset+tr.shift[w]] = m.content
	}
	sent := tr.rec.ref.frames[w][:tr.lastOf[w]]
	for _, m := range tr.rec.ref.messages[w] {
		if !m.complete || !framesWhole(sent, m.offset, m.frames, tr.spoiled[w]) {
			continue
		}
		g, ok := there[m.offset]
		if lost := tr.spoiled[w]; ok && m.compressed && tr.rec.takeover[w] && len(lost) > 0 && lost[0] < m.offset {
			ok = g.complete && g.wireLength == m.wireLength // it may refer to what is lost
		} else {
			ok = ok && g == m.content
		}
		if !ok {
			tr.errorf(w, "the message at %d is not whole: %+v, sent %+v", m.offset, brief(g), brief(m.content))
		}
	}
}

// framesWhole says whether the n frames of the message at offset are among
// those given and not among the spoiled ones.
func framesWhole(sent []aFrame, offset int64, n int, spoiled []int64) bool {
	for i := range sent {
		f := &sent[i]
		if f.offset < offset || f.header.Opcode.IsControl() || f.offset > offset && f.header.Opcode != frames.Continuation {
			continue
		}
		for _, s := range spoiled {
			if s == f.offset {
				return false
			}
		}
		if n--; n == 0 {
			return true
		}
	}
	return false
}

// lossesTrue claims that what was told to be lost is not in the packets.
func (tr *trial) lossesTrue(w way) {
	for _, l := range tr.got.losses[w] {
		from := l.offset + tr.shift[w]
		if held := tr.wires[w].present(from, from+l.length); l.reason == "not captured" && held > 0 {
			tr.errorf(w, "%d bytes at %d were told to be lost, %d of them are there", l.length, from, held)
		}
	}
}

// countsTrue claims that the facts of a connection agree with what was told
// of it, and that no byte of a direction is counted twice or forgotten.
func (tr *trial) countsTrue(client way, f *session.Facts) {
	for d, w := range [2]way{client, client.back()} {
		s := &f.Sides[d]
		seen := int64(0)
		for i := range tr.got.frames[w] {
			seen += tr.got.frames[w][i].size()
		}
		if int(s.Frames) != len(tr.got.frames[w]) || int(s.Messages) != len(tr.got.messages[w]) || s.WireBytes != seen {
			tr.errorf(w, "told %d frames of %d bytes, %d messages; counted %d of %d, %d", len(tr.got.frames[w]), seen, len(tr.got.messages[w]), s.Frames, s.WireBytes, s.Messages)
		}
		wire := tr.wires[w]
		if wire == nil {
			tr.errorf(w, "a connection that is not in the recording")
			continue
		}
		absent := wire.end() - wire.present(0, wire.end())
		if s.LostBytes > absent {
			tr.errorf(w, "%d bytes lost, told %d", absent, s.LostBytes)
		}
		base := tr.rec.base[w]
		sum := base + s.WireBytes + s.LostBytes + s.UnfollowedBytes
		for _, l := range tr.got.losses[w] {
			if l.reason == "the beginning of a frame header" && l.offset+tr.shift[w]+l.length == wire.end() {
				sum += l.length // nothing was lost: no more was sent, or the capture is over
			}
		}
		if end := wire.end(); tr.intact[w] && f.Handshake != nil && f.Handshake.Established && sum != end {
			tr.errorf(w, "%d bytes are known of; handshake %d + frames %d + lost %d + not followed %d = %d", end, base, s.WireBytes, s.LostBytes, s.UnfollowedBytes, sum)
		}
	}
}

// closeTrue claims that the Close frames of a connection, and what follows
// from them, are those that were sent.
func (tr *trial) closeTrue(client way, f *session.Facts) {
	ref := tr.rec.ref.closed[client]
	if len(ref) == 0 {
		return // told by countsTrue
	}
	want := &ref[0]
	for d := range f.Sides {
		if c := f.Sides[d].Close; c != nil && (want.Sides[d].Close == nil || c.CloseBody != want.Sides[d].Close.CloseBody) {
			tr.errorf(client, "close %+v, sent %+v", c, want.Sides[d].Close)
		}
	}
	if f.Clean && !want.Clean {
		tr.errorf(client, "closed cleanly; it was not")
	}
	aborted := f.State == session.Aborted || f.State == session.Rejected
	for _, w := range []way{client, client.back()} {
		if aborted && (tr.model.ended[w] != tr.rec.model.ended[w] || tr.model.ahead[w]) {
			return // the first FIN or RST may be one that is not there, or there were bytes before it
		}
	}
	if f.ClosedBy != want.ClosedBy && f.ClosedBy != session.ClosedByNone && f.ClosedBy != session.ClosedByUnknown {
		tr.errorf(client, "closed by %v, %v; it was by %v, %v", f.ClosedBy, f.State, want.ClosedBy, want.State)
	}
	codes := []frames.CloseCode{0, want.CloseCode}
	for d := range want.Sides {
		if c := want.Sides[d].Close; c != nil && c.HasCode {
			codes = append(codes, c.Code)
		} else if c != nil {
			codes = append(codes, frames.NoStatusReceived)
		}
	}
	if !slices.Contains(codes, f.CloseCode) {
		tr.errorf(client, "close code %v, %v; it was %v, %v", f.CloseCode, f.State, want.CloseCode, want.State)
	}
}

package reassembly

import (
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// Counts are what a Stream has seen of the segments of one direction, beside
// their bytes. Duplicate packets are in no other count.
type Counts struct {
	Duplicates     int64 // packets captured once more on their way: see twin
	Retransmitted  int64 // segments that were sent again, SYN and FIN included: see sentAgain
	Spurious       int64 // of them, those whose bytes the other side had acknowledged before
	OutOfOrder     int64 // segments that came behind their turn: they filled a gap, and were not sent after it
	DuplicateBytes int64 // bytes seen again

	ConflictingBytes int64 // bytes seen again with another value; the first copy was used
	Conflicts        int64 // runs of such bytes

	KeepAlives    int64 // probes of RFC 9293 §3.8.4: not data
	KeepAliveACKs int64 // their answers
	DuplicateACKs int64 // acknowledgments of RFC 5681 §2 that say nothing new while bytes are on their way

	WindowUpdates int64         // bare acknowledgments that changed nothing but the window
	ZeroWindows   int64         // times the window was closed: RFC 9293 §3.8.6
	ZeroWindow    time.Duration // how long it was closed, up to the last segment of the connection
	WindowProbes  int64         // probes of the other side's closed window: RFC 9293 §3.8.6.1

	Discarded      int64 // segments that no receiver would take: far outside the window, or behind the end
	StaleResets    int64 // of them, RST segments
	OldTimestamps  int64 // of them, those behind in time: RFC 7323 §5
	HalfClosed     int64 // bytes sent behind the other side's FIN, which was acknowledged: RFC 9293 §3.6
	LimitsExceeded int64 // gaps declared a loss early, because a limit on held bytes was reached
}

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	c.Duplicates += o.Duplicates
	c.Retransmitted += o.Retransmitted
	c.Spurious += o.Spurious
	c.OutOfOrder += o.OutOfOrder
	c.DuplicateBytes += o.DuplicateBytes
	c.ConflictingBytes += o.ConflictingBytes
	c.Conflicts += o.Conflicts
	c.KeepAlives += o.KeepAlives
	c.KeepAliveACKs += o.KeepAliveACKs
	c.DuplicateACKs += o.DuplicateACKs
	c.WindowUpdates += o.WindowUpdates
	c.ZeroWindows += o.ZeroWindows
	c.ZeroWindow += o.ZeroWindow
	c.WindowProbes += o.WindowProbes
	c.Discarded += o.Discarded
	c.StaleResets += o.StaleResets
	c.OldTimestamps += o.OldTimestamps
	c.HalfClosed += o.HalfClosed
	c.LimitsExceeded += o.LimitsExceeded
}

// A Conflict is a run of bytes of which two copies were captured that differ.
type Conflict struct {
	First, Second  int64 // the packets that carried them; the bytes of First were used
	Offset, Length int64 // in the byte stream
}

// maxConflicts are kept in each direction: Counts.Conflicts goes on.
const maxConflicts = 4

// Conflicts gives the first conflicts of direction d, in the order in which
// they were seen. The slice is the Stream's own.
func (s *Stream) Conflicts(d Dir) []Conflict {
	if r := s.half[d].rare; r != nil {
		return r.conflicts
	}
	return nil
}

// conflict notes that the bytes of a second copy, n at seq, differ.
func (h *half) conflict(first, second int64, seq SeqNum, n int) {
	r := h.more()
	r.Counts.Conflicts++
	if len(r.conflicts) < maxConflicts {
		r.conflicts = append(r.conflicts, Conflict{first, second, h.offset + int64(seq.Sub(h.next)), int64(n)})
	}
}

// rare is what most directions never need: it is made when something happens
// that is out of the ordinary.
type rare struct {
	Counts
	early     []early
	held      int    // bytes of pages in early
	id        uint16 // of the segment that is held next
	conflicts []Conflict

	recent [8]record // of the last segments
	at     uint8     // which of them is overwritten next

	nagle
	syns   []capture.Time // when the SYN was sent again, at most maxSYNs times
	repeat Repeat         // the last segment that was sent again

	synEnd   SeqNum // behind the data of the SYN
	dupACKs  int    // of the other side, since it acknowledged something new
	gapCount int    // segments of this direction since gapTime
	gapTime  capture.Time
	zeroTime capture.Time // up to which ZeroWindow is counted
	stall    Stall

	stamp     SeqNum       // RFC 7323 §4.3: TS.Recent
	stampTime capture.Time // when it was taken
}

// A Stall is when a side closed its window for the first time, and how much the
// other side had sent by then, as an offset.
type Stall struct {
	Time capture.Time
	Sent int64
}

// Stalled gives the first time that d closed its window, false if it never did.
func (s *Stream) Stalled(d Dir) (Stall, bool) {
	r := s.half[d].rare
	if r == nil || r.ZeroWindows == 0 {
		return Stall{}, false
	}
	return r.stall, true
}

// Snapshot gives what is known of s now. It is not to be handed any segments.
func (s *Stream) Snapshot() Stream {
	c := *s
	for d := range c.half {
		if r := c.half[d].rare; r != nil {
			kept := *r
			kept.early, kept.conflicts = nil, slices.Clone(r.conflicts)
			c.half[d].rare = &kept
		}
	}
	return c
}

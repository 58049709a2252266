package reassembly

import (
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A nagle counts segments that were kept back until the one before was
// acknowledged (RFC 9293 §3.7.4), where that acknowledgment was delayed
// (RFC 9293 §3.8.6.3).
type nagle struct {
	freed    capture.Time // when a small segment was acknowledged late; 0 if that was not the last one measured
	lateness uint32       // how late, in microseconds
	kept     uint32       // how often the next segment came at once then
	waited   uint64       // how late in all, in microseconds
}

// Segments that are kept back are smaller than any MSS in use.
const smallSegment = 500

// late tells that a round trip is about as long as receivers delay an
// acknowledgment: 40 ms of Linux, 200 ms of others.
func late(us int64) bool {
	return us >= 35_000 && us <= 45_000 || us >= 150_000 && us <= 210_000
}

// acknowledgedLate takes the acknowledgment g of a segment of h. One that is
// no later than others is no sign: the path is as long.
func (h *half) acknowledgedLate(g *Segment, us int64) {
	if g.Length() > 0 { // an answer: its sender had reason to wait, and the next segment to come behind it
		return
	}
	if h.min == 0 || us > 4*int64(h.min) {
		r := h.more()
		r.freed, r.lateness = g.Time, uint32(us)
	}
}

// freeNext takes the next segment of h.
func (h *half) freeNext(g *Segment) {
	if behind := g.Time.Sub(h.freed); g.Length() <= smallSegment && behind >= 0 && behind <= 2*time.Millisecond {
		h.kept++
		h.waited += uint64(h.lateness)
	}
	h.freed = 0
}

// KeptBack gives how often a small segment of direction d was kept back until
// a late acknowledgment came, and how late that was on the average.
func (s *Stream) KeptBack(d Dir) (n int, wait time.Duration) {
	h := &s.half[d]
	if h.rare == nil || h.kept == 0 {
		return 0, 0
	}
	return int(h.kept), time.Duration(h.waited/uint64(h.kept)) * time.Microsecond
}

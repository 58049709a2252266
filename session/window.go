package session

import (
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
)

// A wait is for a window that is used up.
type wait struct {
	from, until capture.Time // 0: not, not yet
	connection  bool         // it is that of the connection
}

// atOnce is how soon DATA comes that has waited.
const atOnce = 50 * time.Millisecond

// wait takes note of a window that is used up, or open again. Who then sends
// has waited, unless it takes its time.
func (h *H2) wait(e *h2.Event, r *reassembly.Chunk) {
	d := reassembly.FromServer
	if e.FromClient {
		d = reassembly.FromClient
	}
	w, connection := &h.waits[d], e.Stream == 0
	switch {
	case e.Kind == h2.Stalled:
		if !connection {
			h.Stalls[d]++
		}
		if w.from == 0 {
			*w = wait{from: r.Time, connection: connection}
		}
	case w.from == 0 || w.connection != connection:
	case e.Kind == h2.Granted:
		w.until = r.Time
	case e.Kind == h2.Resumed:
		if w.until > 0 && r.Time.Sub(w.until) <= atOnce {
			h.Waited[d] += w.until.Sub(w.from)
		}
		*w = wait{}
	}
}

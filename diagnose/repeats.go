package diagnose

import (
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A burst is a run of resets, each soon after the one before.
type burst struct {
	last   capture.Time
	packet int64
	count  int
}

const (
	burstGap   = 100 * time.Millisecond
	manyAtOnce = 3
)

// reset notes that the address has reset an open WebSocket. It gives how many
// it has reset in a row by now, and the packet of the one before.
func (w *World) reset(by netip.Addr, at capture.Time, packet int64) (inRow int, before int64) {
	if w.resets == nil {
		w.resets = make(map[netip.Addr]burst)
	}
	b, known := w.resets[by]
	if !known && len(w.resets) == maxSeen {
		return 1, 0
	}
	before = b.packet
	if !known || at.Sub(b.last) > burstGap {
		b.count = 0
	}
	b.last, b.packet = at, packet
	b.count++
	w.resets[by] = b
	return b.count, before
}

// A limitKey is a size at which a receiver is suspected to close.
type limitKey struct {
	server netip.AddrPort
	size   uint64
}

// crossed counts that a message to the server, or from it, crossed the size and was the last.
func (w *World) crossed(server netip.AddrPort, size uint64) int64 {
	if w.limits == nil {
		w.limits = make(map[limitKey]int64)
	}
	k := limitKey{server, size}
	if _, known := w.limits[k]; !known && len(w.limits) == maxSeen {
		return 1
	}
	w.limits[k]++
	return w.limits[k]
}

// cutBefore says after how many bytes the frame before was cut off, on a
// connection to the same server, and notes it for this one.
func (w *World) cutBefore(server netip.AddrPort, got uint64) (before uint64, known bool) {
	if w.cuts == nil {
		w.cuts = make(map[netip.AddrPort]uint64)
	}
	before, known = w.cuts[server]
	if known || len(w.cuts) < maxSeen {
		w.cuts[server] = got
	}
	return before, known
}

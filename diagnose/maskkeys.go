package diagnose

import (
	"encoding/binary"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A keyHabit says how the masking keys of one end follow each other.
type keyHabit uint8

const (
	noKey    keyHabit = iota
	oneKey            // there was one so far
	sameKey           // all are the same
	nextKey           // each is the one before and 1
	keysVary          // neither
)

// noteKey notes the masking key of a frame.
func (s *Side) noteKey(e *session.Frame) {
	k := binary.BigEndian.Uint32(e.MaskingKey[:])
	habit := keysVary
	switch k {
	case s.key:
		habit = sameKey
	case s.key + 1:
		habit = nextKey
	}
	switch s.keys {
	case noKey:
		s.keys, s.firstKey = oneKey, k
	case oneKey, habit:
		s.keys = habit
	default:
		s.keys = keysVary
	}
	s.key = k
}

// A keyRun is how many connections of a client to a server have begun with the
// same masking key, one after the other.
type keyRun struct {
	key    uint32
	n      int64
	port   uint16 // of the client, the last time
	packet int64
}

// manyKeyRuns cannot be chance: of two keys one in 2³² pairs is the same.
const manyKeyRuns = 3

// sameStart reports a client whose connections begin with the same masking key
// each time. Captured in two places, a connection is there twice, from one port.
func (p *Pass) sameStart(c *session.Conn) {
	s, w := &p.Conn.Sides[reassembly.FromClient], p.World
	if !p.Conn.Opened || s.keys != keysVary || s.right() == 0 {
		return
	}
	k := visitor{client: c.Client.Addr(), server: c.Server}
	run, known := w.keyRuns[k]
	if !known && len(w.keyRuns) >= maxFleet || known && run.key == s.firstKey && run.port == c.Client.Port() {
		return
	}
	if w.keyRuns == nil {
		w.keyRuns = make(map[visitor]keyRun)
	}
	if run.key != s.firstKey {
		run.n, run.packet = 0, 0
	}
	before := run.packet
	run = keyRun{s.firstKey, run.n + 1, c.Client.Port(), p.Conn.Requested.Packet}
	w.keyRuns[k] = run
	if run.n == manyKeyRuns {
		p.Report("reused", "%d connections of %v to %v in a row begin with the key %08x", run.n, c.Client.Addr(), c.Server, run.key).In(before)
	}
}

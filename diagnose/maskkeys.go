package diagnose

import (
	"encoding/binary"

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
		s.keys = oneKey
	case oneKey, habit:
		s.keys = habit
	default:
		s.keys = keysVary
	}
	s.key = k
}

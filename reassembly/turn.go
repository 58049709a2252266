package reassembly

// Turn exchanges the two directions: what was taken for the client is the
// server. It must not be called while Chunks or Flush yields.
func (s *Stream) Turn() {
	s.half[0], s.half[1] = s.half[1], s.half[0]
	if d, ok := s.Closer(); ok {
		s.closer = closer(d.Other()) + 1
	}
}

// Seen says whether the capture holds anything that d sent.
func (s *Stream) Seen(d Dir) bool { return s.half[d].state.has(started) }

package session

import (
	"iter"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
)

// A search looks for the beginning of a frame in one direction.
type search struct {
	finder *frames.Finder // nil while there is no search
	from   int64          // where in the byte stream it began
	fed    int64          // captured bytes since then
	held   int64          // bytes counted for it
	trail  trail          // the same, where it was in records of TLS
}

// lookFor gives the run to the search, which it begins if there is none.
func (c *Conn) lookFor(x *search, known frames.Habit, r *reassembly.Chunk) {
	if x.finder == nil {
		x.finder = c.t.finders.take()
		x.finder.Reset(known)
		x.finder.Certainty = 0
		if c.forced() {
			x.finder.Certainty = forcedCertainty
			x.finder.Habit.Deflate = true
			x.finder.Assume(c.forcedAs(r.Dir) == reassembly.FromClient)
		}
		x.from = r.Offset - r.Lost
	}
	if r.Lost > 0 {
		x.finder.Lose(r.Lost, r.Carried, int64(r.Time))
	}
	x.finder.Feed(r.Data, r.Carried, int64(r.Time))
	x.fed += int64(len(r.Data))
	if c.inRecords() {
		x.trail.add(r, c.H2 == nil || c.H2.begins, c.tls != nil && c.tls.guessed)
	}
	c.countSearch(x, int64(x.finder.Held())+x.trail.size)
}

func (c *Conn) countSearch(x *search, held int64) {
	c.hold(held - x.held)
	x.held = held
}

// stop ends the search, found or not.
func (c *Conn) stop(x *search) {
	if x.finder == nil {
		return
	}
	c.countSearch(x, 0)
	x.finder.Reset(frames.Habit{})
	if x.finder.Held() > keptSearch {
		x.finder.Release()
	}
	c.t.finders.give(x.finder)
	*x = search{}
}

// How many bits must speak for frames, over chance.
const (
	aloneBits       = 40 // where the capture has nothing of the other direction
	otherBits       = 20 // where those of the other direction were found
	forcedBits      = 1  // where the user says so, for two in a row from the beginning of a segment on
	forcedCertainty = 12 // and for one anywhere else
)

// believe says whether what may be the first frames of a direction is taken
// for them, now that the other direction is known to have some.
func (c *Conn) believe(f *frames.Finder) bool {
	if c.forced() {
		return f.Believe(forcedBits)
	}
	return f.Believe(otherBits)
}

// keptSearch bounds the memory in bytes that a search leaves to the next one.
const keptSearch = 16 << 10

// An astray is what a direction needs where it is not known where its next
// frame begins.
type astray struct {
	search       search // for it
	hopeless     bool   // it will not be found
	joined       bool   // the capture began there
	unfollowed   int64  // bytes behind the point where framing was lost
	unfollowedAt place
	untold       int64 // where in the byte stream the connection was open: losses before it were not told
}

// stray gives the direction what it needs then.
func (s *side) stray() *astray {
	if s.astray == nil {
		s.astray = new(astray)
	}
	return s.astray
}

// unsynced takes a run of a direction in which the place of the next frame is
// not known.
func (c *Conn) unsynced(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	a := s.stray()
	if a.unfollowed == 0 {
		a.unfollowedAt = place{r.Packet, r.Offset, r.Time}
	}
	a.unfollowed += int64(len(r.Data))
	if a.hopeless {
		return
	}
	c.lookFor(&a.search, s.habit, r)
	switch f := a.search.finder; {
	case c.realignRecords(d, s, r):
	case f.Found(), a.joined && c.believe(f):
		c.resume(d, s, r)
	case f.Hopeless():
		a.hopeless = true
		c.stop(&a.search)
	}
}

// resume goes on with the frames from the place that was found.
func (c *Conn) resume(d reassembly.Dir, s *side, r *reassembly.Chunk) {
	found := s.search
	s.search = search{}
	c.replay(d, s, r, found.from+found.finder.Skipped(), func(yield func(*reassembly.Chunk) bool) {
		for run := range found.finder.Runs() {
			part := reassembly.Chunk{
				Dir: d, Offset: found.from + run.Offset, Lost: run.Lost, Data: run.Data,
				Packet: r.Packet, Carried: run.Packet, Time: r.Time,
			}
			if !yield(&part) {
				return
			}
		}
	})
	c.stop(&found)
}

// replay goes on with frames in the runs that were held, of which the first
// byte is that of a frame and stands at the given place.
func (c *Conn) replay(d reassembly.Dir, s *side, r *reassembly.Chunk, from int64, runs iter.Seq[*reassembly.Chunk]) {
	s.parser.Resync()
	s.habit.Interrupt()
	if m := s.assembler.Interrupt(); m != nil {
		c.message(d, &s.message, m, r)
	}
	s.base, s.based = from-s.parser.Offset(), true
	for run := range runs {
		s.unfollowed -= int64(len(run.Data))
	}
	c.tellUnfollowed(d, s, r.Packet, r)
	for run := range runs {
		for p := range s.parser.Lose(run.Lost) {
			c.piece(d, s, p, run)
		}
		if run.Lost > 0 && s.astray != nil && run.Offset < s.untold {
			c.t.totals.Gaps++
			c.emitLost(c.at(d, run), run.Lost, "not captured")
		}
		for p := range s.parser.Pieces(run.Data) {
			c.piece(d, s, p, run)
		}
	}
	c.account(s)
}

// tellUnfollowed tells of the bytes that were not followed, and counts them.
func (c *Conn) tellUnfollowed(d reassembly.Dir, s *side, packet int64, r *reassembly.Chunk) {
	if s.astray == nil || s.unfollowed == 0 {
		return
	}
	at := Where{Conn: c, Packet: packet, Time: r.Time, Dir: d, Offset: s.unfollowedAt.offset}
	c.emitLost(at, s.unfollowed, unfollowedWhy[s.joined])
	c.Sides[d].UnfollowedBytes += s.unfollowed
	s.unfollowed, s.joined = 0, false
}

// unfollowedWhy says why, by whether the capture began there.
var unfollowedWhy = map[bool]string{
	true:  "not followed: of a frame that began before the capture",
	false: "not followed: a frame header before it was not captured",
}

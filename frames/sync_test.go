package frames

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A follower follows one direction as a session does.
type follower struct {
	p      Parser
	f      Finder
	habit  Habit
	base   int64 // of the search
	search bool
	frames []int64 // where they began
	most   int     // that was held
}

func (w *follower) pieces(b []byte) {
	for p := range w.p.Pieces(b) {
		if p.First {
			w.habit.Note(&p.Header)
			w.frames = append(w.frames, w.p.FrameOffset())
		}
	}
}

func (w *follower) feed(b []byte) {
	if !w.search {
		w.pieces(b)
		return
	}
	if w.f.Feed(b, 1, 2) {
		w.resync()
	}
	w.most = max(w.most, w.f.Held())
}

func (w *follower) resync() {
	// What the finder passed over goes through the parser, which is out of
	// step, so that its offset is right.
	for range w.p.Lose(w.f.Skipped()) {
	}
	w.p.Resync()
	w.habit.Interrupt()
	for r := range w.f.Runs() {
		if w.base+r.Offset != w.p.Offset() {
			panic(fmt.Sprintf("run at %d, the parser is at %d", w.base+r.Offset, w.p.Offset()))
		}
		if r.Lost > 0 {
			for range w.p.Lose(r.Lost) {
			}
			continue
		}
		w.pieces(r.Data)
	}
	if !w.p.Synced() {
		panic("what was found does not hold")
	}
	w.search = false
}

func (w *follower) lose(n int) {
	if w.search {
		w.f.Lose(int64(n), 1, 2)
		return
	}
	for range w.p.Lose(int64(n)) {
	}
	if !w.p.Synced() {
		w.begin()
	}
}

func (w *follower) begin() {
	w.search = true
	w.base = w.p.Offset()
	w.f.Reset(w.habit)
}

// A tally counts over some trials.
type tally struct {
	searches, ended int
	frames          int // whose headers were captured
	found           int
}

func (a *tally) String() string {
	return fmt.Sprintf("%d searches, %d ended; %d frames, %d found", a.searches, a.ended, a.frames, a.found)
}

// check holds that each frame followed was sent, and counts.
func (w *follower) check(t *testing.T, in *sent, sum *tally) {
	t.Helper()
	for _, o := range w.frames {
		if !in.begins[o] {
			t.Fatalf("invented: a frame at %d (of %d frames, %d found)", o, len(in.begins), len(w.frames))
		}
	}
	sum.found += len(w.frames)
	if w.most > 600<<10 {
		t.Errorf("%d bytes held", w.most)
	}
}

// TestFinderAfterLoss loses segments of many kinds of streams. No frame may be
// found that was not sent, and few may be missed.
func TestFinderAfterLoss(t *testing.T) {
	for i := range shapes {
		s := &shapes[i]
		for j, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				sum := tally{}
				for range trials {
					s.lossy(t, rnd, together, &sum)
				}
				t.Log(&sum)
				if sum.found*100 < sum.frames*s.least[j] {
					t.Errorf("%v: less than %d %%", &sum, s.least[j])
				}
			})
		}
	}
}

// trials is how often each shape is tried. FuzzInvented goes on with it.
const trials = 8

func (s *shape) lossy(t *testing.T, rnd *rand.Rand, together int, sum *tally) {
	t.Helper()
	in := s.send(rnd, s.stream(), together)
	w := follower{habit: s.habit()}
	early := rnd.IntN(len(in.chunks)/2 + 1)
	sum.frames += len(in.begins)
	at, losses := 0, 0
	for i, n := range in.chunks {
		was := w.search
		if losses == 0 && i >= early && rnd.IntN(len(in.chunks)/4+2) == 0 {
			losses = 1 + rnd.IntN(3)
		}
		if losses > 0 {
			losses--
			w.lose(n)
			sum.frames -= in.headers(at, at+n)
		} else {
			w.feed(in.b[at : at+n])
		}
		at += n
		switch {
		case w.search && !was:
			sum.searches++
		case was && !w.search:
			sum.ended++
		}
	}
	w.check(t, in, sum)
}

// headers counts those that begin in a part of the stream.
func (s *sent) headers(from, to int) (n int) {
	for i := from; i < to; i++ {
		n += int(bit(s.begins[int64(i)], 1))
	}
	return n
}

// TestFinderInTheMiddle begins in the middle of streams of which nothing is
// known.
func TestFinderInTheMiddle(t *testing.T) {
	for i := range shapes {
		s := &shapes[i]
		for j, together := range []int{1, 20} {
			t.Run(fmt.Sprint(s, " ", together), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(uint64(i), uint64(together)))
				sum := tally{}
				for range trials {
					in := s.send(rnd, s.stream()*2, together)
					w := follower{}
					in.middle(&w, rnd.IntN(len(in.b)/2))
					w.check(t, in, &sum)
					sum.searches++
					sum.ended += 1 - int(bit(w.search, 1))
					sum.frames += len(in.begins)
				}
				t.Log(&sum)
				if sum.ended*100 < sum.searches*s.seen[j] {
					t.Errorf("%v: less than %d %% ended", &sum, s.seen[j])
				}
			})
		}
	}
}

// middle feeds a stream from some place on.
func (s *sent) middle(w *follower, from int) {
	for range w.p.Lose(int64(from)) {
	}
	w.begin()
	at := 0
	for _, n := range s.chunks {
		if at+n > from {
			w.feed(s.b[max(at, from) : at+n])
		}
		at += n
	}
}

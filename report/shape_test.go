package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

func TestLengthBuckets(t *testing.T) {
	for _, n := range []uint64{0, 1, 31, 32, 33, 100, 125, 126, 65535, 65536, 1 << 40, math.MaxUint64} {
		top := lengthOf(lengthBucket(n))
		if top < n || top-n > n/16 || n < 32 && top != n {
			t.Errorf("%d is counted as up to %d", n, top)
		}
		new(lengthTally).add(&session.Message{Message: &frames.Message{Opcode: frames.Binary, WireLength: n}})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		n := random.Uint64() >> random.IntN(64)
		if top := lengthOf(lengthBucket(n)); top < n || top-n > n/16 {
			t.Fatalf("%d is counted as up to %d", n, top)
		}
	}
}

func TestPercentilesAgainstSorting(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var tally lengthTally
	var all []uint64
	for range 5000 {
		n := random.Uint64N(1 << (1 + random.IntN(20)))
		tally.add(&session.Message{Message: &frames.Message{Opcode: frames.Binary, WireLength: n}})
		all = append(all, n)
	}
	slices.Sort(all)
	for _, p := range []int{1, 50, 90, 99, 100} {
		want := all[(len(all)*p+99)/100-1]
		if got := tally.percentile(int64(p)); got < want || got-want > want/16 {
			t.Errorf("%d %%: %d, want %d", p, got, want)
		}
	}
}

func TestOpenCurve(t *testing.T) {
	var tally openTally
	type life struct{ from, to int } // seconds
	var lives []life
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		from := random.IntN(900)
		lives = append(lives, life{from, from + random.IntN(200)})
	}
	slices.SortFunc(lives, func(a, b life) int { return a.to - b.to })
	for _, l := range lives {
		c := &session.Conn{}
		c.State, c.Start = session.Ended, atSecond(l.from)
		tally.add(&session.Closed{Where: session.Where{Time: atSecond(l.to), Conn: c}})
	}
	for i, got := range tally.open {
		at := tally.from + capture.Time(tally.step)*capture.Time(i)
		want := int32(0)
		for _, l := range lives {
			from, to := atSecond(l.from), atSecond(l.to)
			if from <= at && at <= to {
				want++
			}
		}
		if got != want {
			t.Errorf("%d open at moment %d, want %d", got, i, want)
		}
	}
}

func atSecond(n int) capture.Time { return capture.Time(n+1) * capture.Time(time.Second) }

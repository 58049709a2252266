package diagnose

import (
	"hash/maphash"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// TestPinged holds against a slow model which Pings wait for an answer: a Pong
// is for the newest Ping with its payload, and for all before it. As many
// Pings wait as are remembered.
func TestPinged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var b pinged
		var waiting []int // payloads, oldest first
		var answers, other, free int64
		for n := range 40 {
			payload := r.IntN(4)
			sum := maphash.Bytes(worldSeed, []byte{byte(payload)})
			if len(waiting) < len(b.open) && r.IntN(2) == 0 {
				waiting = append(waiting, payload)
				b.ping(openPing{sum, int64(n + 1), capture.Time(n + 1)})
				continue
			}
			at := len(waiting) - 1
			for at >= 0 && waiting[at] != payload {
				at--
			}
			switch {
			case len(waiting) == 0:
				free++
			case at < 0:
				other++
			default:
				answers++
				waiting = waiting[at+1:]
			}
			b.pong(openPing{sum, int64(n + 1), capture.Time(n + 1)})
			if b.waiting != int64(len(waiting)) || b.answers != answers || b.other != other || b.free != free || (b.first.packet == 0) != (len(waiting) == 0) {
				t.Fatalf("%d waiting, %d answers, %d other, %d free; want %d, %d, %d, %d", b.waiting, b.answers, b.other, b.free, len(waiting), answers, other, free)
			}
		}
	}
}

func TestPeriod(t *testing.T) {
	second := capture.Time(time.Second)
	for _, tc := range []struct {
		name string
		at   []capture.Time
		want time.Duration
	}{
		{"none", nil, 0},
		{"one gap is none", []capture.Time{1, 26 * second}, 0},
		{"regular", []capture.Time{1, 1 + 25*second, 1 + 50*second, 1 + 75*second}, 25 * time.Second},
		{"as they come", []capture.Time{1, 1 + 5*second, 1 + 50*second, 1 + 51*second}, 0},
	} {
		var b pinged
		for i, at := range tc.at {
			b.ping(openPing{uint64(i), int64(i + 1), at})
		}
		p, ok := b.period()
		if ok != (tc.want != 0) || ok && p != tc.want {
			t.Errorf("%s: %v, %v", tc.name, p, ok)
		}
	}
}

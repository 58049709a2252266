package session

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// TestTableAgainstMap does random additions and removals, with hashes that
// collide, and compares with a map.
func TestTableAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var tab table
	model := map[key]*flow{}
	keys := make([]key, 300)
	for i := range keys {
		keys[i] = key{low: [2]uint64{0, uint64(i)}}
	}
	hash := func(k key) uint64 { return k.low[1]%37<<3 | k.low[1]%3<<62 }
	for step := range 20_000 {
		k := keys[rng.IntN(len(keys))]
		if got := tab.find(&k, hash(k)); got != model[k] {
			t.Fatalf("step %d: found %p, want %p", step, got, model[k])
		}
		if f := model[k]; f != nil {
			tab.remove(f)
			delete(model, k)
		} else if rng.IntN(3) > 0 {
			f := &flow{key: k, hash: hash(k)}
			tab.add(f)
			model[k] = f
		}
		if tab.n != len(model) {
			t.Fatalf("step %d: %d flows, want %d", step, tab.n, len(model))
		}
	}
}

// TestTableGrowsInParts holds that no flow added to 100,000 makes more of them
// move than their share of a part.
func TestTableGrowsInParts(t *testing.T) {
	const flows = 100_000
	tab := table{seed: rand.Uint64()}
	most := 0
	for i := range flows {
		k := key{low: [2]uint64{0, uint64(i)}}
		f := &flow{key: k, hash: k.hash(tab.seed)}
		p := tab.part(f.hash)
		before := len(p.slots)
		tab.add(f)
		if len(p.slots) != before {
			most = max(most, p.n)
		}
	}
	if most == 0 || most > 2*flows/tableParts {
		t.Errorf("%d flows moved for one, of %d", most, flows)
	}
}

func TestKeyIsTheSameBothWays(t *testing.T) {
	ends := []string{"10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "[::1]:80", "[::1]:81", "[::ffff:10.0.0.1]:80", "[fe80::1]:9"}
	seen := map[key]string{}
	for _, a := range ends {
		for _, b := range ends {
			if strings.HasPrefix(a, "[") != strings.HasPrefix(b, "[") {
				continue // no packet has addresses of both kinds
			}
			from, to := netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)
			var there, back key
			low, high := there.set(&from, &to), back.set(&to, &from)
			if there != back || a != b && low == high {
				t.Errorf("%s and %s: %v (%v), and back %v (%v)", a, b, there, low, back, high)
			}
			pair := fmt.Sprint(min(a, b), max(a, b))
			if other, ok := seen[there]; ok && other != pair {
				t.Errorf("%s has the key of %s", pair, other)
			}
			seen[there] = pair
		}
	}
}

// TestLeastActiveIsGivenUp fills the table beyond its limit.
func TestLeastActiveIsGivenUp(t *testing.T) {
	var ended []int64
	tr := New(Config{MaxFlows: 3})
	for i := range 4 {
		f := &flow{key: key{ports: uint32(i)}, hash: uint64(i)}
		f.conn = &Conn{t: tr, flow: f}
		f.conn.ID, f.conn.End = int64(i), capture.Time(10-i)
		tr.table.add(f)
		tr.live.push(f)
	}
	tr.live.root.next.conn.End = 20
	for range 3 {
		f := tr.live.leastActive()
		ended = append(ended, f.conn.ID)
		tr.live.remove(f)
	}
	if fmt.Sprint(ended) != "[0 1 2]" && fmt.Sprint(ended) != "[2 1 0]" {
		t.Errorf("gave up %v", ended)
	}
}

func TestSamples(t *testing.T) {
	var s Samples
	for i := range 10_000 {
		s.Add(1 + time.Duration(7919*i%10_000))
	}
	if s.Count != 10_000 || s.Min != 1 || s.Max != 10_000 {
		t.Errorf("count %d, min %d, max %d", s.Count, s.Min, s.Max)
	}
	if m := s.Median(); m < 4_000 || m > 6_000 {
		t.Errorf("median %d of 1 to 10,000", m)
	}
	if s.kept.n > maxSamples {
		t.Errorf("%d samples kept", s.kept.n)
	}
}

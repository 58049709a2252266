package session

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// feed hands a segment to a Tracker past the IP layer.
func feed(t *Tracker, number int64, at capture.Time, g reassembly.Segment) {
	g.Packet, g.Time = number, at
	t.tick(number, at)
	if c, d := t.conn(&g); c != nil {
		c.segment(d, &g)
	}
	if t.used() > t.ceiling || t.clock >= t.expiry {
		t.relieve()
	}
}

func client(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 24), byte(n >> 16), byte(n >> 8)}), 1024+uint16(n&0xff))
}

var server = netip.MustParseAddrPort("192.168.0.1:80")

// TestHalfOpenFlood opens a million connections halfway: what is held stays
// under the ceiling, and each connection is told of.
func TestHalfOpenFlood(t *testing.T) {
	const flood, ceiling = 1_000_000, 16 << 20
	tr := New(Config{MaxMemory: ceiling})
	var most int64
	for n := range flood {
		at := capture.Time(n) * capture.Time(time.Microsecond)
		feed(tr, int64(n+1), at, reassembly.Segment{Src: client(n), Dst: server, Seq: reassembly.SeqNum(n), Flags: reassembly.FlagSYN})
		most = max(most, tr.used())
	}
	tr.Close()
	if most > ceiling+connCost || most < ceiling/2 {
		t.Errorf("%d bytes held, the ceiling is %d", most, ceiling)
	}
	if tr.budget.Used != 0 {
		t.Errorf("%d bytes still counted", tr.budget.Used)
	}
	if n := tr.totals.States[Unanswered]; n != flood {
		t.Errorf("%d unanswered connections told of, want %d", n, flood)
	}
	if tr.totals.Limited == 0 {
		t.Error("the limit is not counted")
	}
}

// TestExpiry lets connections be silent.
func TestExpiry(t *testing.T) {
	tr := New(Config{Idle: time.Hour})
	at := capture.Time(0)
	feed(tr, 1, at, reassembly.Segment{Src: client(1), Dst: server, Flags: reassembly.FlagSYN})
	feed(tr, 2, at, reassembly.Segment{Src: client(2), Dst: server, Flags: reassembly.FlagACK, Payload: []byte("GET /")})
	for minute := range 70 {
		at = capture.Time(time.Duration(minute) * time.Minute)
		feed(tr, int64(minute+3), at, reassembly.Segment{Src: client(3), Dst: server, Flags: reassembly.FlagACK, Payload: []byte("x")})
		want := 3
		if minute > 5 {
			want--
		}
		if minute > 60 {
			want--
		}
		if got := tr.live.n + tr.trying.n; got != want && minute != 5 && minute != 60 {
			t.Fatalf("after %d minutes: %d connections, want %d", minute, got, want)
		}
	}
	if tr.totals.Expired != 2 {
		t.Errorf("%d expired, want 2", tr.totals.Expired)
	}
	feed(tr, 99, at, reassembly.Segment{Src: client(2), Dst: server, Seq: 5, Flags: reassembly.FlagACK, Payload: []byte("more")})
	if tr.live.n != 2 {
		t.Errorf("%d connections, want 2: what speaks again is seen", tr.live.n)
	}
}

// TestExpiryIsTheSameForAll has hundreds of connections fall silent, with a clock
// that goes back at times: each is ended in the same packet, however many are
// followed beside it.
func TestExpiryIsTheSameForAll(t *testing.T) {
	const flows = 200
	const asked = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
	alone := make([][]int64, flows) // the packets in which each was ended
	for _, together := range []int{1, 7, flows} {
		for first := 0; first < flows; first += together {
			rnd := rand.New(rand.NewPCG(1, 2))
			told := make([][]int64, flows)
			tr := New(Config{Idle: time.Hour}, ended(func(c *Conn, packet int64) {
				n := int(c.Client.Port() - client(0).Port())
				told[n] = append(told[n], packet)
			}))
			var at capture.Time
			for n := int64(1); n < 3000; n++ {
				at += capture.Time(rnd.IntN(200)-50) * capture.Time(time.Second)
				who, speaks := rnd.IntN(flows), rnd.IntN(20) > 0
				if who = who * who / flows; !speaks || who < first || who >= first+together {
					tr.tick(n, at)
					if tr.clock >= tr.expiry {
						tr.relieve()
					}
					continue
				}
				g := reassembly.Segment{Src: client(who), Dst: server, Seq: 1, Flags: reassembly.FlagACK, Payload: []byte(asked)}
				if who%2 == 0 { // tries in vain
					g.Flags, g.Payload = reassembly.FlagSYN, nil
				}
				feed(tr, n, at, g)
			}
			for n := first; n < first+together && n < flows; n++ {
				if together == 1 {
					alone[n] = told[n]
				} else if !slices.Equal(told[n], alone[n]) {
					t.Errorf("flow %d, one of %d, is ended in packets %d, alone in %d", n, together, told[n], alone[n])
				}
			}
		}
	}
	if n := len(slices.Concat(alone...)); n < flows {
		t.Errorf("%d connections were ended", n)
	}
}

// ended is called for each connection that is closed.
type ended func(c *Conn, packet int64)

func (f ended) Observe(e Event) {
	if e, ok := e.(*Closed); ok {
		f(e.Conn, e.Packet)
	}
}

// TestPaths has equal ends in two tunnels, and a connection whose directions
// carry different tags.
func TestPaths(t *testing.T) {
	const syn, ack = reassembly.FlagSYN, reassembly.FlagACK
	tr := New(Config{})
	for i, path := range []uint64{0, 7, 8} {
		isn := reassembly.SeqNum(1000 * i)
		feed(tr, int64(2*i+1), 1, reassembly.Segment{Src: client(1), Dst: server, Path: path, Seq: isn, Flags: syn})
		feed(tr, int64(2*i+2), 1, reassembly.Segment{Src: server, Dst: client(1), Path: path, Ack: isn.Add(1), Flags: syn | ack})
	}
	if tr.trying.n != 3 {
		t.Errorf("%d connections over three paths", tr.trying.n)
	}
	feed(tr, 10, 1, reassembly.Segment{Src: client(9), Dst: server, Path: 20, Seq: 50, Flags: syn})
	feed(tr, 11, 1, reassembly.Segment{Src: server, Dst: client(9), Path: 21, Seq: 70, Ack: 51, Flags: syn | ack})
	feed(tr, 12, 1, reassembly.Segment{Src: client(9), Dst: server, Path: 20, Seq: 51, Ack: 71, Flags: ack})
	feed(tr, 13, 1, reassembly.Segment{Src: server, Dst: client(9), Path: 21, Seq: 71, Ack: 51, Flags: ack, Payload: []byte("x")})
	if tr.trying.n+tr.live.n != 4 || tr.live.n != 1 {
		t.Errorf("%d and %d connections: a different tag on the way back made another", tr.trying.n, tr.live.n)
	}
	tr.Close()
	if tr.live.n+tr.trying.n+len(tr.lone) != 0 || tr.budget.Used != 0 {
		t.Errorf("%d, %d and %d left, %d bytes", tr.live.n, tr.trying.n, len(tr.lone), tr.budget.Used)
	}
}

// TestLateSegments holds that the last acknowledgment of a connection does not
// begin another one, however many have ended since, and that a connection is
// forgotten after so many packets, whoever's they were: for all workers alike.
func TestLateSegments(t *testing.T) {
	const others = 3 * rememberedLeast
	for _, shards := range []uint64{1, 4} {
		tr := New(Config{})
		var known int64 // numbers given
		tr.number = func(f *flow) { known++ }
		tr.shards = shards
		n := int64(0)
		packet := func(src, dst netip.AddrPort, flags reassembly.Flags) {
			n++
			feed(tr, n, capture.Time(n), reassembly.Segment{Src: src, Dst: dst, Seq: 1, Ack: 2, Flags: flags})
		}
		for i := range others {
			packet(client(i), server, reassembly.FlagSYN)
			packet(server, client(i), reassembly.FlagRST|reassembly.FlagACK)
		}
		before := known
		for i := range others {
			packet(server, client(i), reassembly.FlagACK)
		}
		if known != before || before == 0 {
			t.Errorf("%d shards: %d connections, then %d more for their late acknowledgments", shards, before, known-before)
		}
		n += rememberedFor
		for i := range others {
			packet(server, client(i), reassembly.FlagACK)
		}
		if known != 2*before {
			t.Errorf("%d shards: %d of %d connections were forgotten", shards, known-before, before)
		}
		if tr.idle.n > int(before) {
			t.Errorf("%d shards: %d are remembered of %d", shards, tr.idle.n, before)
		}
	}
}

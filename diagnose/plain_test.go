package diagnose

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// TestPlain holds that of frames that plainFrame is true of, plain notes what
// frame does, whatever was before.
func TestPlain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	seen := 0
	for range 200 {
		slow, fast := &Conn{Deflate: rnd.IntN(2) == 0}, &Conn{}
		*fast = *slow
		for n := range int64(60) {
			e := session.Frame{Header: frames.Header{
				FIN: rnd.IntN(4) > 0, RSV1: rnd.IntN(8) == 0, RSV2: rnd.IntN(40) == 0, Opcode: []frames.Opcode{0, 1, 1, 1, 2, 2, 8, 9, 10, 3}[rnd.IntN(10)],
				PayloadLength: uint64(rnd.IntN(3) * rnd.IntN(60)), MaskingKey: [4]byte{0, 0, 0, byte(rnd.IntN(3))},
			}}
			e.Dir = reassembly.Dir(rnd.IntN(2))
			e.Masked = (e.Dir == reassembly.FromClient) != (rnd.IntN(20) == 0)
			e.Packet, e.FirstPacket, e.Time = n+1, n+1, capture.Time(n*int64(rnd.IntN(5)))
			if e.Opcode.IsControl() && rnd.IntN(3) > 0 {
				continue
			}
			plain := fast.plainFrame(&e)
			slow.frame(&e)
			if plain {
				seen++
				fast.plain(&fast.Sides[e.Dir], &e)
			} else {
				fast.frame(&e)
			}
			if !reflect.DeepEqual(slow, fast) {
				t.Fatalf("behind %+v:\n%+v\nplain:\n%+v", e.Header, slow, fast)
			}
		}
	}
	if seen < 500 {
		t.Errorf("%d plain frames", seen)
	}
}

// TestCacheLines holds that what every frame touches of a Side stands in one
// cache line: a Conn begins behind the 8 bytes that say what it is.
func TestCacheLines(t *testing.T) {
	const line, before = 64, 8
	conn, side := reflect.TypeFor[Conn](), reflect.TypeFor[Side]()
	sides, _ := conn.FieldByName("Sides")
	keys, _ := side.FieldByName("keys")
	if (before+sides.Offset)%line != 0 || side.Size()%line != 0 || keys.Offset >= line {
		t.Errorf("sides at byte %d, of %d bytes, keys at %d", before+sides.Offset, side.Size(), keys.Offset)
	}
}

// eventCount is an Observer that counts.
type eventCount struct{ events, findings int }

func (n *eventCount) Observe(session.Event) { n.events++ }
func (n *eventCount) Finding(*Finding)      { n.findings++ }

// TestWhole holds that a frame and the message in it leave behind the same
// whether they are told together or one after the other.
func TestWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	seen, rules := 0, All()
	for range 200 {
		var told [2]eventCount
		var conns [2]session.Conn
		checkers := [2]*Checker{New(rules, &told[0]), New(rules, &told[1])}
		deflate := rnd.IntN(2) == 0
		for i := range conns {
			checkers[i].connOf(&conns[i]).Deflate = deflate
		}
		for n := range int64(60) {
			f := session.Frame{Header: frames.Header{
				FIN: true, RSV1: rnd.IntN(12) == 0, RSV2: rnd.IntN(60) == 0, Opcode: []frames.Opcode{1, 1, 1, 2}[rnd.IntN(4)],
				PayloadLength: uint64(rnd.IntN(3) * rnd.IntN(60)), MaskingKey: [4]byte{0, 0, 0, byte(rnd.IntN(3))},
			}}
			f.Dir = reassembly.Dir(rnd.IntN(2))
			f.Masked = (f.Dir == reassembly.FromClient) != (rnd.IntN(40) == 0)
			f.Packet, f.FirstPacket, f.Time = n+1, n+1, capture.Time(n*int64(rnd.IntN(5)))
			m := session.Message{Where: f.Where, FirstPacket: n + 1, Message: &frames.Message{
				Opcode: f.Opcode, Compressed: f.RSV1 && deflate, Length: f.PayloadLength, WireLength: f.PayloadLength * uint64(1+rnd.IntN(200)),
				InvalidAt: -1, Complete: true, Data: []byte("Lorem ipsum, 2probe")[:min(f.PayloadLength, 19)],
			}}
			if rnd.IntN(40) == 0 {
				m.InvalidAt = 0
			}
			for i := range conns {
				f.Conn, m.Conn = &conns[i], &conns[i]
				if i == 0 {
					checkers[i].Observe(&f)
					checkers[i].Observe(&m)
					continue
				}
				if c := checkers[i].connOf(f.Conn); c.plainWhole(&c.Sides[f.Dir], &f, &m) {
					seen++
				}
				checkers[i].ObserveWhole(&f, &m)
			}
			slow, fast := *checkers[0].connOf(&conns[0]), *checkers[1].connOf(&conns[1])
			slow.Conn, fast.Conn = nil, nil
			if told[0] != told[1] || !reflect.DeepEqual(slow, fast) {
				t.Fatalf("behind %+v:\n%+v\ntogether:\n%+v", f.Header, slow, fast)
			}
		}
	}
	if seen < 500 {
		t.Errorf("%d told together", seen)
	}
}

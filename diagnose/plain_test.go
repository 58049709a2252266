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
				fast.plain(&e)
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

package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// TestBombs holds that many messages together are a bomb, and a lot of what
// programs say to each other is none.
func TestBombs(t *testing.T) {
	for _, test := range []struct {
		name         string
		length, wire uint64
		n            int
		every        time.Duration
		want         string
	}{
		{"one large bomb", 11 << 20, 12 << 10, 1, 0, "deflate-bomb"},
		{"many small bombs", 64 << 10, 100, 200, time.Millisecond, "deflate-bomb.many"},
		{"as many, and slow", 64 << 10, 100, 200, time.Second, ""},
		{"JSON that shrinks to a thirtieth", 96 << 10, 3200, 1000, time.Millisecond, ""},
		{"JSON that repeats the message before", 32 << 10, 140, 1000, time.Millisecond, ""},
	} {
		c, conn := opened()
		out := new(teller)
		c.out = out
		e := &session.Message{Where: session.Where{Conn: conn, Dir: reassembly.FromClient}, Message: &frames.Message{
			Opcode: frames.Text, Frames: 1, Compressed: true, Inflated: true, Complete: true, Length: test.length, WireLength: test.wire, InvalidAt: -1,
		}}
		for i := range test.n {
			e.Packet, e.FirstPacket = int64(i+9), int64(i+9)
			e.Time = capture.Time(i) * capture.Time(test.every)
			c.Observe(e)
		}
		var got []string
		for _, f := range out.all {
			if f.Rule.ID == "deflate-bomb" {
				got = append(got, f.ID())
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %q", test.name, got, test.want)
		}
	}
}

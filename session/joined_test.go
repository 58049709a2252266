package session

import (
	"testing"

	"github.com/wssniff/wssniff/reassembly"
)

// TestDecodeAs sends two small frames with no handshake: too few to know them
// by, unless the user says what they are.
func TestDecodeAs(t *testing.T) {
	frames := []byte("\x81\x85\x10\x20\x30\x40hello\x81\x86\x50\x60\x70\x11world!") // masked
	for i := range 5 {
		frames[6+i] ^= frames[2+i&3]
	}
	for i := range 6 {
		frames[17+i] ^= frames[13+i&3]
	}
	for _, tc := range []struct {
		ports []uint16
		want  int64
	}{{nil, 0}, {[]uint16{443}, 0}, {[]uint16{80}, 2}} {
		tr := New(Config{DecodeAs: tc.ports})
		feed(tr, 1, 1, reassembly.Segment{Src: client(1), Dst: server, Seq: 10, Flags: reassembly.FlagACK, Payload: frames[:11]})
		feed(tr, 2, 2, reassembly.Segment{Src: client(1), Dst: server, Seq: 21, Flags: reassembly.FlagACK, Payload: frames[11:]})
		tr.Close()
		if n := tr.totals.Sides[reassembly.FromClient].Messages; n != tc.want {
			t.Errorf("--decode-as %v: %d messages of the client, want %d", tc.ports, n, tc.want)
		}
		if n := tr.totals.States[MidStream]; (n > 0) != (tc.want > 0) {
			t.Errorf("--decode-as %v: %d connections", tc.ports, n)
		}
	}
}

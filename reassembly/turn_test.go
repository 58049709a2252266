package reassembly

import (
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// TestUnheard loses a segment of a direction whose other side was not
// captured: the gap is a loss once enough has come behind it, not only at the
// end of the capture.
func TestUnheard(t *testing.T) {
	var s Stream
	var lost, got int64
	for n := range 200 {
		if n == 10 {
			continue
		}
		g := &Segment{Seq: SeqNum(100 * n), Flags: FlagACK, Payload: make([]byte, 100), Packet: int64(n + 1), Time: capture.Time(n)}
		for c := range s.Chunks(FromServer, g) {
			lost += c.Lost
			got += int64(len(c.Data))
		}
	}
	if lost != 100 || got != 199*100 {
		t.Errorf("%d bytes lost, %d given", lost, got)
	}
	if s.Seen(FromClient) || !s.Seen(FromServer) {
		t.Error("it is not known who was captured")
	}
	s.Turn()
	if !s.Seen(FromClient) || s.Seen(FromServer) {
		t.Error("the directions were not exchanged")
	}
}

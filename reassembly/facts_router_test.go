package reassembly

import (
	"path/filepath"
	"testing"

	"github.com/wssniff/wssniff/capture"
)

// TestRouterCapture reads captures in which nothing was sent twice.
func TestRouterCapture(t *testing.T) {
	for name, twice := range map[string]bool{"router-any": true, "any-sll": false, "any-sll2": false} {
		f, err := capture.Open([]string{filepath.Join("../testdata/captures", name+".pcap")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var ip IP
		var s Stream
		var client string
		var segments int64
		for p := range capture.Packets(f) {
			g := ip.Segment(p)
			if g == nil {
				continue
			}
			d := FromServer
			if segments++; client == "" || client == g.Src.String() {
				client, d = g.Src.String(), FromClient
			}
			for range s.Chunks(d, g) {
			}
			if s.Ended() == FIN {
				break
			}
		}
		f.Close()
		a, b := s.Counts(FromClient), s.Counts(FromServer)
		if n := a.Retransmitted + b.Retransmitted + a.DuplicateACKs + b.DuplicateACKs + a.OutOfOrder + b.OutOfOrder; n != 0 || segments == 0 {
			t.Errorf("%s: client %+v, server %+v", name, a, b)
		}
		want := int64(0)
		if twice {
			want = segments / 2
		}
		if got := a.Duplicates + b.Duplicates; got != want {
			t.Errorf("%s: %d duplicates of %d segments, want %d", name, got, segments, want)
		}
	}
}

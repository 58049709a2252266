package main

import (
	"path/filepath"
	"testing"
)

// TestJoined holds how many messages of recordings that begin in the middle,
// or have one direction alone, or whose heads were cut, are found: TestTruth
// holds that none of them is another than was sent.
func TestJoined(t *testing.T) {
	for _, tc := range []struct {
		capture        string
		client, server int // messages that the capture holds whole
		known, forced  [2]int
	}{
		{"midstream.pcap", 2, 2, [2]int{2, 2}, [2]int{2, 2}},
		{"midstream-big.pcap.gz", 3, 3, [2]int{3, 3}, [2]int{3, 3}},
		{"midstream-deflate.pcap", 2, 2, [2]int{2, 2}, [2]int{2, 2}},
		{"midstream-deflate-fresh.pcap", 4, 4, [2]int{4, 4}, [2]int{4, 4}},
		{"midstream-fragments.pcap", 1, 2, [2]int{1, 2}, [2]int{1, 2}},
		{"midstream-idle.pcap", 0, 2, [2]int{0, 2}, [2]int{0, 2}},
		{"one-way-client-late.pcap", 3, 0, [2]int{3, 0}, [2]int{3, 0}},
		{"one-way-server-late.pcap", 0, 3, [2]int{0, 3}, [2]int{0, 3}},
		{"snaplen.pcap", 3, 3, [2]int{3, 3}, [2]int{3, 3}},
	} {
		for _, forced := range []bool{false, true} {
			want, args := tc.known, []string{"-r", filepath.Join(capturesDir, tc.capture)}
			if forced {
				want, args = tc.forced, append(args, "--decode-as", "8080=websocket")
			}
			var got [2]int
			for _, e := range events(t, exitOK, args...) {
				if e.Type == "message" && e.Direction == "client" {
					got[0]++
				} else if e.Type == "message" {
					got[1]++
				}
			}
			if got != want || got[0] > tc.client || got[1] > tc.server {
				t.Errorf("%s, forced %t: %v messages of the client and of the server, want %v of %d and %d", tc.capture, forced, got, want, tc.client, tc.server)
			}
		}
	}
}

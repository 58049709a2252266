package capture

import (
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlaces holds that files that follow each other are of one place, and
// files that do not are of several.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files [][]Time // the times of their packets
		want  []int    // the places of the packets, in order of time
	}{
		{"one", [][]Time{{1, 2}}, []int{0, 0}},
		{"one after the other", [][]Time{{1, 2}, {3, 4}, {5}}, []int{0, 0, 0, 0, 0}},
		{"in another order", [][]Time{{5}, {1, 2}, {3, 4}}, []int{0, 0, 0, 0, 0}},
		{"side by side", [][]Time{{1, 4}, {2, 3}}, []int{0, 1, 1, 0}},
		{"three, of which one ends", [][]Time{{1, 3}, {2, 5}, {4, 6}}, []int{0, 1, 0, 2, 1, 2}},
		{"behind two", [][]Time{{1, 3}, {2, 4}, {5}}, []int{0, 1, 0, 1, 1}},
		{"an empty one", [][]Time{{}, {1, 2}, {3}}, []int{0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var paths []string
			for i, times := range tt.files {
				var packets []want
				for _, at := range times {
					packets = append(packets, want{at * 1000, LinkEthernet, "01234567890123", 14})
				}
				paths = append(paths, store(t, dir, fmt.Sprint(i), classic.file(packets)))
			}
			src, err := Open(paths, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var got []int
			var p Packet
			for {
				if err := src.Read(&p); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				got = append(got, p.Input)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package capture

import (
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadRun: packets that are lent together are those that come one by one,
// with a secret and a damaged block among them, and none is overwritten before
// the next are read.
func TestReadRun(t *testing.T) {
	dir := t.TempDir()
	many := sample(3000, LinkEthernet)
	blocks := new(ng).section(little, 0).iface(LinkEthernet, 0)
	for i, p := range many {
		blocks.packet(0, uint64(p.Time/1000), p)
		if i%100 == 7 {
			blocks.block(10, uint32(0x544c534b), uint32(4), "abcd")
		}
	}
	blocks.packet(9, 0, many[0]) // of an interface that is not there
	whole := classic.file(many)
	for _, paths := range [][]string{
		{store(t, dir, "whole.pcap", whole)},
		{store(t, dir, "cut.pcap", whole[:40_000])},
		{store(t, dir, "blocks.pcapng", blocks.b)},
		{store(t, dir, "a.pcap", classic.file(many[:50])), store(t, dir, "b.pcap", classic.file(many[20:90]))},
	} {
		all, inputs := read(t, paths...)
		for _, most := range []int{1, 7, 64} {
			src, err := Open(paths, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []want
			lent := make([]Packet, most)
			for err == nil {
				var n int
				n, err = src.ReadRun(lent)
				for i := range lent[:n] {
					p := &lent[i]
					got = append(got, want{p.Time, p.LinkType, string(p.Data), p.Length})
					if p.Number != int64(len(got)) {
						t.Fatalf("packet %d has number %d", len(got), p.Number)
					}
				}
			}
			if err != io.EOF {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all, got); diff != "" {
				t.Fatalf("%v, %d at once: %s", paths, most, diff)
			}
			if diff := cmp.Diff(fmt.Sprint(inputs), fmt.Sprint(src.Inputs())); diff != "" {
				t.Fatalf("%v, %d at once: %s", paths, most, diff)
			}
			src.Close()
		}
	}
}

//go:build libpcap

package capture_test

import (
	"io"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/capture/filter"
)

// viaLibpcap says that libpcap captures, and filters.
const viaLibpcap = true

// TestForeignFilter: words that only libpcap knows filter a file; nonsense is
// still refused with its word and column.
func TestForeignFilter(t *testing.T) {
	const onlyLibpcap = "wlan type data"
	if _, err := filter.Parse(onlyLibpcap, nil); err == nil {
		t.Fatalf("%q is understood here: take another", onlyLibpcap)
	}
	f, err := capture.ParseFilter(onlyLibpcap, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, beacon := make([]byte, 64), make([]byte, 64)
	data[0], beacon[0] = 0x08, 0x80
	src := &capture.Filtered{Source: &twoPackets{data, beacon}, Filter: f}
	n := 0
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; p.Data[0] != 0x08 {
			t.Errorf("% x", p.Data)
		}
	}
	if n != 1 || src.LeftOut != 1 {
		t.Errorf("%d let through, %d left out", n, src.LeftOut)
	}
	_, err = capture.ParseFilter("port or 80", nil)
	if bad, ok := err.(*filter.Error); !ok || bad.Column == 0 {
		t.Errorf("%v", err)
	}
}

// twoPackets is a source of packets of IEEE 802.11.
type twoPackets [][]byte

func (s *twoPackets) Read(p *capture.Packet) error {
	if len(*s) == 0 {
		return io.EOF
	}
	*p = capture.Packet{LinkType: 105, Data: (*s)[0], Length: len((*s)[0])}
	*s = (*s)[1:]
	return nil
}

func (*twoPackets) Close() error { return nil }

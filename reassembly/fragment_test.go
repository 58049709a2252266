package reassembly

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/wssniff/wssniff/capture"
)

// fragment4 is the part from..to of what a datagram of IPv4 carries.
func fragment4(payload string, from, to int) string {
	field := uint16(from / 8)
	if to < len(payload) {
		field |= 0x2000
	}
	return ip4(6, field, "", payload[from:to])
}

// fragment6 is the same of IPv6.
func fragment6(payload string, from, to int) string {
	field := uint16(from)
	if to < len(payload) {
		field |= 1
	}
	return ip6(44, "\x06\x00"+string(binary.BigEndian.AppendUint16(nil, field))+"\x00\x00\x00\x07"+payload[from:to])
}

// cuts draws the places at which a datagram is cut: multiples of 8.
func cuts(t *rapid.T, size int) []int {
	places := []int{0}
	for at := 0; ; {
		at += 8 * rapid.IntRange(1, 6).Draw(t, "words")
		if at >= size {
			return append(places, size)
		}
		places = append(places, at)
	}
}

// TestFragments holds that fragments in any order, some of them twice, give
// the datagram once, with the last one needed; and none while one is missing.
func TestFragments(t *testing.T) {
	for _, kind := range []struct {
		name string
		cut  func(payload string, from, to int) string
	}{{"IPv4", fragment4}, {"IPv6", fragment6}} {
		t.Run(kind.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				text := strings.Repeat("0123456789abcdef", 8)[:rapid.IntRange(30, 120).Draw(t, "size")]
				payload := tcp("", text)
				places := cuts(t, len(payload))
				var parts []int
				for i := range len(places) - 1 {
					for range rapid.IntRange(1, 2).Draw(t, "copies") {
						parts = append(parts, i)
					}
				}
				parts = rapid.Permutation(parts).Draw(t, "order")
				var ip IP
				seen, got := map[int]bool{}, 0
				for n, i := range parts {
					data := kind.cut(payload, places[i], places[i+1])
					seg := ip.Segment(&capture.Packet{Number: int64(n), LinkType: capture.LinkRaw, Data: []byte(data), Length: len(data)})
					seen[i] = true
					switch {
					case seg == nil:
					case len(seen) < len(places)-1:
						t.Fatalf("a segment with %d of %d fragments", len(seen), len(places)-1)
					case string(seg.Payload) != text || seg.Missing != 0:
						t.Fatalf("%q, want %q", seg.Payload, text)
					default:
						got++
					}
				}
				if got != 1 {
					t.Fatalf("%d segments of one datagram", got)
				}
			})
		})
	}
}

// TestFragmentsThatDiffer holds what is done where two fragments say something
// else of the same bytes: with IPv6 the datagram is dropped (RFC 5722 §4).
func TestFragmentsThatDiffer(t *testing.T) {
	payload := tcp("", strings.Repeat("x", 44))
	other := tcp("", strings.Repeat("y", 44))
	feed := func(ip *IP, data string) *Segment { return segmentIn(ip, data, len(data)) }
	var ip IP
	feed(&ip, fragment6(payload, 24, 48))
	feed(&ip, fragment6(other, 24, 48))
	feed(&ip, fragment6(payload, 0, 24))
	if seg := feed(&ip, fragment6(payload, 48, len(payload))); seg != nil {
		t.Errorf("IPv6: %v", factsOf(seg))
	}
}

// TestFragmentsTimeOut holds that fragments wait a limited time, that of packets.
func TestFragmentsTimeOut(t *testing.T) {
	payload := tcp("", strings.Repeat("x", 44))
	for _, wait := range []time.Duration{time.Second, time.Hour} {
		var ip IP
		var seg *Segment
		for i, data := range []string{fragment4(payload, 0, 32), fragment4(payload, 32, len(payload))} {
			seg = ip.Segment(&capture.Packet{Time: capture.Time(1 + int64(i)*int64(wait)), LinkType: capture.LinkRaw, Data: []byte(data), Length: len(data)})
		}
		if whole := seg != nil; whole != (wait == time.Second) {
			t.Errorf("after %v: %v", wait, factsOf(seg))
		}
	}
}

// TestFragmentFlood holds that first fragments of ever new datagrams stay
// within the limit, and that what was given up is counted.
func TestFragmentFlood(t *testing.T) {
	ip := IP{MaxFragments: 64 << 10}
	payload := tcp("", strings.Repeat("x", 1000))
	for i := range 10_000 {
		data := set(fragment4(payload, 0, 800), 4, string(binary.BigEndian.AppendUint16(nil, uint16(i))))
		ip.Segment(&capture.Packet{Time: capture.Time(1 + i), LinkType: capture.LinkRaw, Data: []byte(data), Length: len(data)})
		if ip.v4.bytes > ip.MaxFragments {
			t.Fatalf("%d bytes are held, %d at most", ip.v4.bytes, ip.MaxFragments)
		}
	}
	if d := ip.Stats.Datagrams; d.Budget+d.Waiting != 10_000 {
		t.Errorf("%+v of 10,000", d)
	}
}

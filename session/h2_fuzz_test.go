package session_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
)

// conversation puts both sides' bytes into packets: each side speaks twice.
func conversation(t testing.TB, up, down []byte, split int) []capture.Packet {
	var b strings.Builder
	b.WriteString("syn\n")
	for i := range 2 {
		for who, all := range [2][]byte{up, down} {
			part := all[i*len(all)/2 : (i+1)*len(all)/2]
			if len(part) > 0 {
				fmt.Fprintf(&b, "%s raw hex=%s split=%d\n", "cs"[who:who+1], hex.EncodeToString(part), split)
			}
		}
	}
	b.WriteString("fin\n")
	packets, err := casetest.Of("0.0", b.String()).Packets()
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

// FuzzMultiplex says any bytes over TCP behind the beginnings of an HTTP/2
// connection, with one packet missing or none. No more is told than was said,
// and in other segments the same, unless heads are missing: then where segments
// begin says something of where frames do.
func FuzzMultiplex(f *testing.F) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	const settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01"
	const request = "\x00\x00\x4c\x01\x04\x00\x00\x00\x01\x00\x07:method\x07CONNECT\x00\x09:protocol\x09websocket" +
		"\x00\x07:scheme\x04http\x00\x05:path\x02/f\x00\x0a:authority\x01h"
	const frame = "\x00\x00\x08\x00\x00\x00\x00\x00\x01\x81\x82\x00\x00\x00\x00hi"
	f.Add([]byte(request+frame+frame), []byte("\x00\x00\x0d\x01\x04\x00\x00\x00\x01\x00\x07:status\x03200"+"\x00\x00\x04\x00\x00\x00\x00\x00\x01\x81\x02hi"), uint8(0))
	f.Add([]byte(request+frame+"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08"), []byte("\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint8(6))
	f.Fuzz(func(t *testing.T, up, down []byte, missing uint8) {
		up, down = append([]byte(preface), up...), append([]byte(settings), down...)
		packets := conversation(t, up, down, 1460)
		if missing > 0 {
			i := int(missing) % len(packets)
			packets = slices.Delete(packets, i, i+1)
		}
		got := sayAll(t, packets, nil)
		checkTold(t, got, up, down)
		if missing > 0 {
			return
		}
		cut := sayAll(t, conversation(t, up, down, 3), nil)
		checkTold(t, cut, up, down)
		if got.heads && cut.heads && !slices.EqualFunc(got.whole, cut.whole, func(a, b spoken) bool { return a.like(&b) }) {
			t.Errorf("%d messages; cut into segments of 3 bytes %d, or others", len(got.whole), len(cut.whole))
		}
	})
}

func checkTold(t *testing.T, s *said, up, down []byte) {
	told := uint64(0)
	for _, m := range s.whole {
		told += m.length
	}
	if told > uint64(len(up)+len(down)) {
		t.Errorf("%d bytes in messages, of %d", told, len(up)+len(down))
	}
}

package session_test

import (
	"bytes"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A spoken is a message that was told whole, as far as it must be the same
// whatever else is lost.
type spoken struct {
	stream      uint32
	dir         reassembly.Dir
	sum         [sha256.Size]byte
	first, last int64 // packets
}

// said collects the messages of WebSockets over HTTP/2.
type said struct {
	whole []spoken
}

func (s *said) Observe(e session.Event) {
	if e, ok := e.(*session.Message); ok && e.Conn.H2 != nil && e.Complete {
		s.whole = append(s.whole, spoken{e.Conn.H2.Stream, e.Dir, sha256.Sum256(e.Data), e.FirstPacket, e.Where.Packet})
	}
}

// unlocked reads the recording of that name with its secrets.
func unlocked(t *testing.T, name string) (packets []capture.Packet, keys *tlsdecrypt.Keys) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, name+".pcap*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v %v", name, files, err)
	}
	src, err := capture.Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		q := *p
		q.Data = bytes.Clone(p.Data)
		packets = append(packets, q)
	}
	keys = &tlsdecrypt.Keys{}
	for _, s := range src.Secrets() {
		log := keys.Log(name)
		log.Write(s.Data)
		log.Flush()
	}
	return packets, keys
}

func sayAll(t *testing.T, packets []capture.Packet, keys *tlsdecrypt.Keys) *said {
	t.Helper()
	s := new(said)
	tr := session.New(session.Config{Keys: keys, Keep: 1 << 20}, s)
	for i := range packets {
		tr.Packet(&packets[i])
	}
	tr.Close()
	return s
}

// TestH2Removed takes each packet out of the recordings in turn: what is told
// then was told before, in that order.
func TestH2Removed(t *testing.T) {
	for _, name := range []string{"h2c-streams", "h2-streams", "h2-stalls", "h2-chromium", "h2-haproxy", "h2-hypercorn", "h2-ends"} {
		packets, keys := unlocked(t, name)
		ref := sayAll(t, packets, keys)
		if len(ref.whole) == 0 {
			t.Fatalf("%s: no messages", name)
		}
		for i := range packets {
			got := sayAll(t, slices.Delete(slices.Clone(packets), i, i+1), keys)
			rest := slices.Clone(ref.whole)
			for _, g := range got.whole {
				at := slices.IndexFunc(rest, func(w spoken) bool { return w.stream == g.stream && w.dir == g.dir && w.sum == g.sum })
				if at < 0 {
					t.Errorf("%s without packet %d: in stream %d a message that %v did not send, in packet %d", name, packets[i].Number, g.stream, g.dir, g.last)
					continue
				}
				rest = slices.Delete(rest, at, at+1)
			}
		}
	}
}

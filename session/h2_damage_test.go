package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A spoken is a message that was told whole.
type spoken struct {
	stream      uint32
	dir         reassembly.Dir
	length      uint64 // as sent
	read        bool   // it could be inflated, or had not to be
	sum         [sha256.Size]byte
	first, last int64 // packets
}

// like says whether w is g, or was before it could not be inflated any more.
func (w *spoken) like(g *spoken) bool {
	return w.stream == g.stream && w.dir == g.dir && w.length == g.length && (w.sum == g.sum || !g.read)
}

// said collects the messages of WebSockets over HTTP/2.
type said struct {
	whole []spoken
	opens map[uint32]int64 // the packet of the answer
	heads bool             // of each WebSocket the heads were read
}

func (s *said) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Handshake:
		if e.H2 != nil && e.Established {
			s.opens[e.H2.Stream] = e.Packet
		}
	case *session.Closed:
		s.heads = s.heads && e.Conn.Confidence == 0
	case *session.Message:
		if e.Conn.H2 != nil && e.Complete {
			s.whole = append(s.whole, spoken{
				e.Conn.H2.Stream, e.Dir, e.WireLength, !e.Compressed || e.Inflated, sha256.Sum256(e.Data), e.FirstPacket, e.Where.Packet,
			})
		}
	}
}

// mustStay says whether w is told though packet n is missing: it is behind w,
// or w is short, and its stream was open and in use.
func (s *said) mustStay(w *spoken, n int64) bool {
	const oneDATA = 1400
	used := w.dir == reassembly.FromClient || slices.ContainsFunc(s.whole, func(b spoken) bool {
		return b.stream == w.stream && b.dir == w.dir && b.last < n
	})
	return n > w.last || n < w.first && w.length < oneDATA && s.opens[w.stream] < n && used
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

func sayAll(t testing.TB, packets []capture.Packet, keys *tlsdecrypt.Keys) *said {
	t.Helper()
	s := &said{opens: map[uint32]int64{}, heads: true}
	tr := session.New(session.Config{Keys: keys, Keep: 1 << 20}, s)
	for i := range packets {
		tr.Packet(&packets[i])
	}
	tr.Close()
	return s
}

// TestH2Removed takes each packet out of the recordings in turn. What is told
// then was told before, and no message is lost that the packet did not touch,
// as far as it can be known where the next one begins.
func TestH2Removed(t *testing.T) {
	for _, name := range []string{"h2c-streams", "h2-streams", "h2-stalls", "h2-chromium", "h2-haproxy", "h2-hypercorn", "h2-ends", "h2-go", "h2c-upgrade"} {
		packets, keys := unlocked(t, name)
		ref := sayAll(t, packets, keys)
		if len(ref.whole) == 0 {
			t.Fatalf("%s: no messages", name)
		}
		for i := range packets {
			n := packets[i].Number
			got := sayAll(t, slices.Delete(slices.Clone(packets), i, i+1), keys)
			rest := slices.Clone(ref.whole)
			for _, g := range got.whole {
				at := slices.IndexFunc(rest, func(w spoken) bool { return w.like(&g) })
				if at < 0 {
					t.Errorf("%s without packet %d: in stream %d a message that the %v did not send, in packet %d", name, n, g.stream, g.dir, g.last)
					continue
				}
				rest = slices.Delete(rest, at, at+1)
			}
			for _, w := range rest {
				if ref.mustStay(&w, n) {
					t.Errorf("%s without packet %d: in stream %d no message of the %v, in packet %d", name, n, w.stream, w.dir, w.last)
				}
			}
		}
	}
}

// TestH2SplitAnywhere says the bytes of a recording again, in segments of a
// few bytes: what they hold stays the same.
func TestH2SplitAnywhere(t *testing.T) {
	for _, name := range []string{"h2c-streams", "h2-chromium", "h2-haproxy", "h2-ends", "h2-go", "h2c-upgrade"} {
		packets, keys := unlocked(t, name)
		want := sayAll(t, packets, keys)
		for _, size := range []int{1, 2, 7, 100, 1459} {
			got := sayAll(t, resegmented(t, packets, size), keys)
			if len(got.whole) != len(want.whole) {
				t.Errorf("%s in segments of %d: %d messages, not %d", name, size, len(got.whole), len(want.whole))
				continue
			}
			for _, w := range want.whole {
				if !slices.ContainsFunc(got.whole, func(g spoken) bool { return w.like(&g) && g.read == w.read }) {
					t.Errorf("%s in segments of %d: no message of the %v in stream %d, of packet %d", name, size, w.dir, w.stream, w.last)
				}
			}
		}
	}
}

// resegmented cuts what the packets carry into segments of at most so many
// bytes. Their numbers go up one by one.
func resegmented(t *testing.T, packets []capture.Packet, size int) (out []capture.Packet) {
	t.Helper()
	for i := range packets {
		p := &packets[i]
		const link = 14 // Ethernet
		ip := int(p.Data[link]&0xf) * 4
		head := link + ip + int(p.Data[link+ip+12]>>4)*4
		end := link + int(binary.BigEndian.Uint16(p.Data[link+2:]))
		for at := head; at < end || at == head; at += size {
			n := min(size, end-at)
			q := *p
			q.Data = slices.Concat(p.Data[:head], p.Data[at:at+n])
			q.Length = len(q.Data)
			q.Number = int64(len(out) + 1)
			binary.BigEndian.PutUint16(q.Data[link+2:], uint16(head-link+n))
			seq := q.Data[link+ip+4:]
			binary.BigEndian.PutUint32(seq, binary.BigEndian.Uint32(seq)+uint32(at-head))
			if at+n < end {
				q.Data[link+ip+13] &^= 1 // FIN
			}
			out = append(out, q)
		}
	}
	return out
}

package tlsdecrypt

import (
	"bytes"
	"crypto/tls"
	"testing"

	"github.com/wssniff/wssniff/reassembly"
)

// TestParts holds that sessions are known in the order of the packets, whichever
// of several goroutines met them, once the first secret is there: only the
// first connection of three has one, the second resumes its session and is
// given another ticket, and the third resumes that.
func TestParts(t *testing.T) {
	sent, all := payloads(10, 2000)
	c := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	s := &tls.Config{MinVersion: tls.VersionTLS12}
	var r [3]recording
	for i := range r {
		tickets := [][32]byte{{byte(i + 1)}}
		if i > 0 {
			tickets = append(tickets, [32]byte{byte(i)}) // an old one, for which there is a new ticket
		}
		s.SetSessionTicketKeys(tickets)
		r[i].record(t, c, s, sent)
	}
	if r[1].keys.Len()+r[2].keys.Len() > 0 {
		t.Fatal("secrets of sessions that are resumed")
	}
	keys := new(Keys)
	alone := 0
	parts := [2]*Keys{keys.Part(func() { alone++ }), keys.Part(func() { alone++ })}
	feed := func(d *Decrypter, i int) (got result) {
		for n, f := range r[i].flights {
			for ch := range d.Chunks(&reassembly.Chunk{Dir: f.dir, Data: f.data, Packet: int64(100*i + n)}) {
				got.take(ch)
			}
		}
		return got
	}
	second, first := &Decrypter{Keys: parts[0]}, &Decrypter{Keys: parts[1]}
	feed(second, 1) // it is faster
	feed(first, 0)
	third := &Decrypter{Keys: parts[1]}
	if keys.Log("keys").Write(r[0].keys.Bytes()); alone != 1 || parts[0].Len() != 1 {
		t.Errorf("%d times alone, %d secrets, want one of each", alone, parts[0].Len())
	}
	got := feed(third, 2)
	if !bytes.Equal(got.data[0], all) || !bytes.Equal(got.data[1], all) {
		t.Errorf("%d and %d bytes of the third connection, want %d: %v", len(got.data[0]), len(got.data[1]), len(all), third.Facts().State)
	}
}

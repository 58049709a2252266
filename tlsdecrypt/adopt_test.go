package tlsdecrypt

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/wssniff/wssniff/reassembly"
)

// TestJoined holds that of TLS 1.3 whose beginning was not captured all is
// read that was, wherever the capture begins, among the secrets of other
// connections; and that of TLS 1.2 it is said why nothing is.
func TestJoined(t *testing.T) {
	var sent [][]byte
	for i := range 12 {
		sent = append(sent, fmt.Appendf(nil, "<message %02d %s>", i, bytes.Repeat([]byte{'x'}, 40*i)))
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := &tls.Config{MinVersion: v, MaxVersion: v}
		var r recording
		keys := new(Keys)
		for range 3 {
			r = recording{}
			r.record(t, c.Clone(), c.Clone(), sent)
			keys.Log("keys").Write(r.keys.Bytes())
		}
		for first := 1; first < len(r.flights)-6; first += 1 + 6*int(tls.VersionTLS13-v) {
			for _, swap := range []bool{false, true} { // who is the client is not known, either
				d := &Decrypter{Keys: keys, Joined: true}
				var got result
				for _, f := range r.flights[first:] {
					dir := f.dir
					if swap {
						dir = dir.Other()
					}
					for c := range d.Chunks(&reassembly.Chunk{Dir: dir, Data: bytes.Clone(f.data)}) {
						got.take(c)
					}
				}
				if v == tls.VersionTLS12 {
					if f := d.Facts(); first > 2 && (f.State == Decrypting || got.data[0] != nil) {
						t.Fatalf("TLS 1.2 from flight %d on: %v, %d bytes", first, f.State, len(got.data[0]))
					}
					continue
				}
				for dir := range got.data {
					sentBy := got.data[dir]
					if swap {
						sentBy = got.data[reassembly.Dir(dir).Other()]
					}
					if want := messagesFrom(r.flights, first, reassembly.Dir(dir), sent); !bytes.Equal(sentBy, want) {
						t.Fatalf("from flight %d on, swapped %v: %v sent %.60q, got %.60q", first, swap, reassembly.Dir(dir), want, sentBy)
					}
				}
				if swap != d.Swapped() && d.Facts().ClientHello == nil {
					t.Fatalf("from flight %d on: swapped is %v, want %v", first, d.Swapped(), swap)
				}
			}
		}
	}
}

// messagesFrom gives what one end sent in TLS 1.3 in the flights from one on:
// each of its messages is a record, and they are known by their lengths.
func messagesFrom(flights []flight, first int, dir reassembly.Dir, sent [][]byte) (all []byte) {
	next := 0
	for i, f := range flights {
		if f.dir == dir && next < len(sent) && f.data[0] == typeData && len(f.data) == headerLen+len(sent[next])+17 {
			if i >= first {
				all = append(all, sent[next]...)
			}
			next++
		}
	}
	return all
}

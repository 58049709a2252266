package tlsdecrypt

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/reassembly"
)

// FuzzRecord holds that records do not depend on how a stream is cut, and that
// damage of any kind neither panics nor makes bytes that were not sent.
func FuzzRecord(f *testing.F) {
	sent, all := payloads(5, 100, 3000, 40)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		f.Add(v == tls.VersionTLS13, uint8(3), uint16(100), uint16(50), []byte("garbage"))
	}
	f.Add(true, uint8(200), uint16(0), uint16(4000), []byte{22, 3, 3, 255, 255, 23, 3, 3, 0, 1})
	var r [2]recording
	var keys [2]*Keys
	var once bool
	f.Fuzz(func(t *testing.T, newest bool, which uint8, at, lost uint16, garbage []byte) {
		if !once {
			once = true
			for i, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				c := &tls.Config{MinVersion: v, MaxVersion: v}
				r[i].record(t, c.Clone(), c.Clone(), sent)
				keys[i] = keysOf(t, r[i].keys.Bytes())
			}
		}
		i := 0
		if newest {
			i = 1
		}
		d := &Decrypter{Keys: keys[i]}
		var got [2]result
		var lose [2]int64
		for n, fl := range r[i].flights {
			data := fl.data
			if n == int(which)%len(r[i].flights) {
				cut := int(at) % (len(data) + 1)
				end := min(cut+int(lost), len(data))
				for _, c := range []reassembly.Chunk{
					{Dir: fl.dir, Lost: lose[fl.dir], Data: data[:cut]},
					{Dir: fl.dir, Lost: int64(end - cut), Data: garbage},
				} {
					for c := range d.Chunks(&c) {
						got[0].take(c)
					}
				}
				data = data[end:]
			}
			for c := range d.Chunks(&reassembly.Chunk{Dir: fl.dir, Data: data}) {
				got[0].take(c)
			}
		}
		for c := range d.Flush() {
			got[0].take(c)
		}
		for _, data := range got[0].data {
			if rest := subsequence(data, all); rest != 0 {
				t.Errorf("%d bytes that were not sent", rest)
			}
		}
		whole, searched := records(garbage, len(garbage)+1)
		pieces, searchedToo := records(garbage, int(which)%7+1)
		if !searched && !searchedToo && !slices.Equal(whole, pieces) {
			t.Errorf("records at %v, in pieces at %v", whole, pieces)
		}
		for _, at := range [][]int64{whole, pieces} {
			end := int64(0)
			for ; len(at) > 0; at = at[3:] {
				if at[0] < end+at[2] {
					t.Errorf("a record at %d with %d bytes unknown before it, behind one that ends at %d", at[0], at[2], end)
				}
				end = at[0] + headerLen + at[1]
			}
			if end > int64(len(garbage)) {
				t.Errorf("a record ends at %d of %d", end, len(garbage))
			}
		}
	})
}

// subsequence says how many bytes of b are not, in order, bytes of all.
func subsequence(b, all []byte) int {
	for _, x := range all {
		if len(b) > 0 && b[0] == x {
			b = b[1:]
		}
	}
	return len(b)
}

// records gives offset, length and hole of each record of b, fed in pieces of
// a size, and whether one was searched: then the borders of pieces count, too.
func records(b []byte, size int) (at []int64, searched bool) {
	var r reader
	var rec record
	for len(b) > 0 {
		n := min(size, len(b))
		r.feed(0, b[:n])
		for r.next(&rec) {
			at = append(at, rec.offset, int64(rec.length), rec.hole)
		}
		searched = searched || r.searching || rec.hole > 0
		b = b[n:]
	}
	return at, searched
}

// FuzzHello holds that a hello of any bytes is read without a panic.
func FuzzHello(f *testing.F) {
	f.Add([]byte("\x03\x03" + string(make([]byte, 32)) + "\x00\x00\x02\x13\x01\x01\x00\x00\x09\x00\x00\x00\x05\x00\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := parseClientHello(b)
		h.Newest()
		parseServerHello(b)
		encryptedExtensions(b)
		for _, v := range []Version{TLS12, TLS13} {
			if len(parseChain(b, v)) > maxChain {
				t.Error("the chain is too long")
			}
		}
		if len(h.Suites)*2 > len(b) || len(h.ALPN) > len(b) {
			t.Error("more than was there")
		}
	})
}

// FuzzKeyLog holds that a key log read in pieces is as one read whole.
func FuzzKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM 00 11\n# x\nRSA a b\n"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		var whole, pieces Keys
		l := whole.Log("k")
		want := append(l.Write(b), l.Flush()...)
		l = pieces.Log("k")
		var got []Warning
		for part := range slices.Chunk(bytes.Clone(b), int(size)+1) {
			got = append(got, l.Write(part)...)
		}
		got = append(got, l.Flush()...)
		if !slices.Equal(got, want) || whole.Len() != pieces.Len() {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

package tlsdecrypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/reassembly"
)

func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCCM holds that example 3 of NIST SP 800-38C comes out, and that what was
// changed does not.
func TestCCM(t *testing.T) {
	block, err := aes.NewCipher(fromHex(t, "404142434445464748494a4b4c4d4e4f"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCCM(block, 8)
	nonce, ad := fromHex(t, "101112131415161718191a1b"), fromHex(t, "000102030405060708090a0b0c0d0e0f10111213")
	plain := fromHex(t, "202122232425262728292a2b2c2d2e2f3031323334353637")
	sealed := c.Seal(nil, nonce, plain, ad)
	if want := "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951"; hex.EncodeToString(sealed) != want {
		t.Errorf("sealed %x, want %s", sealed, want)
	}
	if got, err := c.Open(nil, nonce, sealed, ad); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened %x, %v", got, err)
	}
	for i := range sealed {
		sealed[i] ^= 1
		if _, err := c.Open(nil, nonce, sealed, ad); err == nil {
			t.Errorf("byte %d was changed and nothing noticed", i)
		}
		sealed[i] ^= 1
	}
}

// TestSuites holds that the table can be searched and that each row is whole.
func TestSuites(t *testing.T) {
	if !slices.IsSortedFunc(suites, func(a, b suite) int { return int(a.id) - int(b.id) }) {
		t.Error("the suites are not in order")
	}
	for _, s := range suites {
		if s.protection != unsupported && (s.key == 0 || !s.hash.Available()) || (s.mac != 0) != (s.protection == cbc || s.protection == des3) {
			t.Errorf("%s is not whole", s.name)
		}
	}
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if SuiteName(s.ID) != s.Name {
			t.Errorf("%04x is %s, want %s", s.ID, SuiteName(s.ID), s.Name)
		}
	}
}

// TestKeyLog holds that lines of a key log are taken in any case and with any
// end of line, in pieces, and that a warning names the line and no secret.
func TestKeyLog(t *testing.T) {
	random, secret := strings.Repeat("ab", 32), strings.Repeat("cd", 48)
	text := "# comment\r\n\nCLIENT_RANDOM " + random + " " + strings.ToUpper(secret) + "\r\n" +
		"SERVER_TRAFFIC_SECRET_0 " + strings.ToUpper(random) + " " + secret + "\n" +
		"EXPORTER_SECRET " + random + " " + secret + "\nCLIENT_TRAFFIC_SECRET_N " + random + " " + secret + "\n" +
		"CLIENT_RANDOM " + random + "\nNEW_LABEL " + random + " " + secret + "\n" +
		"CLIENT_RANDOM " + random + " " + secret[1:] + "\n" + strings.Repeat("f", 5000) + "\n" +
		"CLIENT_RANDOM " + random + " " + secret[2:] + "zz\n" +
		"RSA 0123456789abcdef " + secret + "\nRSA Session-ID:aabb Master-Key:" + secret
	want := []int{7, 8, 9, 10, 11}
	for _, size := range []int{1, 7, len(text)} {
		k := new(Keys)
		l := k.Log("x.keys")
		var warnings []Warning
		for b := []byte(text); len(b) > 0; {
			n := min(size, len(b))
			warnings = append(warnings, l.Write(b[:n])...)
			b = b[n:]
		}
		warnings = append(warnings, l.Flush()...)
		var lines []int
		for _, w := range warnings {
			lines = append(lines, w.Line)
			if strings.Contains(strings.ToLower(w.String()), secret[:6]) || strings.Contains(w.String(), random[:6]) {
				t.Errorf("%q repeats what the log holds", w)
			}
		}
		if !slices.Equal(lines, want) || k.Len() != 2 || k.Version() != 4 {
			t.Errorf("in pieces of %d: warnings on lines %v, want %v; %d connections, version %d", size, lines, want, k.Len(), k.Version())
		}
		if s := k.byRandom[[32]byte(fromHex(t, random))]; hex.EncodeToString(s.of[masterSecret]) != secret {
			t.Errorf("the master secret is %x", s.of[masterSecret])
		}
	}
}

// bulk records an upload, and gives a Decrypter that is behind its handshake,
// and the records of data that follow.
func bulk(t testing.TB, version, suite uint16, size, n int) (d *Decrypter, chunks [][]byte) {
	t.Helper()
	tt, ok := t.(*testing.T)
	if !ok {
		tt = new(testing.T)
	}
	var r recording
	c := &tls.Config{MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}, DynamicRecordSizingDisabled: true}
	var sent [][]byte
	for range n {
		sent = append(sent, make([]byte, size))
	}
	r.record(tt, c.Clone(), c.Clone(), sent)
	d = &Decrypter{Keys: keysOf(t, r.keys.Bytes())}
	for _, f := range r.flights {
		if f.dir == reassembly.FromClient && f.data[0] == typeData && len(f.data) > size {
			chunks = append(chunks, f.data)
		} else if len(chunks) == 0 {
			for range d.Chunks(&reassembly.Chunk{Dir: f.dir, Data: f.data}) {
			}
		}
	}
	return d, chunks
}

// TestAllocs holds that a record costs no allocation.
func TestAllocs(t *testing.T) {
	for _, conf := range configs() {
		if conf.version == tls.VersionTLS10 { // crypto/tls sends each first byte in a record of its own
			continue
		}
		d, chunks := bulk(t, conf.version, conf.suite, 1000, 100)
		var in reassembly.Chunk
		next, got := 0, 0
		feed := func() {
			for _, b := range [2][]byte{chunks[next][:300], chunks[next][300:]} {
				in = reassembly.Chunk{Data: b}
				for c := range d.Chunks(&in) {
					got += len(c.Data)
				}
			}
			next++
		}
		feed()
		if n := testing.AllocsPerRun(80, feed); n != 0 {
			t.Errorf("%s: %v allocations a record", conf.name, n)
		}
		if got != next*1000 {
			t.Errorf("%s: %d bytes of %d records", conf.name, got, next)
		}
	}
}

// TestSplitAnywhere holds that it does not matter where chunks end.
func TestSplitAnywhere(t *testing.T) {
	sent, all := payloads(1, 20, 300)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var r recording
		c := &tls.Config{MinVersion: v, MaxVersion: v}
		r.record(t, c.Clone(), c.Clone(), sent)
		keys := keysOf(t, r.keys.Bytes())
		for size := 1; size < 1500; size++ { // each border of a record comes to stand at each distance from one of a segment
			var got result
			got.run(&Decrypter{Keys: keys}, r.flights, size)
			if !bytes.Equal(got.data[0], all) || !bytes.Equal(got.data[1], all) {
				t.Fatalf("%v: in segments of %d: other bytes than sent", Version(v), size)
			}
		}
		for i, f := range r.flights {
			for cut := 1; cut < len(f.data); cut++ {
				split := slices.Concat(r.flights[:i], []flight{{f.dir, f.data[:cut]}, {f.dir, f.data[cut:]}}, r.flights[i+1:])
				var got result
				got.run(&Decrypter{Keys: keys}, split, 1<<20)
				if !bytes.Equal(got.data[0], all) || !bytes.Equal(got.data[1], all) {
					t.Fatalf("%v: flight %d cut at %d: other bytes than sent", Version(v), i, cut)
				}
			}
		}
	}
}

// TestSplitEachSuite holds the same of the data of each suite.
func TestSplitEachSuite(t *testing.T) {
	sent, all := payloads(1, 40)
	for _, conf := range configs() {
		var r recording
		c := &tls.Config{MinVersion: conf.version, MaxVersion: conf.version, CipherSuites: []uint16{conf.suite}}
		r.record(t, c.Clone(), c.Clone(), sent)
		keys := keysOf(t, r.keys.Bytes())
		cuts := 0
		for i, f := range r.flights {
			if f.data[0] != typeData || len(f.data) > 300 {
				continue
			}
			for cut := 1; cut < len(f.data); cut++ {
				split := slices.Concat(r.flights[:i], []flight{{f.dir, f.data[:cut]}, {f.dir, f.data[cut:]}}, r.flights[i+1:])
				var got result
				got.run(&Decrypter{Keys: keys}, split, 1<<20)
				if cuts++; !bytes.Equal(got.data[0], all) || !bytes.Equal(got.data[1], all) {
					t.Fatalf("%s: flight %d cut at %d: other bytes than sent", conf.name, i, cut)
				}
			}
		}
		if cuts < 100 {
			t.Errorf("%s: cut in %d places, want more", conf.name, cuts)
		}
	}
}

// BenchmarkDecrypt compares a decrypted byte with what crypto/cipher alone
// takes for it.
func BenchmarkDecrypt(b *testing.B) {
	const size = 16384
	block, _ := aes.NewCipher(make([]byte, 16))
	aead, _ := cipher.NewGCM(block)
	nonce := make([]byte, 12)
	sealed, dst := aead.Seal(nil, nonce, make([]byte, size), nil), make([]byte, 0, size)
	b.Run("cipher", func(b *testing.B) {
		b.SetBytes(64 * size)
		for b.Loop() {
			for range 64 {
				if _, err := aead.Open(dst, nonce, sealed, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	for _, segment := range []int{1448, 65536} {
		b.Run(fmt.Sprintf("segments=%d", segment), func(b *testing.B) {
			d, chunks := bulk(b, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, size, 64)
			var all []byte
			for _, c := range chunks {
				all = append(all, c...)
			}
			first := d.halves[0].key.seq
			b.SetBytes(64 * size)
			b.ReportAllocs()
			for b.Loop() {
				d.halves[0].key.seq = first
				got := 0
				for rest := all; len(rest) > 0; {
					n := min(segment, len(rest))
					for c := range d.Chunks(&reassembly.Chunk{Data: rest[:n]}) {
						got += len(c.Data)
					}
					rest = rest[n:]
				}
				if got != 64*size {
					b.Fatalf("%d bytes", got)
				}
			}
		})
	}
}

package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

// A deflater compresses messages as RFC 7692 §7.2.1 has it. It shares nothing
// with what inflates them.
type deflater struct {
	t        *testing.T
	w        *flate.Writer
	out      bytes.Buffer
	takeover bool
}

func newDeflater(t *testing.T, takeover bool, bits int) *deflater {
	t.Helper()
	d := &deflater{t: t, takeover: takeover}
	var err error
	if bits == 15 {
		d.w, err = flate.NewWriter(&d.out, 6)
	} else {
		d.w, err = flate.NewWriterWindow(&d.out, 1<<bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *deflater) compress(b string) string {
	d.out.Reset()
	if !d.takeover {
		d.w.Reset(&d.out)
	}
	if _, err := d.w.Write([]byte(b)); err != nil {
		d.t.Fatal(err)
	}
	if err := d.w.Flush(); err != nil {
		d.t.Fatal(err)
	}
	return strings.TrimSuffix(d.out.String(), "\x00\x00\xff\xff")
}

// deflateSizes are the lengths of messages and fragments of groups 12 and 13.
var deflateSizes = [18][2]int{
	{16, 0}, {64, 0}, {256, 0}, {1024, 0}, {4096, 0}, {8192, 0}, {16384, 0}, {32768, 0}, {65536, 0}, {131072, 0},
	{8192, 256}, {16384, 256}, {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768},
}

// deflateSets are the parameters of group 13, as offered and as answered, for
// both directions; the first is that of group 12.
var deflateSets = []struct {
	offer, answer string
	noTakeover    bool
	bits          int
}{
	{"permessage-deflate", "permessage-deflate", false, 15},
	{"permessage-deflate; client_no_context_takeover; server_no_context_takeover", "permessage-deflate; client_no_context_takeover; server_no_context_takeover", true, 15},
	{"permessage-deflate; client_max_window_bits; server_max_window_bits=9", "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", false, 9},
	{"permessage-deflate; client_max_window_bits; server_max_window_bits=15", "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15", false, 15},
	{"permessage-deflate; client_max_window_bits; server_no_context_takeover; server_max_window_bits=9", "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=9; server_max_window_bits=9", true, 9},
	{"permessage-deflate; client_max_window_bits; server_no_context_takeover; server_max_window_bits=15", "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits=15; server_max_window_bits=15", true, 15},
	{"permessage-deflate; server_no_context_takeover; client_max_window_bits; server_max_window_bits=9, permessage-deflate; server_no_context_takeover; client_max_window_bits, permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9", true, 9},
}

// deflateData are the kinds of content of group 12: JSON, text of few words,
// a picture's bytes, noise, and one byte over and over.
var deflateData = []func(r *rand.Rand, n int) string{
	func(r *rand.Rand, n int) string {
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, `{"id":%d,"price":%d.%02d,"symbol":"%c%c%c","open":true},`, r.IntN(1e6), r.IntN(999), r.IntN(100), 'A'+rune(r.IntN(26)), 'A'+rune(r.IntN(26)), 'A'+rune(r.IntN(26)))
		}
		return b.String()[:n]
	},
	func(r *rand.Rand, n int) string {
		words := strings.Fields("the frame was sent by a client who masked it and then waited for what the server had to say")
		var b strings.Builder
		for b.Len() < n {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		return b.String()[:n]
	},
	func(r *rand.Rand, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i/7) + byte(r.IntN(3))
		}
		return string(b)
	},
	func(r *rand.Rand, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	},
	func(_ *rand.Rand, n int) string { return filler(n) },
}

// A deflateCase is one of group 12 or 13: parameters, content, and size.
type deflateCase struct {
	id              string
	set, kind, size int
}

// deflateCases are all of both groups. 12 has each kind of content with the
// first parameters, 13 one kind with all of them.
func deflateCases() (list []deflateCase) {
	for size := range deflateSizes {
		for kind := range deflateData {
			list = append(list, deflateCase{fmt.Sprintf("12.%d.%d", kind+1, size+1), 0, kind, size})
		}
		for set := range deflateSets {
			list = append(list, deflateCase{fmt.Sprintf("13.%d.%d", set+1, size+1), set, (size + set) % len(deflateData), size})
		}
	}
	return list
}

// TestAutobahnDeflate plays a few messages of each case where the suite has a
// thousand, and now and then one that is not compressed.
func TestAutobahnDeflate(t *testing.T) {
	messages := 4
	if testing.Short() || raced {
		messages = 2
	}
	for _, c := range deflateCases() {
		t.Run(c.id, func(t *testing.T) {
			p, size := deflateSets[c.set], deflateSizes[c.size]
			r := rand.New(rand.NewPCG(uint64(c.set), uint64(c.size*8+c.kind)))
			d := &duel{number: "13", fuzzer: "cs"[r.IntN(2):][:1], clean: true, open: fmt.Sprintf("ext=%q ext2=%q", p.offer, p.answer)}
			mine, others := newDeflater(t, !p.noTakeover, p.bits), newDeflater(t, !p.noTakeover, p.bits)
			for m := range messages {
				b := deflateData[c.kind](r, size[0])
				d.told("bin", b)
				if m == 2 {
					d.send("bin" + payload(b))
				} else {
					for _, f := range framesOf("bin", " rsv1", mine.compress(b), size[1]) {
						d.send(f)
					}
				}
				d.answer("bin rsv1 hex=" + hex.EncodeToString([]byte(others.compress(b))))
			}
			d.end()
			d.judge(t)
		})
	}
}

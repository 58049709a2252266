package reassembly

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestStreamAgainstModel sends random segments of known bytes in any order,
// some of them twice, overlapping, or not at all, with acknowledgments in
// between, and compares with the bytes.
func TestStreamAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sent := make([]byte, rapid.IntRange(1, 400).Draw(rt, "sent"))
		for i := range sent {
			sent[i] = byte('A' + i%57)
		}
		lossy := rapid.Bool().Draw(rt, "lossy")
		w := newWire(t, rapid.SampledFrom(bases).Draw(rt, "base"))
		w.open()
		captured := make([]bool, len(sent))
		for _, s := range drawSegments(rt, len(sent), lossy) {
			if s.acks {
				w.send(FromServer, FlagACK, 0, "", w.ack(FromServer, s.at))
				continue
			}
			w.send(FromClient, FlagACK, s.at, string(sent[s.at:s.at+s.n]))
			for i := range s.n {
				captured[s.at+i] = true
			}
		}
		w.flush()
		if len(w.got[FromClient]) > len(sent) {
			rt.Fatalf("%d bytes of %d sent", len(w.got[FromClient]), len(sent))
		}
		for i, b := range w.got[FromClient] {
			if b != sent[i] && b != '?' {
				rt.Fatalf("offset %d is %q, was sent as %q", i, b, sent[i])
			}
			if b == '?' && !lossy {
				rt.Fatalf("offset %d is reported lost, and was captured", i)
			}
		}
		if !lossy && !bytes.Equal(w.got[FromClient], sent) {
			rt.Fatalf("got %d of %d bytes", len(w.got[FromClient]), len(sent))
		}
		if used := w.stream.budget().Used; used != 0 {
			rt.Fatalf("%d bytes are still held", used)
		}
	})
}

type drawn struct {
	at, n int
	acks  bool
}

// drawSegments covers n bytes with segments, adds copies and overlaps, shuffles
// them within a distance, and drops some where lossy. What is acknowledged
// has been captured, unless lossy.
func drawSegments(rt *rapid.T, n int, lossy bool) []drawn {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
	var all []drawn
	for at := 0; at < n; {
		size := min(1+rng.IntN(40), n-at)
		all = append(all, drawn{at: at, n: size})
		at += size
	}
	for range rng.IntN(8) {
		at := rng.IntN(n)
		all = append(all, drawn{at: at, n: 1 + rng.IntN(n-at)})
	}
	far := 1 + rng.IntN(6)
	for i := range all {
		j := min(i+rng.IntN(far), len(all)-1)
		all[i], all[j] = all[j], all[i]
	}
	var out []drawn
	seen := make([]bool, n+1)
	for _, s := range all {
		if !lossy || rng.IntN(6) > 0 {
			out = append(out, s)
		}
		for i := range s.n {
			seen[s.at+i] = true
		}
		if rng.IntN(3) == 0 {
			acked := 0
			for seen[acked] {
				acked++
			}
			out = append(out, drawn{at: acked, acks: true})
		}
	}
	return out
}

// FuzzStream takes arbitrary segments: nothing panics, offsets go on without
// a jump, and everything held is given back.
func FuzzStream(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x00\x00\x00\x00\x00\x01\x12\x00\x00\x01\x00\x00\x05"))
	f.Add([]byte("\x00\x10\x00\x05\x00\x00\x00\x09\x01\x11\x00\x00\x00\x0e\x00\x00\x01\x14\x00\x00\x00\x00\x00\x02"))
	f.Fuzz(func(t *testing.T, in []byte) {
		w := newWire(t, 0)
		w.stream.budget().Each = 1 << 10
		for ; len(in) >= 8; in = in[8:] {
			d := Dir(in[0] & 1)
			scale := uint(in[0] >> 4 << 1)
			g := func(g *Segment) {
				g.Seq = SeqNum(binary.BigEndian.Uint16(in[2:])) << scale
				g.Ack = SeqNum(binary.BigEndian.Uint16(in[4:])) << scale
				g.Missing = int(in[6])
			}
			w.log.Reset()
			w.send(d, Flags(in[1]), 0, strings.Repeat("x", int(in[7])), g)
			if w.stream.Ended() != NotEnded {
				break
			}
		}
		if w.stream.Ended() == NotEnded {
			w.flush()
		}
		if used := w.stream.budget().Used; used != 0 {
			t.Errorf("%d bytes are still held", used)
		}
	})
}

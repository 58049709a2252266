package h2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// TestTableLost holds, for blocks that are drawn, that a decoder that missed
// some of them gives each field as it was sent, or as unknown, never as
// another, and loses no block for it.
func TestTableLost(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		var block bytes.Buffer
		e := hpack.NewEncoder(&block)
		var tab table
		broken, fields := 0, 0
		for i := range 60 {
			block.Reset()
			if r.IntN(10) == 0 {
				e.SetMaxDynamicTableSize(uint32(r.IntN(500)))
				e.SetMaxDynamicTableSize(uint32(200 + r.IntN(3800)))
			}
			var sent []hpack.HeaderField
			for range 1 + r.IntN(5) {
				f := hpack.HeaderField{Name: fmt.Sprint("name", r.IntN(6)), Value: fmt.Sprint("value", r.IntN(9)), Sensitive: r.IntN(5) == 0}
				sent = append(sent, f)
				e.WriteField(f)
			}
			if i < 30 && r.IntN(4) == 0 {
				tab.lose()
				continue
			}
			if !tab.decode(block.Bytes(), true) {
				broken++
			} else if len(tab.head.Fields) != len(sent) {
				t.Fatalf("seed %d, block %d: %d fields of %d", seed, i, len(tab.head.Fields), len(sent))
			}
			for j, f := range tab.head.Fields {
				fields++
				if f.Name != "" && f.Name != sent[j].Name || f.Value != "" && f.Value != sent[j].Value {
					t.Fatalf("seed %d, block %d: %q %q was sent as %q %q", seed, i, f.Name, f.Value, sent[j].Name, sent[j].Value)
				}
			}
		}
		if broken > 0 {
			t.Errorf("seed %d: %d blocks not decoded, though no table was above the first size", seed, broken)
		}
		if fields == 0 {
			t.Errorf("seed %d: nothing was decoded", seed)
		}
	}
}

package h2

import (
	"strings"
	"testing"
)

// FuzzParser hands over any bytes, cut by the bytes themselves, and some of
// them lost. Nothing may be told but bytes that were there, as many as there
// were, and no memory held beyond the bounds. While both sides are in step,
// another cut tells the same.
func FuzzParser(f *testing.F) {
	for _, test := range conversations {
		var up, down strings.Builder
		for _, x := range test.said {
			if x.client {
				up.WriteString(x.bytes)
			} else {
				down.WriteString(x.bytes)
			}
		}
		f.Add([]byte(up.String()), []byte(down.String()), uint16(0), uint16(0))
		f.Add([]byte(up.String()), []byte(down.String()), uint16(up.Len()/2), uint16(9))
	}
	f.Fuzz(func(t *testing.T, up, down []byte, at, lost uint16) {
		at = min(at, uint16(min(len(up), 1<<16-1)))
		lost = min(lost, uint16(min(len(up), 1<<16-1))-at)
		all := []said{c(string(up[:at])), gone(c(string(up[at : at+lost]))), c(string(up[at+lost:])), s(string(down))}
		p := Parser{MaxStreams: 5}
		told := [2]int{}
		for _, e := range events(&p, all) {
			if e.Kind == Data {
				told[from(e.FromClient)] += len(e.Data) + int(e.Lost)
			}
		}
		if told[client] > len(up) || told[server] > len(down) {
			t.Errorf("%v bytes told of %d and %d", told, len(up), len(down))
		}
		if n := len(p.streams.list); n > 5 || n != len(p.streams.byID) {
			t.Errorf("%d streams, %d known", n, len(p.streams.byID))
		}
		for _, h := range p.half {
			if cap(h.held) > 2*maxBlock || cap(h.block.buf) > 2*maxBlock {
				t.Errorf("%d and %d bytes held", cap(h.held), cap(h.block.buf))
			}
		}
		if !p.flow[client].begun || !p.flow[server].begun {
			return
		}
		if one, other := talk(&Parser{MaxStreams: 5}, all, 1<<20), talk(&Parser{MaxStreams: 5}, all, 3); one != other {
			t.Errorf("whole:\n%s\nin pieces:\n%s", one, other)
		}
	})
}

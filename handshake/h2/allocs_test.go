package h2

import (
	"strings"
	"testing"
)

// TestAllocs holds that frames of a WebSocket, and those of the requests
// beside it, cost no memory.
func TestAllocs(t *testing.T) {
	var p Parser
	talk(&p, hello(
		c(frame(1, endHeaders, 1, connect), frame(1, endHeaders, 3, get)), s(frame(1, endHeaders, 1, accepted), frame(1, endHeaders, 3, page)),
	), 1<<20)
	p.streams.list[0].ended = [2]bool{}
	up := []byte(strings.Repeat(frame(0, 0, 1, "hello")+frame(0, padded, 1, "\x02hello__")+frame(6, 0, 0, "12345678"), 20))
	down := []byte(frame(0, 0, 1, strings.Repeat("x", 3000)) + frame(0, 0, 3, "<html>") + frame(8, 0, 0, number(9000)) + frame(4, 0, 0, "123456"))
	told := 0
	round := func() {
		for b := up; len(b) > 0; b = b[min(len(b), 17):] {
			for range p.Bytes(true, b[:min(len(b), 17)]) {
				told++
			}
		}
		for e := range p.Bytes(false, down) {
			told += len(e.Data)
		}
	}
	round()
	if n := testing.AllocsPerRun(50, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if told < 3000 {
		t.Errorf("%d told", told)
	}
}

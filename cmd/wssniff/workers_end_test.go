package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
)

// An order is what was told, of which connection, and when.
type order struct{ lines []string }

func (o *order) Observe(e session.Event) {
	add := func(w *session.Where, what string) {
		o.lines = append(o.lines, fmt.Sprint(what, " #", w.Conn.ID, " packet ", w.Packet))
	}
	switch e := e.(type) {
	case *session.Opened:
		add(&e.Where, "opened")
	case *session.Handshake:
		add(&e.Where, "handshake")
	case *session.Frame:
		add(&e.Where, "frame")
	case *session.Message:
		add(&e.Where, "message")
	case *session.Closed:
		add(&e.Where, fmt.Sprint("closed ", e.Conn.State, " of"))
	}
}

// TestWorkersAgreeAtTheEnd ends a capture of several connections, two of them
// with streams of HTTP/2, behind each of its packets: what is open then ends in
// the same order, however many workers there are.
func TestWorkersAgreeAtTheEnd(t *testing.T) {
	var sources [][]capture.Packet
	for _, name := range []string{"h2c-streams.pcap", "ws-ws.pcap", "midstream-h2c.pcap", "h2c-refused.pcap"} {
		packets, _ := recorded(t, filepath.Join(capturesDir, name))
		sources = append(sources, packets)
	}
	var packets []capture.Packet
	for i := 0; len(sources) > 0; i++ {
		k := i % len(sources)
		p := sources[k][0]
		p.Number = int64(len(packets) + 1)
		p.Time = capture.Time(1e18) + capture.Time(len(packets))*1e6
		packets = append(packets, p)
		if sources[k] = sources[k][1:]; len(sources[k]) == 0 {
			sources = append(sources[:k], sources[k+1:]...)
		}
	}
	if len(packets) < 100 {
		t.Fatalf("%d packets, want more", len(packets))
	}
	for n := 1; n <= len(packets); n++ {
		workersAgree(t, fmt.Sprint(n, " packets"), packets[:n])
	}
}

// TestWorkersAgreeOnCases holds that the cases are told in the same order, too:
// in some, the end of one connection waits for what another one comes to.
func TestWorkersAgreeOnCases(t *testing.T) {
	cases, err := casetest.Load(casesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		packets, err := c.Packets()
		if err != nil {
			t.Fatal(err)
		}
		workersAgree(t, c.Number, packets)
	}
}

// workersAgree holds what several workers tell of packets against what one tells.
func workersAgree(t *testing.T, name string, packets []capture.Packet) {
	t.Helper()
	told := map[int][]string{}
	for _, workers := range []int{1, 2, 5} {
		var o order
		if _, err := session.Run(casetest.Source(packets), session.Config{}, workers, &o); err != nil {
			t.Fatal(err)
		}
		told[workers] = o.lines
	}
	for _, workers := range []int{2, 5} {
		if diff := cmp.Diff(told[1], told[workers]); diff != "" {
			t.Fatalf("%s, %d workers (-one +several):\n%s", name, workers, diff)
		}
	}
}

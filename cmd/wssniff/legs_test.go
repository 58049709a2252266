package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// proxied are the recordings with both sides of a proxy, and which of their
// connections were made for the same WebSocket: what the scripts that recorded
// them did. Clients of one server at once, and one after the other, are in the
// other recordings.
var proxied = map[string]string{
	"haproxy-tunnel":  "1+2",
	"http-connect":    "1+2 3+4+5",
	"nginx":           "1+2 3+4",
	"nginx-forgotten": "1+2",
	"nginx-http10":    "1+2 3+4",
	"nginx-idle":      "1+2",
	"nginx-minute":    "1+2",
	"nginx-refuses":   "1+2 10+11 4+5",
	"proxy-protocol":  "1+2+3 4+5+6 7+8+9+10",
	"socks":           "1+2 3+4 5+6 7+8+9",
}

// joins gathers the legs that are known when the last of them has ended.
type joins struct {
	found
	of map[int64][]int64
}

func (j *joins) Observe(e session.Event) {
	closed, ok := e.(*session.Closed)
	if !ok {
		return
	}
	if legs := diagnose.LegOf(closed.Conn).Legs(); legs != nil {
		ids := []int64{closed.Conn.ID}
		for _, l := range legs {
			ids = append(ids, l.ID)
		}
		slices.Sort(ids)
		j.of[closed.Conn.ID] = ids
	}
}

func (j *joins) String() string {
	var all []string
	for _, ids := range j.of {
		s := strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", "+")
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestLegs holds that what a proxy made of a connection is found, from each of
// its sides, and nothing else is taken for it.
func TestLegs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "testdata", "captures", "*.pcap*"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		src, err := capture.Open([]string{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		j := &joins{of: map[int64][]int64{}}
		_, err = session.Run(src, session.Config{}, 1, diagnose.New(diagnose.All(), j))
		src.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := j.String(); got != proxied[name] {
			t.Errorf("%s: legs are %q, want %q", name, got, proxied[name])
		}
	}
}

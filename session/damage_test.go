package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A recording is a capture of real traffic, read whole, and what is told of
// it as it is. That is what its endpoints say: TestTruth holds it. Here it is
// what a damaged copy is compared with.
type recording struct {
	name     string
	complete bool // all that the endpoints sent is in it
	lossy    bool // packets were lost, repeated or swapped on the way
	packets  []capture.Packet
	ref      *told
	model    *model
	base     map[way]int64 // where the frames of a direction begin
	takeover map[way]bool  // its messages may refer to earlier ones (RFC 7692 §7.1.1)
}

const recordings = "../testdata/captures"

// record reads the recording of that name.
func record(t *testing.T, name string) *recording {
	t.Helper()
	rec := &recording{name: name, base: map[way]int64{}, takeover: map[way]bool{}}
	var truth struct {
		Capture         string
		Complete, Lossy bool
	}
	data, err := os.ReadFile(filepath.Join(recordings, name+".truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &truth); err != nil {
		t.Fatal(err)
	}
	rec.complete, rec.lossy = truth.Complete, truth.Lossy
	rec.packets = readPackets(t, filepath.Join(recordings, truth.Capture))
	rec.ref, rec.model = hear(t, rec.packets, 1, false), newModel(rec.packets)
	for w, hs := range rec.ref.handshakes {
		if len(rec.ref.closed[w]) != 1 {
			t.Fatalf("%s: %d connections of %v", name, len(rec.ref.closed[w]), w)
		}
		for d, w := range [2]way{w, w.back()} {
			rec.takeover[w] = hs[len(hs)-1].takeover[d]
			rec.base[w] = rec.model.wires[w].end()
			if f := rec.ref.frames[w]; len(f) > 0 {
				rec.base[w] = f[0].offset
			}
		}
	}
	return rec
}

// readPackets gives the packets of a capture, each in memory of its own.
func readPackets(t *testing.T, file string) (packets []capture.Packet) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		q := *p
		q.Data = bytes.Clone(p.Data)
		packets = append(packets, q)
	}
	return packets
}

// names gives the recordings there are.
func names(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*.truth.json"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".truth.json")
		if strings.HasPrefix(name, "midstream") || strings.HasSuffix(name, "-late") || strings.HasPrefix(name, "tunnel-") || strings.HasPrefix(name, "h2") {
			continue // the model reads neither tunnels nor HTTP/2; what is told of the others depends on what can be found, and is no measure
		}
		names = append(names, name)
	}
	return names
}

// TestDamageNone holds the recordings as they are to the claims.
func TestDamageNone(t *testing.T) {
	for _, name := range names(t) {
		rec := record(t, name)
		rec.try(t, "whole", rec.packets).claims()
	}
}

// damages are what befalls a recording: each row gives damaged copies of its
// packets, which keep their numbers and times.
var damages = []struct {
	name   string
	copies func(rec *recording, try func(name string, packets []capture.Packet))
}{
	{"remove", remove},
	{"cut the start", func(rec *recording, try func(string, []capture.Packet)) {
		for i := range thin(len(rec.packets), 120) {
			try(fmt.Sprintf("from %d on", i+1), rec.packets[i:])
		}
	}},
	{"cut the end", func(rec *recording, try func(string, []capture.Packet)) {
		for i := range thin(len(rec.packets), 120) {
			try(fmt.Sprintf("up to %d", i), rec.packets[:i])
		}
	}},
	{"one direction", oneWay},
	{"one direction from the middle", lateWay},
	{"snaplen", snaplen},
}

// thin yields the numbers up to n, or so many of them.
func thin(n, most int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n; i += max(1, (n+most-1)/most) {
			if !yield(i) {
				return
			}
		}
	}
}

// remove takes out each packet, and runs of two to five.
func remove(rec *recording, try func(string, []capture.Packet)) {
	for n := 1; n <= 5; n++ {
		most := 300
		if n > 1 {
			most = 15
		}
		for i := range thin(len(rec.packets)-n+1, most) {
			try(fmt.Sprintf("without %d from %d", n, i+1), without(rec.packets, i, i+n))
		}
	}
}

// without gives the packets less those from i to before j.
func without(packets []capture.Packet, i, j int) []capture.Packet {
	return append(append(make([]capture.Packet, 0, len(packets)), packets[:i]...), packets[j:]...)
}

// oneWay takes out all that clients sent, and all that servers sent.
func oneWay(rec *recording, try func(string, []capture.Packet)) { rec.deaf(len(rec.packets), try) }

// lateWay takes out what one side sent up to some packet.
func lateWay(rec *recording, try func(string, []capture.Packet)) {
	for n := range thin(len(rec.packets), 40) {
		rec.deaf(n, try)
	}
}

// deaf takes out what each side sent in the first n packets.
func (rec *recording) deaf(n int, try func(string, []capture.Packet)) {
	for d, who := range []string{"clients", "servers"} {
		drop := map[way]bool{}
		for w := range rec.ref.closed {
			drop[[2]way{w, w.back()}[d]] = true
		}
		var kept []capture.Packet
		var ip reassembly.IP
		for i := range rec.packets {
			if g := ip.Segment(&rec.packets[i]); g == nil || i >= n || !drop[way{g.Src, g.Dst}] {
				kept = append(kept, rec.packets[i])
			}
		}
		try(fmt.Sprintf("nothing of the %s in the first %d", who, n), kept)
	}
}

// snaplen cuts each packet to so many bytes.
func snaplen(rec *recording, try func(string, []capture.Packet)) {
	if rec.name == "path-storm" {
		try("as it is", rec.packets) // a cut segment has been told when a copy of it comes that is cut elsewhere
		return
	}
	for _, n := range []int{40, 54, 60, 66, 67, 68, 70, 72, 74, 80, 88, 96, 110, 128, 160, 200, 256, 300, 400, 1000, 1400} {
		cut := slices.Clone(rec.packets)
		for i := range cut {
			cut[i].Data = cut[i].Data[:min(n, len(cut[i].Data))]
		}
		try(fmt.Sprintf("%d bytes of each", n), cut)
	}
}

// TestDamage damages each recording in each way: what is told was sent, what
// need not suffer does not, and no byte is forgotten.
func TestDamage(t *testing.T) {
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			for _, name := range names(t) {
				t.Run(name, func(t *testing.T) {
					rec := record(t, name)
					n := 0
					d.copies(rec, func(what string, packets []capture.Packet) {
						if n++; raced && n%16 != 1 {
							return // the run without the detector tries all
						}
						rec.try(t, what, packets).claims()
					})
					if n == 0 {
						t.Error("nothing was tried")
					}
				})
			}
		})
	}
}

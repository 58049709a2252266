package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is a folder of captures from other projects, which are not kept
// here: MANIFEST.tsv names them, and an .expected.txt beside one says what
// others found in it.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WSSNIFF_CORPUS")
	if dir == "" {
		t.Skip("WSSNIFF_CORPUS does not name the folder of third-party captures")
	}
	return dir
}

// manifest gives the captures of the corpus: their paths in it and what the
// manifest says of their content.
func manifest(t *testing.T, dir string) (paths, features []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) > 10 && f[0] != "tier" {
			paths, features = append(paths, f[1]), append(features, f[10])
		}
	}
	if len(paths) < 100 {
		t.Fatalf("%d captures in the manifest", len(paths))
	}
	return paths, features
}

// TestSameFramesAsWireshark compares every frame of every WebSocket capture of
// the corpus with what tshark makes of it.
func TestSameFramesAsWireshark(t *testing.T) {
	dir := corpus(t)
	paths, features := manifest(t, dir)
	compared := 0
	for i, path := range paths {
		if !strings.Contains(features[i], "; ws;") {
			continue
		}
		t.Run(path, func(t *testing.T) {
			want, total := sharkFrames(t, filepath.Join(dir, path+".expected.txt"))
			var got []string
			stream := map[int64]int64{}
			all := events(t, exitOK, "-r", filepath.Join(dir, path))
			for _, e := range all {
				if e.Type == "connection" {
					stream[e.Connection] = e.TCPStream
				}
			}
			for _, e := range all {
				if e.Type == "frame" && e.Missing == 0 {
					got = append(got, fmt.Sprint(stream[e.Connection], e.Packet, e.Opcode, e.Length))
				}
			}
			if len(got) != total {
				t.Errorf("%d frames, tshark finds %d", len(got), total)
			}
			if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
				t.Errorf("stream, packet, opcode, length (-tshark +wssniff):\n%s", diff)
			}
		})
		compared++
	}
	if compared < 15 {
		t.Errorf("only %d captures with frames", compared)
	}
}

// sharkFrames reads tshark's list of frames, which may stop after the first
// ones, and their number. A line has stream, packet, opcodes, and lengths as
// in the headers: all of 7 bits, then those of 16, then of 64.
func sharkFrames(t *testing.T, file string) (frames []string, total int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if strings.HasPrefix(line, "[") {
			_, rest, _ := strings.Cut(line, "] ")
			in = strings.HasPrefix(line, "[tshark") && strings.Contains(line, "websocket frames")
			if in {
				total, _ = strconv.Atoi(strings.Fields(rest)[0])
			}
		}
		cols := strings.Split(strings.TrimSpace(line), "\t")
		if _, err := strconv.Atoi(cols[0]); !in || err != nil || len(cols) != 4 {
			continue
		}
		lengths := strings.Split(cols[3], "/")
		short, longer := strings.Split(lengths[0], ","), []string{}
		for _, l := range lengths[1:] {
			longer = append(longer, strings.Split(l, ",")...)
		}
		for i, op := range strings.Split(cols[2], ",") {
			n := short[i]
			if n == "126" || n == "127" {
				n, longer = longer[0], longer[1:]
			}
			frames = append(frames, fmt.Sprint(cols[0], " ", cols[1], " ", op, " ", n))
		}
	}
	if len(frames) == 0 {
		t.Fatalf("%s: no frames of tshark", file)
	}
	return frames, total
}

package capture

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A corpusFile is a row of the corpus's MANIFEST.tsv.
type corpusFile struct {
	path     string
	name     string
	packets  int64
	features string
}

// corpus lists the captures that WSSNIFF_CORPUS has.
func corpus(t testing.TB) []corpusFile {
	root := os.Getenv("WSSNIFF_CORPUS")
	if root == "" {
		t.Skip("WSSNIFF_CORPUS is not set")
	}
	manifest, err := os.ReadFile(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var files []corpusFile
	for i, line := range strings.Split(strings.TrimSpace(string(manifest)), "\n") {
		cols := strings.Split(line, "\t")
		if i == 0 || len(cols) < 11 {
			continue
		}
		packets, err := strconv.ParseInt(cols[6], 10, 64)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		files = append(files, corpusFile{filepath.Join(root, cols[1]), cols[1], packets, cols[10]})
	}
	return files
}

// countedOtherwise has the files where the manifest's count of packets is not
// that of packets: tshark shows custom blocks as packets of their own.
var countedOtherwise = map[string]int64{
	"gopacket/le_test102.pcapng": 5, // capinfos says 5 too
	"gopacket/be_test102.pcapng": 5,
}

func TestCorpusCounts(t *testing.T) {
	for _, c := range corpus(t) {
		f, err := Open([]string{c.path}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if packets, ok := countedOtherwise[c.name]; ok {
			c.packets = packets
		}
		var n int64
		for range Packets(f) {
			n++
		}
		in := f.Inputs()[0]
		switch {
		case strings.Contains(c.features, "736e6f6f"): // snoop
			if in.Err == nil || n != 0 {
				t.Errorf("%s: %d packets, %v; want it refused", c.name, n, in.Err)
			}
		case strings.Contains(c.features, "bad-file"):
			if in.Err == nil || n != c.packets {
				t.Errorf("%s: %d packets, want %d and an error, got %v", c.name, n, c.packets, in.Err)
			}
		case n != c.packets || in.Err != nil:
			t.Errorf("%s: %d packets, want %d; %v", c.name, n, c.packets, in.Err)
		}
		if n != in.Packets {
			t.Errorf("%s: input says %d packets, were %d", c.name, in.Packets, n)
		}
		if read, total := f.Progress(); read != total {
			t.Errorf("%s: progress ends at %d of %d", c.name, read, total)
		}
		f.Close()
	}
}

func TestCorpusCut(t *testing.T) {
	for _, c := range corpus(t) {
		whole, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		step := max(len(whole)/200, 1)
		if testing.Short() {
			step = max(len(whole)/10, 1)
		}
		var last int64
		for n := 0; n < len(whole); n += step {
			f, err := Open([]string{"-"}, &Config{Stdin: bytes.NewReader(whole[:n])})
			if err != nil {
				t.Fatal(err)
			}
			var p Packet
			for err = f.Read(&p); err == nil; err = f.Read(&p) {
			}
			if err != io.EOF {
				t.Fatalf("%s cut at %d: %v", c.name, n, err)
			}
			in := f.Inputs()[0]
			if in.Packets < last {
				t.Fatalf("%s cut at %d: %d packets, fewer than the %d of a shorter one", c.name, n, in.Packets, last)
			}
			last = in.Packets
			if in.Err != nil && !strings.HasPrefix(in.Err.Error(), "-: ") {
				t.Fatalf("%s cut at %d: %v", c.name, n, in.Err)
			}
			f.Close()
		}
	}
}

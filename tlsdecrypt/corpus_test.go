package tlsdecrypt

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A flow is a connection of a capture.
type flow struct {
	stream reassembly.Stream
	tls    *Decrypter
	data   [2][]byte
}

// follow decrypts all TLS connections of a capture.
func follow(t *testing.T, file string, keys *Keys) (flows []*flow) {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var ip reassembly.IP
	byPair := map[[2]netip.AddrPort]*flow{}
	blocks := 0
	take := func(fl *flow, c *reassembly.Chunk) {
		if fl.tls == nil {
			if !Looks(c.Data) {
				return
			}
			fl.tls = &Decrypter{Keys: keys}
		}
		for p := range fl.tls.Chunks(c) {
			fl.data[p.Dir] = append(fl.data[p.Dir], p.Data...)
		}
	}
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Logf("%s: %v", file, err)
			break
		}
		for ; blocks < len(src.Secrets()); blocks++ {
			l := keys.Log(file)
			l.Write(src.Secrets()[blocks].Data)
			l.Flush()
		}
		g := ip.Segment(p)
		if g == nil {
			continue
		}
		pair, dir := [2]netip.AddrPort{g.Src, g.Dst}, reassembly.FromClient
		if pair[0].Compare(pair[1]) > 0 {
			pair[0], pair[1], dir = pair[1], pair[0], reassembly.FromServer
		}
		fl := byPair[pair]
		if fl == nil {
			fl = new(flow)
			byPair[pair] = fl
			flows = append(flows, fl)
		}
		for c := range fl.stream.Chunks(dir, g) {
			take(fl, c)
		}
	}
	for _, fl := range flows {
		for c := range fl.stream.Flush(0, 0) {
			take(fl, c)
		}
		if fl.tls == nil {
			continue
		}
		for p := range fl.tls.Flush() {
			fl.data[p.Dir] = append(fl.data[p.Dir], p.Data...)
		}
	}
	return flows
}

var (
	exactly = regexp.MustCompile(`exactly (\d+) TLS records decrypt`)
	shows   = regexp.MustCompile(`with the keys tshark shows (\d+) decrypted Finished`)
)

// TestCorpus holds that captures with keys decrypt to as many records as
// those who published them say, or that as many sides finish as tshark finds.
func TestCorpus(t *testing.T) {
	root := os.Getenv("WSSNIFF_CORPUS")
	if root == "" {
		t.Skip("WSSNIFF_CORPUS does not name the folder of third-party captures")
	}
	manifest, err := os.ReadFile(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for line := range strings.Lines(string(manifest)) {
		f := strings.Split(line, "\t")
		if len(f) < 11 || !strings.Contains(line, "KEYS=") && !strings.Contains(line, "DSB(") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, f[1]+".expected.txt"))
		if err != nil {
			continue
		}
		t.Run(f[1], func(t *testing.T) {
			keys := new(Keys)
			if f[2] != "" {
				log, err := os.ReadFile(filepath.Join(root, f[2]))
				if err != nil {
					t.Fatal(err)
				}
				l := keys.Log(f[2])
				l.Write(log)
				l.Flush()
			}
			if bytes.Contains(text, []byte("quic")) || keys.Len() == 0 && strings.HasSuffix(f[2], ".key") && !strings.Contains(f[2], "system") {
				t.Skip("a private key, or QUIC")
			}
			decrypted, finished, states := int64(0), 0, map[State]int{}
			for _, fl := range follow(t, filepath.Join(root, f[1]), keys) {
				if fl.tls == nil {
					continue
				}
				facts := fl.tls.Facts()
				states[facts.State]++
				for s := range facts.Sides {
					decrypted += facts.Sides[s].Decrypted
					if facts.Sides[s].Decrypted > 0 && facts.Sides[s].Finished {
						finished++
					}
				}
				if facts.State == Unsupported {
					t.Skipf("%s is named as not supported", SuiteName(facts.Suite))
				}
			}
			read++
			if m := exactly.FindSubmatch(text); m != nil {
				if want, _ := strconv.ParseInt(string(m[1]), 10, 64); decrypted != want {
					t.Errorf("%d records decrypted, want %d (%v)", decrypted, want, states)
				}
			}
			if m := shows.FindSubmatch(text); m != nil {
				if want, _ := strconv.Atoi(string(m[1])); finished != want {
					t.Errorf("%d sides finished, want %d (%v)", finished, want, states)
				}
			}
		})
	}
	if read < 20 {
		t.Errorf("only %d captures were read", read)
	}
}

package session_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
)

// A dialog is a TCP connection and its bytes by direction; the first way is
// that of the first packet.
type dialog struct {
	way    way
	stream reassembly.Stream
	bytes  [2][]byte
	lost   bool // it has bytes that the capture does not hold
	dirty  bool // there is more to it than segments in order: only then is tshark worth the time
	next   [2]reassembly.SeqNum
}

func (d *dialog) look(dir reassembly.Dir, g *reassembly.Segment) {
	plain := g.Flags&(reassembly.FlagSYN|reassembly.FlagRST) == 0 && g.Path == 0
	if g.Length() > 0 && (!plain || d.next[dir] != g.Seq && d.next[dir] != 0) {
		d.dirty = true
	}
	if g.Length() > 0 {
		d.next[dir] = g.Seq.Add(g.Length())
	}
}

func (d *dialog) take(c *reassembly.Chunk) {
	d.bytes[c.Dir] = append(d.bytes[c.Dir], c.Data...)
	d.lost = d.lost || c.Lost > 0
}

// dialogs puts the packets' TCP connections together.
func dialogs(packets []capture.Packet) []*dialog {
	var all []*dialog
	current := map[way]*dialog{}
	var ip reassembly.IP
	for i := range packets {
		g := ip.Segment(&packets[i])
		if g == nil {
			continue
		}
		w := way{g.Src, g.Dst}
		d, dir := current[w], reassembly.FromClient
		if d != nil && d.way != w {
			dir = reassembly.FromServer
		}
		if d == nil || d.stream.Begins(dir, g) {
			d, dir = &dialog{way: w}, reassembly.FromClient
			current[w], current[w.back()] = d, d
			all = append(all, d)
		}
		d.look(dir, g)
		for c := range d.stream.Chunks(dir, g) {
			d.take(c)
		}
	}
	for _, d := range all {
		for c := range d.stream.Flush(int64(len(packets)), 0) {
			d.take(c)
		}
	}
	return all
}

// follow gives the byte streams that tshark makes of a capture's first n TCP
// connections, by direction: of node 0, who sent the first byte, and of node 1.
func follow(t *testing.T, file string, n int) (nodes [][2]string, streams [][2][]byte) {
	t.Helper()
	args := []string{"-q", "-n", "-r", file, "-o", "tcp.reassemble_out_of_order:TRUE"}
	for i := range n {
		args = append(args, "-z", "follow,tcp,raw,"+strconv.Itoa(i))
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Logf("%s: tshark: %v", file, err) // it stops at what it cannot read, and tells of what was before
	}
	nodes, streams = make([][2]string, n), make([][2][]byte, n)
	at := -1
	s := bufio.NewScanner(bytes.NewReader(out))
	s.Buffer(nil, 1<<28)
	for s.Scan() {
		line := s.Text()
		word, rest, _ := strings.Cut(line, ": ")
		switch {
		case word == "Filter":
			at, _ = strconv.Atoi(strings.TrimPrefix(rest, "tcp.stream eq "))
		case word == "Node 0":
			nodes[at][0] = rest
		case word == "Node 1":
			nodes[at][1] = rest
		case at >= 0 && !strings.HasPrefix(line, "=") && !strings.HasPrefix(line, "Follow"):
			dir := 0
			if strings.HasPrefix(line, "\t") {
				dir = 1
			}
			b, err := hex.DecodeString(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("stream %d: %q: %v", at, line, err)
			}
			streams[at][dir] = append(streams[at][dir], b...)
		}
	}
	return nodes, streams
}

// maxFollowed bounds the connections of one capture that are compared.
const maxFollowed = 60

// otherBytes names connections of which tshark and wssniff make other byte
// streams, by capture and number, and why.
var otherBytes = map[string]string{
	"suricata-verify/bug-3286-02-linux-evasion__with_evasion_linux.pcap 0": "a RST is believed whose timestamp echo its receiver had never sent (RFC 7323 §5)",
	"suricata-verify/bug-6244-tcp-rst-with-data__tcp-rst-with-data.pcap 0": "the text of a RST is no part of a stream (RFC 1122 §4.2.2.12)",
	"suricata-verify/tcp-rst-unacked-stream-01-raw__input.pcap 0":          "the text of a RST is no part of a stream (RFC 1122 §4.2.2.12)",
	"tcpdump/tcp_rst_data.pcap 0":                                          "the text of a RST is no part of a stream (RFC 1122 §4.2.2.12)",
	"tcpdump/bigtcp-ipv6.pcap 0":                                           "tshark before 4.2 does not read datagrams above 64 KiB",
	"zeek/tcp__rst-inject-rae.pcap 0":                                      "what is sent behind a RST in the window is not taken (RFC 9293 §3.10.7.4)",
}

// sameBytes compares the byte streams of a capture with what tshark makes of
// them, and says how many connections it compared. It pairs connections by
// their ends: tshark numbers those of tunnels, too.
func sameBytes(t *testing.T, name, file string) (compared int) {
	t.Helper()
	all := dialogs(readPackets(t, file))
	if !slices.ContainsFunc(all, func(d *dialog) bool { return d.dirty }) {
		return 0
	}
	nodes, streams := follow(t, file, min(len(all)+10, maxFollowed))
	for i, d := range all[:min(len(all), maxFollowed/2)] {
		if d.lost {
			continue
		}
		got, want := d.bytes, [2][]byte{}
		from, to := d.way.from.String(), d.way.to.String()
		for j, n := range nodes {
			if n == [2]string{from, to} || n == [2]string{to, from} {
				want, nodes[j] = streams[j], [2]string{}
				if n[0] == to {
					want[0], want[1] = want[1], want[0]
				}
				break
			}
		}
		id := fmt.Sprintf("%s %d", name, i)
		same := bytes.Equal(got[0], want[0]) && bytes.Equal(got[1], want[1])
		reason, known := otherBytes[id]
		switch {
		case !same && !known:
			t.Errorf("%s (%s > %s): %d and %d bytes, tshark has %d and %d", id, from, to, len(got[0]), len(got[1]), len(want[0]), len(want[1]))
		case same && known:
			t.Logf("%s: the bytes are those of tshark now, though %s", id, reason)
		}
		compared++
	}
	return compared
}

// TestBytesAsWireshark compares each byte stream of the recordings and of the
// corpus with that of tshark, where no byte of the connection was lost, for
// captures in which anything but segments in order is found.
func TestBytesAsWireshark(t *testing.T) {
	dir := os.Getenv("WSSNIFF_CORPUS")
	if dir == "" {
		t.Skip("WSSNIFF_CORPUS does not name the folder of third-party captures")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	files, err := filepath.Glob(filepath.Join(recordings, "*.pcap*"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		compared += sameBytes(t, filepath.Base(file), file)
	}
	if compared < 25 {
		t.Errorf("only %d connections of recordings compared", compared)
	}
	for line := range strings.Lines(string(manifest)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 11 || f[0] == "tier" {
			continue
		}
		if n, _ := strconv.Atoi(f[6]); n > 4_000 {
			continue // minutes of tshark
		}
		compared += sameBytes(t, f[1], filepath.Join(dir, f[1]))
	}
	t.Logf("%d connections compared", compared)
	if compared < 120 {
		t.Errorf("only %d connections compared", compared)
	}
}

package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func names(inputs []Input, dir string) []string {
	var all []string
	for _, in := range inputs {
		all = append(all, strings.TrimPrefix(strings.TrimPrefix(in.Name, dir), "/"))
	}
	return all
}

func TestOpenNames(t *testing.T) {
	dir := t.TempDir()
	file := classic.file(sample(2, LinkEthernet))
	for _, name := range []string{"a.pcap", "b.dat", "c", "x,y.pcap", "q[1].pcap"} {
		store(t, dir, name, file)
	}
	store(t, dir, "notes.txt", []byte("not a capture, and passed over in a folder"))
	store(t, dir, "cut.pcap", file[:11])
	store(t, dir, "empty.pcap", nil)
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	store(t, sub, "inner.pcap", file)
	empty := filepath.Join(dir, "nothing")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	at := func(s string) string { return filepath.Join(dir, s) }
	tests := []struct {
		name string
		give []string
		want []string
		err  string
	}{
		{"one", []string{at("a.pcap")}, []string{"a.pcap"}, ""},
		{"two", []string{at("c"), at("a.pcap")}, []string{"c", "a.pcap"}, ""},
		{"a list", []string{at("c") + "," + at("b.dat") + ","}, []string{"c", "b.dat"}, ""},
		{"a file with a comma", []string{at("x,y.pcap")}, []string{"x,y.pcap"}, ""},
		{"a file that looks like a pattern", []string{at("q[1].pcap")}, []string{"q[1].pcap"}, ""},
		{"a folder", []string{dir}, []string{"a.pcap", "b.dat", "c", "cut.pcap", "q[1].pcap", "x,y.pcap"}, ""},
		{"a pattern", []string{at("*.pcap")}, []string{"a.pcap", "cut.pcap", "empty.pcap", "q[1].pcap", "x,y.pcap"}, ""},
		{"a pattern with a comma", []string{at("[ax],y.pc*")}, []string{"x,y.pcap"}, ""},
		{"a pattern of folders", []string{at("s*")}, []string{"sub/inner.pcap"}, ""},
		{"a list of a pattern and a folder", []string{at("a*") + "," + sub}, []string{"a.pcap", "sub/inner.pcap"}, ""},
		{"standard input in a list", []string{at("c") + ",-"}, []string{"c", "-"}, ""},
		{"standard input twice", []string{"-", "-"}, nil, "capture: open -: standard input can be read only once"},
		{"missing", []string{at("no.pcap")}, nil, "capture: open DIR/no.pcap: no such file or directory"},
		{"one of a list missing", []string{at("c") + "," + at("no")}, nil, "capture: open DIR/no: no such file or directory"},
		{"a pattern without match", []string{at("*.zzz")}, nil, "capture: open DIR/*.zzz: no file matches"},
		{"a folder without captures", []string{empty}, nil, "capture: open DIR/nothing: no capture file in this folder"},
		{"a device", []string{"/dev/null"}, nil, "capture: open /dev/null: is a device, not a file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Open(tt.give, &Config{Stdin: bytes.NewReader(file)})
			if tt.err != "" {
				if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != tt.err || Hint(err) == "" {
					t.Fatalf("%v, hint %q; want %s and a hint", err, Hint(err), tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if diff := cmp.Diff(tt.want, names(f.Inputs(), dir)); diff != "" {
				t.Fatal(diff)
			}
			drain(t, f)
		})
	}
	if _, err := Open([]string{at("no")}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
	if _, err := Open([]string{"-"}, nil); err == nil {
		t.Error("no standard input, no error")
	}
}

func TestOpenForbidden(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("the superuser may read all files")
	}
	path := store(t, t.TempDir(), "a", nil)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open([]string{path}, nil); !errors.Is(err, fs.ErrPermission) || Hint(err) == "" {
		t.Errorf("%v, hint %q", err, Hint(err))
	}
}

// TestMerge checks the merge against a stable sort, for files whose packets
// are in order of time.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		var paths []string
		var all []want
		id := 0
		for i := range rapid.IntRange(0, 9).Draw(r, "files") {
			var packets []want
			at := Time(rapid.IntRange(0, 20).Draw(r, "start"))
			for range rapid.IntRange(0, 12).Draw(r, "packets") {
				data := fmt.Sprintf("%06d", id)
				packets = append(packets, want{at * 1000, LinkRaw, data, 6})
				at += Time(rapid.IntRange(0, 4).Draw(r, "wait"))
				id++
			}
			all = append(all, packets...)
			form := classic
			form.link = uint32(LinkRaw)
			paths = append(paths, store(t, dir, fmt.Sprint(i), form.file(packets)))
		}
		sort.SliceStable(all, func(i, j int) bool { return all[i].Time < all[j].Time })
		got, _ := read(t, paths...)
		if diff := cmp.Diff(all, got); diff != "" {
			r.Fatal(diff)
		}
	})
}

func TestMergeKeepsTheOrderOfAFile(t *testing.T) {
	dir := t.TempDir()
	mess := []want{{50e9, 1, "a50", 3}, {10e9, 1, "a10", 3}, {60e9, 1, "a60", 3}}
	g := new(ng).section(little, 0).iface(1, 0)
	g.packet(0, 20e6, want{Data: "b20", Length: 3}).block(3, uint32(3), "b??").packet(0, 55e6, want{Data: "b55", Length: 3})
	got, _ := read(t, store(t, dir, "a", classic.file(mess)), store(t, dir, "b", g.b))
	var order []string
	for _, w := range got {
		order = append(order, w.Data)
	}
	if diff := cmp.Diff([]string{"b20", "b??", "a50", "a10", "b55", "a60"}, order); diff != "" {
		t.Error(diff)
	}
}

// TestMergeLends overwrites each packet when the next is read, so that one
// shown from a buffer that was given back would be seen.
func TestMergeLends(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	var paths []string
	var total int
	for i := range 20 {
		var packets []want
		for j := range 300 {
			packets = append(packets, want{Time(i*200+j) * 1000, 1, strings.Repeat(string(rune('a'+i)), 1+rnd.IntN(3000)), 3000})
		}
		total += len(packets)
		paths = append(paths, store(t, dir, fmt.Sprint(i), classic.file(packets)))
	}
	f, err := Open(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for p := range Packets(f) {
		n++
		first := p.Data[0]
		if first < 'a' || len(bytes.Trim(p.Data, string(first))) > 0 {
			t.Fatalf("packet %d is torn: %.40q", n, p.Data)
		}
		clear(p.Data)
	}
	if n != total {
		t.Errorf("%d packets, want %d", n, total)
	}
}

// TestManyFiles has more rotated files than a process may have open.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	const files = 3000
	for i := range files {
		w := sample(1, LinkEthernet)
		w[0].Time += Time(i) * 1e9
		store(t, dir, fmt.Sprintf("ring%05d", i), classic.file(w))
	}
	f, err := Open([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	open := 0
	var p Packet
	for f.Read(&p) == nil {
		if p.Number%100 == 0 {
			for _, in := range f.inputs {
				if in.file != nil {
					open++
				}
			}
		}
	}
	if p.Number != files || open > files/100*2 {
		t.Errorf("%d packets; %d files found open", p.Number, open)
	}
	if read, total := f.Progress(); read != total || total == 0 {
		t.Errorf("progress ends at %d of %d", read, total)
	}
}

func TestInputsCountWhatWasHandedOut(t *testing.T) {
	dir := t.TempDir()
	file := classic.file(sample(5, LinkEthernet))
	f, err := Open([]string{store(t, dir, "a", file), store(t, dir, "b", file)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var p Packet
	for range 3 {
		if err := f.Read(&p); err != nil {
			t.Fatal(err)
		}
	}
	in := f.Inputs()
	if in[0].Packets != 2 || in[1].Packets != 1 || in[0].Bytes != 14+21 || in[1].Bytes != 14 {
		t.Errorf("%+v", in)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Read(&p); err == nil {
		t.Error("read after close")
	}
	if in := f.Inputs(); in[0].Packets != 2 {
		t.Error("close lost what was counted")
	}
}

func TestLargePacket(t *testing.T) {
	form := classic
	form.snaplen = 4 << 20
	packets := sample(3, LinkEthernet)
	packets[1].Data = strings.Repeat("x", 3<<20)
	packets[1].Length = 3 << 20
	got, in := readBytes(t, form.file(packets))
	if diff := cmp.Diff(packets, got); diff != "" || in.Err != nil {
		t.Errorf("%v\n%.200s", in.Err, diff)
	}
}

// TestLyingLength gives lengths that the file does not have: what is
// allocated must depend on what is there.
func TestLyingLength(t *testing.T) {
	form := classic
	form.snaplen = packetMax
	pcapFile := form.record(form.header(), want{Data: "x", Length: 1})
	copy(pcapFile[24+8:], []byte{0, 0, 0, 1})
	ngFile := new(ng).section(little, 0).block(6, uint32(0)).b
	copy(ngFile[32+4:], []byte{0, 0, 0, 1})
	for name, file := range map[string][]byte{"pcap": pcapFile, "pcapng": ngFile} {
		f, err := Open([]string{"-"}, &Config{Stdin: bytes.NewReader(file)})
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		in := f.inputs[0]
		f.begin()
		if err := in.format.read(in, &p); err == nil || len(in.buf) > readBuffer {
			t.Errorf("%s: %v with a buffer of %d bytes", name, err, len(in.buf))
		}
	}
}

func TestReadAllocs(t *testing.T) {
	dir := t.TempDir()
	packets := sample(20_000, LinkEthernet)
	g := new(ng).section(little, 0).iface(1, 0)
	for i, w := range packets {
		g.packet(0, uint64(i), w)
	}
	a, b := store(t, dir, "a", classic.file(packets)), store(t, dir, "b", g.b)
	for _, names := range [][]string{{a}, {b}, {a, b}} {
		f, err := Open(names, nil)
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		var d Decap
		for range 9000 { // until the buffers have their size
			if err := f.Read(&p); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(5000, func() {
			if err := f.Read(&p); err != nil {
				t.Fatal(err)
			}
			d.Datagram(&p)
		}); n != 0 {
			t.Errorf("%d files: %v allocations a packet", len(names), n)
		}
		f.Close()
	}
}

func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	packets := sample(500_000, LinkEthernet)
	g := new(ng).section(little, 0).iface(1, 0)
	for i := range packets {
		packets[i].Data = strings.Repeat("x", 60+i*31%150)
		packets[i].Length = len(packets[i].Data)
		g.packet(0, uint64(i), packets[i])
	}
	pcap := store(b, dir, "a", classic.file(packets))
	pcapng := store(b, dir, "b", g.b)
	for name, names := range map[string][]string{"pcap": {pcap}, "pcapng": {pcapng}, "merged": {pcap, pcap}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var n int64
			for b.Loop() {
				f, err := Open(names, nil)
				if err != nil {
					b.Fatal(err)
				}
				for range Packets(f) {
					n++
				}
				f.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
		})
	}
}

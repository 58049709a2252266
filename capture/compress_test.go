package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packers compress; each call is one member or frame.
var packers = map[string]func([]byte) []byte{
	"gzip": func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	},
	"zstd": func(b []byte) []byte { return packZstd(b, 1<<20) },
	"lz4": func(b []byte) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	},
}

func packZstd(b []byte, window int) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(window), zstd.WithSingleSegment(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func TestCompressed(t *testing.T) {
	packets := sample(200, LinkEthernet)
	whole := classic.file(packets)
	half := len(whole)/2 + 3
	tests := map[string]struct {
		file   []byte
		format string
	}{
		"zstd, window of 512 MiB": {packZstd(whole, 1<<29), "pcap in zstd"},
		"zstd, skippable frame":   {append([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip"), packZstd(whole, 1<<20)...), "pcap in zstd"},
		"gzip in zstd":            {packers["zstd"](packers["gzip"](whole)), "pcap in gzip"},
		"lz4 in gzip":             {packers["gzip"](packers["lz4"](whole)), "pcap in lz4"},
	}
	for name, pack := range packers {
		tests[name] = struct {
			file   []byte
			format string
		}{pack(whole), "pcap in " + name}
		tests[name+", two members"] = struct {
			file   []byte
			format string
		}{append(pack(whole[:half]), pack(whole[half:])...), "pcap in " + name}
	}
	dir := t.TempDir()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, in := readBytes(t, tt.file)
			if diff := cmp.Diff(packets, got); diff != "" || in.Err != nil {
				t.Errorf("%v\n%s", in.Err, diff)
			}
			if in.Format != tt.format {
				t.Errorf("format %q, want %q", in.Format, tt.format)
			}
			path := store(t, dir, "no.hint.in.the.name", tt.file)
			if got, _ := read(t, path, path); len(got) != 400 {
				t.Errorf("%d packets of 400 of two files", len(got))
			}
		})
	}
}

// TestBzip2 reads a file that the bzip2 program wrote, in two streams: there
// is no compressor here. It holds what sample makes.
func TestBzip2(t *testing.T) {
	got, in := read(t, "testdata/sample.pcap.bz2")
	if diff := cmp.Diff(sample(200, LinkEthernet), got); diff != "" || in[0].Err != nil {
		t.Errorf("%v\n%s", in[0].Err, diff)
	}
	if in[0].Format != "pcap in bzip2" {
		t.Errorf("format %q", in[0].Format)
	}
}

// noise is a capture that compression cannot shrink much, so that a cut
// leaves something.
func noise() []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := classic.header()
	for i := range 2000 {
		data := make([]byte, 200)
		for j := range data {
			data[j] = byte(rnd.Uint32())
		}
		b = classic.record(b, want{Time(i) * 1e9, LinkEthernet, string(data), 200})
	}
	return b
}

func TestCompressedCut(t *testing.T) {
	whole := noise()
	for name, pack := range packers {
		packed := pack(whole)
		for i := 1; i < 60; i++ {
			cut := len(packed) * i / 60
			got, in := readBytes(t, packed[:cut])
			damage, ok := errors.AsType[*DamageError](in.Err)
			if !ok || damage.Packet != 0 && (damage.Inside != name || damage.Packet != int64(len(got))+1) {
				t.Fatalf("%s cut at %d: %d packets, %v", name, cut, len(got), in.Err)
			}
			if damage.Packet > 1 && !strings.Contains(damage.Error(), " of what "+name+" holds") {
				t.Fatal(damage)
			}
			if least := (cut - 300_000) / 216; name != "lz4" && len(got) < least {
				t.Fatalf("%s cut at %d: %d packets, want %d", name, cut, len(got), least)
			}
		}
	}
}

func TestCompressedDamage(t *testing.T) {
	whole := noise()
	for name, pack := range packers {
		packed := pack(whole)
		packed[len(packed)*3/4] ^= 0x55
		got, in := readBytes(t, packed)
		if in.Err == nil || !strings.Contains(in.Err.Error(), "damaged "+name+" data (") {
			t.Errorf("%s: %d packets and %v", name, len(got), in.Err)
		}
	}
}

// TestZstdWindows reads many files that claim a window of 512 MiB each, one
// after the other: the memory for it must not be taken anew for each.
func TestZstdWindows(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		w := sample(1, LinkEthernet)
		w[0].Time += Time(i) * 1e9
		store(t, dir, strconv.Itoa(i), packZstd(classic.file(w), 1<<29))
	}
	f, err := Open([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := drain(t, f); len(got) != 40 || len(f.zstd) != 1 {
		t.Errorf("%d packets, %d decoders", len(got), len(f.zstd))
	}
}

func TestForeignCompression(t *testing.T) {
	for magic, hint := range map[string]string{
		"\xfd7zXZ\x00\x00\x04":      "xz -dc some file | wssniff -r -",
		"PK\x03\x04\x14\x00":        "unzip -p some file | wssniff -r -",
		"7z\xbc\xaf\x27\x1c\x00":    "7z e -so some file | wssniff -r -",
		"snoop\x00\x00\x00\x00\x02": "editcap some file out.pcapng, and read that",
	} {
		dir := t.TempDir()
		t.Chdir(dir)
		store(t, dir, "some file", []byte(magic))
		_, in := read(t, "some file")
		if Hint(in[0].Err) != hint {
			t.Errorf("%v, hint %q, want %q", in[0].Err, Hint(in[0].Err), hint)
		}
	}
}

func TestNestedTooDeep(t *testing.T) {
	b := classic.file(nil)
	for range maxNested + 1 {
		b = packers["gzip"](b)
	}
	if _, in := readBytes(t, b); in.Err == nil || !strings.Contains(in.Err.Error(), "times over") {
		t.Error(in.Err)
	}
}

package capture

import (
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzOpen reads arbitrary bytes as a capture file. Whatever they are, packets
// lie within what was given, and a cut file gives a beginning of the packets
// of the whole one.
func FuzzOpen(f *testing.F) {
	for _, c := range cuttable() {
		f.Add(c.file)
	}
	whole := classic.file(sample(3, LinkEthernet))
	for _, pack := range packers {
		f.Add(pack(whole))
	}
	f.Add(new(ng).section(little, 0).iface(1, 0, uint16(9), uint16(1), "\xff", uint16(14), uint16(8), uint64(1)<<63).
		packet(0, 1<<63, want{Data: "x"}).block(10, uint32(1), uint32(4), "keys").block(5, uint32(0), uint64(0)).b)
	var decoders []*zstd.Decoder // kept, since one that has to be zeroed takes seconds for a window of 2 GiB
	f.Fuzz(func(t *testing.T, content []byte) {
		all, bare := fuzzRead(t, content, &decoders)
		if !bare {
			return
		}
		some, _ := fuzzRead(t, content[:len(content)*3/4], &decoders)
		if len(some) > len(all) {
			t.Fatalf("%d packets of a part, %d of the whole", len(some), len(all))
		}
		for i := range some {
			if some[i] != all[i] {
				t.Fatalf("packet %d: %v of a part, %v of the whole", i+1, some[i], all[i])
			}
		}
	})
}

// fuzzRead reads content, and says whether it is not compressed.
func fuzzRead(t *testing.T, content []byte, decoders *[]*zstd.Decoder) ([]want, bool) {
	files, err := Open([]string{"-"}, &Config{Stdin: bytes.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	files.zstd = *decoders
	defer func() {
		files.inputs[0].close()
		*decoders, files.zstd = files.zstd, nil
		files.Close()
	}()
	in := files.inputs[0]
	var all []want
	var p Packet
	var size int
	for {
		err := files.Read(&p)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Data) > p.Length || len(p.Data) > packetMax || len(in.buf) > 2*blockMax {
			t.Fatalf("%d bytes of %d", len(p.Data), p.Length)
		}
		new(Decap).Datagram(&p)
		if in.packed == "" {
			all = append(all, want{p.Time, p.LinkType, string(p.Data), p.Length})
		}
		if size += len(p.Data) + 16; in.packed != "" && size > 64<<20 {
			break // a bomb: it takes long, but no memory
		}
	}
	if got := files.Inputs()[0]; got.Packets != p.Number || got.Err != nil && got.Err.Error() == "" {
		t.Fatalf("%+v after packet %d", got, p.Number)
	}
	return all, in.packed == ""
}

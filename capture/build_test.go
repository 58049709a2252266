package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A want is what a packet is compared by.
type want struct {
	Time   Time
	Link   LinkType
	Data   string
	Length int
}

// sample gives n packets of differing sizes, a millisecond and a microsecond
// apart, from second 1,700,000,000 on.
func sample(n int, link LinkType) []want {
	var w []want
	for i := range n {
		data := string(bytes.Repeat([]byte{byte(i + 1)}, 14+i*7%50))
		w = append(w, want{1_700_000_000e9 + Time(i)*1_001_000, link, data, len(data)})
	}
	return w
}

// A pcapForm is one of the forms of the classic format.
type pcapForm struct {
	order   binary.AppendByteOrder
	magic   uint32
	unit    Time // nanoseconds in a fraction
	extra   int  // bytes at the end of a record's header
	version [2]uint16
	snaplen uint32
	link    uint32
}

var classic = pcapForm{binary.LittleEndian, 0xa1b2c3d4, 1000, 0, [2]uint16{2, 4}, 65535, 1}

func (f pcapForm) header() []byte {
	b := f.order.AppendUint32(nil, f.magic)
	b = f.order.AppendUint16(b, f.version[0])
	b = f.order.AppendUint16(b, f.version[1])
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = f.order.AppendUint32(b, f.snaplen)
	return f.order.AppendUint32(b, f.link)
}

func (f pcapForm) record(b []byte, w want) []byte {
	b = f.order.AppendUint32(b, uint32(w.Time/1e9))
	b = f.order.AppendUint32(b, uint32(w.Time%1e9/f.unit))
	b = f.order.AppendUint32(b, uint32(len(w.Data)))
	b = f.order.AppendUint32(b, uint32(w.Length))
	b = append(b, make([]byte, f.extra)...)
	return append(b, w.Data...)
}

func (f pcapForm) file(packets []want) []byte {
	b := f.header()
	for _, w := range packets {
		b = f.record(b, w)
	}
	return b
}

// An ng puts pcapng blocks together.
type ng struct {
	order binary.AppendByteOrder
	b     []byte
}

func (g *ng) block(kind uint32, body ...any) *ng {
	var c []byte
	for _, v := range body {
		switch v := v.(type) {
		case byte:
			c = append(c, v)
		case uint16:
			c = g.order.AppendUint16(c, v)
		case uint32:
			c = g.order.AppendUint32(c, v)
		case uint64:
			c = g.order.AppendUint64(c, v)
		case string:
			c = append(c, v...)
			for len(c)%4 != 0 {
				c = append(c, 0)
			}
		default:
			panic("not a field")
		}
	}
	total := uint32(len(c) + 12)
	g.b = g.order.AppendUint32(g.b, kind)
	g.b = g.order.AppendUint32(g.b, total)
	g.b = append(g.b, c...)
	g.b = g.order.AppendUint32(g.b, total)
	return g
}

func (g *ng) section(order binary.AppendByteOrder, minor uint16) *ng {
	g.order = order
	return g.block(sectionHeader, uint32(0x1a2b3c4d), uint16(1), minor, ^uint64(0), uint32(0))
}

// iface describes an interface; options are what block takes.
func (g *ng) iface(link LinkType, snaplen uint32, options ...any) *ng {
	return g.block(1, append([]any{uint16(link), uint16(0), snaplen}, options...)...)
}

// packet writes an enhanced packet block whose stamp is the time in ticks.
func (g *ng) packet(id uint32, stamp uint64, w want, options ...any) *ng {
	return g.block(6, append([]any{id, uint32(stamp >> 32), uint32(stamp),
		uint32(len(w.Data)), uint32(w.Length), w.Data}, options...)...)
}

// read gives all packets of the files with those names.
func read(t testing.TB, names ...string) ([]want, []Input) {
	t.Helper()
	f, err := Open(names, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return drain(t, f), f.Inputs()
}

// readBytes gives all packets of a file with that content, read as a stream.
func readBytes(t testing.TB, content []byte) ([]want, Input) {
	t.Helper()
	f, err := Open([]string{"-"}, &Config{Stdin: bytes.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return drain(t, f), f.Inputs()[0]
}

func drain(t testing.TB, f *Files) []want {
	t.Helper()
	var all []want
	var p Packet
	for {
		err := f.Read(&p)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, want{p.Time, p.LinkType, string(p.Data), p.Length})
		if p.Number != int64(len(all)) {
			t.Fatalf("packet %d has number %d", len(all), p.Number)
		}
	}
}

// store writes a file into a folder of the test's own.
func store(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

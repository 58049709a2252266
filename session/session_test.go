package session_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/internal/trafficgen"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// TestSplitAnywhere plays the cases with every segment cut in two, and in
// bytes: the same frames and messages come out.
func TestSplitAnywhere(t *testing.T) {
	cases, err := casetest.Load("../testdata/cases")
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		if strings.HasPrefix(c.Number, "2") && len(c.Number) > 3 { // those count segments
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			packets, err := c.Packets()
			if err != nil {
				t.Fatal(err)
			}
			whole := events(t, packets)
			for _, parts := range []int{2, 1 << 16} {
				var split []capture.Packet
				for _, p := range packets {
					split = append(split, cutSegment(p, parts)...)
				}
				if diff := cmp.Diff(whole, events(t, split)); diff != "" {
					t.Errorf("in %d parts (-whole +parts):\n%s", parts, diff)
				}
			}
		})
	}
}

// events gives the lines of ndjson, less those that count segments.
func events(t *testing.T, packets []capture.Packet) []string {
	t.Helper()
	var out bytes.Buffer
	sink := report.Formats[1].New(&out, &report.Options{})
	totals, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{}, 1, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Finish(&report.Summary{Totals: totals}); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, `{"type":"connection"`) && !strings.HasPrefix(line, `{"type":"summary"`) {
			lines = append(lines, line)
		}
	}
	return lines
}

// cutSegment cuts the payload of an IPv4 or IPv6 TCP segment on Ethernet into
// so many parts. They keep the packet's number and time.
func cutSegment(p capture.Packet, parts int) []capture.Packet {
	b := p.Data
	if p.LinkType != 1 || len(b) < 54 || p.Length != len(b) {
		return []capture.Packet{p}
	}
	ip, lengthAt, header := 14, 16, 20
	switch {
	case binary.BigEndian.Uint16(b[12:]) == 0x0800 && b[14] == 0x45 && b[23] == 6 && b[20]&0x3f == 0 && b[21] == 0:
	case binary.BigEndian.Uint16(b[12:]) == 0x86dd && b[20] == 6:
		lengthAt, header = 18, 40
	default:
		return []capture.Packet{p}
	}
	tcp := ip + header
	data := tcp + int(b[tcp+12]>>4)*4
	end := lengthAt - 2 + int(binary.BigEndian.Uint16(b[lengthAt:]))
	if header == 40 {
		end = tcp + int(binary.BigEndian.Uint16(b[lengthAt:]))
	}
	n := end - data
	if n < 2 || end > len(b) || b[tcp+13]&2 != 0 {
		return []capture.Packet{p}
	}
	parts = min(parts, n)
	var cut []capture.Packet
	for i := range parts {
		from, to := n*i/parts, n*(i+1)/parts
		c := append(bytes.Clone(b[:data]), b[data+from:data+to]...)
		binary.BigEndian.PutUint16(c[lengthAt:], binary.BigEndian.Uint16(b[lengthAt:])-uint16(n-(to-from)))
		binary.BigEndian.PutUint32(c[tcp+4:], binary.BigEndian.Uint32(b[tcp+4:])+uint32(from))
		if i < parts-1 {
			c[tcp+13] &^= 1 // FIN
		}
		q := p
		q.Data, q.Length = c, len(c)
		cut = append(cut, q)
	}
	return cut
}

// generated gives the packets of a shape.
func generated(t testing.TB, name string, n int) []capture.Packet {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range trafficgen.Shapes {
		if shape.Name == name {
			shape.Packets = n
			if _, err := trafficgen.Write(out, shape); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return readAll(t, file)
}

// readAll gives the packets of a file.
func readAll(t testing.TB, file string) []capture.Packet {
	t.Helper()
	src, err := capture.Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var packets []capture.Packet
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

// TestAllocs takes packets of connections that are open, and of frames that
// are told, and allocates nothing, the report in ndjson included.
func TestAllocs(t *testing.T) {
	for _, name := range []string{"small", "bulk"} {
		packets := generated(t, name, 60_000)
		sink := report.Formats[1].New(io.Discard, &report.Options{List: report.Frames})
		tr := session.New(session.Config{}, sink)
		const warm = 40_000
		for i := range warm {
			tr.Packet(&packets[i])
		}
		i := warm
		avg := testing.AllocsPerRun(100, func() {
			for range 100 {
				tr.Packet(&packets[i])
				i++
			}
		})
		if avg != 0 {
			t.Errorf("%s: %v allocations for 100 packets, want 0", name, avg)
		}
		if tr.Totals().Connections == 0 {
			t.Errorf("%s: no connection", name)
		}
	}
}

// FuzzPackets takes arbitrary bytes as packets, two bytes before each saying
// how long it is and of which link type: nothing panics.
func FuzzPackets(f *testing.F) {
	for _, name := range []string{"5.6-ping-between-fragments", "20.5-sequence-wrap", "0.6-refused-then-retried"} {
		cases, err := casetest.Load("../testdata/cases")
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range cases {
			if c.Name != name {
				continue
			}
			packets, err := c.Packets()
			if err != nil {
				f.Fatal(err)
			}
			var seed []byte
			for _, p := range packets {
				if len(p.Data) < 256 {
					seed = append(append(seed, byte(len(p.Data)), byte(p.LinkType)), p.Data...)
				}
			}
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var packets []capture.Packet
		for n := int64(1); len(in) >= 2; n++ {
			size := min(int(in[0]), len(in)-2)
			packets = append(packets, capture.Packet{Number: n, Time: capture.Time(n) * 1e7, LinkType: capture.LinkType(in[1]), Data: in[2 : 2+size], Length: size + int(in[0])%3})
			in = in[2+size:]
		}
		for _, workers := range []int{1, 2} {
			sink := report.Formats[0].New(io.Discard, &report.Options{List: report.Frames})
			totals, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{MaxFlows: 4}, workers, sink)
			if err != nil {
				t.Fatal(err)
			}
			if err := sink.Finish(&report.Summary{Totals: totals}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

type count struct{ events int }

func (c *count) Observe(session.Event) { c.events++ }

func BenchmarkPipeline(b *testing.B) {
	for _, name := range []string{"small", "bulk", "many"} {
		b.Run(name, func(b *testing.B) {
			packets := generated(b, name, 100_000)
			bytes := 0
			for i := range packets {
				bytes += packets[i].Length
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := session.Run(casetest.Source(packets), session.Config{}, 1, new(count)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(packets)), "ns/packet")
		})
	}
}

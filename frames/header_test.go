package frames

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var exampleKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// The examples of RFC 6455 §5.7, and the payload they carry.
var examples = []struct {
	name    string
	wire    []byte
	header  Header
	payload string
}{
	{"an unmasked text message", []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f},
		Header{FIN: true, Opcode: Text, PayloadLength: 5}, "Hello"},
	{"a masked text message", []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
		Header{FIN: true, Opcode: Text, Masked: true, MaskingKey: exampleKey, PayloadLength: 5}, "Hello"},
	{"its first fragment", []byte{0x01, 0x03, 0x48, 0x65, 0x6c},
		Header{Opcode: Text, PayloadLength: 3}, "Hel"},
	{"its last fragment", []byte{0x80, 0x02, 0x6c, 0x6f},
		Header{FIN: true, Opcode: Continuation, PayloadLength: 2}, "lo"},
	{"an unmasked ping", []byte{0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f},
		Header{FIN: true, Opcode: Ping, PayloadLength: 5}, "Hello"},
	{"a masked pong", []byte{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
		Header{FIN: true, Opcode: Pong, Masked: true, MaskingKey: exampleKey, PayloadLength: 5}, "Hello"},
	{"256 bytes binary", append([]byte{0x82, 0x7E, 0x01, 0x00}, make([]byte, 256)...),
		Header{FIN: true, Opcode: Binary, PayloadLength: 256, LengthBytes: 2}, string(make([]byte, 256))},
	{"64 KiB binary", append([]byte{0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}, make([]byte, 65536)...),
		Header{FIN: true, Opcode: Binary, PayloadLength: 65536, LengthBytes: 8}, string(make([]byte, 65536))},
}

func TestHeaderExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			h, n := DecodeHeader(e.wire)
			if h != e.header || n != len(e.wire)-len(e.payload) {
				t.Errorf("DecodeHeader = %+v, %d; want %+v", h, n, e.header)
			}
			var p Parser
			for piece := range p.Pieces(e.wire) {
				if got := string(piece.Data(-1)); got != e.payload {
					t.Errorf("payload %q; want %q", got, e.payload)
				}
			}
		})
	}
}

// TestHeader builds headers by hand, bit by bit, for every length form.
func TestHeader(t *testing.T) {
	lengths := []uint64{0, 1, 125, 126, 127, 65535, 65536, 1 << 50, 1<<63 - 1, 1 << 63, 1<<64 - 1}
	for _, length := range lengths {
		for _, size := range []uint8{0, 2, 8} {
			if size == 0 && length > 125 || size == 2 && length > 65535 {
				continue
			}
			for bits := range 256 {
				for _, masked := range []bool{false, true} {
					testHeader(t, byte(bits), masked, length, size)
				}
			}
		}
	}
}

func testHeader(t *testing.T, b0 byte, masked bool, length uint64, size uint8) {
	t.Helper()
	var b1 byte
	var ext []byte
	switch size {
	case 0:
		b1 = byte(length)
	case 2:
		b1, ext = 126, binary.BigEndian.AppendUint16(nil, uint16(length))
	case 8:
		b1, ext = 127, binary.BigEndian.AppendUint64(nil, length)
	}
	want := Header{
		FIN: b0&128 > 0, RSV1: b0&64 > 0, RSV2: b0&32 > 0, RSV3: b0&16 > 0,
		Opcode: Opcode(b0 & 15), PayloadLength: length, LengthBytes: size,
	}
	if masked {
		b1 += 128
		ext = append(ext, 0xA, 0xB, 0xC, 0xD)
		want.Masked, want.MaskingKey = true, [4]byte{0xA, 0xB, 0xC, 0xD}
	}
	wire := append([]byte{b0, b1}, ext...)
	got, n := DecodeHeader(append(bytes.Clone(wire), 1, 2, 3))
	if got != want || n != len(wire) || got.Len() != n {
		t.Fatalf("%x: n = %d, Len = %d, %s", wire, n, got.Len(), cmp.Diff(want, got))
	}
	if back := got.AppendTo(nil); !bytes.Equal(back, wire) {
		t.Fatalf("AppendTo = %x; want %x", back, wire)
	}
	for cut := range wire {
		if h, n := DecodeHeader(wire[:cut]); n != 0 || h != (Header{}) {
			t.Fatalf("DecodeHeader(%x) = %+v, %d of a header cut", wire[:cut], h, n)
		}
	}
	if rsv := b0 >> 4 & 7; got.RSV() != rsv {
		t.Fatalf("RSV = %d; want %d", got.RSV(), rsv)
	}
}

func TestMinimal(t *testing.T) {
	for _, tt := range []struct {
		length uint64
		size   uint8
		want   bool
	}{
		{0, 0, true}, {125, 0, true}, {125, 2, false}, {126, 2, true}, {65535, 2, true},
		{125, 8, false}, {65535, 8, false}, {65536, 8, true}, {1<<63 - 1, 8, true}, {1 << 63, 8, false},
	} {
		h := Header{PayloadLength: tt.length, LengthBytes: tt.size}
		if h.Minimal() != tt.want {
			t.Errorf("length %d in %d bytes: Minimal = %v", tt.length, tt.size, !tt.want)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, e := range examples[:6] {
		f.Add(e.wire)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	f.Add([]byte{0x82, 0xfe, 0x00, 0x05, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n := DecodeHeader(b)
		if n == 0 {
			if len(b) >= MaxHeader {
				t.Fatalf("no header in %d bytes", len(b))
			}
			return
		}
		if n < 2 || n > MaxHeader || n != h.Len() {
			t.Fatalf("n = %d, Len = %d", n, h.Len())
		}
		if back := h.AppendTo(nil); !bytes.Equal(back, b[:n]) {
			t.Fatalf("AppendTo = %x; want %x", back, b[:n])
		}
	})
}

func TestOpcodes(t *testing.T) {
	names := []string{"continuation", "text", "binary", "reserved-3", "reserved-4", "reserved-5", "reserved-6",
		"reserved-7", "close", "ping", "pong", "reserved-11", "reserved-12", "reserved-13", "reserved-14", "reserved-15"}
	for i, name := range names {
		op := Opcode(i)
		if op.String() != name {
			t.Errorf("opcode %d is %q; want %q", i, op, name)
		}
		reserved := name == fmt.Sprintf("reserved-%d", i)
		if op.IsReserved() != reserved || op.IsControl() != (i >= 8) || op.IsData() == op.IsControl() {
			t.Errorf("%v: reserved %v, control %v, data %v", op, op.IsReserved(), op.IsControl(), op.IsData())
		}
	}
	if got := Ping.Section(); got != "RFC 6455 §5.5.2" {
		t.Errorf("Ping.Section = %q", got)
	}
}

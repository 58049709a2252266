package trafficgen

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// short gives a shape of that name that is quick to write.
func short(t *testing.T, name string, packets int) Shape {
	t.Helper()
	for _, s := range Shapes {
		if s.Name == name {
			s.Packets, s.Concurrent, s.Pings = packets, min(s.Concurrent, 50), 0.1
			return s
		}
	}
	t.Fatalf("no shape %q", name)
	return Shape{}
}

// TestTruth counts each capture once more, by a slow reader of its own.
func TestTruth(t *testing.T) {
	for _, s := range Shapes {
		var file bytes.Buffer
		shape := short(t, s.Name, 20_000)
		shape.Late, shape.Twice, shape.Lost = 0, 0, 0 // see TestDirt
		truth, err := Write(&file, shape)
		if err != nil {
			t.Fatal(err)
		}
		got, err := count(file.Bytes())
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if diff := cmp.Diff(truth, got); diff != "" {
			t.Errorf("%s (-said +counted):\n%s", s.Name, diff)
		}
		if got.Packets < 20_000 || got.Packets > 25_000 || got.Frames == 0 || got.Pings == 0 {
			t.Errorf("%s: %+v", s.Name, got)
		}
		if s.Name == "many" && got.Closed == 0 {
			t.Errorf("%s: no connection was closed", s.Name)
		}
	}
}

// TestDirt counts what dirt does to a capture whose truth stays the same.
func TestDirt(t *testing.T) {
	clean := short(t, "ordered", 20_000)
	for _, tc := range []struct {
		late, twice, lost float64
	}{{0.1, 0, 0}, {0, 0.1, 0}, {0, 0, 0.1}, {0.1, 0.1, 0.1}} {
		shape := clean
		shape.Late, shape.Twice, shape.Lost = tc.late, tc.twice, tc.lost
		var file bytes.Buffer
		truth, err := Write(&file, shape)
		if err != nil {
			t.Fatal(err)
		}
		behind, again := disorder(file.Bytes())
		for _, c := range []struct {
			what string
			n    int
			part float64
		}{{"late", behind, tc.late}, {"twice", again, tc.twice}, {"lost", int(truth.LostSegments), tc.lost}} {
			if part := float64(c.n) / 20_000; part > 1.2*c.part+0.05*tc.twice || part < 0.3*c.part {
				t.Errorf("%+v: %d %s", tc, c.n, c.what)
			}
		}
	}
}

// disorder counts data segments captured behind a later one, and again.
func disorder(file []byte) (behind, again int) {
	last := map[[12]byte]uint32{}
	seen := map[[16]byte]bool{}
	for b := file[24:]; len(b) > 0; {
		n := binary.LittleEndian.Uint32(b[8:])
		packet := b[16 : 16+n]
		b = b[16+n:]
		if len(packet) == headerLength {
			continue
		}
		flow := [12]byte(packet[26:38])
		place := [16]byte(packet[26:42])
		seq := binary.BigEndian.Uint32(packet[38:])
		switch {
		case seen[place]:
			again++
		case int32(seq-last[flow]) < 0 && last[flow] != 0:
			behind++
		default:
			last[flow] = seq
		}
		seen[place] = true
	}
	return behind, again
}

func TestSameShapeSameBytes(t *testing.T) {
	shape := short(t, "many", 3000)
	var a, b, c bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if _, err := Write(w, shape); err != nil {
			t.Fatal(err)
		}
	}
	shape.Seed = 1
	if _, err := Write(&c, shape); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) || bytes.Equal(a.Bytes(), c.Bytes()) {
		t.Error("the bytes do not depend on the shape alone")
	}
}

func TestConnectionsEnd(t *testing.T) {
	shape := short(t, "many", 1_000_000)
	shape.Connections = 20
	truth, err := Write(io.Discard, shape)
	if err != nil || truth.Connections != 20 || truth.Closed != 20 {
		t.Errorf("%+v, %v; want 20 connections, all closed", truth, err)
	}
}

func TestFaults(t *testing.T) {
	if _, err := Write(io.Discard, Shape{Name: "x"}); err == nil {
		t.Error("an empty shape was written")
	}
	if _, err := Write(full{}, short(t, "small", 10_000)); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// count reads a capture whole: it collects the byte streams and then parses
// each from its beginning.
func count(file []byte) (Truth, error) {
	var truth Truth
	streams := map[string][]byte{} // by "from>to"; a client's begins with a line that names its server's
	next := map[string]uint32{}
	var order []string // of client streams
	for b := file[24:]; len(b) > 0; {
		n := binary.LittleEndian.Uint32(b[8:])
		packet := b[16 : 16+n]
		b = b[16+n:]
		truth.Packets++
		truth.Bytes += int64(n)
		ip := packet[14:]
		if sum(ip[:20]) != 0xffff || int(binary.BigEndian.Uint16(ip[2:])) != len(ip) {
			return truth, fmt.Errorf("packet %d: bad IPv4 header", truth.Packets)
		}
		tcp := ip[20:]
		from := fmt.Sprintf("%v:%d", ip[12:16], binary.BigEndian.Uint16(tcp))
		to := fmt.Sprintf("%v:%d", ip[16:20], binary.BigEndian.Uint16(tcp[2:]))
		id, back := from+">"+to, to+">"+from
		seq, ack, flags := binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:]), tcp[13]
		payload := tcp[tcp[12]>>4*4:]
		if flags&flagSYN != 0 {
			if flags&flagACK == 0 {
				order = append(order, id)
			}
			next[id] = seq
		}
		if seq != next[id] || flags&flagACK != 0 && ack != next[back] {
			return truth, fmt.Errorf("packet %d: number %d acknowledging %d, want %d and %d", truth.Packets, seq, ack, next[id], next[back])
		}
		next[id] += uint32(len(payload)) + uint32(flags&flagFIN) + uint32(flags&flagSYN)/2
		streams[id] = append(streams[id], payload...)
		if flags&flagACK != 0 && flags&flagSYN != 0 {
			streams[back] = append(streams[back], "to: "+id+"\n"...)
		}
	}
	for _, id := range order {
		head, c, _ := bytes.Cut(streams[id], []byte("\n"))
		answer, s, ok := bytes.Cut(streams[string(head[4:])], []byte("\r\n\r\n"))
		request, c, ok2 := bytes.Cut(c, []byte("\r\n\r\n"))
		if !ok || !ok2 {
			return truth, fmt.Errorf("%s: no handshake", id)
		}
		_, key, _ := bytes.Cut(request, []byte("Sec-WebSocket-Key: "))
		digest := sha1.Sum([]byte(string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		truth.Connections++
		if bytes.HasSuffix(answer, []byte("Accept: "+base64.StdEncoding.EncodeToString(digest[:]))) {
			truth.Established++
		}
		before := truth.CloseFrames
		if err := errors.Join(truth.parse(client, c), truth.parse(server, s)); err != nil {
			return truth, fmt.Errorf("%s: %w", id, err)
		}
		truth.Closed += (truth.CloseFrames - before) / 2
	}
	return truth, nil
}

// parse counts the frames of one direction, which end where its bytes do.
func (t *Truth) parse(dir int, b []byte) error {
	for len(b) > 0 {
		opcode, masked := b[0]&0x0f, b[1]&0x80 != 0
		n, head := int(b[1]&0x7f), 2
		switch n {
		case 126:
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		case 127:
			n, head = int(binary.BigEndian.Uint64(b[2:])), 10
		}
		var key [4]byte
		if masked {
			head += copy(key[:], b[head:])
		}
		if masked != (dir == client) || b[0]&0xf0 != 0x80 || len(b) < head+n {
			return fmt.Errorf("bad frame % x", b[:min(16, len(b))])
		}
		payload := bytes.Clone(b[head : head+n])
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		if opcode == 1 && !utf8.Valid(payload) {
			return fmt.Errorf("text %q is not UTF-8", payload)
		}
		b = b[head+n:]
		t.Frames++
		t.Payload += int64(n)
		*map[byte]*int64{1: &t.Text, 2: &t.Binary, 8: &t.CloseFrames, 9: &t.Pings, 10: &t.Pongs}[opcode]++
		if masked {
			t.ClientFrames++
		}
	}
	return nil
}

// sum is the ones' complement sum of b.
func sum(b []byte) uint16 {
	var s uint32
	for ; len(b) > 0; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

package capture_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/namespace"
)

// frameOf is an Ethernet frame of a protocol nobody knows, with the number n
// in it, perhaps tagged.
func frameOf(n, size int, tagged bool) []byte {
	frame := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if tagged {
		frame = append(frame, 0x81, 0x00, 0x00, 0x05)
	}
	frame = append(frame, 0x88, 0xb5)
	frame = fmt.Appendf(frame, "frame %d ", n)
	return append(frame, bytes.Repeat([]byte{byte(n)}, size)...)
}

func listen(t *testing.T, conf capture.LiveConfig) *capture.Live {
	t.Helper()
	l, err := capture.Listen(&conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestLive: every frame comes once, whole, in order, with its VLAN tag.
func TestLive(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	l := listen(t, capture.LiveConfig{Interfaces: []string{"two"}, Promiscuous: true})
	var want [][]byte
	w := namespace.OpenWire(t, "one")
	for n := range 2000 {
		frame := frameOf(n, n%1400, n%3 == 0)
		want = append(want, frame)
		w.Send(frame)
	}
	w.Arrived()
	l.Stop()
	begun := capture.Time(time.Now().Add(-time.Minute).UnixNano())
	for p, err := range capture.Packets(l) {
		switch {
		case err != nil:
			t.Fatal(err)
		case !ours(p.Data):
			continue // the kernel speaks IPv6 on every interface that comes up
		case len(want) == 0:
			t.Fatalf("one too many: %q", p.Data)
		case !bytes.Equal(p.Data, want[0]):
			t.Fatalf("%d to come: % x, want % x", len(want), p.Data, want[0])
		case p.Length != len(p.Data), p.LinkType != capture.LinkEthernet, p.Time < begun:
			t.Fatalf("%+v", p)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("%d did not come", len(want))
	}
	if in := l.Inputs()[0]; in.Name != "two" || in.Drops != 0 || in.Packets < 2000 || in.First == capture.NoTime {
		t.Errorf("%+v", in)
	}
}

func ours(frame []byte) bool { return bytes.Contains(frame, []byte("frame ")) }

// TestLiveAny: all interfaces at once, lo counted once, and the frames as if
// they had been captured in cooked mode by others.
func TestLiveAny(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	l := listen(t, capture.LiveConfig{Interfaces: []string{"any"}})
	conn, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		fmt.Fprintf(conn, "datagram %d.", n)
	}
	w := namespace.OpenWire(t, "one")
	w.Send(frameOf(1, 10, true))
	w.Arrived()
	l.Stop()
	datagrams, tagged := 0, 0
	for p, err := range capture.Packets(l) {
		if err != nil {
			t.Fatal(err)
		}
		protocol, body, sent := cookedParts(t, p)
		if bytes.Contains(p.Data, []byte("datagram ")) {
			datagrams++
			if protocol != 0x0800 || body[0] != 0x45 {
				t.Errorf("% x", p.Data)
			}
		}
		if ours(p.Data) && !sent { // sent and received are two interfaces
			tagged++
			if protocol != 0x8100 || !bytes.HasPrefix(body, []byte{0, 5, 0x88, 0xb5}) {
				t.Errorf("% x", p.Data)
			}
		}
	}
	if datagrams != 100 || tagged != 1 {
		t.Errorf("%d datagrams, %d tagged frames", datagrams, tagged)
	}
}

// cookedParts takes a packet of "any" apart: one of SLL2, or of SLL where libpcap captures.
func cookedParts(t *testing.T, p *capture.Packet) (protocol uint16, body []byte, sent bool) {
	t.Helper()
	switch p.LinkType {
	case capture.LinkLinuxSLL2:
		return binary.BigEndian.Uint16(p.Data), p.Data[20:], p.Data[10] == 4
	case capture.LinkLinuxSLL:
		return binary.BigEndian.Uint16(p.Data[14:]), p.Data[16:], p.Data[1] == 4
	}
	t.Fatalf("%+v", p)
	return
}

// TestLiveEnds: an interface that goes down ends the capture, with the reason.
func TestLiveEnds(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	l := listen(t, capture.LiveConfig{Interfaces: []string{"two"}, Snaplen: 20})
	namespace.OpenWire(t, "one").Send(frameOf(7, 100, false))
	var p capture.Packet
	for {
		if err := l.Read(&p); err != nil {
			t.Fatal(err)
		}
		if p.Length == 14+8+100 {
			break
		}
	}
	if len(p.Data) != 20 {
		t.Errorf("%d bytes kept of 20", len(p.Data))
	}
	if out, err := exec.Command("ip", "link", "del", "one").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for {
		if err := l.Read(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if in := l.Inputs()[0]; in.Err == nil || !strings.Contains(in.Err.Error(), "two: the interface went down") {
		t.Errorf("%v", in.Err)
	}
}

// TestListenErrors: what cannot be opened says what may help.
func TestListenErrors(t *testing.T) {
	_, err := capture.Listen(&capture.LiveConfig{Interfaces: []string{"nosuch0"}})
	open, ok := err.(*capture.OpenError)
	if !ok || !strings.Contains(err.Error(), "nosuch0: no such interface") || !strings.Contains(open.Hint, "lo") || !strings.Contains(open.Hint, "any") {
		t.Errorf("%v, %+v", err, open)
	}
}

// TestLiveAllocs: a packet costs no memory.
func TestLiveAllocs(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	l := listen(t, capture.LiveConfig{Interfaces: []string{"two"}})
	w, frame := namespace.OpenWire(t, "one"), frameOf(1, 100, true)
	var p capture.Packet
	if n := testing.AllocsPerRun(10, func() {
		for range 50 {
			w.Send(frame)
		}
		for range 50 {
			if err := l.Read(&p); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

package capture

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	packets := []want{
		{1_700_000_000_123_456_789, LinkEthernet, "some data", 9},
		{1_700_000_001_000_000_000, LinkLinuxSLL2, "cut", 1500},
		{NoTime, LinkEthernet, "no time", 7},
		{0, LinkLinuxSLL2, "", 0},
		{1 << 62, LinkEthernet, "late", 4},
	}
	var out bytes.Buffer
	w := NewWriter(&out)
	secret := Secret{Type: 0x544c534b, Data: []byte("CLIENT_RANDOM 00 00\n")}
	if err := w.WriteSecret(secret); err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Write(&Packet{Time: p.Time, LinkType: p.Link, Data: []byte(p.Data), Length: p.Length}); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Open([]string{"-"}, &Config{Stdin: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if diff := cmp.Diff(packets, drain(t, f)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Secret{secret}, f.Secrets()); diff != "" || f.Inputs()[0].Err != nil {
		t.Errorf("%v %s", f.Inputs()[0].Err, diff)
	}
}

func TestWriterWithoutPackets(t *testing.T) {
	var out bytes.Buffer
	if err := NewWriter(&out).Flush(); err != nil {
		t.Fatal(err)
	}
	if got, in := readBytes(t, out.Bytes()); len(got) != 0 || in.Err != nil || in.Format != "pcapng" {
		t.Errorf("%d packets, %v, %s", len(got), in.Err, in.Format)
	}
}

func TestWriterTellsOfErrors(t *testing.T) {
	broken := errors.New("disk full")
	if err := NewWriter(full{broken}).Write(&Packet{}); err != broken {
		t.Error(err)
	}
}

// A full writer takes nothing.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestWriterAllocs(t *testing.T) {
	w := NewWriter(new(discard))
	p := Packet{LinkType: LinkEthernet, Data: make([]byte, 1000), Length: 1000}
	if n := testing.AllocsPerRun(1000, func() { w.Write(&p) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// A discard writer takes all.
type discard struct{ n int }

func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }

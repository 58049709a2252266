package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// TestTwoClocks holds that the legs of a WebSocket are joined where each was
// captured on a machine of its own, whose clocks differ.
func TestTwoClocks(t *testing.T) {
	const outer, inner = 8081, 8080
	for _, apart := range []time.Duration{-2 * time.Second, -20 * time.Millisecond, 0, 20 * time.Millisecond, 2 * time.Second} {
		dir := t.TempDir()
		before, behind := filepath.Join(dir, "client.pcap"), filepath.Join(dir, "server.pcap")
		writePart(t, "nginx-minute.pcap", before, outer, 0)
		writePart(t, "nginx-minute.pcap", behind, inner, apart)
		between := filepath.Join(dir, "proxy.pcap")
		writePart(t, "nginx-minute.pcap", between, 0, -apart)
		report := reportOn(t, "-r", before, "-r", behind, "--follow", "1") + reportOn(t, "-r", before, "-r", behind, "--follow", "2")
		if all := reportOn(t, "-r", before, "-r", between, "-r", behind); !strings.Contains(all, "connections 2 cut 2 ") || !strings.Contains(all, "↳ leads the same WebSocket on") || !strings.Contains(all, "0 bytes missing") {
			t.Errorf("%v apart, at three places: %s", apart, all)
		}
		for _, want := range []string{
			"the same WebSocket is #1", "the same WebSocket is #2", "Host: 127.0.0.1:8081 → 127.0.0.1:8080",
			"the proxy adds 4.3 ms to the opening handshake, 2.6 ms to messages there and back: the two legs were captured by two clocks",
			"the proxy 127.0.0.1:8081 ended both of its legs", "idle-timeout-60s.nginx",
		} {
			if !strings.Contains(report, want) {
				t.Errorf("%v apart: %q is not in %s", apart, want, report)
			}
		}
	}
}

func reportOn(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(args, nil, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("wssniff %q: exit %d: %s", args, code, &errs)
	}
	return words(out.String())
}

// writePart writes the packets of a recording that are from or to a port of
// TCP over IPv4 on Ethernet, all for port 0, some time later.
func writePart(t *testing.T, name, to string, port uint16, later time.Duration) {
	t.Helper()
	src, err := capture.Open([]string{filepath.Join(capturesDir, name)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	le := binary.LittleEndian
	file := le.AppendUint32(nil, 0xa1b23c4d) // with nanoseconds
	file = le.AppendUint16(le.AppendUint16(file, 2), 4)
	file = le.AppendUint32(le.AppendUint64(file, 0), 262144)
	file = le.AppendUint32(file, 1)
	for {
		var p capture.Packet
		switch err := src.Read(&p); {
		case err == io.EOF:
			if err := os.WriteFile(to, file, 0o644); err != nil {
				t.Fatal(err)
			}
			return
		case err != nil:
			t.Fatal(err)
		}
		tcp := p.Data[14+int(p.Data[14]&15)*4:]
		if port != 0 && binary.BigEndian.Uint16(tcp) != port && binary.BigEndian.Uint16(tcp[2:]) != port {
			continue
		}
		at := p.Time.UTC().Add(later)
		file = le.AppendUint32(le.AppendUint32(file, uint32(at.Unix())), uint32(at.Nanosecond()))
		file = le.AppendUint32(le.AppendUint32(file, uint32(len(p.Data))), uint32(p.Length))
		file = append(file, p.Data...)
	}
}

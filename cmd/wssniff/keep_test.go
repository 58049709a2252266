package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// told gives the events of a report on a file, without what depends on which
// other packets are in it.
func told(t *testing.T, args ...string) (events []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(append([]string{"-q", "-f", "ndjson"}, args...), strings.NewReader(""), &stdout, &stderr); code != exitOK && code != exitDamaged {
		t.Fatalf("%v: exit %d, %s", args, code, &stderr)
	}
	for line := range strings.Lines(stdout.String()) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		if event["type"] == "summary" || event["type"] == "finding" || event["type"] == "tls" {
			continue
		}
		for _, name := range []string{"packet", "first_packet", "connection", "tcp_stream", "findings", "headline", "verdict", "legs", "proxy"} {
			delete(event, name)
		}
		b, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, string(b))
	}
	slices.Sort(events)
	return events
}

// TestKeptIsWhatWasReported keeps the packets of each recording with -w, and
// holds that what was kept tells the same.
func TestKeptIsWhatWasReported(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "testdata", "captures", "*.pcap*"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			kept := filepath.Join(t.TempDir(), "kept.pcapng")
			want := told(t, "-r", file, "-w", kept)
			if diff := cmp.Diff(want, told(t, "-r", kept)); diff != "" {
				t.Errorf("what was kept tells something else (-all +kept):\n%s", diff)
			}
		})
	}
}

// TestKeptSecrets holds that a file with the secrets it needs is written.
func TestKeptSecrets(t *testing.T) {
	cert := selfSigned(t)
	outside, keylog := wrapped(t, conversation, 0, cert)
	packets, err := casetest.Of("0.0", scriptOf(outside, 1460)).Packets()
	if err != nil {
		t.Fatal(err)
	}
	keys := new(tlsdecrypt.Keys)
	if w := keys.Log("test").Write(keylog); w != nil {
		t.Fatal(w)
	}
	name := filepath.Join(t.TempDir(), "kept.pcapng")
	file, err := openKeep(name, ring{})
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(file, keys)
	if _, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{Keys: keys, Keeper: k}, 1); err != nil {
		t.Fatal(err)
	}
	if err := k.finish(); err != nil {
		t.Fatal(err)
	}
	events := strings.Join(told(t, "-r", name), "\n")
	if !strings.Contains(events, `"decrypted":true`) || !strings.Contains(events, `"code":1000`) {
		t.Errorf("what was kept does not open by itself:\n%s", events)
	}
}

// TestKeptJoined holds that of a connection of TLS whose beginning was not
// captured the secrets are kept that were found to open it.
func TestKeptJoined(t *testing.T) {
	packets, keys := recorded(t, filepath.Join(capturesDir, "wss-go.pcapng"))
	name := filepath.Join(t.TempDir(), "kept.pcapng")
	file, err := openKeep(name, ring{})
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(file, keys)
	if _, err := session.Run(casetest.Source(packets[11:40]), session.Config{Keys: keys, Keeper: k}, 1); err != nil {
		t.Fatal(err)
	}
	if err := k.finish(); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(told(t, "-r", name), "\n"); !strings.Contains(all, `"length":20000`) {
		t.Errorf("what was kept does not open by itself:\n%s", all)
	}
}

// TestOthersAreNotKept holds that nothing is kept of what is not in the report,
// and that a connection that is not decided does not hold others up for ever.
func TestOthersAreNotKept(t *testing.T) {
	var script strings.Builder
	script.WriteString("syn\nconn 2\nsyn\nrequest /\n| GET / HTTP/1.1\n| Host: a.example\n|\nresponse 200 body=\"hello\"\nfin\nconn 3\nopen /chat\n")
	for range 40 {
		script.WriteString("c text len=60000\n")
	}
	packets, err := casetest.Of("0.0", script.String()).Packets()
	if err != nil {
		t.Fatal(err)
	}
	for len(packets) < 30_000 { // more than the queue takes
		packets = append(packets, packets[len(packets)-2])
		packets[len(packets)-1].Number = int64(len(packets))
	}
	name := filepath.Join(t.TempDir(), "kept.pcapng")
	file, err := openKeep(name, ring{})
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(file, nil)
	if _, err := session.Run(casetest.Source(packets), session.Config{Keeper: k}, 1); err != nil {
		t.Fatal(err)
	}
	if k.held > maxQueue+1<<17 || k.bytes > maxApart {
		t.Errorf("%d bytes wait in order, %d apart", k.held, k.bytes)
	}
	if err := k.finish(); err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{name}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	n := int64(0)
	for p, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		if port := int(p.Data[34])<<8 | int(p.Data[35]); port != 50003 && port != 80 || int(p.Data[36])<<8|int(p.Data[37]) == 50002 {
			t.Fatalf("packet %d is of another connection", p.Number)
		}
		n++
	}
	if n != k.file.packets || n < 1000 {
		t.Errorf("%d packets in the file, %d were written", n, k.file.packets)
	}
}

// TestKeeperForgets holds that what is over costs nothing, even where something is always undecided.
func TestKeeperForgets(t *testing.T) {
	file, err := openKeep(filepath.Join(t.TempDir(), "kept.pcapng"), ring{})
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(file, nil)
	p := capture.Packet{LinkType: 1, Data: make([]byte, 100), Length: 100}
	for n := range int64(50_000) {
		part := -1 - n
		k.Packet(part, &p) // two fragments
		k.Packet(n, &p)
		k.Join(part, n)
		if k.Packet(n+1, &p); n%2 == 0 {
			k.Keep(n, nil)
		} else {
			k.Drop(n)
		}
		k.Forget(part)
		k.Forget(n)
	}
	if len(k.fates) > 10 || len(k.joined) > 10 || len(k.forgotten) > 10 || len(k.queue) > 10 {
		t.Errorf("%d fates, %d datagrams, %d forgotten, %d packets wait", len(k.fates), len(k.joined), len(k.forgotten), len(k.queue))
	}
	if err := k.finish(); err != nil || file.packets != 74_999 {
		t.Errorf("%d packets kept, %v", file.packets, err)
	}
}

// TestRing holds that a ring has as many files as it may, and that each can be
// read by itself.
func TestRing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "kept.pcapng")
	k, err := openKeep(name, ring{1 << 20, 3})
	if err != nil {
		t.Fatal(err)
	}
	k.secret(7, []byte("CLIENT_RANDOM 00 00\n"))
	p := capture.Packet{Time: 1, LinkType: 1, Data: make([]byte, 1000), Length: 1000}
	for range 5000 {
		k.write(&p)
	}
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(name), "kept.*.pcapng"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files are %v (%v)", files, err)
	}
	for _, f := range files {
		src, err := capture.Open([]string{f}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range capture.Packets(src) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if in := src.Inputs()[0]; in.Err != nil || n == 0 || len(src.Secrets()) != 1 {
			t.Errorf("%s: %d packets, %d secrets, %v", f, n, len(src.Secrets()), in.Err)
		}
		src.Close()
		if info, err := os.Stat(f); err != nil || info.Size() > 1<<20+2000 {
			t.Errorf("%s has %d bytes (%v)", f, info.Size(), err)
		}
	}
}

// TestKilled kills the program while it keeps packets: what it had written can
// be read, up to a block that the kill cut.
func TestKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(filepath.Join(root, "testdata", "captures", "stacks-at-once.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept.pcapng")
	cmd := exec.Command(self, "-q", "-r", "-", "-w", kept)
	cmd.Args[0] = "wssniff" // as the scripts call it
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // more than the program's buffers hold, and no end of it
		defer close(done)
		in.Write(all)
		for range 200 {
			if _, err := in.Write(all); err != nil {
				return
			}
		}
	}()
	for {
		if info, err := os.Stat(kept); err == nil && info.Size() > 20_000 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	in.(io.Closer).Close()
	<-done
	n, end := readable(t, kept)
	if n < 100 || end.Err != nil && !strings.Contains(end.Err.Error(), "cut off at byte") {
		t.Errorf("%d packets, then %v", n, end.Err)
	}
}

// readable counts the packets of a kept file that can be read, and says how it
// ends.
func readable(t *testing.T, kept string) (n int, in capture.Input) {
	t.Helper()
	src, err := capture.Open([]string{kept}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for _, err := range capture.Packets(src) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n, src.Inputs()[0]
}

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wssniff/wssniff/internal/namespace"
	"golang.org/x/net/websocket"
)

// TestLiveSpoken lets a client and a server of golang.org/x/net/websocket speak
// on lo, eight conversations at once. What is said of them while they run is
// what is said of the file that tcpdump makes beside it, and every message is
// there whole.
func TestLiveSpoken(t *testing.T) {
	if !namespace.Enter(t) {
		return
	}
	address := serveEcho(t)
	file := filepath.Join(t.TempDir(), "beside.pcap")
	stop := tcpdump(t, "lo", file)
	var live bytes.Buffer
	talk, told := io.Pipe()
	code := make(chan int, 1)
	args := []string{"-f", "ndjson", "-l", "messages", "--payload", "none"}
	go func() { code <- run(append([]string{"-i", "lo"}, args...), nil, &live, told) }()
	if line, err := bufio.NewReader(talk).ReadString('\n'); err != nil || !strings.Contains(line, "capturing on lo") {
		t.Fatalf("%q, %v", line, err)
	}
	converse(t, address)
	interrupt(t)
	if got := <-code; got != exitOK {
		t.Fatalf("exit %d", got)
	}
	stop()
	var offline, errs bytes.Buffer
	if got := run(append([]string{"-r", file}, args...), nil, &offline, &errs); got != exitOK {
		t.Fatalf("exit %d: %s", got, errs.String())
	}
	messages := strings.Count(live.String(), `{"type":"message"`)
	if diff := cmp.Diff(timeless(&offline), timeless(&live)); diff != "" {
		t.Errorf("(-tcpdump's file +live):\n%.3000s", diff)
	}
	if want := conversations * len(sizes) * 2; messages != want {
		t.Errorf("%d messages, %d were said", messages, want)
	}
}

// clocked are numbers that tell a time. On lo the kernel looks at the clock for
// each that captures, some microseconds apart.
var clocked = regexp.MustCompile(`"(?:min|max|smoothed|[a-z_]*ms)":[0-9.e-]+|[0-9T:-]+\.[0-9]+Z?`)

// timeless are the events without their times.
func timeless(b *bytes.Buffer) (lines []string) {
	for _, line := range comparable(b) {
		lines = append(lines, clocked.ReplaceAllString(line, ""))
	}
	return lines
}

const conversations = 8

// sizes of what the clients say: on both sides of each form of length (RFC 6455 §5.2).
var sizes = []int{0, 1, 125, 126, 4000, 65535, 65536, 300_000, 17}

// serveEcho answers every message with itself.
func serveEcho(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echo := websocket.Handler(func(c *websocket.Conn) {
		var message []byte
		for websocket.Message.Receive(c, &message) == nil {
			if websocket.Message.Send(c, message) != nil {
				return
			}
		}
	})
	server := &http.Server{Handler: echo}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

// converse holds the conversations, in turn message by message.
func converse(t *testing.T, address string) {
	t.Helper()
	var all []*websocket.Conn
	for range conversations {
		c, err := websocket.Dial("ws://"+address+"/echo", "", "http://"+address)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for _, size := range sizes {
		said := bytes.Repeat([]byte{byte(size)}, size)
		for _, c := range all {
			var heard []byte
			if err := websocket.Message.Send(c, said); err != nil {
				t.Fatal(err)
			}
			if err := websocket.Message.Receive(c, &heard); err != nil || !slices.Equal(heard, said) {
				t.Fatalf("%d bytes: %d came back, %v", size, len(heard), err)
			}
		}
	}
	for _, c := range all {
		c.Close()
	}
}

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Facts are what the projects that a capture is from, or tshark, say of it;
// -1 where they do not.
type facts struct {
	tcp       int      // connections
	exchanges int      // HTTP requests that ask for no upgrade
	tls       int      // connections that begin with a TLS record
	answers   []string // of upgrades: status and host
	frames    int
}

// corpusFacts are the captures that are hard on what is below HTTP: gaps,
// segments out of order and overlapping, one direction alone, begun in the
// middle, tunnels, fragments. A row that needs what is not there yet is
// skipped.
var corpusFacts = []struct {
	path  string
	needs string
	facts
}{
	{"arkime/socks5-http-302-frag.pcap", "", facts{tcp: 1, exchanges: -1}},
	{"ndn-tools/ipv4-websocket-segmented.pcap", "", facts{tcp: 2, exchanges: -1, answers: []string{"101 spurs.cs.ucla.edu:9696"}, frames: 2}},
	{"ndpi/1kxun.pcap", "", facts{tcp: -1, exchanges: -1, tls: -1, answers: []string{"101 ws.1kxun.mobi:1234", "101 ws.1kxun.mobi:1234", "101 ws.1kxun.mobi:1234"}}},
	{"ndpi/http_origin_different_than_host.pcap", "", facts{tcp: 1, answers: []string{"101 csb.performgroup.io"}}},
	{"pcapplusplus/unidirectional_tcp_stream_with_missing_packet.pcap", "", facts{tcp: 1, exchanges: 2}},
	{"suricata-verify/bug-3286-02-linux-evasion__with_evasion_linux.pcap", "resets that are judged by their timestamps", facts{tcp: 1, exchanges: 1}},
	{"suricata-verify/http-async-cli__input.pcap", "", facts{tcp: 1, exchanges: 2}},
	{"wireshark/http-ooo.pcap", "", facts{tcp: 1, exchanges: 5}},
	{"wireshark/tcp-badsegments.pcap", "", facts{tcp: 1}},
	{"wireshark/tls12-dsb.pcapng", "TLS that is joined in the middle", facts{tcp: 2, tls: 2}},
	{"wireshark/tls13-rfc8446.pcap", "TLS that is joined in the middle", facts{tcp: 2, tls: 2}},
	{"zeek/http__content-range-gap.pcap", "", facts{tcp: 1, exchanges: 1}},
	{"zeek/tunnels__vxlan-encapsulated-http.pcap", "", facts{tcp: 1, exchanges: 1}},
	{"pcapplusplus/frag_http_req.pcap", "", facts{tcp: 1, exchanges: 1}},
	{"suricata-verify/defrag__bug-6887-defrag-ipv6-tcp__frag-ip-tcp.pcap", "", facts{tcp: 1, exchanges: -1}},
	{"ndpi/vxlan.pcap", "", facts{tcp: 2, tls: 2}},
	{"tcpdump/gso-ipv4-geneve-ipv4.pcap", "", facts{tcp: 1, exchanges: -1, tls: -1}},
	{"tcpdump/gso-ipv6-vxlan-ipv6.pcap", "", facts{tcp: 1, exchanges: -1, tls: -1}},
}

// TestCorpusFacts holds the captures to what is said of them.
func TestCorpusFacts(t *testing.T) {
	dir := corpus(t)
	for _, c := range corpusFacts {
		t.Run(c.path, func(t *testing.T) {
			if c.needs != "" {
				t.Skipf("needs %s", c.needs)
			}
			got := factsOf(t, filepath.Join(dir, c.path))
			for _, n := range [...]struct {
				said int
				got  *int
			}{{c.tcp, &got.tcp}, {c.exchanges, &got.exchanges}, {c.tls, &got.tls}} {
				if n.said < 0 {
					*n.got = n.said
				}
			}
			if diff := cmp.Diff(c.facts, got, cmp.AllowUnexported(facts{})); diff != "" {
				t.Errorf("(-said +wssniff):\n%s", diff)
			}
		})
	}
}

func factsOf(t *testing.T, file string) (f facts) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run([]string{"-f", "ndjson", "-r", file}, nil, &out, &errs); code != exitOK {
		t.Fatalf("exit %d\n%s", code, errs.String())
	}
	for dec := json.NewDecoder(&out); dec.More(); {
		var e struct {
			Type, Host       string
			Status           int
			TCP              int               `json:"tcp_connections"`
			Exchanges        int               `json:"http_exchanges"`
			OtherConnections struct{ TLS int } `json:"other_connections"`
		}
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "handshake":
			f.answers = append(f.answers, fmt.Sprint(e.Status, " ", e.Host))
		case "frame":
			f.frames++
		case "summary":
			f.tcp, f.exchanges, f.tls = e.TCP, e.Exchanges, e.OtherConnections.TLS
		}
	}
	return f
}

// A message of an .expected.txt: "M1 text frames=2 (first F1) wire=48
// deflated->60 sha256/64=109ac92943a7e7a0 | …".
var expectedMessage = regexp.MustCompile(`^    M\d+ (text|binary) frames=(\d+) .*wire=(\d+)(?: deflated->(\d+))? sha256/64=([0-9a-f]{16})`)

// TestSameMessagesAsDecodedApart compares the content of every message of the
// corpus with what a decoder that shares nothing with this one found.
func TestSameMessagesAsDecodedApart(t *testing.T) {
	dir := corpus(t)
	paths, features := manifest(t, dir)
	compared := 0
	for i, path := range paths {
		if !strings.Contains(features[i], "; ws;") {
			continue
		}
		t.Run(path, func(t *testing.T) {
			want, more := messagesApart(t, filepath.Join(dir, path+".expected.txt"))
			var got []string
			for _, e := range events(t, exitOK, "-r", filepath.Join(dir, path)) {
				if e.Type == "message" && e.Complete {
					got = append(got, fmt.Sprint(e.Direction, " ", e.Kind, " ", e.hash()))
				}
			}
			for _, side := range []string{"client", "server"} {
				want, got := only(want, side), only(got, side)
				if len(got) != len(want)+more[side] {
					t.Errorf("%d messages of the %s, %d and %d apart", len(got), side, len(want), more[side])
				}
				if diff := cmp.Diff(want, got[:min(len(got), len(want))]); diff != "" {
					t.Errorf("(-apart +wssniff):\n%s", diff)
				}
			}
			compared += len(want)
		})
	}
	if compared < 100 {
		t.Errorf("only %d messages", compared)
	}
}

func (e *event) hash() string {
	data, _ := base64.StdEncoding.DecodeString(e.PayloadBase64)
	if e.Text != nil {
		data = []byte(*e.Text)
	}
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%d %x", len(data), sum[:8])
}

func only(list []string, side string) (of []string) {
	for _, s := range list {
		if strings.HasPrefix(s, side+" ") {
			of = append(of, s)
		}
	}
	return of
}

// messagesApart reads the messages of an .expected.txt, and how many more
// there are of a side than it lists.
func messagesApart(t *testing.T, file string) (messages []string, more map[string]int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	side, more := "", map[string]int{}
	for line := range strings.Lines(string(data)) {
		if who := strings.Fields(line); len(who) > 0 && (who[0] == "client" || who[0] == "server") {
			side = who[0]
		}
		var n int
		if _, err := fmt.Sscanf(line, "    ... %d more messages", &n); err == nil {
			more[side] += n
		}
		m := expectedMessage.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		length := m[3]
		if m[4] != "" {
			length = m[4]
		}
		messages = append(messages, fmt.Sprint(side, " ", m[1], " ", length, " ", m[5]))
	}
	return messages, more
}

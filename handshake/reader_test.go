package handshake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	ask = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	agree = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	get   = "GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n"
	ok    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	frame = "\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e"
)

// conversations are lines of which the first byte says who speaks: ">" the
// client, "<" the server.
var conversations = []struct {
	name      string
	lines     []string
	want      []string // steps in short
	exchanges int64
	maxHead   int
}{
	{"plain", []string{">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, 0, 0},
	{"frames with the answer", []string{">" + ask, "<" + agree + frame, ">" + frame},
		[]string{"asked /chat", "established 101", "foreign server 129", "foreign client 154"}, 0, 0},
	{"frames before the answer", []string{">" + ask + frame, "<" + agree}, []string{"asked /chat", "established 101", "foreign client 154"}, 0, 0},
	{"keep-alive before", []string{">" + get, "<" + ok, ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, 1, 0},
	{"pipelined before", []string{">" + get + get + ask, "<" + ok + ok + agree}, []string{"asked /chat", "established 101"}, 2, 0},
	{"empty lines before", []string{">\r\n\r\n" + get + "\r\n" + ask, "<\r\n" + ok + "\r\n" + agree}, []string{"asked /chat", "established 101"}, 1, 0},
	{"refused, then asked again", []string{">" + ask + ask, "<HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope" + agree},
		[]string{"asked /chat", "refused 401", "asked /chat", "established 101"}, 0, 0},
	{"refused, then pages", []string{">" + ask, "<HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4;x=y\r\nnope\r\n0\r\nX: y\r\n\r\n", ">" + get, "<" + ok},
		[]string{"asked /chat", "refused 404"}, 1, 0},
	{"body of an ordinary request", []string{">POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET / H" + ask, "<" + ok + agree}, []string{"asked /chat", "established 101"}, 1, 0},
	{"chunked request with trailers", []string{">POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nGET /\r\n00A ;q=\"x\"\n0123456789\n0\r\nUpgrade: websocket\r\n\r\n" + ask, "<" + ok + agree},
		[]string{"asked /chat", "established 101"}, 1, 0},
	{"HEAD, 204, 304 and 1xx have no body", []string{">HEAD / HTTP/1.1\r\n\r\n" + get + get + ask,
		"<HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + agree},
		[]string{"asked /chat", "established 101"}, 3, 0},
	{"body of the upgrade request, refused", []string{">" + strings.Replace(ask, "\r\n", "\r\nContent-Length: 3\r\n", 1) + "abc" + ask, "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" + agree},
		[]string{"asked /chat", "refused 400", "asked /chat", "established 101"}, 0, 0},
	{"answer without length, then asked again", []string{">" + ask, "<HTTP/1.1 403 Forbidden\r\n\r\n", ">" + ask, "<" + agree},
		[]string{"asked /chat", "refused 403", "asked /chat", "established 101"}, 0, 0},
	{"answer until close goes on", []string{">" + ask, "<HTTP/1.1 200 OK\r\n\r\n<html>", ">" + get, "<HTML/1.1 goes on\r\n" + agree},
		[]string{"asked /chat", "refused 200"}, 1, 0},
	{"proxy stripped Upgrade", []string{">GET /x HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n", "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"}, []string{"asked /x", "refused 400"}, 0, 0},
	{"Upgrade in a list, other case", []string{">GET /x HTTP/1.1\nUPGRADE: h2c, WebSocket/13\n\n", "<HTTP/1.1 101\nupgrade:foo , WEBSOCKET\n\n"}, []string{"asked /x", "established 101"}, 0, 0},
	{"folded Upgrade", []string{">GET /x HTTP/1.1\r\nUpgrade:\r\n  websocket\r\n\tfoo\r\n\r\n", "<" + agree}, []string{"asked /x", "established 101"}, 0, 0},
	{"101 with no fields", []string{">" + ask, "<HTTP/1.0 101 Go on then\r\n\r\n"}, []string{"asked /chat", "established 101"}, 0, 0},
	{"101 for something else", []string{">" + ask, "<HTTP/1.1 101 x\r\nUpgrade: h2c\r\n\r\n", ">x", "<x"},
		[]string{"asked /chat", "refused 101", "foreign client 154", "foreign server 32"}, 0, 0},
	{"101 to a request for a tunnel", []string{">POST /attach HTTP/1.1\r\nUpgrade: tcp\r\n\r\n", "<HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nxyz", ">xyz"},
		[]string{"foreign server 39", "foreign client 39"}, 1, 0},
	{"only the answer captured", []string{"<" + agree}, []string{"established unasked 101"}, 0, 0},
	{"only the answer captured, Accept alone", []string{"<" + ok + "HTTP/1.1 101 x\r\nSec-WebSocket-Accept: x\r\n\r\n"}, []string{"established unasked 101"}, 0, 0},
	{"inside a proxy's tunnel", []string{">CONNECT a:80 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n", ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, 1, 0},
	{"TLS inside a proxy's tunnel", []string{">CONNECT a:443 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", ">\x16\x03\x01\x02", "<\x16\x03\x03"}, []string{"foreign client 26", "foreign server 19"}, 1, 0},
	{"tunnel refused", []string{">CONNECT a:443 HTTP/1.1\r\n\r\n", "<HTTP/1.1 407 x\r\nContent-Length: 2\r\n\r\nno", ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, 1, 0},
	{"TLS", []string{">\x16\x03\x01\x02\x00", "<\x16\x03\x03"}, []string{"foreign client 0", "foreign server 0"}, 0, 0},
	{"SSH", []string{"<SSH-2.0-OpenSSH_9.2\r\n", ">SSH-2.0-OpenSSH_9.2p1 Debian\r\n"}, []string{"foreign server 0", "foreign client 0"}, 0, 0},
	{"SMTP", []string{"<220 mail\r\n", ">EHLO there HTTP\r\n"}, []string{"foreign server 0", "foreign client 0"}, 0, 0},
	{"HTTP/2", []string{">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}, []string{"foreign client 0"}, 0, 0},
	{"HTTP/0.9", []string{">GET /\r\n"}, []string{"foreign client 0"}, 0, 0},
	{"frames without a handshake", []string{">" + frame, "<\x81\x02hi"}, []string{"foreign client 0", "foreign server 0"}, 0, 0},
	{"no HTTP behind HTTP", []string{">" + get + "\x00", "<" + ok + "\x00"}, []string{"foreign client 41", "foreign server 40"}, 1, 0},
	{"no HTTP for an answer", []string{">" + ask + "x", "<HTTQ"}, []string{"asked /chat", "foreign server 0", "foreign client 154"}, 0, 0},
	{"broken chunk of a request", []string{">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!"}, []string{"foreign client 52"}, 1, 0},
	{"broken chunk of an answer", []string{"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + agree}, nil, 0, 0},
	{"hixie-76", []string{">GET /h HTTP/1.1\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U" + ask,
		"<HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n" + agree}, []string{"asked /h", "refused 403", "asked /chat", "established 101"}, 0, 0},
	{"head over the limit", []string{">GET /big HTTP/1.1\r\nSec-WebSocket-Key: x\r\nCookie: " + strings.Repeat("c", 300) + "\r\nContent-Length: 5\r\n\r\n",
		"<HTTP/1.1 431 x\r\nContent-Length: 0\r\nX: " + strings.Repeat("x", 100) + "\r\n\r\n", ">" + get}, []string{"asked /big", "refused 431"}, 1, 64},
	{"length cut by the limit", []string{">GET / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n" + get}, nil, 2, 34},
	{"start line over the limit", []string{">GET /" + strings.Repeat("x", 60) + " HTTP/1.1\r\n\r\n"}, []string{"foreign client 0"}, 0, 64},
	{"lengths that agree and lengths that do not", []string{">POST / HTTP/1.1\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nhi" + get,
		"<HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nxxx" + agree}, nil, 2, 0},
}

// play plays a conversation with each line cut into pieces.
func play(t testing.TB, maxHead int, lines []string, pieces func(line int, text string) []string) *talk {
	talk := &talk{t: t}
	talk.r.MaxHead = maxHead
	for i, line := range lines {
		from := fromClient
		if line[0] == '<' {
			from = fromServer
		}
		for _, piece := range pieces(i, line[1:]) {
			talk.offer(from, []byte(piece))
		}
	}
	return talk
}

func uncut(_ int, text string) []string    { return []string{text} }
func bytewise(_ int, text string) []string { return strings.Split(text, "") }

func TestReaderFollows(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			talk := play(t, c.maxHead, c.lines, uncut)
			if diff := cmp.Diff(c.want, talk.brief); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if talk.r.Exchanges != c.exchanges {
				t.Errorf("%d exchanges, want %d", talk.r.Exchanges, c.exchanges)
			}
		})
	}
}

func TestSplitAnywhere(t *testing.T) {
	for _, c := range conversations {
		t.Run(c.name, func(t *testing.T) { splitAnywhere(t, c.maxHead, c.lines) })
	}
	for _, c := range preludes {
		t.Run(c.name, func(t *testing.T) { splitAnywhere(t, 0, c.lines) })
	}
}

// splitAnywhere holds that a conversation gives the same however it is cut.
func splitAnywhere(t *testing.T, maxHead int, lines []string) {
	want := play(t, maxHead, lines, uncut).result()
	// Cut bytes, not characters.
	if got := play(t, maxHead, lines, func(_ int, text string) (pieces []string) {
		for i := range len(text) {
			pieces = append(pieces, text[i:i+1])
		}
		return pieces
	}).result(); got != want {
		t.Errorf("byte by byte:\n%s\nwant\n%s", got, want)
	}
	for i, line := range lines {
		for cut := range min(len(line)-1, 1000) {
			got := play(t, maxHead, lines, func(j int, text string) []string {
				if i != j {
					return []string{text}
				}
				return []string{text[:cut], text[cut:]}
			}).result()
			if got != want {
				t.Fatalf("line %d cut at %d:\n%s\nwant\n%s", i, cut, got, want)
			}
		}
	}
}

func TestHeadIsKeptAsSent(t *testing.T) {
	const request = "GET  /a b  HTTP/1.1\r\nhOST: \t x \r\nno colon\r\nA:1\nA: 2\r\n more \r\n\t\r\n  yet\r\nB :\r\n: y\r\nUpgrade: websocket\r\n\r\n"
	talk := play(t, 0, []string{">" + request}, uncut)
	want := &Head{
		Method: "GET", Target: "/a b", Proto: "HTTP/1.1", Folded: 3, Size: len(request),
		Fields: Fields{
			{"hOST", "x", 21}, {"", "no colon", 33}, {"A", "1", 43}, {"A", "2 more yet", 47},
			{"B ", "", 71}, {"", "y", 76}, {"Upgrade", "websocket", 81},
		},
	}
	got := talk.r.Pending().Request
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, f := range got.Fields {
		if !strings.HasPrefix(request[f.Offset:], f.Name) {
			t.Errorf("field %q is not at %d", f.Name, f.Offset)
		}
	}
}

func TestHeadOverTheLimitIsCut(t *testing.T) {
	request := "GET / HTTP/1.1\r\nUpgrade: websocket\r\nX: " + strings.Repeat("x", 100) + "\r\nY: y\r\n\r\n"
	got := play(t, 48, []string{">" + request}, bytewise).r.Pending().Request
	want := &Head{
		Method: "GET", Target: "/", Proto: "HTTP/1.1", Size: len(request), Truncated: true,
		Fields: Fields{{"Upgrade", "websocket", 16}, {"X", "xxxxxxxxx", 36}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := "GET / HTTP/1.1\r\nUpgrade: websocket\r\n" + strings.Repeat("a:\n", maxFields) + "\r\n"
	got = play(t, 0, []string{">" + many}, uncut).r.Pending().Request
	if len(got.Fields) != maxFields || !got.Truncated {
		t.Errorf("%d fields kept, truncated %v", len(got.Fields), got.Truncated)
	}
}

func TestRefusalBody(t *testing.T) {
	const refusal = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
	talk := play(t, 0, []string{">" + ask, "<" + refusal + "3\r\nno,\r\n", "<6\r\n nev"}, uncut)
	if b, more := talk.r.RefusalBody(); string(b) != "no, nev" || !more {
		t.Errorf("body %q, more %v", b, more)
	}
	talk.offer(fromServer, []byte("er\r\n0\r\n\r\n"+ok))
	if b, more := talk.r.RefusalBody(); string(b) != "no, never" || more {
		t.Errorf("body %q, more %v", b, more)
	}
	talk = play(t, 0, []string{">" + ask, "<HTTP/1.0 500 x\r\n\r\n" + strings.Repeat("x", 5000)}, uncut)
	if b, more := talk.r.RefusalBody(); len(b) != keptBody || more {
		t.Errorf("%d bytes of body, more %v", len(b), more)
	}
	talk = play(t, 0, []string{">" + ask, "<HTTP/1.1 500 x\r\nContent-Length: 8\r\n\r\nab"}, uncut)
	talk.r.SkipServer(2)
	talk.offer(fromServer, []byte("efgh"+ok))
	if b, more := talk.r.RefusalBody(); string(b) != "ab" || more {
		t.Errorf("body %q, more %v", b, more)
	}
}

func TestObsolete(t *testing.T) {
	for _, c := range []struct {
		request, response string
		want              bool
	}{
		{ask, agree, false},
		{"GET / HTTP/1.1\r\nSec-WebSocket-Key1: 1\r\n\r\n", agree, true},
		{"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n", "HTTP/1.1 101 Web Socket Protocol Handshake\r\nWebSocket-Location: ws://x/\r\n\r\n", true},
		{"", "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nSec-WebSocket-Location: ws://x/\r\n\r\n", true},
	} {
		h := play(t, 0, []string{">" + c.request, "<" + c.response}, uncut).r.Handshake()
		if h == nil || !h.Established || h.Obsolete != c.want {
			t.Errorf("%q: %+v, want obsolete %v", c.request, h, c.want)
		}
	}
}

// TestReaderMatchesWhatWasSent writes random conversations and checks that
// the Reader finds each request, and the place where frames begin.
func TestReaderMatchesWhatWasSent(t *testing.T) {
	for seed := range uint64(300) {
		said := random(seed)
		talk := play(t, 0, said.lines, uncut)
		want := append(said.want, fmt.Sprintf("foreign client %d", said.client), fmt.Sprintf("foreign server %d", said.server))
		if diff := cmp.Diff(want, talk.brief); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s\n%q", seed, diff, said.lines)
		}
		if talk.r.Exchanges != said.exchanges {
			t.Fatalf("seed %d: %d exchanges, want %d", seed, talk.r.Exchanges, said.exchanges)
		}
	}
}

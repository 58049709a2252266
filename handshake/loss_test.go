package handshake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoss plays conversations of which the capture lost bytes. A line of
// dashes is that many bytes lost.
func TestLoss(t *testing.T) {
	const dashes = "------------------------------"
	long := "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
		lost  bool // AnswerLost at the end
		open  bool // an attempt is pending at the end
	}{
		{"in a body", []string{">" + get, "<" + long + "12345", "<" + dashes, "<12345" + ok, ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"up to the end of a body", []string{">" + get, "<" + long + "1234567890", "<" + dashes, ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"in a body until close", []string{"<HTTP/1.0 200 OK\r\n\r\nx", "<" + dashes, "<" + agree}, nil, false, false},
		{"in a chunk", []string{"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n", "<" + dashes, "<\r\n0\r\n\r\n" + agree}, []string{"established unasked 101"}, false, false},
		{"over the end of a chunk", []string{"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n", "<" + dashes, "<more\r\n0\r\n\r\n" + agree, "<" + agree}, []string{"established unasked 101"}, false, false},
		{"over the end of a body", []string{">" + get, "<" + long + "12345678901", "<" + dashes, "<1 200 OK\r\n\r\n", ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"in an ordinary request", []string{">GET /x", ">" + dashes, ">: y\r\n\r\n" + ask, ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"in the upgrade request", []string{">GET /x", ">" + dashes, ">: y\r\n\r\n", "<" + agree}, []string{"established unasked 101"}, false, false},
		{"in an ordinary answer", []string{">" + get, "<HTTP", "<" + dashes, "<\r\n\r\n", ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"in the awaited answer", []string{">" + ask, "<HTTP/1.1 101", "<" + dashes, "<: x\r\n\r\n" + frame, ">" + frame}, []string{"asked /chat"}, true, true},
		{"before the awaited answer", []string{">" + ask, "<" + dashes, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"twice before the awaited answer", []string{">" + ask, "<" + dashes, "<x", "<" + dashes, "<" + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"over a refusal", []string{">" + ask, "<" + dashes, ">" + get, "<" + ok}, []string{"asked /chat"}, false, true},
		{"over a refusal, then asked again", []string{">" + ask, "<" + dashes, ">" + strings.Replace(ask, "/chat", "/again", 1), "<" + agree}, []string{"asked /chat", "asked /again", "established 101"}, false, false},
		{"over a refusal and the next attempt", []string{">" + ask, "<" + dashes, ">" + get, ">" + dashes, "<" + ok + agree}, []string{"asked /chat", "established unasked 101"}, false, false},
		{"over an answer before the awaited one", []string{">" + get + get + ask, "<" + dashes, "<" + ok + agree}, []string{"asked /chat", "established 101"}, false, false},
		{"over one of two answers", []string{">" + get + ask, "<" + dashes, "<" + ok}, []string{"asked /chat"}, true, true},
		{"over one of three answers", []string{">" + get + ask, "<" + dashes, "<" + ok + ok}, []string{"asked /chat", "refused 200"}, false, false},
		{"behind the handshake", []string{">" + ask, "<" + agree, "<" + dashes, ">" + dashes, "<x", ">x"}, []string{"asked /chat", "established 101", "foreign server 129", "foreign client 154"}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			talk := &talk{t: t}
			for _, line := range c.lines {
				from := fromClient
				if line[0] == '<' {
					from = fromServer
				}
				switch text := line[1:]; {
				case text != dashes:
					talk.offer(from, []byte(text))
				case from == fromClient:
					talk.r.SkipClient(int64(len(dashes)))
				default:
					talk.r.SkipServer(int64(len(dashes)))
				}
			}
			if diff := cmp.Diff(c.want, talk.brief); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if got := talk.r.AnswerLost(); got != c.lost {
				t.Errorf("AnswerLost is %v, want %v", got, c.lost)
			}
			if got := talk.r.Pending() != nil; got != c.open {
				t.Errorf("pending is %v, want %v", got, c.open)
			}
		})
	}
}

func TestMidStream(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"in bodies", []string{"<tail of a page\r\n" + ok, ">\x00\x01" + get, ">" + ask, "<" + agree}, []string{"asked /chat", "established 101"}},
		{"in frames", []string{">" + frame, "<" + frame, ">" + frame}, nil},
		{"text that begins like a start line", []string{"<HTTP/1.1 is old", "<" + agree}, []string{"established unasked 101"}},
		{"a start line in pieces", []string{">GE", ">T /chat HT", ">TP/1.1\r\nUpgrade: websocket\r\n\r\n", "<" + agree}, []string{"asked /chat", "established 101"}},
		{"at a start line, and then not HTTP", []string{">" + get, ">\x00"}, []string{"foreign client 41"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			talk := &talk{t: t, r: Reader{MidStream: true}}
			for _, line := range c.lines {
				from := fromClient
				if line[0] == '<' {
					from = fromServer
				}
				talk.offer(from, []byte(line[1:]))
			}
			if diff := cmp.Diff(c.want, talk.brief); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
	r := Reader{MidStream: true}
	r.Client([]byte(frame))
	r.Server([]byte(ok))
	if client, server := r.Seeking(); !client || server {
		t.Errorf("seeking %v %v, want the client's direction alone", client, server)
	}
}

func TestRestStandsBeforeWhatWasNotTaken(t *testing.T) {
	const hello = "EHLO there\r\nMAIL"
	for cut := range len(hello) {
		var r Reader
		n, step := r.Client([]byte(hello[:cut]))
		if step == More {
			if n != cut {
				t.Fatalf("cut at %d: took %d", cut, n)
			}
			n, step = r.Client([]byte(hello[cut:]))
			n += cut
		}
		if got := string(r.ClientRest()) + hello[n:]; step != Foreign || got != hello {
			t.Errorf("cut at %d: %v, %q", cut, step, got)
		}
	}
}

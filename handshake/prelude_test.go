package handshake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	lineV1 = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n"
	sign   = "\r\n\r\n\x00\r\nQUIT\n"
	addr4  = "\xcb\x00\x71\x07\xc0\x00\x02\x01\xdc\x04\x01\xbb" // 203.0.113.7:56324 to 192.0.2.1:443
	headV2 = sign + "\x21\x11\x00\x0c" + addr4

	connect4  = "\x04\x01\x00\x50\xc0\x00\x02\x09joe\x00"
	connect4a = "\x04\x01\x00\x50\x00\x00\x00\x01\x00echo.example\x00"
	grant4    = "\x00\x5a\x00\x50\xc0\x00\x02\x09"
	greet5    = "\x05\x01\x00"
	connect5  = "\x05\x01\x00\x03\x0cecho.example\x00\x50"
	grant5    = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

	connectH = "CONNECT echo.example:80 HTTP/1.1\r\nHost: echo.example:80\r\nProxy-Authorization: Basic am9lOnNlY3JldA==\r\n\r\n"
	grantH   = "HTTP/1.1 200 Connection established\r\n\r\n"
	denyH    = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"
)

var opened = []string{"asked /chat", "established 101"}

// preludes are conversations with something before HTTP, as lines like those
// of conversations, and what is known of the proxies.
var preludes = []struct {
	name  string
	lines []string
	want  []string
	via   []string
}{
	{"PROXY 1", []string{">" + lineV1 + ask, "<" + agree}, opened, []string{"proxy-protocol-v1 203.0.113.7:56324 192.0.2.1:443"}},
	{"PROXY 1 with IPv6", []string{">PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n" + ask, "<" + agree}, opened, []string{"proxy-protocol-v1 [2001:db8::7]:1 [2001:db8::1]:65535"}},
	{"PROXY 1 unknown", []string{">PROXY UNKNOWN\r\n" + ask, "<" + agree}, opened, []string{"proxy-protocol-v1"}},
	{"PROXY 1 unknown with the longest addresses", []string{">PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n" + ask, "<" + agree}, opened, []string{"proxy-protocol-v1"}},
	{"PROXY 1 too long", []string{">PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n" + ask}, []string{"foreign client 0"}, nil},
	{"PROXY 1 of the wrong family", []string{">PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n" + ask}, []string{"foreign client 0"}, nil},
	{"PROXY 1 with a port too high", []string{">PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n" + ask}, []string{"foreign client 0"}, nil},
	{"PROXY 1 with a bare line feed", []string{">PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + ask}, []string{"foreign client 0"}, nil},
	{"a method PROXY", []string{">PROXY TCP4 /x HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "<" + agree}, []string{"asked TCP4 /x", "established 101"}, nil},
	{"POST", []string{">POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + ask, "<" + ok + agree}, opened, nil},
	{"empty lines like a signature", []string{">\r\n\r\n" + ask, "<" + agree}, opened, nil},
	{"half a signature", []string{">\r\n\r\n\x00\r\nQUIX" + ask}, []string{"foreign client 4"}, nil},
	{"PROXY 2", []string{">" + headV2 + ask, "<" + agree}, opened, []string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443"}},
	{"PROXY 2 with IPv6", []string{">" + sign + "\x21\x21\x00\x24\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x02" + ask, "<" + agree},
		opened, []string{"proxy-protocol-v2 [2001:db8::7]:1 [2001:db8::1]:2"}},
	{"PROXY 2 with TLVs", []string{">" + sign + "\x21\x11\x00\x1f" + addr4 + "\x04\x00\x01\x00\x02\x00\x09ws.exampl\x20\xff\xff" + ask, "<" + agree},
		opened, []string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443 authority ws.exampl"}},
	{"PROXY 2 with its checksum", []string{">" + sign + "\x21\x11\x00\x13" + addr4 + "\x03\x00\x04\xd8\x08\x80\x64" + ask, "<" + agree},
		opened, []string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443 checksum 2"}},
	{"PROXY 2 with another checksum", []string{">" + sign + "\x21\x11\x00\x13" + addr4 + "\x03\x00\x04abcd" + ask, "<" + agree},
		opened, []string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443 checksum 3"}},
	{"PROXY 2 longer than what is kept", []string{">" + sign + "\x21\x11\x13\x8f" + addr4 + "\x03\x00\x04abcd\x04\x13\x79" + strings.Repeat("GET / HTT\n", 498) + "end" + ask, "<" + agree},
		opened, []string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443 checksum 1"}},
	{"PROXY 2 local", []string{">" + sign + "\x20\x00\x00\x00" + ask, "<" + agree}, opened, []string{"proxy-protocol-v2 local"}},
	{"PROXY 2 local with addresses", []string{">" + sign + "\x20\x11\x00\x0c" + addr4 + ask, "<" + agree}, opened, []string{"proxy-protocol-v2 local"}},
	{"PROXY 2 of UNIX sockets", []string{">" + sign + "\x21\x31\x00\xd8" + strings.Repeat("/sock\x00", 36) + ask, "<" + agree}, opened, []string{"proxy-protocol-v2"}},
	{"PROXY 2 of a family to come", []string{">" + sign + "\x21\x77\x00\x05\x02\x00\x01xy" + ask, "<" + agree}, opened, []string{"proxy-protocol-v2 authority x"}},
	{"PROXY 2 too short for its addresses", []string{">" + sign + "\x21\x11\x00\x04\x02\x00\x01x" + ask, "<" + agree}, opened, []string{"proxy-protocol-v2"}},
	{"PROXY 3", []string{">" + sign + "\x31\x11\x00\x0c" + addr4 + ask}, []string{"foreign client 4"}, nil},

	{"SOCKS 4", []string{">" + connect4, "<" + grant4, ">" + ask, "<" + agree}, opened, []string{"socks4 to 192.0.2.9:80 user joe succeeded 90"}},
	{"SOCKS 4a", []string{">" + connect4a, "<" + grant4, ">" + ask, "<" + agree}, opened, []string{"socks4 to echo.example:80 succeeded 90"}},
	{"SOCKS 4, version repeated", []string{">" + connect4, "<\x04" + grant4[1:], ">" + ask, "<" + agree}, opened, []string{"socks4 to 192.0.2.9:80 user joe succeeded 90"}},
	{"SOCKS 4 refused", []string{">" + connect4a, "<\x00\x5b\x00\x00\x00\x00\x00\x00"}, nil, []string{"socks4 to echo.example:80 request rejected or failed 91"}},
	{"SOCKS 4 unanswered", []string{">" + connect4a}, nil, []string{"socks4 to echo.example:80"}},
	{"SOCKS 4 to listen", []string{">\x04\x02" + connect4[2:] + ask}, []string{"foreign client 0"}, nil},
	{"SOCKS 4 with a user ID too long", []string{">" + connect4[:8] + strings.Repeat("x", 256) + "\x00" + ask}, []string{"foreign client 0"}, nil},
	{"SOCKS 4 with a strange name", []string{">" + connect4a[:9] + "\x01\x00" + ask}, []string{"foreign client 0"}, nil},
	{"SOCKS 4 with no such reply", []string{">" + connect4, "<\x00\x5e"}, []string{"foreign server 0"}, []string{"socks4 to 192.0.2.9:80 user joe"}},

	{"SOCKS 5", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<" + grant5, ">" + ask, "<" + agree}, opened, []string{"socks5 to echo.example:80 succeeded 0"}},
	{"SOCKS 5 at once", []string{">" + greet5 + connect5 + ask, "<\x05\x00" + grant5 + agree}, opened, []string{"socks5 to echo.example:80 succeeded 0"}},
	{"SOCKS 5, client alone", []string{">" + greet5 + connect5 + ask}, []string{"asked /chat"}, []string{"socks5 to echo.example:80"}},
	{"SOCKS 5 with a password", []string{">\x05\x02\x00\x02", "<\x05\x02", ">\x01\x03joe\x06secret", "<\x01\x00", ">" + connect5, "<" + grant5, ">" + ask, "<" + agree},
		opened, []string{"socks5 to echo.example:80 user joe succeeded 0"}},
	{"SOCKS 5 with no password", []string{">\x05\x02\x00\x02", "<\x05\x02", ">\x01\x01j\x00", "<\x01\x00", ">" + connect5, "<" + grant5, ">" + ask, "<" + agree},
		opened, []string{"socks5 to echo.example:80 user j succeeded 0"}},
	{"SOCKS 5 with a wrong password", []string{">\x05\x01\x02", "<\x05\x02", ">\x01\x03joe\x06secret", "<\x01\x01"}, nil, []string{"socks5 user joe authentication failed 1"}},
	{"SOCKS 5 with no method", []string{">" + greet5, "<\x05\xff"}, nil, []string{"socks5 no acceptable methods 255"}},
	{"SOCKS 5 with GSSAPI", []string{">\x05\x02\x00\x01", "<\x05\x01", ">\x01\x01\x00\x04abcd"}, []string{"foreign server 2", "foreign client 4"}, []string{"socks5"}},
	{"SOCKS 5 to IPv4", []string{">" + greet5 + "\x05\x01\x00\x01\xc0\x00\x02\x09\x1f\x90", "<\x05\x00" + grant5, ">" + ask, "<" + agree}, opened, []string{"socks5 to 192.0.2.9:8080 succeeded 0"}},
	{"SOCKS 5 to IPv6", []string{">" + greet5 + "\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09\x00\x50", "<\x05\x00\x05\x00\x00\x04" + strings.Repeat("\x00", 18), ">" + ask, "<" + agree},
		opened, []string{"socks5 to [2001:db8::9]:80 succeeded 0"}},
	{"SOCKS 5 refused", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"}, nil, []string{"socks5 to echo.example:80 connection refused 5"}},
	{"SOCKS 5 refused in two bytes", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<\x05\x04"}, nil, []string{"socks5 to echo.example:80 host unreachable 4"}},
	{"SOCKS 5 refused for a reason of its own", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<\x05\x80"}, nil, []string{"socks5 to echo.example:80 unassigned 128"}},
	{"SOCKS 5 for UDP", []string{">" + greet5, "<\x05\x00", ">\x05\x03" + connect5[2:]}, []string{"foreign client 3"}, []string{"socks5"}},
	{"SOCKS 5 with no such address", []string{">" + greet5 + "\x05\x01\x00\x02\x00\x00\x00\x00"}, []string{"foreign client 3"}, nil},
	{"SOCKS 5 offering nothing", []string{">\x05\x00" + connect5}, []string{"foreign client 0"}, nil},
	{"SOCKS 5 answered by something else", []string{">" + greet5, "<HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n\x05"}, []string{"foreign server 47"}, nil},
	{"TLS inside SOCKS 5", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<" + grant5, ">\x16\x03\x01\x02", "<\x16\x03\x03"}, []string{"foreign client 22", "foreign server 12"}, []string{"socks5 to echo.example:80 succeeded 0"}},

	{"CONNECT", []string{">" + connectH, "<" + grantH, ">" + ask, "<" + agree}, opened, []string{"http-connect to echo.example:80 status 200"}},
	{"CONNECT refused, then with a password", []string{">" + connectH, "<" + denyH, ">" + connectH, "<" + grantH, ">" + ask, "<" + agree}, opened,
		[]string{"http-connect to echo.example:80 status 407", "http-connect to echo.example:80 status 200"}},
	{"CONNECT refused", []string{">" + connectH, "<HTTP/1.1 502 Bad Gateway\r\n\r\nno such host"}, nil, []string{"http-connect to echo.example:80 status 502"}},
	{"CONNECT unanswered", []string{">" + connectH}, nil, []string{"http-connect to echo.example:80"}},
	{"CONNECT behind interim answers", []string{">" + connectH, "<HTTP/1.1 103 Early Hints\r\n\r\n" + grantH, ">" + ask, "<" + agree}, opened, []string{"http-connect to echo.example:80 status 200"}},
	{"CONNECT behind a page", []string{">" + get + connectH, "<" + ok + grantH, ">" + ask, "<" + agree}, opened, []string{"http-connect to echo.example:80 status 200"}},
	{"CONNECT refused ten times", []string{">" + strings.Repeat(connectH, 9) + "CONNECT last:1 HTTP/1.1\r\n\r\n", "<" + strings.Repeat(denyH, 10)}, nil,
		append(repeated("http-connect to echo.example:80 status 407", 7), "http-connect to last:1 status 407")},

	{"PROXY 1, CONNECT", []string{">" + lineV1 + connectH, "<" + grantH, ">" + ask, "<" + agree}, opened,
		[]string{"proxy-protocol-v1 203.0.113.7:56324 192.0.2.1:443", "http-connect to echo.example:80 status 200"}},
	{"PROXY 2, SOCKS 5", []string{">" + headV2 + greet5, "<\x05\x00", ">" + connect5, "<" + grant5, ">" + ask, "<" + agree}, opened,
		[]string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443", "socks5 to echo.example:80 succeeded 0"}},
	{"SOCKS 4, PROXY 2", []string{">" + connect4, "<" + grant4, ">" + headV2 + ask, "<" + agree}, opened,
		[]string{"socks4 to 192.0.2.9:80 user joe succeeded 90", "proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443"}},
	{"SOCKS 5, SOCKS 4, CONNECT", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<" + grant5, ">" + connect4, "<" + grant4, ">" + connectH, "<" + grantH, ">" + ask, "<" + agree}, opened,
		[]string{"socks5 to echo.example:80 succeeded 0", "socks4 to 192.0.2.9:80 user joe succeeded 90", "http-connect to echo.example:80 status 200"}},
	{"CONNECT, SOCKS 5", []string{">" + connectH, "<" + grantH, ">" + greet5, "<\x05\x00", ">" + connect5, "<" + grant5, ">" + ask, "<" + agree}, opened,
		[]string{"http-connect to echo.example:80 status 200", "socks5 to echo.example:80 succeeded 0"}},
	{"more headers than are kept", []string{">" + strings.Repeat("PROXY UNKNOWN\r\n", maxVia+1) + ask}, []string{"foreign client 120"}, repeated("proxy-protocol-v1", maxVia)},
}

func repeated(s string, n int) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

func brief(list []Via) (all []string) {
	for _, v := range list {
		s := v.Kind.String()
		if v.Source.IsValid() {
			s += " " + v.Source.String() + " " + v.Destination.String()
		}
		if v.Local {
			s += " local"
		}
		for _, word := range [...]struct{ name, value string }{
			{"authority ", v.Authority}, {"to ", v.Target}, {"user ", v.User}, {"", v.Reply},
		} {
			if word.value != "" {
				s += " " + word.name + word.value
			}
		}
		if v.Reply != "" {
			s += fmt.Sprintf(" %d", v.Code)
		}
		if v.Status != 0 {
			s += fmt.Sprintf(" status %d", v.Status)
		}
		if v.Checksum != NoChecksum {
			s += fmt.Sprintf(" checksum %d", v.Checksum)
		}
		all = append(all, s)
	}
	return all
}

func TestPrelude(t *testing.T) {
	for _, c := range preludes {
		t.Run(c.name, func(t *testing.T) {
			talk := play(t, 0, c.lines, uncut)
			if diff := cmp.Diff(c.want, talk.brief); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.via, brief(talk.r.Via())); diff != "" {
				t.Errorf("proxies (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLossInPrelude plays conversations of which the capture lost bytes before
// HTTP. A line of dashes is that many bytes lost.
func TestLossInPrelude(t *testing.T) {
	const dashes = "--------"
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
		via   []string
	}{
		{"in a PROXY header", []string{">" + lineV1[:20], ">" + dashes, ">" + lineV1[28:], ">" + ask, "<" + agree}, opened, nil},
		{"the beginning of it", []string{">" + dashes, ">" + headV2[8:], ">" + ask, "<" + agree}, opened, nil},
		{"at the end of a long header", []string{">" + sign + "\x21\x11\x10\x00" + addr4 + strings.Repeat("\x00", 4076), ">" + dashes, ">" + ask, "<" + agree}, opened,
			[]string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443"}},
		{"over the end of a long header", []string{">" + sign + "\x21\x11\x0f\xfc" + addr4 + strings.Repeat("\x00", 4076), ">" + dashes, ">tail: x\r\n\r\n", ">" + ask, "<" + agree}, opened,
			[]string{"proxy-protocol-v2 203.0.113.7:56324 192.0.2.1:443"}},
		{"in a SOCKS request", []string{">" + greet5, "<\x05\x00", ">" + connect5[:8], ">" + dashes, ">" + connect5[16:], "<" + grant5, ">" + ask, "<" + agree}, opened, []string{"socks5 succeeded 0"}},
		{"of a whole SOCKS request", []string{">" + connect4, "<" + dashes, ">" + ask, "<" + agree}, opened, []string{"socks4 to 192.0.2.9:80 user joe"}},
		{"in a SOCKS reply", []string{">" + greet5, "<\x05\x00", ">" + connect5, "<\x05\x00", "<" + dashes, ">" + ask, "<" + agree}, opened, []string{"socks5 to echo.example:80 succeeded 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			talk := &talk{t: t}
			for _, line := range c.lines {
				switch text := line[1:]; {
				case text == dashes && line[0] == '>':
					talk.r.SkipClient(int64(len(dashes)))
				case text == dashes:
					talk.r.SkipServer(int64(len(dashes)))
				case line[0] == '>':
					talk.offer(fromClient, []byte(text))
				default:
					talk.offer(fromServer, []byte(text))
				}
			}
			if diff := cmp.Diff(c.want, talk.brief); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.via, brief(talk.r.Via())); diff != "" {
				t.Errorf("proxies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoPreludeMidStream(t *testing.T) {
	for _, line := range []string{lineV1, headV2, connect4, greet5 + connect5} {
		talk := &talk{t: t, r: Reader{MidStream: true}}
		talk.offer(fromClient, []byte(line))
		talk.offer(fromClient, []byte(ask))
		if diff := cmp.Diff(opened[:1], talk.brief); diff != "" || talk.r.Via() != nil {
			t.Errorf("%q: %v (-want +got):\n%s", line, talk.r.Via(), diff)
		}
	}
}

// TestNoPreludeCostsNothing counts what a connection without one allocates.
func TestNoPreludeCostsNothing(t *testing.T) {
	for _, method := range []string{"GET", "PUT", "POST"} { // the last begins as PROXY does
		request, answer := []byte(method+" / HTTP/1.1\r\n\r\n"), []byte("HTTP/1.1 204 No Content\r\n\r\n")
		awaited := make([]run, 0, 1)
		var r Reader
		n := testing.AllocsPerRun(100, func() {
			r = Reader{awaited: awaited}
			r.Client(request)
			r.Server(answer)
			if r.Exchanges != 1 || r.client.place != between {
				t.Fatal("no exchange was read")
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", method, n)
		}
	}
}

package handshake

import "testing"

// TestSession holds that the session which Engine.IO begins is found, however
// its answer is cut, and nothing is taken for one that is none.
func TestSession(t *testing.T) {
	const ask = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, test := range []struct{ name, ask, answer, want string }{
		{"begun", ask, "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n0{\"sid\":\"abc\",\"upgrades\"", "abc"},
		{"in chunks", ask, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n0{\"sid\r\n8\r\n\":\"abc\",\r\n0\r\n\r\n", "abc"},
		{"refused", ask, "HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\n{\"sid\":\"abc\"}", ""},
		{"gone on with", "GET /socket.io/?transport=polling&sid=abc HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"sid\":\"abc\"}", ""},
		{"a page", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"sid\":\"abc\"}", ""},
	} {
		for cut := range len(test.answer) + 1 {
			var r Reader
			r.Client([]byte(test.ask))
			got := ""
			for _, part := range []string{test.answer[:cut], test.answer[cut:]} {
				r.Server([]byte(part))
				got += string(r.Session())
			}
			if got != test.want {
				t.Errorf("%s, cut at %d: %q", test.name, cut, got)
				break
			}
		}
	}
}

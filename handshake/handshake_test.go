package handshake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAccept has the example of RFC 6455 §1.3.
func TestAccept(t *testing.T) {
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("got %s", got)
	}
}

func TestFields(t *testing.T) {
	f := Fields{{Name: "Upgrade", Value: "a, b"}, {Name: "X"}, {Name: "uPGRADE ", Value: ` ,, "c,\"d" ,e`}}
	if got := f.Get("upgrade"); got != "a, b" {
		t.Errorf("Get: %q", got)
	}
	if got := f.Count("UPGRADE"); got != 2 {
		t.Errorf("Count: %d", got)
	}
	if !f.Has("x") || f.Has("y") || f.Get("y") != "" || f.Values("y") != nil || f.Tokens("x") != nil {
		t.Error("a field that is there and empty, and one that is not there")
	}
	if diff := cmp.Diff([]string{"a, b", ` ,, "c,\"d" ,e`}, f.Values("Upgrade")); diff != "" {
		t.Errorf("Values (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b", `"c,\"d"`, "e"}, f.Tokens("Upgrade")); diff != "" {
		t.Errorf("Tokens (-want +got):\n%s", diff)
	}
}

func TestHandshakeFacts(t *testing.T) {
	request := strings.Replace(ask, "\r\n\r\n", "\r\nOrigin: http://o\r\nUser-Agent: u/1\r\nSec-WebSocket-Protocol: a, b\r\n"+
		"Sec-WebSocket-Protocol: c\r\nSec-WebSocket-Extensions: x; y=1, z\r\n\r\n", 1)
	response := strings.Replace(agree, "\r\n\r\n", "\r\nServer: s/2\r\nSec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: z\r\n\r\n", 1)
	h := play(t, 0, []string{">" + request, "<" + response}, uncut).r.Handshake()
	for _, c := range []struct{ name, got, want string }{
		{"Target", h.Target(), "/chat"},
		{"Host", h.Host(), "example.com"},
		{"Origin", h.Origin(), "http://o"},
		{"UserAgent", h.UserAgent(), "u/1"},
		{"Key", h.Key(), "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Version", h.Version(), "13"},
		{"Accept", h.Accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"AcceptExpected", h.AcceptExpected(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"SubprotocolsOffered", strings.Join(h.SubprotocolsOffered(), "|"), "a|b|c"},
		{"Subprotocol", h.Subprotocol(), "b"},
		{"ExtensionsOffered", h.ExtensionsOffered()[0].String() + "|" + h.ExtensionsOffered()[1].String(), "x; y=1|z"},
		{"Extensions", h.Extensions()[0].String(), "z"},
		{"Reason", h.Reason(), "Switching Protocols"},
		{"ServerSoftware", h.ServerSoftware(), "s/2"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.name, c.got, c.want)
		}
	}
	if valid, known := h.AcceptValid(); !valid || !known || h.Status() != 101 {
		t.Errorf("accept valid %v, known %v, status %d", valid, known, h.Status())
	}
}

func TestHandshakeFactsOfHalfAHandshake(t *testing.T) {
	h := play(t, 0, []string{"<" + agree}, uncut).r.Handshake()
	if _, known := h.AcceptValid(); known || h.Target() != "" || h.Host() != "" || h.Key() != "" || h.SubprotocolsOffered() != nil || h.ExtensionsOffered() != nil {
		t.Error("an answer without its request says something about the request")
	}
	h = play(t, 0, []string{">" + ask}, uncut).r.Pending()
	if _, known := h.AcceptValid(); known || h.Status() != 0 || h.Reason() != "" || h.Accept() != "" || h.Extensions() != nil {
		t.Error("a request without an answer says something about the answer")
	}
	h = play(t, 0, []string{">" + ask, "<HTTP/1.1 101 x\r\nSec-WebSocket-Accept: x\r\n\r\n"}, uncut).r.Handshake()
	if valid, known := h.AcceptValid(); valid || !known {
		t.Errorf("a wrong sum is valid %v, known %v", valid, known)
	}
	h = play(t, 0, []string{">GET ws://u@h:1/p?q HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"}, uncut).r.Pending()
	if h.Host() != "u@h:1" || h.AcceptExpected() != "" {
		t.Errorf("host %q, expected sum %q", h.Host(), h.AcceptExpected())
	}
}

// TestAnsweredIsTheCallersOwn holds a handshake while the Reader goes on and
// the bytes it was read from are overwritten.
func TestAnsweredIsTheCallersOwn(t *testing.T) {
	var r Reader
	request, refusal := []byte(ask), []byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
	r.Client(request[:70])
	r.Client(request[70:])
	r.Server(refusal)
	kept := r.Handshake()
	before := dump(kept)
	for _, b := range [][]byte{request, refusal} {
		for i := range b {
			b[i] = 'x'
		}
	}
	r.Client([]byte("GET /again HTTP/1.1\r\nUpgr"))
	r.Client([]byte("ade: websocket\r\n\r\n"))
	r.Server([]byte("HTTP/1.1 404 Not Found\r\n"))
	r.Server([]byte("\r\n"))
	if got := dump(kept); got != before {
		t.Errorf("changed to\n%s\nfrom\n%s", got, before)
	}
	if r.Handshake() == kept || r.Handshake().Status() != 404 {
		t.Error("the second attempt is not one of its own")
	}
}

func TestAllocs(t *testing.T) {
	var r Reader
	page := []byte(get)
	post := []byte("POST /page HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	answers := []byte(ok + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	exchange := func() {
		r.Client(page)
		for _, b := range [][]byte{post, answers} {
			read := r.Client
			if &b[0] == &answers[0] {
				read = r.Server
			}
			half := len(b) / 3
			read(b[:half])
			read(b[half:])
		}
	}
	exchange()
	if n := testing.AllocsPerRun(100, exchange); n != 0 {
		t.Errorf("%v allocations for two ordinary exchanges", n)
	}
	if r.Exchanges != 2*102 || len(r.awaited) != 0 {
		t.Errorf("%d exchanges, %v unanswered", r.Exchanges, r.awaited)
	}
	hello := []byte("\x16\x03\x01\x02\x00")
	if n := testing.AllocsPerRun(100, func() {
		r = Reader{}
		r.Client(hello)
		r.Server(hello)
	}); n != 0 {
		t.Errorf("%v allocations for a foreign protocol", n)
	}
}

func BenchmarkOrdinaryExchange(b *testing.B) {
	var r Reader
	request, answer := []byte(get), []byte(ok)
	b.SetBytes(int64(len(request) + len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		r.Client(request)
		r.Server(answer)
	}
}

func BenchmarkUpgrade(b *testing.B) {
	request, answer := []byte(ask), []byte(agree)
	b.ReportAllocs()
	for b.Loop() {
		var r Reader
		r.Client(request)
		r.Server(answer)
	}
}

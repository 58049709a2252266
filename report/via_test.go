package report

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// passed is a connection behind four proxies, the last of which refuses.
func passed() *session.Closed {
	c := &session.Conn{Facts: session.Facts{
		ID: 1, State: session.Refused, Start: capture.NoTime, End: capture.NoTime,
		Client: netip.MustParseAddrPort("10.0.0.1:50001"), Server: netip.MustParseAddrPort("10.0.0.2:1080"),
		Via: []handshake.Via{
			{Kind: handshake.ProxyV2, Local: true},
			{Kind: handshake.ProxyV2, Source: netip.MustParseAddrPort("203.0.113.7:56324"), Destination: netip.MustParseAddrPort("[2001:db8::1]:443"),
				Authority: "joe:secret@ws.example", Checksum: handshake.ChecksumFail},
			{Kind: handshake.SOCKS5, Target: "a\x1b.example:80", User: "joe", Reply: "succeeded"},
			{Kind: handshake.HTTPConnect, Target: "joe:secret@gone.example:80", Status: 502},
		},
	}}
	return &session.Closed{Where: session.Where{Conn: c, Packet: 9, Time: capture.NoTime}}
}

func TestFollowShowsProxies(t *testing.T) {
	for _, c := range []struct {
		show bool
		want []string
	}{
		{false, []string{
			"proxy-protocol-v2  local",
			"proxy-protocol-v2  203.0.113.7:56324 → [2001:db8::1]:443  " + m + "@ws.example  ! wrong checksum",
			"socks5  a\\x1b.example:80 as " + m + " (redacted, --no-redact)  succeeded",
			"http-connect  " + m + "@gone.example:80  502",
		}},
		{true, []string{
			"proxy-protocol-v2  local",
			"proxy-protocol-v2  203.0.113.7:56324 → [2001:db8::1]:443  joe:secret@ws.example  ! wrong checksum",
			"socks5  a\\x1b.example:80 as joe  succeeded",
			"http-connect  joe:secret@gone.example:80  502",
		}},
	} {
		var out bytes.Buffer
		s := newText(&out, &Options{Follow: 1, ShowSecrets: c.show})
		closed := passed()
		s.Observe(&session.Handshake{Where: closed.Where, Handshake: &handshake.Handshake{}, Via: closed.Conn.Via[:2]})
		s.Observe(closed)
		if err := s.Finish(&Summary{}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			if line, ok := strings.CutPrefix(line, "  ⇢ "); ok {
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("shown %v (-want +got):\n%s", c.show, diff)
		}
	}
}

func TestProxiesFitSchema(t *testing.T) {
	var out bytes.Buffer
	s := newNDJSON(&out, &Options{List: Connections})
	s.Observe(passed())
	if err := s.Finish(&Summary{}); err != nil {
		t.Fatal(err)
	}
	line, _, _ := bytes.Cut(out.Bytes(), []byte("\n"))
	readSchema(t).check(t, line)
	want := `"via":[{"kind":"proxy-protocol-v2","local":true},` +
		`{"kind":"proxy-protocol-v2","source":{"ip":"203.0.113.7","port":56324},"destination":{"ip":"2001:db8::1","port":443},"authority":"` + m + `@ws.example","checksum_valid":false},` +
		`{"kind":"socks5","target":"a\u001b.example:80","user":"` + m + `","reply":"succeeded","code":0},` +
		`{"kind":"http-connect","target":"` + m + `@gone.example:80","status":502}],"tcp_stream"`
	if !strings.Contains(string(line), want) {
		t.Errorf("%s\nlacks\n%s", line, want)
	}
}

package report

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

func TestNothingFound(t *testing.T) {
	const note = `note: a browser sends nothing where it rejects the URL or the port, or ws:// in
      a page over https, or where it cannot resolve the name: no packet shows
      why, its console does
`
	tests := []struct {
		name   string
		totals session.Totals
		want   string
	}{
		{"http", session.Totals{Packets: 9, TCP: 3, HTTP: 2, HTTPExchanges: 12, OtherTCP: 1}, `
no WebSocket connection: 3 TCP connections, 12 HTTP requests without upgrade
  of them       HTTP 2   other 1
hint: no request asked for an upgrade: look at what the client does, and at a
      proxy before this place that drops Upgrade
`},
		{"tls", session.Totals{Packets: 9, TCP: 1, TLS: 1}, `
no WebSocket connection: 1 TCP connection, 0 HTTP requests without upgrade
  of them       TLS 1
hint: TLS hides what is inside. With --keylog FILE it is read; FILE is made by
      SSLKEYLOGFILE=FILE before a browser, curl or Python, node
      --tls-keylog=FILE, KeyLogWriter in Go, openssl s_client -keylogfile FILE
`},
		{"no tcp", session.Totals{Packets: 9, Undecoded: []session.Undecoded{{Reason: "UDP", Packets: 9}}}, `
no WebSocket connection: 0 TCP connections, 0 HTTP requests without upgrade
  not decoded   UDP 9 packets
hint: there is no TCP in it: look at the filter and at where it was captured
`},
		{"limited", session.Totals{Packets: 9, TCP: 8, OtherTCP: 8, Limited: 6}, `
no WebSocket connection: 8 TCP connections, 0 HTTP requests without upgrade
  of them       other 8
  loss          a limit was reached 6 times
hint: a limit was reached, and what was given up may have been WebSockets:
      --max-memory raises it
`},
		{"empty", session.Totals{}, `
no WebSocket connection: 0 TCP connections, 0 HTTP requests without upgrade
hint: no packet was read: look at the filter and at where it was captured
`},
	}
	for _, tt := range tests {
		var b strings.Builder
		if err := newText(&b, &Options{}).Finish(&Summary{Totals: &tt.totals}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want+note, b.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestConnectionRowsAreBounded(t *testing.T) {
	var b strings.Builder
	s := newText(&b, &Options{})
	const all = 100_000
	c := conn(1, "10.0.0.1:1", "10.0.0.2:2")
	c.State = session.Open
	for id := int64(1); id <= all; id++ {
		c.ID = id
		s.Observe(&session.Closed{Where: session.Where{Conn: c, Packet: id}})
	}
	if err := s.Finish(&Summary{Totals: &session.Totals{Connections: all}}); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(b.String(), "10.0.0.1:1 "); rows != 100 {
		t.Errorf("%d rows", rows)
	}
	if want := "\n… and 99,900 more: -l connections lists them all\n"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is missing", want)
	}
}

func TestTalliesAreBounded(t *testing.T) {
	var b strings.Builder
	s := newText(&b, &Options{}).(*textSink)
	c := conn(1, "10.0.0.1:1", "10.0.0.2:2")
	c.State = session.Ended
	for i := range 2 * maxTally {
		c.CloseCode = frames.CloseCode(i + 1)
		s.Observe(&session.Closed{Where: session.Where{Conn: c}})
		s.Observe(&session.Handshake{Where: session.Where{Conn: c}, Handshake: &handshake.Handshake{Response: response(i, "No")}})
	}
	if n := len(s.codes.counts) + len(s.failed.counts); n != 2*maxTally {
		t.Errorf("%d rows are kept", n)
	}
	if err := s.Finish(&Summary{Totals: &session.Totals{Connections: 1}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), fmt.Sprintf("… and %s more", count(2*maxTally-maxRows))); n != 2 {
		t.Errorf("%d tables say what they leave out:\n%s", n, b.String())
	}
}

func TestLists(t *testing.T) {
	for l := Default; l <= Frames; l++ {
		b, err := l.MarshalText()
		var back List = 99
		if err != nil || back.UnmarshalText(b) != nil || back != l {
			t.Errorf("%q comes back as %q", l, back)
		}
	}
	var l List
	if err := l.UnmarshalText([]byte("packets")); err == nil || !strings.Contains(err.Error(), `"packets"`) {
		t.Errorf("packets: %v", err)
	}
}

// full takes no bytes.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFinishTellsWriteErrors(t *testing.T) {
	for _, f := range Formats {
		for _, o := range []Options{{}, {Live: true}, {Follow: 1}} {
			ta := trouble2026()
			s := f.New(full{}, &o)
			for _, e := range ta.events {
				s.Observe(e)
			}
			if err := s.Finish(&ta.sum); !errors.Is(err, errFull) {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

func TestColorOnlyDecorates(t *testing.T) {
	for _, o := range []Options{{List: Frames}, {Follow: 1}, {Follow: 2}} {
		plain := string(trouble2026().print(t, "text", &o))
		o.Color = true
		painted := string(trouble2026().print(t, "text", &o))
		if painted == plain {
			t.Error("nothing is painted")
		}
		var b strings.Builder
		for i, part := range strings.Split(painted, "\x1b[") {
			if i > 0 {
				_, part, _ = strings.Cut(part, "m")
			}
			b.WriteString(part)
		}
		if d := cmp.Diff(plain, b.String()); d != "" {
			t.Errorf("without its colors (-plain +painted):\n%s", d)
		}
	}
}

// FuzzHostile puts the same bytes wherever a stranger's bytes can stand.
func FuzzHostile(f *testing.F) {
	f.Add("\x1b]0;x\a\r\n\u202e日本\xff", "text", uint16(101), 40, false)
	f.Add("", "ndjson", uint16(403), 0, true)
	f.Add("token=\x00", "json", uint16(0), 200, true)
	f.Fuzz(func(t *testing.T, s, format string, status uint16, w int, follow bool) {
		c := conn(1, "10.0.0.1:1", "[2001:db8::1]:65535")
		fields := handshake.Fields{{Name: s, Value: s}, {Name: "Sec-WebSocket-Protocol", Value: s}, {Name: "Host", Value: s}, {Name: "Server", Value: s}}
		h := &handshake.Handshake{
			Request: &handshake.Head{Method: s, Target: s, Proto: s, Fields: fields}, Established: status == 101,
			Response: &handshake.Head{Proto: s, Status: int(status), Reason: s, Fields: fields},
		}
		c.Handshake, c.Target, c.Host, c.State = h, s, s, session.State(status%8)
		at := session.Where{Conn: c, Packet: 1, Time: began}
		body := frames.DecodeClose([]byte("\x03\xe8" + s))
		c.Sides[0].Close = &session.Close{CloseBody: body}
		o := &Options{List: Frames, Width: 40 + w&0x7f}
		if follow {
			o.Follow = 1
		}
		var out strings.Builder
		for i := range Formats {
			if Formats[i].Name != format {
				continue
			}
			sink := Formats[i].New(&out, o)
			sink.Observe(&session.Handshake{Where: at, Handshake: h, Requested: at})
			sink.Observe(&session.Frame{Where: at, Header: frames.Header{Opcode: frames.Close, FIN: true}, Payload: []byte(s), CloseBody: &body})
			sink.Observe(&session.Frame{Where: at, Header: frames.Header{Opcode: frames.Ping, FIN: true}, Payload: []byte(s)})
			for _, op := range []frames.Opcode{frames.Text, frames.Binary} {
				sink.Observe(&session.Message{Where: at, Message: &frames.Message{Opcode: op, Length: uint64(len(s)), ValidUTF8: true, Data: []byte(s)}})
			}
			sink.Observe(&session.Lost{Where: at, Length: 1, Reason: s})
			sink.Observe(&session.Closed{Where: at})
			in := capture.Input{Name: s, Format: "pcap", Err: errors.New(s)}
			totals := &session.Totals{Connections: 1, Undecoded: []session.Undecoded{{Reason: s, Packets: 1}}}
			if err := sink.Finish(&Summary{Inputs: []capture.Input{in}, Totals: totals}); err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			for _, r := range line {
				if !shows(r) {
					t.Fatalf("%U in %q", r, line)
				}
			}
			if format == "text" && !follow && width(line) > o.Width {
				t.Errorf("%d columns, more than %d: %q", width(line), o.Width, line)
			}
		}
	})
}

func ExampleFormat() {
	c := new(session.Conn)
	c.ID, c.Client, c.Server = 1, netip.MustParseAddrPort("10.0.0.7:51022"), netip.MustParseAddrPort("10.0.0.2:80")
	f := &session.Frame{
		Where:  session.Where{Conn: c, Packet: 12, Time: capture.Time(1_000_000_007), Dir: reassembly.FromServer},
		Header: frames.Header{FIN: true, Opcode: frames.Text, PayloadLength: 5},
	}
	var b strings.Builder
	for _, format := range Formats {
		if format.Name == "ndjson" {
			sink := format.New(&b, &Options{})
			sink.Observe(f)
			if err := sink.Finish(&Summary{}); err != nil {
				fmt.Println(err)
			}
		}
	}
	line, _, _ := strings.Cut(b.String(), "\n")
	fmt.Println(line)
	// Output:
	// {"type":"frame","time":"1970-01-01T00:00:01.000000007Z","packet":12,"connection":1,"direction":"server","opcode":1,"name":"text","fin":true,"rsv":0,"masked":false,"length":5,"header_length":2,"missing":0}
}

func BenchmarkTextSummary(b *testing.B) {
	ta := trouble2026()
	for b.Loop() {
		s := newText(io.Discard, &Options{})
		for _, e := range ta.events {
			s.Observe(e)
		}
		if err := s.Finish(&ta.sum); err != nil {
			b.Fatal(err)
		}
	}
}

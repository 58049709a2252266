package report

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

func TestEventsFitSchema(t *testing.T) {
	s := readSchema(t)
	for _, o := range []Options{{}, {Payload: PayloadNone}, {Payload: PayloadAll}, {Payload: 3}, {ShowSecrets: true}, {Follow: 1}} {
		ta := trouble2026()
		lines := bytes.Split(bytes.TrimSpace(ta.print(t, "ndjson", &o)), []byte("\n"))
		for _, line := range lines {
			s.check(t, line)
		}
		var whole []json.RawMessage
		if err := json.Unmarshal(ta.print(t, "json", &o), &whole); err != nil {
			t.Fatal(err)
		}
		if len(whole) != len(lines) {
			t.Fatalf("json has %d events, ndjson %d", len(whole), len(lines))
		}
		for i := range whole {
			if !bytes.Equal(whole[i], lines[i]) {
				t.Errorf("json has %s, ndjson %s", whole[i], lines[i])
			}
		}
	}
}

func TestListNarrowsEvents(t *testing.T) {
	tests := []struct {
		list List
		want string
	}{
		{Default, "handshake frame message connection summary"},
		{Frames, "handshake frame message connection summary"},
		{Messages, "handshake message connection summary"},
		{Connections, "handshake connection summary"},
		{Findings, "summary"},
		{None, "summary"},
	}
	for _, tt := range tests {
		seen := map[string]bool{}
		for _, line := range bytes.Split(bytes.TrimSpace(trouble2026().print(t, "ndjson", &Options{List: tt.list})), []byte("\n")) {
			var e struct{ Type string }
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatal(err)
			}
			seen[e.Type] = true
		}
		var got []string
		for _, kind := range []string{"handshake", "frame", "message", "finding", "connection", "summary"} {
			if seen[kind] {
				got = append(got, kind)
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("-l %q writes %s, want %s", tt.list, s, tt.want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	tests := []struct {
		in   time.Duration
		want string
	}{
		{0, "0"}, {1, "0.000001"}, {1_000_000, "1"}, {3_200_000, "3.2"}, {1_000_001, "1.000001"}, {-1_500_000, "-1.5"},
		{math.MaxInt64, "9223372036854.775807"}, {math.MinInt64, "-9223372036854.775808"},
	}
	for _, tt := range tests {
		var o object
		o.ms("x", tt.in)
		if got := string(o.b); got != `"x":`+tt.want {
			t.Errorf("%d ns are %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	tests := []struct {
		in   capture.Time
		want string
	}{
		{0, `"x":"1970-01-01T00:00:00.000000000Z"`},
		{-1, `"x":"1969-12-31T23:59:59.999999999Z"`},
		{1_500_000_007, `"x":"1970-01-01T00:00:01.500000007Z"`},
		{math.MaxInt64, `"x":"2262-04-11T23:47:16.854775807Z"`},
		{capture.NoTime, ``},
		{capture.NoTime + 1, `"x":"1677-09-21T00:12:43.145224193Z"`},
	}
	var o object // one for all: it remembers a time
	for _, tt := range tests {
		o.b = o.b[:0]
		o.time("x", tt.in)
		if got := string(o.b); got != tt.want {
			t.Errorf("%d is %s, want %s", tt.in, got, tt.want)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("\"\\/\b\f\n\r\t\x00\x1b\u2028\u202e\U0001F642\U000e0041\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := appendString(nil, s)
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q gives %s: %v", s, got, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); utf8.ValidString(s) && back != want {
			t.Errorf("%q comes back as %q", s, back)
		}
		reference, _ := json.Marshal(s)
		var want string
		if err := json.Unmarshal(reference, &want); err != nil || back != want {
			t.Errorf("%q comes back as %q, from encoding/json as %q", s, back, want)
		}
		for _, r := range string(got) {
			if !shows(r) {
				t.Errorf("%q gives %s with %U", s, got, r)
			}
		}
	})
}

func TestTextIsCutBetweenCharacters(t *testing.T) {
	const text = "aé日🙂z"
	for limit := range len(text) + 2 {
		for keep := range len(text) + 1 {
			m := &frames.Message{Opcode: frames.Text, Length: uint64(len(text)), ValidUTF8: true, Data: []byte(text[:keep])}
			got, cut := excerpt(m, limit)
			want := ""
			for _, r := range text {
				if len(want)+utf8.RuneLen(r) > min(limit, keep) {
					break
				}
				want += string(r)
			}
			if string(got) != want || cut != (want != text) {
				t.Errorf("of %d bytes, at most %d: %q, %v; want %q", keep, limit, got, cut, want)
			}
		}
	}
}

func TestFramesTakeNoMemory(t *testing.T) {
	c := conn(1, "10.0.0.1:1", "10.0.0.2:2")
	f := &session.Frame{
		Where:  session.Where{Conn: c, Packet: 7, Time: began, Dir: reassembly.FromClient},
		Header: frames.Header{FIN: true, Opcode: frames.Ping, Masked: true, PayloadLength: 4}, Payload: []byte("beat"),
	}
	m := &session.Message{Where: f.Where, FirstPacket: 7, Message: &frames.Message{
		Opcode: frames.Text, Frames: 1, ValidUTF8: true, Complete: true, Length: 40, Data: []byte(`{"token":"4711","text":"žluťoučký\u0000"}`),
	}}
	s := newNDJSON(io.Discard, &Options{})
	n := testing.AllocsPerRun(1000, func() {
		f.Time++
		s.Observe(f)
		s.Observe(m)
		f.Time += 1e9
	})
	if n != 0 {
		t.Errorf("%v allocations for a frame and a message", n)
	}
}

func BenchmarkNDJSONFrame(b *testing.B) {
	c := conn(1, "10.0.0.1:1", "10.0.0.2:2")
	f := &session.Frame{
		Where:  session.Where{Conn: c, Packet: 7, Time: began},
		Header: frames.Header{FIN: true, Opcode: frames.Text, Masked: true, PayloadLength: 400},
	}
	s := newNDJSON(io.Discard, &Options{})
	b.ReportAllocs()
	for b.Loop() {
		f.Packet++
		f.Time += 1000
		s.Observe(f)
	}
}

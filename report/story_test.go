package report

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

var update = flag.Bool("update", false, "write the golden files anew")

var began = capture.Time(time.Date(2026, 11, 2, 14, 2, 11, 482_000_001, time.UTC).UnixNano())

// after is the time so many milliseconds behind the beginning.
func after(ms int64) capture.Time { return began + capture.Time(ms*1e6) }

// A tale is a run made by hand.
type tale struct {
	events []session.Event
	sum    Summary
	totals session.Totals
	packet int64
}

func (ta *tale) at(c *session.Conn, d reassembly.Dir, ms int64) session.Where {
	ta.packet++
	return session.Where{Conn: c, Packet: ta.packet, Time: after(ms), Dir: d}
}

func (ta *tale) add(e session.Event) { ta.events = append(ta.events, e) }

func (ta *tale) frame(c *session.Conn, d reassembly.Dir, ms int64, op frames.Opcode, payload string) {
	e := &session.Frame{Where: ta.at(c, d, ms), Header: frames.Header{FIN: true, Opcode: op, PayloadLength: uint64(len(payload))}}
	if d == reassembly.FromClient {
		e.Masked, e.MaskingKey = true, [4]byte{0x37, 0xfa, 0x21, 0x3d}
	}
	if op.IsControl() {
		e.Payload = []byte(payload)
	}
	if op == frames.Close {
		b := frames.DecodeClose(e.Payload)
		e.CloseBody = &b
		c.Sides[d].Close = &session.Close{CloseBody: b, Packet: e.Packet, Time: e.Time}
	}
	c.Sides[d].Frames++
	c.Sides[d].PayloadBytes += int64(len(payload))
	c.Sides[d].WireBytes += int64(len(payload) + e.Len())
	ta.add(e)
	if op.IsData() {
		c.Sides[d].Messages++
		m := &frames.Message{
			Opcode: op, Frames: 1, WireLength: uint64(len(payload)), Length: uint64(len(payload)),
			Complete: true, ValidUTF8: op == frames.Text, InvalidAt: -1, Data: []byte(payload),
		}
		ta.add(&session.Message{Where: e.Where, Message: m, FirstPacket: e.Packet, FirstTime: e.Time})
	}
}

func (ta *tale) close(c *session.Conn, ms int64) {
	c.End = after(ms)
	e := &session.Closed{Where: ta.at(c, reassembly.FromClient, ms)}
	c.EndPacket = e.Packet
	ta.add(e)
	ta.totals.Connections++
	ta.totals.States[c.State]++
	for d := range c.Sides {
		ta.totals.Sides[d].Messages += c.Sides[d].Messages
		ta.totals.Sides[d].PayloadBytes += c.Sides[d].PayloadBytes
	}
}

func conn(id int64, client, server string) *session.Conn {
	c := new(session.Conn)
	c.ID, c.Stream, c.StartPacket = id, id-1, id
	c.Client, c.Server = netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)
	c.Start = began
	return c
}

func request(target string, fields ...handshake.Field) *handshake.Head {
	f := append(handshake.Fields{
		{Name: "Host", Value: "api.example.com"}, {Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Sec-WebSocket-Key", Value: "dGhlIHNhbXBsZSBub25jZQ=="}, {Name: "Sec-WebSocket-Version", Value: "13"},
	}, fields...)
	return &handshake.Head{Method: "GET", Target: target, Proto: "HTTP/1.1", Fields: f}
}

func response(status int, reason string, fields ...handshake.Field) *handshake.Head {
	return &handshake.Head{Proto: "HTTP/1.1", Status: status, Reason: reason, Fields: fields}
}

// trouble2026 is a run with one connection of each kind.
func trouble2026() *tale {
	ta := new(tale)
	live := conn(1, "10.0.0.7:51022", "10.0.0.2:8080")
	ta.open(live, 3, &handshake.Handshake{
		Request: request("/live?token=4711&room=1", handshake.Field{Name: "Cookie", Value: "sid=4711"},
			handshake.Field{Name: "Origin", Value: "https://app.example.com"},
			handshake.Field{Name: "Sec-WebSocket-Protocol", Value: "graphql-transport-ws, bearer, 4711"},
			handshake.Field{Name: "Sec-WebSocket-Extensions", Value: "permessage-deflate; client_max_window_bits"}),
		Response: response(101, "Switching Protocols", handshake.Field{Name: "Server", Value: "nginx/1.24.0"},
			handshake.Field{Name: "Sec-WebSocket-Accept", Value: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
			handshake.Field{Name: "Sec-WebSocket-Protocol", Value: "graphql-transport-ws"},
			handshake.Field{Name: "Sec-WebSocket-Extensions", Value: "permessage-deflate"}),
		Established: true,
	})
	ta.frame(live, reassembly.FromClient, 8, frames.Text, `{"type":"connection_init","payload":{"token":"4711"}}`)
	ta.frame(live, reassembly.FromServer, 15, frames.Text, "two\nlines \x1b[31mred\u202e 日本語")
	ta.frame(live, reassembly.FromServer, 20, frames.Binary, "\x00\x01\xfe\xffbinary that is longer than a line of a dump")
	ta.frame(live, reassembly.FromServer, 15_000, frames.Ping, "beat")
	ta.frame(live, reassembly.FromClient, 15_039, frames.Pong, "beat")
	ta.frame(live, reassembly.FromClient, 50_600, frames.Close, "\x03\xe9leaving, token=4711")
	ta.frame(live, reassembly.FromServer, 50_603, frames.Close, "\x03\xe9")
	live.State, live.CloseCode, live.ClosedBy, live.Clean = session.Ended, frames.GoingAway, session.ClosedByClient, true
	live.TCP = session.TCP{RTT: 800 * time.Microsecond, End: reassembly.FIN, EndedBy: reassembly.FromServer}
	live.PingRTT.Add(39 * time.Millisecond)
	live.IdleMax = 35561 * time.Millisecond

	admin := conn(2, "10.0.0.9:40112", "10.0.0.2:8080")
	ta.open(admin, 51_000, &handshake.Handshake{
		Request:  request("/admin", handshake.Field{Name: "Authorization", Value: "Bearer 4711"}),
		Response: response(403, "Forbidden", handshake.Field{Name: "Server", Value: "nginx/1.24.0"}),
	})
	admin.State = session.Refused

	orders := conn(3, "[2001:db8::9]:40113", "[2001:db8::2]:443")
	ta.open(orders, 52_000, &handshake.Handshake{Request: request("/orders/with/a/long/path/to/see/it/shortened"), Response: response(101, ""), Established: true})
	ta.frame(orders, reassembly.FromClient, 52_100, frames.Text, "hello")
	ta.add(&session.Lost{Where: ta.at(orders, reassembly.FromServer, 53_000), Length: 1448, Reason: "not captured"})
	orders.State, orders.CloseCode, orders.ClosedBy = session.Aborted, frames.AbnormalClosure, session.ClosedByServer
	orders.TCP = session.TCP{End: reassembly.RST, EndedBy: reassembly.FromServer}

	silent := conn(4, "10.0.0.9:40114", "10.0.0.2:8080")
	ta.open(silent, 54_000, &handshake.Handshake{Request: request("/never")})
	silent.State = session.Unanswered

	iot := conn(5, "10.0.0.8:39922", "10.0.0.2:80")
	ta.cut(iot)
	iot.State = session.MidStream

	ta.close(live, 50_604)
	ta.close(admin, 51_100)
	ta.close(orders, 126_000)
	ta.close(silent, 60_000)
	ta.close(iot, 61_000)
	ta.finish()
	return ta
}

func (ta *tale) open(c *session.Conn, ms int64, h *handshake.Handshake) {
	asked := ta.at(c, reassembly.FromClient, ms-3)
	where := asked
	if h.Response != nil {
		where = ta.at(c, reassembly.FromServer, ms)
	}
	c.Handshake, c.Target, c.Host = h, h.Target(), h.Host()
	ta.add(&session.Opened{Where: where})
	ta.add(&session.Handshake{Where: where, Handshake: h, Requested: asked})
}

// cut tells of a message that is neither whole nor valid.
func (ta *tale) cut(c *session.Conn) {
	w := ta.at(c, reassembly.FromServer, 55_000)
	ta.add(&session.Opened{Where: w})
	ta.add(&session.Frame{Where: w, Header: frames.Header{Opcode: frames.Text, RSV1: true, PayloadLength: 70_000, LengthBytes: 8}, Missing: 1000})
	ta.add(&session.Message{Where: w, Message: &frames.Message{
		Opcode: frames.Text, Frames: 1, Compressed: true, WireLength: 70_000, Lost: 1000, InvalidAt: -1, Data: []byte("abc"),
	}})
	ta.add(&session.Message{Where: w, FirstPacket: w.Packet, Message: &frames.Message{
		Opcode: frames.Text, Frames: 3, WireLength: 4, Length: 4, Complete: true, InvalidAt: 3, Fault: frames.ImpossibleByte, Data: []byte("bad\xff"),
	}})
	ta.frame(c, reassembly.FromServer, 55_001, frames.Opcode(0xB), "?")
	ta.frame(c, reassembly.FromClient, 55_002, frames.Close, "x")
}

func (ta *tale) finish() {
	ta.totals.Packets, ta.totals.Bytes = ta.packet, 1_400_000
	ta.totals.First, ta.totals.Last = began, after(126_000)
	ta.totals.TCP, ta.totals.HTTP, ta.totals.HTTPExchanges = 8, 3, 12
	ta.totals.Gaps, ta.totals.Sides[1].LostBytes = 1, 1448
	ta.totals.Undecoded = []session.Undecoded{{Reason: "UDP", Packets: 7}}
	ta.sum = Summary{Totals: &ta.totals, Inputs: []capture.Input{
		{Name: "checkout.pcapng", Format: "pcapng", Packets: ta.packet - 1, Bytes: 1_399_000, Drops: 2, First: began, Last: after(126_000)},
		{Name: "cut\x1b.pcap", Format: "pcap", Packets: 1, Bytes: 1000, First: began, Last: began, Err: errors.New("cut.pcap: cut off at byte 130,871")},
	}}
}

// print is the report of a run.
func (ta *tale) print(t *testing.T, format string, o *Options) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, f := range Formats {
		if f.Name != format {
			continue
		}
		s := f.New(&b, o)
		judged := diagnose.New(nil, s) // no rule finds a fault
		for _, e := range ta.events {
			judged.Observe(e)
		}
		if err := s.Finish(&ta.sum); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	t.Fatalf("no format %q", format)
	return nil
}

var golden = []struct {
	file, format string
	opts         Options
}{
	{"default.txt", "text", Options{}},
	{"wide-frames.txt", "text", Options{List: Frames, Width: 120}},
	{"live.txt", "text", Options{Live: true}},
	{"color.txt", "text", Options{Color: true, List: Connections}},
	{"follow-1.txt", "text", Options{Follow: 1}},
	{"follow-2.txt", "text", Options{Follow: 2}},
	{"follow-5.txt", "text", Options{Follow: 5, Payload: 2}},
	{"follow-9.txt", "text", Options{Follow: 9}},
	{"all.ndjson", "ndjson", Options{}},
	{"all.json", "json", Options{Payload: 20}},
	{"secrets.ndjson", "ndjson", Options{List: Messages, ShowSecrets: true, Follow: 1}},
	{"none.json", "json", Options{List: None}},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.file, func(t *testing.T) {
			got := trouble2026().print(t, tt.format, &tt.opts)
			file := filepath.Join("testdata", tt.file)
			if *update {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("%s (-want +got):\n%s", file, d)
			}
			if !tt.opts.ShowSecrets && bytes.Contains(got, []byte("4711")) {
				t.Error("a secret is shown")
			}
		})
	}
}

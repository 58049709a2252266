package diagnose

import (
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What several rules say.
const (
	mustFail1002 = "the receiver must fail the connection, usually with close code 1002"
	oneWriter    = "let one goroutine, thread or lock own the writing side of each connection"
)

// framingRules are about frames (RFC 6455 §5.1, §5.2, §5.5).
var framingRules = []Rule{
	{
		ID: "http-text-in-ws-stream", Severity: Error, Clause: "RFC 6455 §5.2",
		Title:   "the server wrote HTTP between the frames",
		Advice:  "let one WebSocket server own each upgraded socket; dispatch by path in one place",
		Seen:    "the bytes HTTP/ where a frame of the server begins: they read as a Close frame with FIN clear and RSV1 set",
		Means:   "the client fails the connection and blames an invalid frame header or RSV1",
		Causes:  []string{"several WebSocket servers on one HTTP server: one of them answers 400 to a path that is another's", "an error handler that writes a page to a socket that is upgraded already"},
		Fixes:   []Fix{{"Node ws", "noServer: true, and one handler of the upgrade event that picks the server by path"}, {"", oneWriter}},
		Confirm: "the server's log for the path that the text answers; start it with one WebSocket server alone",
		NotWhen: "the capture lost bytes before: then a frame may begin elsewhere",
		Frame: func(p *Pass, f *session.Frame) {
			if httpText(f) {
				line, _, _ := strings.Cut("HT"+string(f.Payload), "\r")
				p.frame("", f, "%.60q", line)
			}
		},
	},
	{
		ID: "masking-wrong", Severity: Error, Clause: "RFC 6455 §5.1",
		Title:   "the MASK bit is on the wrong side",
		Advice:  "use the library in its role: a client masks every frame with a fresh key, a server none",
		Seen:    "a frame from the client without MASK, or one from the server with it",
		Means:   mustFail1002,
		Causes:  []string{"a home-made or embedded WebSocket stack", "a proxy that writes frames anew in the wrong role", "a test tool"},
		Fixes:   []Fix{{"", "switch the library to the role it plays; as a client, mask each frame with four new random bytes"}},
		Confirm: "--list frames shows the masking key of each frame that has one; another client at the same server has it right",
		NotWhen: "the capture holds no handshake: then who is the client is told by this bit",
		Variants: []Variant{
			{ID: "client-unmasked", Title: "a frame from the client is not masked"},
			{ID: "server-masked", Title: "a frame from the server is masked"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			fromClient := f.Dir == reassembly.FromClient
			switch {
			case f.Masked == fromClient || !p.Conn.Opened:
			case fromClient:
				p.frame("client-unmasked", f, "%v frame of %d bytes without MASK", f.Opcode, f.PayloadLength)
			default:
				p.frame("server-masked", f, "%v frame of %d bytes with MASK", f.Opcode, f.PayloadLength)
			}
		},
	},
	{
		ID: "reserved-bits-set", Severity: Error, Clause: "RFC 6455 §5.2",
		Title:   "a reserved bit is set that no extension gave a meaning",
		Advice:  "send RSV1 to RSV3 as 0; look at the writer of the first such frame, and at what came before it",
		Seen:    "RSV2 or RSV3, or RSV1 where permessage-deflate was not agreed or does not apply",
		Means:   mustFail1002,
		Causes:  []string{"where frames begin was lost: two writers at once, or HTTP text in the stream", "a proxy changed bytes", "an implementation of a draft"},
		Fixes:   []Fix{{"", oneWriter}},
		Confirm: "turn compression off at both ends; look at the frame before this one",
		NotWhen: "RSV1 marks a compressed message: see rsv1-without-deflate and deflate-broken; or another extension was agreed",
		Frame: func(p *Pass, f *session.Frame) {
			if httpText(f) || p.Conn.Unknown || !f.RSV2 && !f.RSV3 && !(f.RSV1 && p.Conn.Answer && !p.Conn.Deflate && f.Opcode.IsControl()) {
				return
			}
			p.frame("", f, "%v frame with RSV %03b", f.Opcode, f.RSV())
		},
		Message: func(p *Pass, m *session.Message) {
			if s := &p.Conn.Sides[m.Dir]; s.RSV1 && p.Conn.Answer && !p.Conn.Deflate && !p.Conn.Unknown && !m.Deflated.Has(frames.Unagreed) {
				p.Report("", "%v message with RSV1, and no extension was agreed", m.Opcode).In(m.FirstPacket)
			}
		},
	},
	{
		ID: "unknown-opcode", Severity: Error, Clause: "RFC 6455 §5.2",
		Title:   "the opcode is a reserved one",
		Advice:  "serialise the writers of a connection, and look at what was sent just before",
		Seen:    "opcode 3 to 7 or 11 to 15 where a frame begins",
		Means:   mustFail1002,
		Causes:  []string{"the length of the frame before it was wrong: two writers at once, or an error in the encoder", "data written to the socket that is no frame"},
		Fixes:   []Fix{{"", oneWriter}},
		Confirm: "look at the length of the frame before: does the text of the next one begin inside it?",
		NotWhen: "the capture lost bytes before: then a frame may begin elsewhere",
		Variants: []Variant{
			{ID: "desync", Title: "what follows are no frames any more"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			if f.Opcode.IsReserved() {
				p.frame("", f, "opcode %d", f.Opcode)
			}
			s := &p.Conn.Sides[f.Dir]
			if p.Conn.odd(f) && bits.OnesCount8(s.Odd&3) >= 1 {
				p.frame("desync", f, "two of three frames in a row make no sense; the last good one ends before offset %d", s.OddAt).As(Likely)
			}
		},
	},
	{
		ID: "control-frame-invalid", Severity: Error, Clause: "RFC 6455 §5.5",
		Title:   "a control frame is too long or fragmented",
		Advice:  "keep the payload of ping and pong within 125 bytes, and a close reason within 123",
		Seen:    "a control frame with more than 125 bytes of payload, or with FIN clear",
		Means:   mustFail1002,
		Causes:  []string{"data in a ping, or a long text as close reason", "an error of the stack"},
		Fixes:   []Fix{{"", "send data as messages; cut a close reason at 123 bytes of UTF-8"}},
		Confirm: "--follow shows the frame; the program's log has who pings, or closes, with so much",
		NotWhen: "the frame is data whose opcode was damaged: other findings come with it",
		Variants: []Variant{
			{ID: "too-long", Title: "a control frame has more than 125 bytes", Zeek: "websocket_control_frame_size_exceeded"},
			{ID: "fragmented", Title: "a control frame has FIN clear"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			switch {
			case !f.Opcode.IsControl() || httpText(f):
			case f.PayloadLength > frames.MaxControlPayload:
				p.frame("too-long", f, "%v with %d bytes, %d at most", f.Opcode, f.PayloadLength, frames.MaxControlPayload)
			case !f.FIN:
				p.frame("fragmented", f, "%v with FIN clear", f.Opcode)
			}
		},
	},
	{
		ID: "length-encoding-invalid", Severity: Error, Clause: "RFC 6455 §5.2",
		Title:   "the payload length has the wrong form",
		Advice:  "write the length in its shortest form; test with 125, 126, 65,535 and 65,536 bytes",
		Seen:    "a longer form than needed, the top bit of the 64-bit form, or a length that nobody sends",
		Means:   "most receivers put up with a form that is too long; with the others the connection fails or hangs",
		Causes:  []string{"an encoder written by hand, off by one at a boundary", "a number of 32 bits that overflowed", "an attack on the receiver"},
		Fixes:   []Fix{{"", "encode as RFC 6455 §5.2 has it: 7 bits up to 125, 16 up to 65,535, else 64"}},
		Confirm: "send 125, 126, 65,535 and 65,536 bytes through it",
		NotWhen: "what is read as a length is no header any more: see unknown-opcode.desync",
		Variants: []Variant{
			{ID: "not-minimal", Severity: Warning, Title: "the payload length is in a longer form than needed"},
			{ID: "msb", Title: "the payload length has its top bit set"},
			{ID: "absurd", Title: "the payload length is one that nobody sends"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			switch {
			case f.PayloadLength>>63 != 0:
				p.frame("msb", f, "%#x", f.PayloadLength)
			case f.PayloadLength > absurd:
				p.frame("absurd", f, "%d bytes", f.PayloadLength)
			case !f.Minimal():
				p.frame("not-minimal", f, "%d bytes in a header of %d", f.PayloadLength, f.Len())
			}
		},
	},
}

// absurd is a length in bytes that no frame has: a tebibyte.
const absurd = 1 << 40

// httpText tells whether what reads as a frame is the beginning of an HTTP
// response.
func httpText(f *session.Frame) bool {
	return f.Dir == reassembly.FromServer && f.Opcode == frames.Close && !f.FIN && f.RSV() == 4 && !f.Masked &&
		f.PayloadLength == 'T' && strings.HasPrefix(string(f.Payload), "TP/")
}

// odd tells whether a frame has what no sender writes on purpose. MASK counts
// where the side has had it right before.
func (c *Conn) odd(f *session.Frame) bool {
	s, should := &c.Sides[f.Dir], f.Dir == reassembly.FromClient
	return f.Opcode.IsReserved() || f.RSV2 || f.RSV3 || f.PayloadLength > absurd || f.Masked != should && s.right() > 0
}

// decoded is the header of a frame in words.
func decoded(f *session.Frame) string {
	bit := map[bool]int{true: 1}
	return fmt.Sprintf("FIN=%d RSV=%03b opcode=%d MASK=%d length=%d", bit[f.FIN], f.RSV(), f.Opcode, bit[f.Masked], f.PayloadLength)
}

// frame reports a frame, with what every such finding shows of it; but not
// behind HTTP text.
func (p *Pass) frame(variant string, f *session.Frame, format string, args ...any) *Finding {
	if p.Conn.Sides[f.Dir].HTTP {
		return &p.spare
	}
	n := p.Report(variant, format, args...)
	if n == &p.spare {
		return n
	}
	return n.With("frame", p.Conn.Sides[f.Dir].Frames+1).With("offset", f.Offset).
		With("header", hex.EncodeToString(f.AppendTo(nil))).With("decoded", decoded(f)).In(f.FirstPacket)
}

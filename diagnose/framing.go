package diagnose

import (
	"encoding/hex"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// framingRules are about frames (RFC 6455 §5).
var framingRules = []Rule{
	{
		ID: "masking-wrong", Severity: Error, Clause: "RFC 6455 §5.1",
		Title:  "the MASK bit is on the wrong side",
		Advice: "use the library in its role: a client masks every frame with a fresh key, a server none",
		Seen:   "a frame from the client without MASK, or one from the server with it",
		Means:  "the receiver must fail the connection, usually with close code 1002",
		Causes: []string{
			"a home-made or embedded WebSocket stack",
			"a proxy that writes frames anew in the wrong role",
			"a test tool",
		},
		Fixes:   []Fix{{"", "switch the library to the role it plays; as a client, mask each frame with four new random bytes"}},
		NotWhen: "the capture holds no handshake: then who is the client is told by this bit",
		Variants: []Variant{
			{ID: "client-unmasked", Title: "a frame from the client is not masked"},
			{ID: "server-masked", Title: "a frame from the server is masked"},
		},
		Frame: func(p *Pass, f *session.Frame) {
			fromClient := f.Dir == reassembly.FromClient
			if f.Masked == fromClient || !p.Conn.Opened {
				return
			}
			if fromClient {
				p.frame("client-unmasked", f, "%v frame of %d bytes without MASK", f.Opcode, f.PayloadLength)
			} else {
				p.frame("server-masked", f, "%v frame of %d bytes with MASK", f.Opcode, f.PayloadLength)
			}
		},
	},
	{
		ID: "unknown-opcode", Severity: Error, Clause: "RFC 6455 §5.2",
		Title:  "the opcode is a reserved one",
		Advice: "serialise the writers of a connection, and look at what was sent just before",
		Seen:   "opcode 3 to 7 or 11 to 15 where a frame begins",
		Means:  "the receiver must fail the connection, usually with close code 1002",
		Causes: []string{
			"the length of the frame before it was wrong: two writers at once, or an error in the encoder",
			"data written to the socket that is no frame",
		},
		Fixes: []Fix{{"", "let one goroutine, thread or lock own the writing side of each connection"}},
		Frame: func(p *Pass, f *session.Frame) {
			if f.Opcode.IsReserved() {
				p.frame("", f, "opcode %d is reserved", f.Opcode)
			}
		},
	},
}

// frame reports a frame, with what every such finding shows of it.
func (p *Pass) frame(variant string, f *session.Frame, format string, args ...any) *Finding {
	n := p.Report(variant, format, args...)
	if n == &p.spare {
		return n
	}
	return n.With("frame", p.Conn.Sides[f.Dir].Frames+1).With("offset", f.Offset).With("header", hex.EncodeToString(f.AppendTo(nil))).In(f.FirstPacket)
}

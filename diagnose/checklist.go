package diagnose

import "github.com/wssniff/wssniff/session"

// A Line is one of the nine things that an opening handshake in HTTP/1.1 must
// have (RFC 6455 §4.2.1, §4.2.2). Rules say which of them fail.
type Line uint8

// The lines, in order.
const (
	LineMethod     Line = iota // GET
	LineProto                  // HTTP/1.1 or later
	LineHost                   // Host
	LineUpgrade                // Upgrade: websocket
	LineConnection             // Connection has the token upgrade
	LineKey                    // Sec-WebSocket-Key is 16 bytes in base64
	LineVersion                // Sec-WebSocket-Version: 13
	LineStatus                 // the answer is a 101
	LineAccept                 // Sec-WebSocket-Accept answers the key
	Lines          = iota
)

// A checklist says which lines were judged, and which of them failed.
type checklist struct{ judged, failed uint16 }

// Checked says what the rules have found of a line in the last opening
// handshake of a connection: whether it is as it must be, if that is known.
// A Sink may ask for it as soon as it is told of the handshake.
func Checked(of *session.Conn, l Line) (ok, known bool) {
	c, has := of.Attached.(*Conn)
	if !has {
		return false, false
	}
	bit := uint16(1) << l
	return c.checks.failed&bit == 0, c.checks.judged&bit != 0
}

// judge begins the checklist of a handshake.
func (l *checklist) judge(h *session.Handshake) {
	*l = checklist{judged: 1 << LineStatus}
	if h.Request != nil && !h.Request.Truncated {
		l.judged |= 1<<LineStatus - 1
	}
	if h.Obsolete { // it has other keys
		l.judged &^= 1 << LineKey
	}
	if _, known := h.AcceptValid(); known {
		l.judged |= 1 << LineAccept
	}
	if h.Status() != 101 {
		l.failed = 1 << LineStatus
	}
}

// fails says that a line of the checklist is not as it must be.
func (p *Pass) fails(l Line) {
	p.spoke = true
	p.Conn.checks.judged |= 1 << l
	p.Conn.checks.failed |= 1 << l
}

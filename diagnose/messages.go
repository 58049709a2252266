package diagnose

import (
	"fmt"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// messageRules are about what a message holds (RFC 6455 §5.6).
var messageRules = []Rule{
	{
		ID: "text-not-utf8", Severity: Error, Clause: "RFC 6455 §8.1",
		Title:   "a text message is not UTF-8",
		Advice:  "send bytes as a binary message; encode text as UTF-8, and cut it between characters only",
		Seen:    "a byte in a text message, across its fragments and after inflating, that UTF-8 does not allow there",
		Means:   "the receiver must fail the connection, usually with close code 1007",
		Causes:  []string{"binary data sent as text", "a string cut in the middle of a character", "an old character set such as Latin-1 or GBK", "half of a surrogate pair out of a JavaScript or Java string"},
		Fixes:   []Fix{{"", "choose the binary type for bytes"}, {"", "encode with a UTF-8 encoder that replaces what it cannot encode"}},
		Confirm: "--follow shows the message; log the bytes where the program makes them",
		NotWhen: "RSV1 says that the text was changed on the way to the wire; noncharacters such as U+FFFE are valid",
		Message: func(p *Pass, m *session.Message) {
			if m.Opcode != frames.Text || m.InvalidAt < 0 || p.Conn.Sides[m.Dir].RSV1 && !m.Compressed {
				return
			}
			p.Report("", "%v at byte %d of %d%s%s", m.Fault, m.InvalidAt, m.Length, bytesAt(m.Data, m.InvalidAt), charset(m)).
				With("offset", m.InvalidAt).With("fault", m.Fault.String()).In(m.FirstPacket)
		},
	},
}

// charset says that the text looks like one of an old set: all of its bytes
// that are not ASCII are letters of Latin-1, each between others that are
// ASCII; or they are pairs of GBK, several of them.
func charset(m *session.Message) string {
	b := m.Data
	if m.InvalidAt >= int64(len(b)) {
		return ""
	}
	switch {
	case m.Fault == frames.SplitCharacter && latin1(b):
		return ": it looks like Latin-1"
	case gbk(b):
		return ": it looks like GBK"
	}
	return ""
}

func latin1(b []byte) bool {
	for i := range b {
		if b[i] >= 0x80 && (b[i] < 0xc0 || i > 0 && b[i-1] >= 0x80 || i+1 < len(b) && b[i+1] >= 0x80) {
			return false
		}
	}
	return true
}

// gbk tells whether all bytes that are not ASCII come in pairs of the part of
// GBK that Chinese is written with, three of them or more.
func gbk(b []byte) bool {
	pairs := 0
	for i := 0; i < len(b); i++ {
		if b[i] < 0x80 {
			continue
		}
		if b[i] < 0xa1 || b[i] > 0xf7 || i+1 == len(b) || b[i+1] < 0xa1 || b[i+1] == 0xff {
			return false
		}
		pairs++
		i++
	}
	return pairs >= 3
}

// bytesAt shows the few bytes of the kept ones from a place on.
func bytesAt(b []byte, at int64) string {
	const most = 4
	if at < 0 || at >= int64(len(b)) {
		return ""
	}
	return fmt.Sprintf(" (% x)", b[at:min(at+most, int64(len(b)))])
}

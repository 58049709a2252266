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
		NotWhen: "RSV1 says that the text was changed on the way to the wire; noncharacters such as U+FFFE are valid",
		Message: func(p *Pass, m *session.Message) {
			if m.Opcode != frames.Text || m.InvalidAt < 0 || p.Conn.Sides[m.Dir].RSV1 && !m.Compressed {
				return
			}
			p.Report("", "of %d bytes, the one at %d is not UTF-8%s", m.Length, m.InvalidAt, bytesAt(m.Data, m.InvalidAt)).
				With("offset", m.InvalidAt).In(m.FirstPacket)
		},
	},
}

// bytesAt shows the few bytes of the kept ones from a place on.
func bytesAt(b []byte, at int64) string {
	const most = 4
	if at < 0 || at >= int64(len(b)) {
		return ""
	}
	return fmt.Sprintf(" (% x)", b[at:min(at+most, int64(len(b)))])
}

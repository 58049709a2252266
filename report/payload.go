package report

import (
	"unicode/utf8"

	"github.com/wssniff/wssniff/frames"
)

// excerpt is the beginning of a message, at most limit bytes, and whether it
// is less than all. Valid text is cut between characters.
func excerpt(m *frames.Message, limit int) (data []byte, cut bool) {
	data = m.Data[:min(limit, len(m.Data))]
	cut = uint64(len(data)) < m.Length || m.Compressed && !m.Inflated || m.Lost > 0
	if cut && m.Opcode == frames.Text && m.ValidUTF8 {
		data = wholeRunes(data)
	}
	return data, cut
}

// wholeRunes cuts off a character that b holds only the beginning of.
func wholeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

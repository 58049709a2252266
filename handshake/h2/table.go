package h2

import (
	"strings"

	"golang.org/x/net/http2/hpack"

	"github.com/wssniff/wssniff/handshake"
)

const (
	firstTable = 1 << 12 // bytes, by RFC 9113 §6.5.2
	maxTable   = 1 << 16
	minEntry   = 32 // bytes that an empty entry counts for (RFC 7541 §4.1)

	maxString = 1 << 16 // bytes of a name or value
	maxList   = 1 << 18 // bytes of the names and values kept of a head
	maxFields = 1000
)

// A table is the decoding context of one direction (RFC 7541 §2.2). The zero
// value is that of a new connection.
//
// An index counts from the newest entry backwards (RFC 7541 §2.3.3). So a
// table that was lost is filled with empty entries, each of which counts for
// the least that an entry can: what is put in from then on stands where the
// sender has it, and what an index finds behind that is known to be unknown.
// That some of the empty ones, or too many of the others, have been evicted
// makes an index too large at worst, never wrong.
type table struct {
	decoder *hpack.Decoder
	size    uint32 // of the empty entries, in bytes; 0 if nothing was lost
	head    Head   // of the block that is decoded
	kept    int    // bytes of its names and values
}

// lose gives up what is in the table.
func (t *table) lose() { t.decoder, t.size = nil, max(t.size, firstTable) }

// empties are literals with incremental indexing of no name and no value
// (RFC 7541 §6.2.1).
var empties = strings.Repeat("\x40\x00\x00", maxTable/minEntry)

func (t *table) begin() {
	t.decoder = hpack.NewDecoder(max(t.size, firstTable), t.take)
	t.decoder.SetAllowedMaxDynamicTableSize(maxTable)
	t.decoder.SetMaxStringLength(maxString)
	if t.size > 0 {
		t.decoder.SetEmitEnabled(false)
		t.feed([]byte(empties[:t.size/minEntry*3]))
	}
}

// decode reads a header block into t.head, or for the table alone. It says
// whether it came to the end.
func (t *table) decode(b []byte, wanted bool) bool {
	t.kept = 0
	clear(t.head.Fields)
	t.head = Head{Head: handshake.Head{Fields: t.head.Fields[:0]}}
	if t.decoder == nil {
		t.begin()
	}
	t.decoder.SetEmitEnabled(wanted)
	for n := sizeUpdate(b); n > 0; n = sizeUpdate(b) { // one by one: the decoder would not take a second one
		if !t.feed(b[:n]) {
			return false
		}
		b = b[n:]
	}
	return t.feed(b)
}

func (t *table) feed(b []byte) bool {
	_, err := t.decoder.Write(b)
	if closed := t.decoder.Close(); err == nil && closed == nil {
		return true
	}
	t.head.Broken = true
	if t.size > 0 {
		t.size = maxTable // an index beyond a table of the usual size is one cause
	}
	t.lose()
	return false
}

// take is handed each field.
func (t *table) take(f hpack.HeaderField) {
	if f.Name == "" {
		t.head.Unknown++
	}
	if t.kept += len(f.Name) + len(f.Value); t.kept > maxList || len(t.head.Fields) >= maxFields {
		t.head.Truncated = true
		return
	}
	t.head.Fields = append(t.head.Fields, handshake.Field{Name: f.Name, Value: f.Value})
}

package tlsdecrypt

import "encoding/binary"

// The content types of records (RFC 8446 §5.1).
const (
	typeCCS       = 20
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

const (
	headerLen = 5
	maxPlain  = 1 << 14
	maxBody   = maxPlain + 2048 // RFC 5246 §6.2.3; RFC 8446 §5.2 allows 256 more than 2¹⁴
)

// A record is one TLS record as it was captured. Its body is lent until the
// next one is asked for.
type record struct {
	typ     byte
	version uint16 // legacy_record_version
	body    []byte // nil if damaged
	length  int    // of the body, as the header says
	damaged bool   // the capture lost bytes of the body
	offset  int64  // of the header in the byte stream
	hole    int64  // bytes before the header of which it is not known what records they are
}

// A reader cuts one direction of a connection into records. It reports bytes
// that the capture lost as damaged records as long as it knows where the next
// record begins; where it does not, it searches.
type reader struct {
	data      []byte // what was fed and is not read, lent
	buf       []byte // the beginning of a record, or what is searched
	used      bool   // buf was lent with the last record
	offset    int64  // of what follows buf, that is of data
	skip      int64  // bytes that belong to a damaged record
	hole      int64
	searching bool
	scanned   int // bytes of buf that no record begins in
	version   uint16

	damaged record // met, and to be told before all else
}

// feed takes the next bytes of the direction. They are lent until the reader
// has been asked for all their records.
func (r *reader) feed(lost int64, data []byte) {
	if r.used {
		r.buf, r.used = r.buf[:0], false
	}
	if lost > 0 {
		r.lose(lost)
	}
	r.data = data
}

// lose takes bytes that the capture does not hold.
func (r *reader) lose(n int64) {
	r.offset += n
	if skipped := min(r.skip, n); skipped > 0 {
		r.skip -= skipped
		n -= skipped
	}
	switch {
	case n == 0:
		return
	case !r.searching && len(r.buf) >= headerLen:
		length := r.bodyLength()
		rest := int64(headerLen + length - len(r.buf))
		r.damaged = record{
			typ: r.buf[0], version: binary.BigEndian.Uint16(r.buf[1:]), length: length, damaged: true,
			offset: r.offset - n - int64(len(r.buf)), hole: r.hole,
		}
		r.hole, r.buf = 0, r.buf[:0]
		r.skip = max(rest-n, 0)
		n -= min(rest, n)
	}
	if n > 0 {
		r.hole += n + int64(len(r.buf))
		r.buf, r.scanned, r.searching = r.buf[:0], 0, true
	}
}

func (r *reader) bodyLength() int { return int(binary.BigEndian.Uint16(r.buf[3:])) }

// plausible says whether b, of at least five bytes, can begin with the header
// of a record (RFC 8446 §5.1, RFC 5246 §6.2.1).
func (r *reader) plausible(b []byte) bool {
	if b[0] < typeCCS || b[0] > typeData || b[1] != 3 || b[2] > 4 {
		return false
	}
	if r.searching && r.version != 0 && binary.BigEndian.Uint16(b[1:]) != r.version {
		return false
	}
	length := int(binary.BigEndian.Uint16(b[3:]))
	return length <= maxBody && (length > 0 || b[0] == typeData)
}

// next gives the next record that is complete.
func (r *reader) next(rec *record) bool {
	if r.used {
		r.buf, r.used = r.buf[:0], false
	}
	if r.damaged.damaged {
		*rec = r.damaged
		r.damaged = record{}
		return true
	}
	for {
		if n := min(r.skip, int64(len(r.data))); n > 0 {
			r.skip -= n
			r.take(int(n))
		}
		switch {
		case r.searching:
			if !r.search() {
				return false
			}
		case len(r.buf) > 0:
			if r.complete(rec) {
				return true
			}
			if !r.searching {
				return false
			}
		case len(r.data) < headerLen:
			r.keep(len(r.data))
			return false
		case !r.plausible(r.data):
			r.searching, r.scanned = true, 0
		default:
			total := headerLen + int(binary.BigEndian.Uint16(r.data[3:]))
			if len(r.data) < total {
				r.keep(len(r.data))
				return false
			}
			r.emit(rec, r.take(total), 0)
			return true
		}
	}
}

func (r *reader) take(n int) []byte {
	b := r.data[:n]
	r.data = r.data[n:]
	r.offset += int64(n)
	return b
}

func (r *reader) keep(n int) { r.buf = append(r.buf, r.take(n)...) }

// complete goes on with the record that buf begins with.
func (r *reader) complete(rec *record) bool {
	if n := headerLen - len(r.buf); n > 0 {
		r.keep(min(n, len(r.data)))
		if len(r.buf) < headerLen {
			return false
		}
	}
	if !r.plausible(r.buf) {
		r.searching, r.scanned = true, 0
		return false
	}
	total := headerLen + r.bodyLength()
	r.keep(min(total-len(r.buf), len(r.data)))
	if len(r.buf) < total {
		return false
	}
	r.used = true
	r.emit(rec, r.buf, 0)
	return true
}

// emit fills rec from a whole record that ends behind bytes before offset.
func (r *reader) emit(rec *record, b []byte, behind int) {
	*rec = record{
		typ: b[0], version: binary.BigEndian.Uint16(b[1:]), body: b[headerLen:], length: len(b) - headerLen,
		offset: r.offset - int64(len(b)+behind), hole: r.hole,
	}
	r.hole = 0
	if rec.typ == typeData || r.version != 0 { // the first ClientHello has a version of its own
		r.version = rec.version
	}
}

// search looks for a place where one record follows another. A single header
// would be found by chance in one of a thousand encrypted records.
func (r *reader) search() bool {
	r.keep(len(r.data))
	for ; r.scanned+headerLen <= len(r.buf); r.scanned++ {
		b := r.buf[r.scanned:]
		if !r.plausible(b) {
			continue
		}
		total := headerLen + int(binary.BigEndian.Uint16(b[3:]))
		if r.whole(b) {
			r.settle()
			return true
		}
		if len(b) < total+headerLen {
			r.drop()
			return false
		}
		if r.plausible(b[total:]) {
			r.settle()
			return true
		}
	}
	r.drop()
	return false
}

// whole says whether b is records to its last byte: where a segment ends, a
// record does, more often than not.
func (r *reader) whole(b []byte) bool {
	for len(b) >= headerLen && r.plausible(b) {
		n := headerLen + int(binary.BigEndian.Uint16(b[3:]))
		if n >= len(b) {
			return n == len(b)
		}
		b = b[n:]
	}
	return false
}

// drop forgets what was searched, but for the room's sake not each time.
func (r *reader) drop() {
	if r.scanned > maxBody {
		r.hole += int64(r.scanned)
		r.buf = append(r.buf[:0], r.buf[r.scanned:]...)
		r.scanned = 0
	}
}

// settle goes on behind what was searched in vain: there a record begins.
func (r *reader) settle() {
	r.hole += int64(r.scanned)
	r.data = r.buf[r.scanned:]
	r.offset -= int64(len(r.data))
	r.buf, r.scanned, r.searching = nil, 0, false
}

// finish says that no byte follows, so that a single record that ends here
// is believed. It gives the number of bytes that make no record.
func (r *reader) finish() (rest int64) {
	if !r.searching {
		return 0
	}
	for ; r.scanned+headerLen <= len(r.buf); r.scanned++ {
		b := r.buf[r.scanned:]
		if r.plausible(b) && len(b) == headerLen+int(binary.BigEndian.Uint16(b[3:])) {
			r.settle()
			return 0
		}
	}
	rest = r.hole + int64(len(r.buf))
	r.hole, r.buf, r.scanned = 0, r.buf[:0], 0
	return rest
}

// unread is the number of bytes of a record that is not complete.
func (r *reader) unread() int64 {
	if r.used {
		return 0
	}
	return int64(len(r.buf))
}

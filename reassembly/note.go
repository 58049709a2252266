package reassembly

import "hash/maphash"

// Counts are what a Stream has seen of the segments of one direction, beside
// their bytes.
type Counts struct {
	Retransmitted    int64 // segments that brought no new byte
	OutOfOrder       int64 // segments that came behind their turn: they filled a gap
	DuplicateBytes   int64 // bytes seen again
	ConflictingBytes int64 // bytes seen again with another value; the first copy was used
	KeepAlives       int64 // RFC 9293 §3.8.4 probes: not data
	Discarded        int64 // segments that no receiver would take: far outside the window, or behind the end
}

// memory remembers the sums of the last segments whose bytes have been lent
// and are gone, so that a copy of one that differs is noticed.
type memory struct {
	recent [4]struct {
		seq SeqNum
		n   uint32
		sum uint32
	}
	at uint8
}

var sumSeed = maphash.MakeSeed()

func sum(data []byte) uint32 { return uint32(maphash.Bytes(sumSeed, data)) }

func (m *memory) note(seq SeqNum, data []byte) {
	r := &m.recent[m.at%uint8(len(m.recent))]
	r.seq, r.n, r.sum = seq, uint32(len(data)), sum(data)
	m.at++
}

// differs says whether data is a copy of a remembered segment with other bytes.
func (m *memory) differs(seq SeqNum, data []byte) bool {
	for i := range m.recent {
		r := &m.recent[i]
		if r.n != 0 && r.seq == seq && r.n == uint32(len(data)) {
			return r.sum != sum(data)
		}
	}
	return false
}

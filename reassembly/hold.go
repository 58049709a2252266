package reassembly

import "slices"

// A Budget bounds what all streams of one run hold together, and lends the
// memory for it. Streams that share one run in one goroutine, one loop at a
// time. The zero value holds up to 256 MiB.
type Budget struct {
	Max  int64 // bytes; 0 means 256 MiB
	Each int   // bytes in each direction of a Stream; 0 means 4 MiB
	Used int64 // bytes held now

	// Forced counts the gaps that were declared a loss, though they might
	// have been filled yet, because Max or Each was reached.
	Forced int64

	free  [][]byte
	chunk Chunk // the one that is lent
}

const (
	defaultBudget = 256 << 20
	defaultEach   = 4 << 20
	pageSize      = 2048 // holds any segment of an Ethernet; larger ones get memory of their own
	maxFree       = 256  // pages kept for the next segment that comes early
)

func (b *Budget) each() int {
	if b.Each == 0 {
		return defaultEach
	}
	return b.Each
}

func (b *Budget) full() bool {
	if b.Max == 0 {
		return b.Used >= defaultBudget
	}
	return b.Used >= b.Max
}

// copy gives a copy of data that is good until it is released.
func (b *Budget) copy(data []byte) []byte {
	var page []byte
	switch n := len(b.free); {
	case len(data) > pageSize:
		page = make([]byte, 0, len(data))
	case n > 0:
		page, b.free = b.free[n-1], b.free[:n-1]
	default:
		page = make([]byte, 0, pageSize)
	}
	b.Used += int64(cap(page))
	return append(page, data...)
}

func (b *Budget) release(page []byte) {
	b.Used -= int64(cap(page))
	if cap(page) == pageSize && len(b.free) < maxFree {
		b.free = append(b.free, page[:0])
	}
}

// An early run of bytes: ahead of its turn. Runs of one half do not overlap.
type early struct {
	seq    SeqNum
	id     uint16 // of its packet
	data   []byte // a page of the Budget's; nil where the capture cut the bytes off
	lost   int    // then their number
	packet int64  // that carried it
}

func (e *early) end() SeqNum { return e.seq.Add(len(e.data) + e.lost) }

// hold keeps a copy of what is new of the run: where bytes are held already,
// the first copy wins and the new one is compared with it.
func (r *rare) hold(b *Budget, h *half, packet int64, seq SeqNum, data []byte, lost int) {
	i := len(r.early)
	for i > 0 && seq.Less(r.early[i-1].end()) {
		i--
	}
	for ; i < len(r.early) && len(data)+lost > 0; i++ {
		e := &r.early[i]
		if before := int(e.seq.Sub(seq)); before > 0 {
			d, l := cutAt(data, lost, before)
			r.insert(b, i, packet, seq, d, l)
			i++
			e = &r.early[i]
			data, lost = data[len(d):], lost-l
			seq = seq.Add(len(d) + l)
		}
		n := min(int(e.end().Sub(seq)), len(data)+lost)
		if n <= 0 {
			continue
		}
		d, l := cutAt(data, lost, n)
		if e.data == nil && len(d) > 0 {
			i = r.replace(b, i, packet, seq, d)
		} else {
			h.compare(packet, e, seq, d)
		}
		data, lost, seq = data[len(d):], lost-l, seq.Add(n)
	}
	if len(data)+lost > 0 {
		r.insert(b, i, packet, seq, data, lost)
	}
}

// replace puts data in the place of a part of run i, which the capture had cut
// off. It gives the place of the last run that is left of it.
func (r *rare) replace(b *Budget, i int, packet int64, seq SeqNum, data []byte) int {
	e := r.early[i]
	r.early = slices.Delete(r.early, i, i+1)
	for _, run := range [...]struct {
		seq  SeqNum
		data []byte
		lost int
	}{
		{e.seq, nil, int(seq.Sub(e.seq))},
		{seq, data, 0},
		{seq.Add(len(data)), nil, int(e.end().Sub(seq.Add(len(data))))},
	} {
		if len(run.data)+run.lost > 0 {
			r.insert(b, i, packet, run.seq, run.data, run.lost)
			i++
		}
	}
	return i - 1
}

// cutAt gives the first n bytes of a run of data followed by lost bytes.
func cutAt(data []byte, lost, n int) ([]byte, int) {
	if n <= len(data) {
		return data[:n], 0
	}
	return data, min(lost, n-len(data))
}

func (r *rare) insert(b *Budget, i int, packet int64, seq SeqNum, data []byte, lost int) {
	if len(data) > 0 {
		page := b.copy(data)
		r.early = slices.Insert(r.early, i, early{seq: seq, id: r.id, data: page, packet: packet})
		r.held += cap(page)
		i++
	}
	if lost > 0 {
		r.early = slices.Insert(r.early, i, early{seq: seq.Add(len(data)), id: r.id, lost: lost, packet: packet})
	}
}

// compare counts the bytes of data, a second copy of a part of e.
func (h *half) compare(packet int64, e *early, seq SeqNum, data []byte) {
	h.DuplicateBytes += int64(len(data))
	at := int(seq.Sub(e.seq))
	first, last := -1, -1
	for i, c := range data[:max(0, min(len(data), len(e.data)-at))] {
		if e.data[at+i] == c {
			continue
		}
		if last = i; first < 0 {
			first = i
		}
		h.ConflictingBytes++
	}
	if first >= 0 {
		h.conflict(e.packet, packet, seq.Add(first), last-first+1)
	}
}

// drop forgets the first n early runs.
func (r *rare) drop(b *Budget, n int) {
	for i := range r.early[:n] {
		if page := r.early[i].data; page != nil {
			r.held -= cap(page)
			b.release(page)
		}
	}
	r.early = slices.Delete(r.early, 0, n)
}

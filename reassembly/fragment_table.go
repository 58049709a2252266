package reassembly

// hold enters the datagram of a fragment that is the first to come.
func (ip *IP) hold(t *fragments, f *fragment) *held {
	d := new(held)
	if n := len(t.spare); n > 0 {
		d, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	ip.serial++
	*d = held{key: f.key, serial: ip.serial, proto: f.proto, first: ip.seg.Time, end: -1, data: d.data[:0], pieces: d.pieces[:0]}
	if t.all == nil {
		t.all = make(map[fragmentKey]*held)
	}
	t.all[d.key] = d
	t.bytes += datagramCost
	t.waiting.push(d)
	ip.Stats.Datagrams.Waiting++
	return d
}

// finish settles the progress of a datagram. It is remembered without its bytes
// unless it is complete.
func (ip *IP) finish(t *fragments, d *held, s progress) {
	d.progress = s
	ip.Stats.Datagrams.Waiting--
	t.waiting.remove(d)
	t.over.push(d)
	if s != complete {
		ip.Parts.Gone = append(ip.Parts.Gone, d.serial)
		t.bytes += datagramCost - d.cost()
		d.data, d.pieces = nil, nil
	}
}

// drop forgets a datagram, and counts it with why if it was not over.
func (ip *IP) drop(t *fragments, d *held, why *int64) {
	if d.progress == waiting {
		*why++
		ip.Stats.Datagrams.Waiting--
		t.waiting.remove(d)
	} else {
		t.over.remove(d)
	}
	t.bytes -= d.cost()
	ip.Parts.Gone = append(ip.Parts.Gone, d.serial)
	delete(t.all, d.key)
	if cap(d.data) > spareBytes || cap(d.pieces) > spareBytes/pieceCost {
		d.data, d.pieces = nil, nil
	}
	if len(t.spare) < maxSpare {
		t.spare = append(t.spare, d)
	}
}

// keep sees to it that what is held stays within the limits: first those go
// that are over, then the oldest.
func (ip *IP) keep(t *fragments) {
	limit := ip.MaxFragments
	if limit <= 0 {
		limit = maxFragments
	}
	for t.over.n > 0 && (t.over.n > maxRemembered || t.bytes > limit) {
		ip.drop(t, t.over.first, &ip.Stats.Datagrams.Budget)
	}
	for t.waiting.n > 0 && t.bytes > limit {
		ip.drop(t, t.waiting.first, &ip.Stats.Datagrams.Budget)
	}
}

// expire gives up what has waited too long.
func (ip *IP) expire(t *fragments) {
	for t.waiting.n > 0 && ip.late(t.waiting.first) {
		ip.drop(t, t.waiting.first, &ip.Stats.Datagrams.Timeout)
	}
}

// late says whether a datagram began too long before the packet at hand. If
// it began as long after it, the clock was set, and it is another one, too.
func (ip *IP) late(d *held) bool {
	limit := timeout4
	if d.key.v6() {
		limit = timeout6
	}
	return ip.seg.Time.Sub(d.first).Abs() > limit
}

// cost is what a datagram takes of the budget.
func (d *held) cost() int64 {
	return datagramCost + int64(len(d.data)) + pieceCost*int64(len(d.pieces))
}

// A heldList has datagrams in the order in which they came.
type heldList struct {
	first, last *held
	n           int
}

func (l *heldList) push(d *held) {
	d.prev, d.next = l.last, nil
	if l.last != nil {
		l.last.next = d
	} else {
		l.first = d
	}
	l.last = d
	l.n++
}

func (l *heldList) remove(d *held) {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		l.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	} else {
		l.last = d.prev
	}
	d.prev, d.next = nil, nil
	l.n--
}

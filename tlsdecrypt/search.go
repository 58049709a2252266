package tlsdecrypt

// Bounds on searching: bytes that all attempts of one connection may cost, and
// attempts for one record.
const (
	maxSearch   = 512 << 20
	maxAttempts = 1 << 16
)

// search looks for the number of a record behind a loss: as many records
// later as can have been lost, and under the next key, if that may have come
// into use meanwhile.
func (d *Decrypter) search(h *half, s Side, rec *record) (plain []byte, typ byte, ok bool) {
	overhead, exact := h.key.overhead()
	records := uint64(h.hole/int64(headerLen+1)) + 2
	if h.anywhere {
		records = maxAttempts
	}
	if h.hole > 0 || h.anywhere {
		for k := uint64(1); k <= min(records, maxAttempts) && d.afford(rec); k++ {
			if plain, typ, ok = h.key.open(d.plain, rec, h.key.seq+k); ok {
				h.key.seq += k
				d.facts.Sides[s].LostRecords += int64(k)
				if h.key.seq > k || h.epoch != ciphered || k > 1 { // else it was Finished alone, which is no data
					h.lost += max(h.hole-int64(k)*int64(headerLen+overhead), 0)
					h.guessed = h.guessed || !exact
				}
				h.hole = 0
				return plain, typ, true
			}
		}
	}
	if d.facts.Version != TLS13 || d.secrets == nil || !h.missed && h.hole == 0 && h.key.seq > 0 {
		return nil, 0, false
	}
	secret, e := h.secret, h.epoch
	passed := int64(0) // of the hole: the message that ends each epoch
	for range keysAhead {
		passed += d.endOf(e)
		secret, e = d.following(e, secret, s)
		next := newKey13(d.suite, secret)
		if next == nil {
			break
		}
		for k := uint64(0); k <= min(records, maxAttempts) && d.afford(rec); k++ {
			if plain, typ, ok = next.open(d.plain, rec, k); ok {
				if k > 0 || h.epoch == earlyData && h.hole > passed { // else all that was lost is of the handshake
					h.lost, h.guessed = h.lost+h.hole, h.guessed || h.hole > 0
				}
				h.key, h.secret, h.epoch = next, secret, e
				h.key.seq = k
				h.messages.reset()
				h.hole = 0
				return plain, typ, true
			}
		}
	}
	return nil, 0, false
}

// keysAhead is how many keys may have come into use in what was lost: a client
// ends its early data and its handshake in one go.
const keysAhead = 2

// endOf is how long the record is at least with which an epoch ends: that of
// EndOfEarlyData, or of Finished (RFC 8446 §4.5, §4.4.4).
func (d *Decrypter) endOf(e epoch) int64 {
	const empty = headerLen + 4 + 1 + 16 // of a message
	switch e {
	case earlyData:
		return empty
	case handshake13:
		return int64(empty + d.suite.hash.Size())
	}
	return 0
}

func (d *Decrypter) afford(rec *record) bool {
	d.spent += int64(rec.length) + 64
	return d.spent <= maxSearch
}

// following is the secret that a side uses behind an epoch of TLS 1.3.
func (d *Decrypter) following(behind epoch, last []byte, s Side) (secret []byte, e epoch) {
	switch behind {
	case earlyData:
		return d.secrets.of[clientHandshake], handshake13
	case handshake13:
		return d.secrets.of[clientTraffic+label(s)], traffic13
	}
	return updated(d.suite.hash, last), traffic13
}

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
	next, secret, e := d.following(h, s)
	if next == nil {
		return nil, 0, false
	}
	for k := uint64(0); k <= min(records, maxAttempts) && d.afford(rec); k++ {
		if plain, typ, ok = next.open(d.plain, rec, k); ok {
			h.key, h.secret, h.epoch = next, secret, e
			h.key.seq = k
			h.messages.reset()
			if k > 0 { // else all that was lost is of the handshake
				h.lost, h.guessed = h.lost+h.hole, h.guessed || h.hole > 0
			}
			h.hole = 0
			return plain, typ, true
		}
	}
	return nil, 0, false
}

func (d *Decrypter) afford(rec *record) bool {
	d.spent += int64(rec.length) + 64
	return d.spent <= maxSearch
}

// following is the key that the half will use next in TLS 1.3.
func (d *Decrypter) following(h *half, s Side) (k *key, secret []byte, e epoch) {
	if d.facts.Version != TLS13 || d.secrets == nil || !h.missed && h.hole == 0 && h.key.seq > 0 {
		return nil, nil, 0
	}
	switch h.epoch {
	case earlyData:
		secret, e = d.secrets.of[clientHandshake], handshake13
	case handshake13:
		secret, e = d.secrets.of[clientTraffic+label(s)], traffic13
	case traffic13:
		secret, e = updated(d.suite.hash, h.secret), traffic13
	}
	return newKey13(d.suite, secret), secret, e
}

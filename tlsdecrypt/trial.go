package tlsdecrypt

// Where a hello was lost, or all of the handshake, what it would have said is
// found by trial: a record that opens under a key proves all that the key was
// made of.
//
//	lost                  tried                            of
//	ChangeCipherSpec      that it was sent                 TLS 1.2
//	ClientHello           each connection of the key log   both
//	ServerHello           the suites of TLS 1.3            TLS 1.3
//	both, and more        both, and each number            TLS 1.3
//
// In TLS 1.2 keys are made of the server's random too, so that nothing is left
// to try where the ServerHello is lost (RFC 5246 §6.3).

const (
	maxTrials   = 3        // records of a half that are tried
	trialBudget = 1 << 30  // bytes that all attempts may cost
	trialCost   = 64 << 20 // and those for one record
	nearby      = 16       // records that a half may be behind where nothing says how many were lost
)

// unseen says whether the half is under keys though what says so was lost, and
// notes it.
func (d *Decrypter) unseen(h *half, s Side, rec *record) bool {
	f := &d.facts
	switch {
	case rec.damaged || rec.typ == typeCCS || rec.length < alertCiphered:
		return false
	case f.ServerHello == nil:
		return d.withoutServerHello(h, s, rec)
	case f.Version == TLS13 || !h.torn && rec.hole == 0:
		return false
	case rec.typ == typeHandshake: // Finished is one too, and the first
		if d.secrets == nil || d.suite == nil || d.suite.protection == unsupported {
			return false
		}
		k := d.key12(s)
		if k == nil {
			return false
		}
		if _, _, ok := k.open(d.room(rec), rec, 0); !ok {
			return false
		}
		h.epoch, h.key, h.hole, rec.hole = ciphered, k, 0, 0
		return true
	}
	h.epoch, h.key = ciphered, nil
	h.hole = max(h.hole, 1) // so that its number is searched
	return true
}

// alertCiphered is less than any record under a key has, and more than an
// alert in clear.
const alertCiphered = 16

// withoutServerHello tries the suites of TLS 1.3.
func (d *Decrypter) withoutServerHello(h *half, s Side, rec *record) bool {
	if d.Keys == nil || h.trials >= maxTrials || rec.typ != typeData {
		return false
	}
	h.trials++
	t := trial{keys: d.Keys, rec: *rec, room: d.room(rec), sides: both[s : s+1], epochs: epochs[:]}
	t.most = nearby + uint64(rec.hole/int64(headerLen+alertCiphered))
	all := d.Keys.order
	switch {
	case d.facts.ClientHello != nil && d.secrets == nil:
		return false
	case d.facts.ClientHello != nil:
		all = []*secrets{d.secrets}
	case d.Joined:
		t.most, t.epochs = maxAttempts, epochs[1:]
	}
	if !t.run(all) {
		return false
	}
	h.key, h.secret, h.epoch = t.key, t.secret, t.epoch
	d.settle13(h, rec, t.of)
	return true
}

// A trial opens a record whatever its key and its number are.
type trial struct {
	keys   *Keys
	rec    record
	room   []byte
	sides  []Side
	epochs []epoch
	most   uint64 // the number it has is less

	cost int64 // bytes of the attempts

	of     *secrets // what opened it
	side   Side
	key    *key
	secret []byte
	epoch  epoch
}

var (
	epochs   = [...]epoch{handshake13, traffic13}
	both     = [...]Side{Client, Server}
	suites13 = [...]uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305}
)

// run tries small numbers first, with all keys.
func (t *trial) run(all []*secrets) bool {
	const few = 64
	for from, to := uint64(0), min(few, t.most); from < t.most; from, to = to, min(to*few, t.most) {
		for _, of := range all {
			for _, id := range suites13 {
				for _, e := range t.epochs {
					for _, s := range t.sides {
						if t.try(of, id, e, s, from, to) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

func (t *trial) try(of *secrets, id uint16, e epoch, s Side, from, to uint64) bool {
	with, _ := suiteOf(id)
	secret := of.of[clientHandshake+label(s)]
	if e == traffic13 {
		secret = of.of[clientTraffic+label(s)]
	}
	k := newKey13(with, secret)
	if k == nil {
		return false
	}
	for n := from; n < to; n++ {
		cost := int64(t.rec.length) + 64
		t.cost += cost
		if t.keys.tried += cost; t.keys.tried > trialBudget || t.cost > trialCost {
			return false
		}
		if _, _, ok := k.open(t.room, &t.rec, n); ok {
			k.seq = n
			t.of, t.side, t.key, t.secret, t.epoch = of, s, k, secret, e
			return true
		}
	}
	return false
}

// Sender says which side has sent b, records of TLS 1.3 from the middle of a
// connection, if the key log tells. k may be nil.
func (k *Keys) Sender(b []byte) (s Side, ok bool) {
	var rec record
	r := reader{searching: true, version: uint16(TLS12)}
	k = k.now()
	if r.feed(0, b); k == nil || !r.next(&rec) || rec.typ != typeData {
		return 0, false
	}
	t := trial{keys: k, rec: rec, room: make([]byte, 0, len(rec.body)), sides: both[:], epochs: epochs[1:], most: maxAttempts}
	ok = t.run(k.order)
	return t.side, ok
}

// settle13 notes what a trial has shown.
func (d *Decrypter) settle13(h *half, rec *record, of *secrets) {
	f := &d.facts
	f.Version, f.Suite = TLS13, h.key.suite.id
	f.Random = of.random
	f.Changes++
	d.secrets, d.suite, d.client = of, h.key.suite, of.random
	other := &d.halves[0]
	if other == h {
		other = &d.halves[1]
	}
	if other.epoch == inClear {
		other.epoch, other.key = handshake13, nil
		if d.Joined {
			other.epoch, other.anywhere = traffic13, true
		}
	}
	if h.epoch == traffic13 && h.key.seq > 0 {
		h.lost, h.guessed = h.lost+max(rec.hole, 1), true
	}
	h.hole, rec.hole = 0, 0 // else all that was lost is of the handshake
	d.retry = true
}

// whose finds the connection in the key log whose ClientHello was lost, by the
// first record that a half has under a key.
func (d *Decrypter) whose(h *half, s Side, rec *record) bool {
	f := &d.facts
	if d.Keys == nil || f.ClientHello != nil || d.secrets != nil || f.ServerHello == nil || rec.damaged || h.trials >= maxTrials {
		return false
	}
	h.trials++
	before := d.client
	for _, of := range d.Keys.order {
		d.client, d.secrets = of.random, of
		if of.random == ([32]byte{}) || !d.install(h, s) {
			continue
		}
		for n := uint64(0); n < nearby && d.afford(rec); n++ {
			if _, _, ok := h.key.open(d.room(rec), rec, n); ok {
				h.key.seq = n
				d.origin, d.retry = d.client, true
				f.Random = of.random
				return true
			}
		}
		h.key = nil
	}
	d.client, d.secrets = before, nil
	return false
}

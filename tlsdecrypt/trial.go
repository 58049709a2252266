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
	maxTrials   = 3         // records of a half that are tried
	trialBudget = 128 << 20 // bytes that all attempts of a connection may cost
	nearby      = 16        // records that a half may be behind where nothing says how many were lost
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
	all := d.Keys.order
	if d.facts.ClientHello != nil {
		if d.secrets == nil {
			return false
		}
		all = []*secrets{d.secrets}
	}
	most := uint64(nearby) + uint64(rec.hole/int64(headerLen+alertCiphered))
	if d.Joined {
		most = maxAttempts
	}
	for _, of := range all {
		for _, id := range [...]uint16{0x1301, 0x1302, 0x1303, 0x1304, 0x1305} {
			suite, _ := suiteOf(id)
			for _, e := range [...]epoch{handshake13, traffic13} {
				if d.Joined && e == handshake13 {
					continue
				}
				if d.try(h, s, rec, of, suite, e, most) {
					d.settle13(h, rec, of, suite)
					return true
				}
			}
		}
	}
	return false
}

// try opens a record under one key, whatever its number is.
func (d *Decrypter) try(h *half, s Side, rec *record, of *secrets, with *suite, e epoch, most uint64) bool {
	secret := of.of[clientHandshake+label(s)]
	if e == traffic13 {
		secret = of.of[clientTraffic+label(s)]
	}
	k := newKey13(with, secret)
	if k == nil {
		return false
	}
	for n := uint64(0); n < most; n++ {
		if d.spent += int64(rec.length) + 64; d.spent > trialBudget {
			return false
		}
		if _, _, ok := k.open(d.room(rec), rec, n); ok {
			h.key, h.secret, h.epoch = k, secret, e
			h.key.seq = n
			return true
		}
	}
	return false
}

// settle13 notes what a trial has shown.
func (d *Decrypter) settle13(h *half, rec *record, of *secrets, with *suite) {
	f := &d.facts
	f.Version, f.Suite = TLS13, with.id
	f.Changes++
	d.secrets, d.suite, d.client = of, with, of.random
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
				return true
			}
		}
		h.key = nil
	}
	d.client, d.secrets = before, nil
	return false
}

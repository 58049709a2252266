package tlsdecrypt

// Whether a server takes early data stands in its EncryptedExtensions, which
// may be lost. What the client sends then says it, too: EndOfEarlyData, under
// the same keys, if it was taken, and else Finished (RFC 8446 §4.5).

// decideEarly says what became of early data, once it is known.
func (d *Decrypter) decideEarly(taken bool) {
	if d.early != undecided {
		return
	}
	d.early = accepted
	client := d.of(Client)
	if !taken {
		d.early, d.facts.EarlyRefused = refused, true
		client.epoch, client.key = handshake13, nil
	}
	d.retry = true
}

// unsaid tells that the server is past its answer to early data, and that it
// was not seen.
func (d *Decrypter) unsaid() bool {
	return d.early == undecided && d.secrets != nil && d.suite != nil && d.of(Server).epoch == traffic13
}

// fates asks each record of the client that waits.
func (d *Decrypter) fates() {
	for i := range d.queue {
		if it := &d.queue[i]; d.side(it.from.Dir) == Client && !it.end && it.rec.typ == typeData && d.unsaid() {
			d.fate(&it.rec)
		}
	}
}

// fate looks whether a record of the client says what became of early data.
func (d *Decrypter) fate(rec *record) {
	if key := newKey13(d.suite, d.secrets.of[earlySecret]); key != nil {
		for n := uint64(0); n <= uint64(d.of(Client).held) && d.afford(rec); n++ {
			if plain, typ, ok := key.open(d.room(rec), rec, n); ok {
				if typ == typeHandshake && len(plain) > 0 && plain[0] == msgEndOfEarlyData {
					d.decideEarly(true)
				}
				return
			}
		}
	}
	for _, secret := range [][]byte{d.secrets.of[clientHandshake], d.secrets.of[clientTraffic]} {
		if key := newKey13(d.suite, secret); key != nil && d.afford(rec) {
			if _, _, ok := key.open(d.room(rec), rec, 0); ok {
				d.decideEarly(false)
				return
			}
		}
	}
}

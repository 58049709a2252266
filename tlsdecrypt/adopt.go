package tlsdecrypt

import "slices"

// Bounds on looking for the secret of a connection whose hellos were not
// captured: records of a half that are tried, bytes that the attempts for one
// of them may cost, connections whose secrets are tried, the last ones of the
// log, and records of a handshake under keys of its own.
const (
	maxAdopted  = 3
	adoptCost   = 4 << 20
	maxAmong    = 1 << 9
	maxOfEpoch1 = 16
)

// adopt looks for the secret of TLS 1.3 that opens a record of a connection
// whose hellos are missing in part: the secret, the suite and the number of the
// record are tried. Before TLS 1.3 this cannot be: keys are made of the
// server's random, too, which is in no log (RFC 5246 §6.3).
func (d *Decrypter) adopt(h *half, s Side, rec *record) bool {
	f := &d.facts
	if d.Keys == nil || h.adopting >= maxAdopted || rec.typ != typeData || rec.damaged || f.Version != 0 && f.Version != TLS13 {
		return false
	}
	h.adopting++
	among := d.Keys.order[max(0, len(d.Keys.order)-maxAmong):]
	if d.secrets != nil {
		among = []*secrets{d.secrets}
	}
	d.plain = slices.Grow(d.plain[:0], len(rec.body))
	each := adoptCost / (rec.length + 64) / max(4*len(among), 1)
	for _, sec := range among {
		for i := range suites {
			if su := &suites[i]; su.id>>8 == 0x13 && (d.suite == nil || d.suite == su) && d.fits(h, s, rec, sec, su, each) {
				d.secrets, d.suite, f.Version, f.Suite = sec, su, TLS13, su.id
				return true
			}
		}
	}
	return false
}

// fits tries the secrets of a connection with one suite. Where those of the
// other side fit, it is the server end of TCP that began TLS.
func (d *Decrypter) fits(h *half, s Side, rec *record, sec *secrets, su *suite, attempts int) bool {
	for _, by := range [...]Side{s, s ^ 1} {
		if by != s && (d.facts.ClientHello != nil || d.secrets != nil) {
			return false // who is who is known
		}
		for _, e := range [...]struct {
			epoch epoch
			label label
			limit int
		}{{handshake13, clientHandshake, min(attempts, maxOfEpoch1)}, {traffic13, clientTraffic, min(attempts, maxAttempts)}} {
			secret := sec.of[e.label+label(by)]
			k := newKey13(su, secret)
			if k == nil {
				continue
			}
			for n := range uint64(e.limit) {
				if _, _, ok := k.open(d.plain, rec, n); ok {
					h.epoch, h.key, h.secret = e.epoch, k, secret
					k.seq = n
					if by != s {
						d.swapped = !d.swapped
						d.facts.Sides[0], d.facts.Sides[1] = d.facts.Sides[1], d.facts.Sides[0]
					}
					return true
				}
			}
		}
	}
	return false
}

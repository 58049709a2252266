package tlsdecrypt

import (
	"slices"

	"github.com/wssniff/wssniff/reassembly"
)

// An epoch is the time that one kind of key is in use.
type epoch uint8

const (
	inClear   epoch = iota
	ciphered        // before TLS 1.3: behind ChangeCipherSpec
	earlyData       // RFC 8446 §4.2.10
	handshake13
	traffic13
)

// An earlyState says what became of early data.
type earlyState uint8

const (
	noEarly earlyState = iota
	undecided
	accepted
	refused
)

// A half is what is known of one direction.
type half struct {
	reader   reader
	messages messages
	epoch    epoch
	key      *key
	secret   []byte // of key, in TLS 1.3
	blocked  bool   // its records wait
	held     int    // how many wait
	dropped  int64  // bytes of records that did not fit
	torn     bool   // records in clear are missing
	trials   int
	anywhere bool // its first record may have any number

	hole    int64 // bytes of records that were lost since the last that was read
	missed  bool  // a record was damaged or not readable since then
	lost    int64 // plaintext lost since the last that was told
	guessed bool
	offset  int64 // of the plaintext
}

// process takes a record. It is not done if the record has to wait.
func (d *Decrypter) process(h *half, it *held) (done, produced bool) {
	rec := &it.rec
	s := d.side(it.from.Dir)
	if it.end {
		return true, d.end(h, it)
	}
	if h.epoch == inClear && !d.unseen(h, s, rec) {
		if rec.typ == typeData && d.facts.ServerHello == nil {
			d.state(NoHello)
		}
		d.clear(h, s, it)
		return true, false
	}
	if d.facts.Version == TLS13 && (rec.typ == typeCCS || rec.typ == typeAlert && rec.length == 2) {
		d.clear(h, s, it) // middlebox compatibility (RFC 8446 §D.4); an answer to the ServerHello
		return true, false
	}
	if !it.counted {
		d.count(h, s, rec)
		it.counted = true
	}
	if h.key == nil && !d.install(h, s) && !d.whose(h, s, rec) {
		if d.facts.State == Unsupported {
			return true, false
		}
		if d.facts.State == Handshaking {
			d.state(Waiting)
		}
		return false, false
	}
	plain, typ, ok := d.decrypt(h, s, rec)
	if !ok {
		return true, false
	}
	d.state(Decrypting)
	if s == Server && d.unsaid() {
		if d.fates(); d.early != undecided { // it answers what waits: that comes first
			h.key.seq--
			rec.hole = 0
			return false, false
		}
		plain, typ, _ = h.key.open(d.room(rec), rec, h.key.seq-1)
	}
	d.facts.Sides[s].Decrypted++
	if typ == typeData {
		d.facts.Sides[s].DataBytes += int64(len(plain))
		if len(plain) == 0 && h.lost == 0 {
			return true, false
		}
		d.emit(h, &it.from, plain)
		return true, true
	}
	d.content(h, s, it, typ, plain, true)
	return true, false
}

// end tells that TCP ended the direction.
func (d *Decrypter) end(h *half, it *held) bool {
	h.hole += h.reader.finish() + h.reader.unread()
	if d.facts.State != Decrypting {
		return false
	}
	h.lost, h.guessed, h.hole = h.lost+h.hole, h.guessed || h.hole > 0, 0
	d.emit(h, &it.from, nil)
	d.out.End = it.from.End
	return it.from.End != reassembly.NotEnded
}

// clear takes a record that no key protects.
func (d *Decrypter) clear(h *half, s Side, it *held) {
	rec := &it.rec
	if rec.hole > 0 || rec.damaged {
		h.messages.lose()
		h.torn = true
		if rec.damaged {
			d.facts.Sides[s].LostRecords++
			return
		}
	}
	d.content(h, s, it, rec.typ, rec.body, false)
}

// content takes what is no application data, decrypted or never encrypted.
func (d *Decrypter) content(h *half, s Side, it *held, typ byte, b []byte, encrypted bool) {
	switch typ {
	case typeCCS:
		d.changeCipherSpec(h)
	case typeAlert:
		d.alert(s, it, b, encrypted)
	case typeHandshake:
		h.messages.feed(b)
		for {
			kind, body, ok := h.messages.next()
			if !ok {
				return
			}
			d.message(h, s, it, kind, body)
		}
	}
}

// count counts a record under a key.
func (d *Decrypter) count(h *half, s Side, rec *record) {
	c := &d.facts.Sides[s]
	if c.Encrypted < int64(len(c.First)) {
		c.First[c.Encrypted] = rec.length
	}
	c.Encrypted++
	c.Last = rec.length
	c.CipherBytes += int64(rec.length)
	c.Finished = c.Finished || h.epoch == ciphered && rec.typ == typeHandshake
}

func (d *Decrypter) alert(s Side, it *held, b []byte, encrypted bool) {
	if len(b) != 2 {
		return
	}
	if b[1] == 0 {
		d.facts.Sides[s].CloseNotify = true
	}
	if len(d.facts.Alerts) < maxAlerts {
		w := Where{it.from.Packet, it.from.Time}
		d.facts.Alerts = append(d.facts.Alerts, Alert{w, s, b[0], b[1], encrypted})
		d.facts.Changes++
	}
}

func (d *Decrypter) changeCipherSpec(h *half) {
	if d.facts.Version == TLS13 || d.facts.ServerHello == nil {
		return
	}
	h.epoch, h.key = ciphered, nil
	h.messages.reset()
}

// decrypt opens a record. What cannot be opened is counted as lost.
func (d *Decrypter) decrypt(h *half, s Side, rec *record) (plain []byte, typ byte, ok bool) {
	h.hole += rec.hole
	if rec.damaged {
		d.facts.Sides[s].LostRecords++
		d.loseRecord(h, rec)
		h.key.seq++
		return nil, 0, false
	}
	plain, typ, ok = h.key.open(d.room(rec), rec, h.key.seq)
	if ok && h.hole > 0 { // nothing of what was lost was a record of its own
		h.lost, h.guessed = h.lost+h.hole, true
		h.hole = 0
	}
	if !ok {
		plain, typ, ok = d.search(h, s, rec)
	}
	h.key.passed(rec)
	if !ok {
		if h.epoch == earlyData || h.epoch == handshake13 && s == Client && d.early == refused && h.key.seq == 0 {
			return nil, 0, false // early data that the server did not take
		}
		d.facts.Sides[s].Undecryptable++
		if d.facts.State != Decrypting {
			d.state(Undecipherable)
		}
		d.loseRecord(h, rec)
		h.key.seq++
		return nil, 0, false
	}
	h.key.seq++
	h.missed, h.anywhere = false, false
	return plain, typ, true
}

// room is where the plaintext of a record fits.
func (d *Decrypter) room(rec *record) []byte {
	d.plain = slices.Grow(d.plain[:0], len(rec.body))
	return d.plain
}

// loseRecord counts a record that is not readable as plaintext lost.
func (d *Decrypter) loseRecord(h *half, rec *record) {
	h.missed = true
	if rec.typ != typeData {
		return
	}
	n, exact := h.key.overhead()
	h.lost += int64(max(rec.length-n, 0))
	h.guessed = h.guessed || !exact
}

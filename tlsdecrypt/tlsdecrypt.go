// Package tlsdecrypt turns the byte streams of a TLS connection into the byte
// streams inside it, as far as there are keys, and into facts about it, with
// keys or without.
//
//	Chunk ──records──▶ record ──key──▶ handshake, alerts: Facts
//	                                └▶ application data: Chunk
//
// What the capture lost is a count here, too: a record that is damaged or
// missing is so many bytes lost before what follows it.
package tlsdecrypt

import (
	"encoding/binary"
	"iter"

	"github.com/wssniff/wssniff/reassembly"
)

// A Chunk is application data: the plaintext of one record. It and its Data
// are lent until the loop turns. Packet, Time and Carried are those of the
// chunk that completed the record, Offset counts plaintext.
type Chunk struct {
	reassembly.Chunk
	Guessed bool // Lost is not exact: padding and messages in it cannot be told
}

// defaultHold is how many bytes of records wait for a key.
const defaultHold = 1 << 20

// A Decrypter follows one TLS connection from its first byte on, or from
// where the capture begins. Fill in the exported fields, and call Chunks.
type Decrypter struct {
	Keys   *Keys // the secrets there are; may be nil
	Hold   int   // bytes of records to hold until there is a key; 0 is 1 MiB, less than 0 none
	Joined bool  // the capture does not have the beginning of the connection

	begun   bool
	swapped bool // the server end of the TCP connection sent the ClientHello
	halves  [2]half
	facts   Facts
	suite   *suite
	secrets *secrets
	seen    int // the version of Keys that was looked at last
	early   earlyState

	client, server [32]byte // randoms
	sessionID      []byte
	etm            bool
	rsa            [8]byte  // the beginning of the encrypted premaster secret
	origin         [32]byte // the client random of the connection that made the master secret

	queue  []held
	queued int  // bytes
	retry  bool // something changed that held records wait for
	at     int  // in queue, while it is gone through

	in    reassembly.Chunk // being read; its Data is with the reader
	dir   reassembly.Dir
	ended bool // in's End is to be told
	plain []byte
	out   Chunk
	spent int64 // bytes that searches have cost
}

// A held record waits for its key.
type held struct {
	from    reassembly.Chunk // without Data
	rec     record
	end     bool
	counted bool
}

// Looks says whether a stream that begins with b begins with a TLS handshake
// record: six bytes are enough.
func Looks(b []byte) bool {
	return len(b) >= 6 && b[0] == typeHandshake && b[1] == 3 && b[2] <= 4 &&
		(b[5] == msgClientHello || b[5] == msgServerHello)
}

// MayBegin says whether a stream of which b is the beginning, and perhaps too
// little for Looks, may be TLS.
func MayBegin(b []byte) bool {
	switch {
	case len(b) >= 6:
		return Looks(b)
	case len(b) == 0:
		return false
	}
	return b[0] == typeHandshake && (len(b) < 2 || b[1] == 3) && (len(b) < 3 || b[2] <= 4)
}

// LooksServer says of a stream for which Looks is true whether the server
// sends it.
func LooksServer(b []byte) bool { return b[5] == msgServerHello }

// LooksJoined says whether b, from somewhere in a stream, is a run of records
// as TLS has them behind its first handshake: at least one is whole, and
// nothing but the beginning of another one follows.
func LooksJoined(b []byte) bool {
	r := reader{searching: true, version: uint16(TLS12)}
	whole := 0
	for len(b) >= headerLen && r.plausible(b) {
		n := headerLen + int(binary.BigEndian.Uint16(b[3:]))
		if n > len(b) {
			return whole > 0
		}
		b = b[n:]
		whole++
	}
	return whole > 0 && len(b) < headerLen
}

// Held is how many bytes are held: records that wait for a key, parts of
// records, and room for plaintext.
func (d *Decrypter) Held() int {
	return d.queued + cap(d.plain) + cap(d.halves[0].reader.buf) + cap(d.halves[1].reader.buf)
}

// Swapped says whether the server end of the TCP connection sent the
// ClientHello.
func (d *Decrypter) Swapped() bool { return d.swapped }

// Facts gives what is known of the connection, lent until Chunks is called.
func (d *Decrypter) Facts() *Facts { return &d.facts }

// Chunks takes the next bytes of one direction, and yields what was inside.
func (d *Decrypter) Chunks(c *reassembly.Chunk) iter.Seq[*Chunk] {
	return func(yield func(*Chunk) bool) {
		for d.feed(c); d.next(); {
			if !yield(&d.out) {
				return
			}
		}
	}
}

// Flush ends the connection: no byte and no key will follow. It yields what
// could be read and was held, and last, what is lost.
func (d *Decrypter) Flush() iter.Seq[*Chunk] {
	return func(yield func(*Chunk) bool) {
		for dir := range d.halves {
			h := &d.halves[dir]
			h.reader.feed(0, nil)
			d.lookAgain()
			h.hole += h.reader.finish() + h.reader.unread()
			d.in.Dir, d.in.Data, d.ended = reassembly.Dir(dir), nil, false
			d.retry = true
			for d.next() {
				if !yield(&d.out) {
					return
				}
			}
			if d.facts.State == Decrypting && (h.lost > 0 || h.hole > 0) {
				h.lost, h.guessed, h.hole = h.lost+h.hole, h.guessed || h.hole > 0, 0
				if d.emit(h, &d.in, nil); !yield(&d.out) {
					return
				}
			}
		}
		if d.facts.State == Waiting {
			d.state(NoKey)
		}
		d.queue, d.queued = nil, 0
	}
}

func (d *Decrypter) feed(c *reassembly.Chunk) {
	if !d.begun {
		d.begun = true
		for i := range d.halves {
			d.halves[i].reader.searching = d.Joined
		}
	}
	d.in, d.dir = *c, c.Dir
	d.in.Data, d.in.Lost = nil, 0
	h := &d.halves[c.Dir]
	h.reader.feed(c.Lost, c.Data)
	d.ended = c.End != reassembly.NotEnded
	if d.ended {
		d.facts.Sides[d.side(c.Dir)].Ended = true
	}
	d.lookAgain()
}

// lookAgain looks for secrets among those that are new.
func (d *Decrypter) lookAgain() {
	if d.Keys = d.Keys.now(); d.Keys != nil && d.Keys.version != d.seen {
		d.seen, d.retry = d.Keys.version, true
		d.look()
	}
}

// next produces the next chunk of plaintext.
func (d *Decrypter) next() bool {
	for {
		if d.retry && d.at == 0 {
			d.retry = false
			d.halves[0].blocked, d.halves[1].blocked = false, false
			d.at = 1
		}
		if d.at > 0 {
			if d.again() {
				return true
			}
			continue
		}
		var rec record
		h := &d.halves[d.in.Dir]
		if !h.reader.next(&rec) {
			if !d.ended {
				return false
			}
			d.ended = false
			if d.arrive(h, &held{from: d.in, end: true}) {
				return true
			}
			continue
		}
		if d.arrive(h, &held{from: d.in, rec: rec}) {
			return true
		}
	}
}

// again goes through the held records, from the one that at-1 names.
func (d *Decrypter) again() (produced bool) {
	for d.at > 0 && d.at <= len(d.queue) {
		it := &d.queue[d.at-1]
		h := &d.halves[it.from.Dir]
		d.at++
		if it.rec.typ == 0 && !it.end || h.blocked {
			continue
		}
		done, produced := d.process(h, it)
		if !done {
			h.blocked = true
			continue
		}
		d.queued -= cost(it)
		h.held--
		*it = held{}
		if d.retry {
			d.at = 0
		}
		if produced {
			return true
		}
	}
	if d.at > len(d.queue) {
		n := 0
		for i := range d.queue {
			if d.queue[i].rec.typ != 0 || d.queue[i].end {
				d.queue[n] = d.queue[i]
				n++
			}
		}
		d.queue, d.at = d.queue[:n], 0
		if n == 0 {
			d.queue = nil
		}
	}
	return false
}

func cost(it *held) int { return len(it.rec.body) + 128 }

// arrive takes a record that was just read.
func (d *Decrypter) arrive(h *half, it *held) (produced bool) {
	if !it.end {
		d.facts.Sides[d.side(it.from.Dir)].Records++
	}
	if h.held == 0 {
		done, produced := d.process(h, it)
		if done {
			return produced
		}
		h.blocked = true
	}
	d.hold(h, it)
	if d.unsaid() && !it.end && h == d.of(Client) && it.rec.typ == typeData {
		d.fate(&it.rec)
	}
	return false
}

// hold keeps a copy of a record until there is a key, within the bound. What
// does not fit is lost, and the numbering is searched if the key comes.
func (d *Decrypter) hold(h *half, it *held) {
	limit := d.Hold
	if limit == 0 {
		limit = defaultHold
	}
	if d.queued+cost(it) > limit && !it.end {
		h.dropped += it.rec.hole + int64(it.rec.length+headerLen)
		if d.facts.State == Waiting {
			d.state(NoKey)
		}
		return
	}
	kept := *it
	if kept.rec.body != nil {
		kept.rec.body = append(make([]byte, 0, len(kept.rec.body)), kept.rec.body...)
	}
	kept.rec.hole += h.dropped
	h.dropped = 0
	d.queued += cost(&kept)
	h.held++
	d.queue = append(d.queue, kept)
}

// emit makes the chunk that tells of data, and of what was lost before it.
func (d *Decrypter) emit(h *half, from *reassembly.Chunk, data []byte) {
	d.out = Chunk{Chunk: *from, Guessed: h.guessed}
	h.offset += h.lost
	d.out.Offset, d.out.Lost, d.out.Data, d.out.End = h.offset, h.lost, data, reassembly.NotEnded
	h.offset += int64(len(data))
	h.lost, h.guessed = 0, false
}

func (d *Decrypter) state(s State) {
	if d.facts.State != s {
		d.facts.State = s
		d.facts.Changes++
	}
}

// side is which end of the TLS connection sends in a direction.
func (d *Decrypter) side(dir reassembly.Dir) Side {
	if d.swapped {
		dir = dir.Other()
	}
	return Side(dir)
}

// of is the half that a side sends.
func (d *Decrypter) of(s Side) *half {
	if d.swapped {
		s ^= 1
	}
	return &d.halves[s]
}

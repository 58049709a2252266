package frames

import (
	"bytes"
	"math/bits"
	"strings"
)

// A Deflated is a set of facts about how a message was compressed, or was
// not. Some are faults of the sender, some are not: that is not said here.
type Deflated uint16

// The facts.
const (
	FinalBlock     Deflated = 1 << iota // a block is marked as the last (BFINAL), which RFC 7692 §7.2.3.4 allows
	NoPayload                           // there is not one byte; an empty message has the byte 0x00 (RFC 7692 §7.2.3.6)
	Unclosed                            // the payload ends with a block, not with the beginning of an empty one (RFC 7692 §7.2.1)
	TrailerKept                         // Unclosed, and that block is the 00 00 FF FF that is to be taken off
	Unfinished                          // the payload ends inside a block: DeflateDamaged
	WindowExceeded                      // it refers back farther than the agreed window (RFC 7692 §7.1.2); Message.Distance says how far
	ContextBroken                       // it refers to an earlier message although no context takeover was agreed (RFC 7692 §7.1.1)
	NeverSent                           // it refers to what is before the first byte of its direction: DeflateDamaged
	Unagreed                            // RSV1 was set, no extension was agreed, and the payload proves to be DEFLATE data (RFC 7692 §6)
)

// The facts by their bits.
var deflatedNames = [...]string{
	"final-block", "no-payload", "unclosed", "trailer-kept", "unfinished",
	"window-exceeded", "context-broken", "never-sent", "unagreed",
}

// Has reports whether all facts of f are in the set.
func (d Deflated) Has(f Deflated) bool { return d&f == f }

// String is the facts' names, with a comma between them.
func (d Deflated) String() string {
	var names []string
	for ; d != 0; d &= d - 1 {
		if i := bits.TrailingZeros16(uint16(d)); i < len(deflatedNames) {
			names = append(names, deflatedNames[i])
		}
	}
	return strings.Join(names, ",")
}

// Traffic is what the compressed messages of a direction come to.
type Traffic struct {
	Messages       uint64 // that were inflated whole
	Wire, Inflated uint64 // bytes of their payloads as sent, and inflated
}

// examine looks at the payload of a message that could not be inflated, or
// whose references may go too far, and notes what is the matter. The error is
// nil if the message is whole for all that, or is after inflating it once more
// with the window that it refers to.
func (a *Assembler) examine(d *draft, fresh bool, err error) error {
	f, c := &a.Scratch.inflater, a.context
	payload := len(d.wire) - len(deflateTail)
	known := f.known
	e := f.look(d.wire, known)
	if e.fault != scanned {
		if e.block != payload {
			if err == nil {
				return nil // which the inflater knows better
			}
			d.Obstacle, d.BrokenAt = DeflateDamaged, int64(min(e.at, payload))
			if e.at >= payload || e.fault == short {
				d.Deflated |= Unfinished
			}
			return err
		}
		d.Deflated |= Unclosed
		if bytes.HasSuffix(d.wire[:payload], deflateTail[:4]) {
			d.Deflated |= TrailerKept
		}
	}
	d.Distance = e.distance
	if e.distance > a.Deflate.agreedWindow() {
		d.Deflated |= WindowExceeded
		c.broken |= WindowExceeded
	}
	if e.reach > 0 && a.Deflate.NoContextTakeover && (c.lost || c.sent > 0) {
		d.Deflated |= ContextBroken
		c.broken |= ContextBroken
	}
	return a.reached(d, e, fresh, err)
}

// reached goes on with a message that is DEFLATE data from end to end.
func (a *Assembler) reached(d *draft, e *extent, fresh bool, err error) error {
	f, c := &a.Scratch.inflater, a.context
	switch {
	case err == nil:
		return nil
	case e.reach <= f.known && fresh && e.reach > 0:
		d.forget()
		f.window, f.joined = c.window, true
		if err := f.run(d.wire); err == errTooLong || d.Length != e.size && err != nil {
			return err
		}
		return nil
	case e.reach <= f.known && d.Deflated.Has(Unclosed) && d.Length == e.size:
		return nil
	case c.lost, c.sent > uint64(f.known):
		d.Obstacle = ContextMissing
	default:
		d.Obstacle, d.BrokenAt = DeflateDamaged, int64(max(e.reachAt, 0))
		if e.reachAt >= 0 {
			d.Deflated |= NeverSent
		}
	}
	return err
}

// maxProof is how many bytes of a message are looked at to see whether it is
// compressed although that was not agreed.
const maxProof = 8 << 10

// maxSymbol is more than a length and a distance take, in bytes.
const maxSymbol = 8

// suspect keeps the beginning of a message for prove. It is false: the
// message is no other for that.
func (a *Assembler) suspect(d *draft, p *Piece) bool {
	if room := maxProof - len(d.wire); room > 0 {
		d.wire = append(d.wire, p.Data(room)...)
	}
	return false
}

// prove looks whether a message with RSV1, which no extension explains, is a
// compressed one. To come to the end of DEFLATE data without a fault and
// without a reference to nothing is no accident, but for what is short: text
// must be text, then.
func (a *Assembler) prove(d *draft) {
	a.proved = true
	whole := d.WireLength == uint64(len(d.wire))
	if len(d.wire) < 2 {
		return
	}
	f := &a.Scratch.inflater
	payload := len(d.wire)
	d.wire = append(d.wire, deflateTail...)
	e := f.look(d.wire, 0)
	switch {
	case e.reach > 0 || e.size == 0:
		return
	case whole && e.fault != scanned && e.block != payload:
		return
	case !whole && e.fault != scanned && e.at+maxSymbol < payload:
		return
	}
	probe := draft{Message: Message{Opcode: d.Opcode}}
	f.begin(&probe, nil, 0, 8*maxProof, 1<<15)
	f.run(d.wire)
	f.end()
	if valid, _ := probe.text.end(); d.Opcode == Binary || valid || !whole && !probe.text.bad {
		d.Deflated |= Unagreed
	}
}

package frames

import (
	"bytes"
	"errors"
	"io"
	"math"

	"github.com/klauspost/compress/flate"
)

// permessage-deflate (RFC 7692): the payload of a message is a run of DEFLATE
// blocks (RFC 1951) that ends at a byte, less the four bytes that every such
// run ends with. With context takeover (RFC 7692 §7.1.1) its blocks may refer
// back into the 32 KiB of messages before it:
//
//	message 1      message 2          message 3
//	blocks         blocks ──┐         blocks ──┐
//	"..........."  "........▼.......  "........▼.....
//	      ◄──── window ────┘  ◄──── window ────┘
//
// So every message must go through the inflater, in order, seen or unseen. If
// one cannot, the window starts again, empty: a message that refers to what is
// not there fails, and one that does not is inflated right. Nothing is guessed.

// Deflate is what was negotiated with permessage-deflate for one direction
// (RFC 7692 §7.1).
type Deflate struct {
	NoContextTakeover bool // each message is compressed on its own
	WindowBits        int  // 8 to 15: the sender refers back 1<<WindowBits bytes; 0 is 15
}

// An Obstacle is what kept a compressed message from being inflated.
type Obstacle uint8

// The obstacles.
const (
	NoObstacle      Obstacle = iota
	PartMissing              // the capture does not hold all of the message
	ContextMissing           // it refers to an earlier message that could not be inflated
	DeflateDamaged           // its payload is not DEFLATE data (RFC 1951)
	MessageTooLong           // it is longer than MaxMessage, compressed or inflated
	TooMuchInflated          // what its direction has sent would inflate to more than is followed: see Assembler
)

var obstacleNames = [...]string{
	"none",
	"part of the message was not captured",
	"an earlier message that it refers to was not inflated",
	"not DEFLATE data",
	"longer than the limit",
	"its direction inflates to more than the limit",
}

// String says in a few words what the matter is.
func (o Obstacle) String() string { return obstacleNames[o] }

const (
	maxOverrun  = 16 // how many MaxMessage a message is inflated, unkept, for the window's sake
	restartCost = 32 << 10

	// What a direction may inflate to for each byte of it, beyond what one
	// message may. DEFLATE comes to 1,032 at most, and what programs say
	// to a tenth of this.
	maxRatio = 128
)

// deflateTail stands behind the compressed payload: the four bytes that the
// sender took off (RFC 7692 §7.2.2), then an empty last block so that the
// reader comes to an end.
var deflateTail = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// What may be left of deflateTail when a payload ended in a block marked as
// the last: all of it, or what is behind the four bytes if that block needed
// them.
const (
	tailWhole = 9
	tailEnd   = 5
)

// A context is what the messages of a direction share.
type context struct {
	window []byte   // the last bytes inflated, without a gap in them
	lost   bool     // bytes before the window are not known
	broken Deflated // what was agreed and not kept: WindowExceeded, ContextBroken
	sent   uint64   // bytes inflated so far
	total  Traffic
	wire   uint64 // payload bytes of all compressed messages that were run
	work   uint64 // what inflating them has cost, as in inflater
}

// trial is how many bytes of a direction are kept for the next message, as
// they come, whatever was agreed: who refers back although that was ruled out
// does so early, and can then be followed.
const trial = 1 << 15

func (c *context) lose() {
	c.window, c.lost = nil, true
}

// size is how many bytes behind a message are kept for the next.
func (c *context) size(agreed *Deflate) int {
	switch {
	case c.sent < trial || c.broken != 0:
		return 1 << 15
	case agreed.NoContextTakeover:
		return 0
	}
	return agreed.windowSize()
}

// settle keeps what the next message may refer to.
func (c *context) settle(agreed *Deflate) {
	size := c.size(agreed)
	if over := len(c.window) - size; over > 0 {
		c.window = append([]byte(nil), c.window[over:]...)
	}
	if len(c.window) >= size {
		c.lost = false
	}
}

// DropContext frees the memory held for inflating the next message. Messages
// that refer to it will have the obstacle ContextMissing.
func (a *Assembler) DropContext() {
	if a.context == nil {
		a.context = new(context)
	}
	a.context.lose()
}

// agreedWindow is how far back the sender may refer, in bytes.
func (d *Deflate) agreedWindow() int {
	if d.WindowBits < 8 || d.WindowBits > 15 {
		return 1 << 15
	}
	return 1 << d.WindowBits
}

// windowSize is how much is kept of that. Compressors asked for 8 bits are
// known to take 9.
func (d *Deflate) windowSize() int { return max(1<<9, d.agreedWindow()) }

// gather adds a piece to the compressed payload of a message, which is
// inflated when it is whole.
func (a *Assembler) gather(d *draft, p *Piece) {
	if d.Obstacle != NoObstacle {
		return
	}
	if len(d.wire)+len(p.Raw) > a.max() {
		d.Obstacle = MessageTooLong
		d.wire = nil
		return
	}
	d.wire = append(d.wire, p.Data(-1)...)
}

// inflate inflates a message that has ended, or notes why it cannot.
func (a *Assembler) inflate(d *draft) {
	if a.context == nil {
		a.context = new(context)
	}
	inStep := false
	switch {
	case !d.Complete:
		d.Obstacle = PartMissing
	case a.Deflate == nil:
		d.Obstacle = ContextMissing
	case d.Obstacle == NoObstacle:
		inStep = a.run(d)
	}
	d.Inflated = d.Obstacle == NoObstacle
	if !inStep {
		a.context.lose()
	}
	if d.Inflated {
		t := &a.context.total
		t.Messages++
		t.Wire += d.WireLength
		t.Inflated += d.Length
	} else if d.Obstacle != MessageTooLong && d.Obstacle != TooMuchInflated {
		d.forget()
	}
}

// budget is what the message at hand may inflate to for its direction's sake.
func (a *Assembler) budget() uint64 {
	allowed := maxOverrun*uint64(a.max()) + maxRatio*a.context.wire
	return allowed - min(allowed, a.context.work)
}

// forget drops what was inflated: it may be anything.
func (d *draft) forget() {
	d.data, d.text, d.Length = d.data[:0], utf8Check{}, 0
}

// Inflated is what the compressed messages come to that were inflated so far.
func (a *Assembler) Inflated() Traffic {
	if a.context == nil {
		return Traffic{}
	}
	return a.context.total
}

// run sends the payload of d through the inflater. It reports whether the
// context is in step behind it.
func (a *Assembler) run(d *draft) (inStep bool) {
	if len(d.wire) == 0 {
		d.Deflated |= NoPayload
		return true // no block at all: nothing was said, nothing is changed
	}
	f, c := &a.Scratch.inflater, a.context
	fresh := a.Deflate.NoContextTakeover && c.broken&ContextBroken == 0
	window := c.window
	if fresh {
		window = f.own[:0]
	}
	f.begin(d, window, a.keep(), uint64(a.max()), c.size(a.Deflate))
	if fresh {
		f.size = 1 << 15
	}
	f.known = len(c.window)
	c.wire += uint64(len(d.wire))
	f.budget = a.budget()
	d.wire = append(d.wire, deflateTail...)
	err := f.run(d.wire)
	if f.final {
		d.Deflated |= FinalBlock
	}
	if f.unclosed {
		d.Deflated |= Unclosed
	}
	if err != errTooLong && (err != nil || a.Deflate.agreedWindow() < 1<<15 || c.broken != 0) {
		err = a.examine(d, fresh, err)
	}
	switch {
	case err == errTooLong && f.work > f.budget:
		d.Obstacle = TooMuchInflated
	case err == errTooLong, d.Obstacle == NoObstacle && d.Length > f.max:
		d.Obstacle = MessageTooLong
	}
	c.work += f.work
	c.sent += d.Length
	if window = f.end(); fresh && !f.joined {
		if size := c.size(a.Deflate); size > 0 {
			c.window = slide(c.window, window, size)
		}
		f.own = window
	} else {
		c.window = window
	}
	c.settle(a.Deflate)
	return err == nil
}

var (
	errTooLong = errors.New("frames: message longer than the limit")
	errTail    = errors.New("frames: compressed message does not end with a block")
)

// An inflater is the machine that inflates, one message at a time: 40 KiB that
// all directions share.
type inflater struct {
	reader interface {
		io.WriterTo
		flate.Resetter
	}
	in     bytes.Reader
	draft  *draft // the message at hand
	window []byte // of its context, or own
	own    []byte // for messages without a context
	size   int    // of the window
	known  int    // bytes before the message that are kept
	keep   int
	max    uint64
	work   uint64 // bytes inflated, and what restarts cost
	budget uint64 // what that may come to in this message for its direction's sake

	final    bool // a block was marked as the last
	unclosed bool // and nothing followed it
	joined   bool // a message that was to be on its own was not: window is of its context
	scanner  *scanner
}

// begin prepares for a message. window is what is before it, and is slid.
func (f *inflater) begin(d *draft, window []byte, keep int, max uint64, size int) {
	f.draft, f.window, f.keep, f.max, f.size = d, window, keep, max, size
	f.work, f.budget, f.final, f.unclosed, f.joined = 0, math.MaxUint64, false, false, false
}

// look scans a payload with deflateTail behind it.
func (f *inflater) look(wire []byte, known int) *extent {
	if f.scanner == nil {
		f.scanner = new(scanner)
	}
	return f.scanner.scan(wire, known)
}

// end gives the window back.
func (f *inflater) end() []byte {
	window := f.window
	f.window, f.draft = nil, nil
	return window
}

// run inflates wire, which ends with deflateTail, into the draft.
func (f *inflater) run(wire []byte) error {
	f.in.Reset(wire)
	for {
		if err := f.restart(); err != nil {
			return err
		}
		if _, err := f.reader.WriteTo(f); err != nil {
			return err
		}
		// The reader stops behind a block that is marked as the last. If it
		// is not that of the tail, more blocks follow, at the next byte
		// (RFC 7692 §7.2.3.5).
		left := f.in.Len()
		f.final = f.final || left > 0
		f.unclosed = left == tailWhole
		switch {
		case left == 0, left == tailEnd, left == tailWhole:
			return nil
		case left < tailWhole:
			return errTail
		}
		if f.work += restartCost; f.work > maxOverrun*f.max || f.work > f.budget {
			return errTooLong
		}
	}
}

// restart sets the reader to f.in, with the window to refer to.
func (f *inflater) restart() error {
	if f.reader != nil {
		return f.reader.Reset(&f.in, f.window)
	}
	f.reader = flate.NewReaderDict(&f.in, f.window).(interface {
		io.WriterTo
		flate.Resetter
	})
	return nil
}

// Write takes what was inflated: it slides the window and, up to MaxMessage,
// counts, judges and keeps.
func (f *inflater) Write(b []byte) (int, error) {
	d := f.draft
	f.window = slide(f.window, b, f.size)
	f.work += uint64(len(b))
	d.Length += uint64(len(b))
	if f.work > f.budget {
		return 0, errTooLong
	}
	if d.Length <= f.max {
		if d.Opcode == Text && !d.text.bad {
			d.text.add(b, false)
		}
	} else if f.work > maxOverrun*f.max {
		return 0, errTooLong
	}
	d.keep(b, f.keep)
	return len(b), nil
}

// slide appends b to a window and keeps the last size bytes. The window grows
// with what it holds: of 100,000 connections few send much.
func slide(window, b []byte, size int) []byte {
	if len(b) >= size {
		window, b = window[:0], b[len(b)-size:]
	}
	if over := len(window) + len(b) - size; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	if need := len(window) + len(b); need > cap(window) {
		grown := make([]byte, len(window), min(need+need/8, size))
		copy(grown, window)
		window = grown
	}
	return append(window, b...)
}

package frames

// DefaultMaxMessage is the MaxMessage of an Assembler that names none, in bytes.
const DefaultMaxMessage = 64 << 20

// A Message is a text or binary message, joined from its frames (RFC 6455 §5.4).
// It is lent until the next call of a method of its Assembler, or of one that
// shares its Scratch.
type Message struct {
	Opcode     Opcode    // Text or Binary
	Frames     int       // how many it was joined from, the unfinished last one included
	Compressed bool      // RSV1 was set on the first frame and an extension gives it that meaning (RFC 7692 §6)
	WireLength uint64    // payload bytes of its frames as sent, lost ones included, as far as they came
	Length     uint64    // bytes of the message; of a Compressed one after inflating, if Inflated
	Inflated   bool      // a Compressed message was inflated whole
	Obstacle   Obstacle  // why a Compressed message was not
	Deflated   Deflated  // how a message was compressed (RFC 7692), or Unagreed
	Distance   int       // the farthest a Compressed message refers back, in bytes; known where less than 32 KiB was agreed or something is wrong
	BrokenAt   int64     // with DeflateDamaged: the byte of the compressed payload where that shows
	Lost       uint64    // payload bytes the capture lost
	Complete   bool      // its last frame was seen to its end and nothing was lost
	ValidUTF8  bool      // of a Text message: all of it was seen and is valid
	InvalidAt  int64     // of a Text message: the offset of its first bad byte; -1 if none was found
	Fault      UTF8Fault // what is wrong there
	Data       []byte    // the first Keep bytes, unmasked and inflated, but nothing from behind lost bytes
}

// An Assembler joins the frames of one direction into messages, inflates
// them and judges the UTF-8 of text. It follows what RFC 6455 §5.4 forbids,
// too: a whole message between the fragments of another is a message of its
// own, the first fragment of a new message ends the open one, and a
// continuation of nothing is no message. The zero value keeps no bytes and
// does not inflate.
type Assembler struct {
	Keep       int      // how many bytes of each message Data holds; negative: all, up to MaxMessage
	MaxMessage int      // the longest message kept or inflated, in bytes; 0 is DefaultMaxMessage. All may inflate to 16 of it and 128 times what was sent
	Deflate    *Deflate // what was negotiated for this direction; nil: RSV1 does not mean compressed

	// Scratch is the memory that messages are lent from. Assemblers and
	// parsers that run in one goroutine may share one; nil means its own.
	Scratch *Scratch

	open    *draft   // the message whose fragments come
	current *draft   // the message that the frame at hand belongs to; nil if to none
	context *context // nil before the first compressed message
	proved  bool     // the first message with RSV1 that no extension explains was looked at
}

// A draft is a message in the making.
type draft struct {
	Message
	text utf8Check
	data []byte // memory of Data
	wire []byte // of a Compressed message: the payload, unmasked
	rsv1 bool   // RSV1 was set on the first frame, which means something or is to be looked at
}

// Add takes the next piece of the direction. It returns a message when the
// piece completes it or shows that an open one is given up, nil otherwise.
func (a *Assembler) Add(p *Piece) *Message {
	var ended *Message
	if p.First {
		ended = a.begin(&p.Header)
	}
	d := a.current
	if d == nil {
		return ended
	}
	a.take(d, p)
	if !p.Last {
		return ended
	}
	a.current = nil
	if !p.Header.FIN {
		return ended
	}
	if d == a.open {
		a.open = nil
	}
	return a.finish(d, true)
}

// begin finds the message that a frame belongs to. It returns the open
// message if the frame ends that one before its time.
func (a *Assembler) begin(h *Header) (ended *Message) {
	a.current = nil
	switch h.Opcode {
	case Continuation:
		if a.open != nil {
			a.current = a.open
			a.open.Frames++
		}
	case Text, Binary:
		d := a.draft(h)
		a.current = d
		if a.open != nil && h.FIN {
			a.intrude(d)
			break
		}
		if a.open != nil {
			ended = a.finish(a.open, false)
		}
		a.open = d
	}
	return ended
}

// intrude notes that the message d stands between the fragments of the open
// one. If both were compressed in one context, the order in which they went
// through it is anyone's guess.
func (a *Assembler) intrude(d *draft) {
	if d.Compressed && a.open.Compressed && a.Deflate != nil && !a.Deflate.NoContextTakeover {
		d.Obstacle, a.open.Obstacle = ContextMissing, ContextMissing
	}
}

// draft begins a message with its first frame.
func (a *Assembler) draft(h *Header) *draft {
	if a.Scratch == nil {
		a.Scratch = new(Scratch)
	}
	d := a.Scratch.takeDraft()
	d.Message = Message{
		Opcode:     h.Opcode,
		Frames:     1,
		Compressed: h.RSV1 && a.Deflate != nil,
		InvalidAt:  -1,
	}
	d.text = utf8Check{}
	d.rsv1 = h.RSV1 && (d.Compressed || !a.proved)
	return d
}

// take adds the bytes of a piece to a message.
func (a *Assembler) take(d *draft, p *Piece) {
	d.WireLength += uint64(len(p.Raw)) + p.Lost
	d.Lost += p.Lost
	switch {
	case d.Lost > 0:
		// What is behind a gap is counted only: its place in the text is not.
	case d.Compressed:
		a.gather(d, p)
	case d.rsv1 && a.suspect(d, p):
	case d.Opcode == Text && !d.text.bad:
		data := p.Data(-1)
		d.text.add(data, p.Header.Masked && p.ascii)
		d.keep(data, a.keep())
	default:
		if room := a.keep() - len(d.data); room > 0 {
			d.keep(p.Data(room), a.keep())
		}
	}
}

// finish makes what is known of a message final. ended says that its last
// frame was seen.
func (a *Assembler) finish(d *draft, ended bool) *Message {
	d.Complete = ended && d.Lost == 0
	if d.Compressed {
		a.inflate(d)
	} else {
		d.Length = d.WireLength
		if d.rsv1 && d.Complete && !a.proved {
			a.prove(d)
		}
	}
	a.settle(d)
	a.Scratch.giveDraft(d)
	return &d.Message
}

// settle fills in what is judged at the end.
func (a *Assembler) settle(d *draft) {
	d.Data = d.data
	if d.Opcode != Text {
		return
	}
	if d.Complete && d.Compressed == d.Inflated {
		d.ValidUTF8, d.InvalidAt = d.text.end()
		d.Fault = d.text.fault()
	} else if d.text.bad {
		d.InvalidAt, d.Fault = d.text.at, d.text.fault()
	}
}

// Open is the message whose last frame has not been seen, as far as it came;
// for the end of the stream. ok is false if there is none.
func (a *Assembler) Open() (m *Message, ok bool) {
	if a.open == nil {
		return nil, false
	}
	d := a.open
	if d.Compressed {
		d.Obstacle = PartMissing
	} else {
		d.Length = d.WireLength
	}
	a.settle(d)
	return &d.Message, true
}

// Interrupt tells the assembler that frames may be missing before the next
// piece: the parser was out of step, or the capture began in the middle. An
// open message is given up and returned. What it shares with later messages
// for inflating them (RFC 7692 §7.1.1) is lost.
func (a *Assembler) Interrupt() *Message {
	a.current = nil
	if a.Deflate != nil {
		a.DropContext()
	}
	d := a.open
	if d == nil {
		return nil
	}
	a.open = nil
	return a.finish(d, false)
}

// Held is how many bytes the assembler holds between two calls: of an open
// message and for inflating the next one.
func (a *Assembler) Held() int {
	n := 0
	if a.context != nil {
		n = cap(a.context.window)
	}
	if a.open != nil {
		n += cap(a.open.data) + cap(a.open.wire)
	}
	return n
}

// max is MaxMessage with its default.
func (a *Assembler) max() int {
	if a.MaxMessage > 0 {
		return a.MaxMessage
	}
	return DefaultMaxMessage
}

// keep is how many bytes of a message are kept.
func (a *Assembler) keep() int {
	if a.Keep < 0 {
		return a.max()
	}
	return min(a.Keep, a.max())
}

// keep appends b to what is kept of the message, up to limit bytes in all.
func (d *draft) keep(b []byte, limit int) {
	if room := limit - len(d.data); room > 0 {
		d.data = append(d.data, b[:min(room, len(b))]...)
	}
}

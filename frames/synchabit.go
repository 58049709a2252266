package frames

// A MaskHabit says what is known of the mask bit of a direction's frames.
type MaskHabit uint8

// What is known of the mask bit (RFC 6455 §5.1).
const (
	MaskUnknown MaskHabit = iota // nothing is known of it
	MaskSet                      // frames are masked, as a client's must be
	MaskClear                    // frames are not masked, as a server's must not be
	MaskMixed                    // both were seen
)

// A Habit is what is known of how one endpoint sends its frames. A Finder
// takes for a frame only what agrees with it: RFC 6455 says how frames must
// be, but a direction is followed as it is. The zero value knows nothing.
type Habit struct {
	largest uint64 // payload in bytes
	frames  uint32 // noted, up to the largest number there is
	length  uint32 // of the last frame's payload, its lower half
	opcodes uint16 // a bit for each that was seen

	// Mask may be set to what the role of the endpoint demands before any of
	// its frames was seen.
	Mask MaskHabit

	// Deflate says that permessage-deflate was agreed (RFC 7692 §5), so that
	// RSV1 may be set. Of a direction of which nothing is known it may be, too.
	Deflate bool

	b0      uint8 // first byte of the last header, RSV2 and RSV3 left out
	same    uint8 // how many frames before the last one had its first byte and length
	message nesting
	oddities
}

// oddities are rules of RFC 6455 that an endpoint was seen to break.
type oddities uint8

const (
	longForm oddities = 1 << iota // a length not in its shortest form (RFC 6455 §5.2)
	tangled                       // fragments of messages mixed (RFC 6455 §5.4)
	zeroKey                       // masking keys that mask nothing (RFC 6455 §5.3)
)

// A nesting says whether a fragmented message is open (RFC 6455 §5.4).
type nesting uint8

const (
	unknown nesting = iota
	between         // messages
	within          // a message
)

// accepts says whether the sender of a data frame may send one with that
// header now, and what holds behind it. Control frames may stand anywhere.
func (n nesting) accepts(h *Header) (nesting, bool) {
	if h.Opcode.IsControl() {
		return n, true
	}
	forbidden := between
	if h.Opcode != Continuation {
		forbidden = within
	}
	if h.FIN {
		return between, n != forbidden
	}
	return within, n != forbidden
}

const (
	// Habits are gone by from so many frames on, and a frame that is like so
	// many before it is no surprise.
	habitual  = 16
	manyAlike = 8

	// unseenPayload is how large the payload of a frame may be, in bytes,
	// where too few were seen to say.
	unseenPayload = 64 << 10
)

// Note takes in the header of the next frame of the direction. It costs next
// to nothing.
func (h *Habit) Note(f *Header) {
	b0 := byte(f.Opcode)&opcodeLow | bit(f.FIN, bitFIN) | bit(f.RSV1, bitRSV1)
	length := uint32(f.PayloadLength)
	switch {
	case h.frames == 0 || b0 != h.b0 || length != h.length:
		h.same = 0
	case h.same < manyAlike:
		h.same++
	}
	h.b0, h.length = b0, length
	if h.frames++; h.frames == 0 {
		h.frames--
	}
	h.opcodes |= 1 << (f.Opcode & opcodeLow)
	h.largest = max(h.largest, min(f.PayloadLength, maxPlausible))
	h.Deflate = h.Deflate || f.RSV1
	h.noteMask(f)
	if !f.Minimal() {
		h.oddities |= longForm
	}
	next, ok := h.message.accepts(f)
	if h.message = next; !ok {
		h.oddities |= tangled
	}
}

func (h *Habit) noteMask(f *Header) {
	is := MaskClear
	if f.Masked {
		is = MaskSet
		if f.MaskingKey == [4]byte{} {
			h.oddities |= zeroKey
		}
	}
	if h.Mask != is {
		if h.Mask != MaskUnknown {
			is = MaskMixed
		}
		h.Mask = is
	}
}

// Interrupt tells that frames are missing before the next one noted: whether
// a fragmented message is open is not known.
func (h *Habit) Interrupt() { h.message = unknown }

// stranger says that nothing at all is known, not even that the direction
// carries frames.
func (h *Habit) stranger() bool { return h.frames == 0 && h.Mask == MaskUnknown }

// bare says that payloads may stand in the stream as they are: what looks
// like a frame may be one that is being carried inside a payload.
func (h *Habit) bare() bool { return h.Mask != MaskSet || h.oddities&zeroKey != 0 }

// reach is how far a payload whose header is not known may go, in bytes. That
// a frame is twice as large as any before it is not counted with.
func (h *Habit) reach() int64 {
	if h.frames < habitual {
		return int64(max(2*h.largest, unseenPayload))
	}
	return int64(2*h.largest + MaxControlPayload)
}

package capture

import (
	"fmt"
	"io"
	"math"
	"os"
)

// An Input is what is known about one file: before the end of it, so far.
type Input struct {
	Name        string
	Format      string // "pcapng", "pcap in gzip"; "" while it is not known
	Packets     int64
	Bytes       int64  // of those packets on the wire
	Drops       uint64 // packets the capturing machine says it lost
	Freezes     uint64 // of live capture: how often the kernel's buffer was full
	Cut         int64  // of live capture: packets of which the snapshot length cut bytes off
	SecretsLost int64  // bytes of TLS secrets past what [Files.Secrets] keeps
	Err         error  // why it was not read to its end, most often a *DamageError
	First, Last Time   // the earliest and the latest time of a packet; NoTime without any
}

// Sizes of the buffer that packets are read into: at first, in the long run,
// and at most. It grows past the second only while the bytes of one large
// record really arrive.
const (
	firstBuffer = 4 << 10
	readBuffer  = 256 << 10
)

// A packet of more bytes than this is taken for damage: packetLimit, or the
// file's own snapshot length where that is more, up to packetMax.
const (
	packetLimit = 256 << 10
	packetMax   = 16 << 20
)

// limitFor gives the most bytes that a packet of a capture with that
// snapshot length can have.
func limitFor(snaplen uint32) uint32 { return min(max(snaplen, packetLimit), packetMax) }

// An input reads one file through one buffer. It is asleep while file is
// nil: it is opened again when its first packet has its turn.
type input struct {
	Input
	files  *Files
	place  int       // see placed
	path   string    // of a regular file, "" of a stream that can be read once only
	size   int64     // of a regular file
	stream io.Reader // of one that can be read once only

	file    io.Closer // nil while asleep
	src     io.Reader // the bytes, unpacked
	srcErr  error     // what src ended with
	closers []io.Closer
	packed  string // the innermost compression, "" for none
	format  format

	buf  []byte // buf[r:w] was read and not used yet
	r, w int
	base int64 // offset of buf[0] in the unpacked stream

	seen    int64 // packets read by format
	counted int64 // bytes of the file that Progress knows of
	secrets int   // secrets handed on
	skip    int   // of them, those still to be met again after waking up

	head  Packet // the next packet, where several files are merged
	key   Time   // its time, never before that of the one before without a time
	order int    // place among the inputs: the first goes first at equal times
}

// open makes in ready to read from its start. Bytes read are counted for
// Progress only if counted.
func (in *input) open(counted bool) error {
	in.src = in.stream
	in.file = io.NopCloser(nil)
	if in.path != "" {
		f, err := os.Open(in.path)
		if err != nil {
			return &DamageError{File: in.Name, Reason: "cannot be opened again: " + cause(err).Error(), Err: err}
		}
		in.src, in.file = f, f
	}
	if counted {
		in.src = &counter{in.src, in}
	}
	in.buf, in.r, in.w, in.base = make([]byte, firstBuffer), 0, 0, 0
	in.srcErr, in.packed, in.seen, in.Drops = nil, "", 0, 0
	in.SecretsLost, in.skip = 0, in.secrets
	return in.start()
}

// close gives back what open took. Streams that in did not open stay open.
func (in *input) close() {
	for i := len(in.closers) - 1; i >= 0; i-- {
		in.closers[i].Close()
	}
	if in.file != nil {
		in.file.Close()
	}
	if len(in.buf) == readBuffer {
		in.files.free = append(in.files.free, in.buf)
	}
	in.closers, in.file, in.src, in.buf, in.format = nil, nil, nil, nil, nil
	in.r, in.w = 0, 0
}

// need says whether n bytes stand at the read position, and reads until they
// do or the stream ends. It moves the bytes: what was lent before is void.
func (in *input) need(n int) bool {
	for in.w-in.r < n {
		if in.srcErr != nil {
			return false
		}
		in.more()
	}
	return true
}

// more reads once. The buffer grows only when it is full of bytes that are
// still wanted, so a length that lies costs nothing.
func (in *input) more() {
	kept := in.buf[in.r:in.w]
	switch {
	case len(in.buf) > readBuffer && len(kept) < readBuffer/2:
		in.buf = in.files.buffer() // it grew for one large record
	case in.w < len(in.buf):
	case len(in.buf) < readBuffer:
		in.buf = in.files.buffer()
	case in.r == 0:
		in.buf = make([]byte, 2*len(in.buf))
	}
	copy(in.buf, kept)
	in.base += int64(in.r)
	in.r, in.w = 0, len(kept)
	for range 100 {
		n, err := in.src.Read(in.buf[in.w:])
		in.w += n
		in.srcErr = err
		if n > 0 || err != nil {
			return
		}
	}
	in.srcErr = io.ErrNoProgress
}

// discard passes over n bytes without keeping them, and says whether there
// were as many.
func (in *input) discard(n int64) bool {
	for n > int64(in.w-in.r) {
		n -= int64(in.w - in.r)
		in.r = in.w
		if in.srcErr != nil {
			return false
		}
		in.more()
	}
	in.r += int(n)
	return true
}

// end is what a format returns when no whole record follows: io.EOF where
// the last one was whole, or that it was cut, have bytes of want. What was
// being read is said by within, "" for a packet.
func (in *input) end(within string, have, want int) error {
	if in.w == in.r && in.srcErr == io.EOF {
		return io.EOF
	}
	e := in.damage("", within)
	e.Offset = in.base + int64(in.w)
	e.Have, e.Want = int64(max(have, 0)), int64(want)
	e.Reason = "cut off"
	if e.between = in.w == in.r; e.between {
		e.Have, e.Want = 0, 0
	}
	if !cutOff(in.srcErr) {
		e.Err = in.srcErr
		e.Reason = fmt.Sprintf("cannot be read on (%v)", cause(in.srcErr))
		if in.packed != "" {
			e.Reason = fmt.Sprintf("damaged %s data (%v)", in.packed, in.srcErr)
		}
		e.Have, e.Want = 0, 0
	}
	return e
}

// headerDamage is end for what stands before all packets.
func (in *input) headerDamage(within string, have, want int) error {
	e, ok := in.end(within, have, want).(*DamageError)
	if !ok {
		e = &DamageError{File: in.Name, Reason: "cut off", Within: within, Inside: in.packed, Want: int64(want)}
	}
	e.Offset, e.Packet = 0, 0
	return e
}

// damage makes the error for bytes that cannot be right at the read position.
func (in *input) damage(reason, within string) *DamageError {
	return &DamageError{File: in.Name, Offset: in.base + int64(in.r), Packet: in.seen + 1,
		Reason: reason, Within: within, Inside: in.packed}
}

// count adds a packet that was handed out.
func (in *input) count(p *Packet) {
	in.Packets++
	in.Bytes += int64(p.Length)
	if p.Time > in.Last {
		in.Last = p.Time
	}
	if p.Time < in.First && p.Time != NoTime {
		in.First = p.Time
	}
}

// facts gives what is known about in.
func (in *Input) facts() Input {
	i := *in
	if i.First == math.MaxInt64 && i.Last == NoTime {
		i.First = NoTime
	}
	return i
}

// A counter tells Files how many bytes of a file were read.
type counter struct {
	io.Reader
	in *input
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.in.counted += int64(n)
	c.in.files.read += int64(n)
	return n, err
}

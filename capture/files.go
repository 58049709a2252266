package capture

import (
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Files reads the packets of several capture files as one [Source], in order
// of time. Within a file they stay in the file's order.
//
// A file that is cut or damaged ends where it is: the others go on, and its
// [Input] tells. So Read gives no other error than io.EOF.
type Files struct {
	inputs []*input
	stdin  io.Reader
	opened []io.Closer // streams that Open opened

	begun  bool
	closed bool
	single *input   // the only one left: no merging
	queue  []*input // a heap: the first has the next packet, or is asleep and may have
	served *input   // the one whose packet is lent
	number int64

	running int    // inputs that have had packets and have not ended
	over    *input // the last that ended of these
	places  int    // at which they were captured

	free    [][]byte        // buffers of inputs that ended
	zstd    []*zstd.Decoder // decoders of such
	secrets []Secret
	kept    int   // bytes in secrets
	read    int64 // bytes of the files
	total   int64
}

// A Secret is what a decryption secrets block of a pcapng file holds.
type Secret struct {
	Type uint32 // 0x544c534b for TLS keys in the NSS key log format
	Data []byte
}

// secretsMax bounds the secrets that are kept.
const secretsMax = 16 << 20

var errClosed = errors.New("capture: read after close")

// Read fills p with the next packet of all files.
func (f *Files) Read(p *Packet) error {
	if in := f.single; in != nil {
		if err := in.format.read(in, p); err != nil {
			f.finish(in, err)
			f.single = nil
			return io.EOF
		}
		f.number++
		p.Number = f.number
		in.count(p)
		return nil
	}
	if f.closed {
		return errClosed
	}
	if !f.begun {
		f.begun = true
		if f.begin(); f.single != nil {
			return f.Read(p)
		}
	}
	return f.merge(p)
}

// ReadRun implements [Lender]. Packets of several files come one at a time, and
// so does a packet behind anything else that a file holds.
func (f *Files) ReadRun(p []Packet) (int, error) {
	if err := f.Read(&p[0]); err != nil {
		return 0, err
	}
	n, in := 1, f.single
	if in == nil {
		return n, nil
	}
	for n < len(p) && in.format.quick(in, &p[n]) {
		f.number++
		p[n].Number = f.number
		in.count(&p[n])
		n++
	}
	return n, nil
}

// begin opens the inputs. Where there are several, each regular file is put
// to sleep again once the time of its first packet is known.
func (f *Files) begin() {
	if len(f.inputs) == 1 {
		in := f.inputs[0]
		if err := in.open(true); err != nil {
			f.finish(in, err)
			return
		}
		f.single = in
		return
	}
	for _, in := range f.inputs {
		asleep := in.path != ""
		if err := in.open(!asleep); err != nil {
			f.finish(in, err)
			continue
		}
		in.key = NoTime
		if !f.next(in) {
			continue
		}
		if asleep {
			in.close()
		}
		f.push(in)
	}
}

// next reads the packet that in will show in the merge.
func (f *Files) next(in *input) bool {
	if err := in.format.read(in, &in.head); err != nil {
		f.finish(in, err)
		return false
	}
	if in.head.Time != NoTime {
		in.key = in.head.Time
	}
	return true
}

// merge serves the packet with the smallest key.
func (f *Files) merge(p *Packet) error {
	if in := f.served; in != nil {
		f.served = nil
		if f.next(in) {
			f.sink()
		} else {
			f.pop()
			f.running--
			f.over = in
		}
	}
	for len(f.queue) > 0 {
		in := f.queue[0]
		if in.file == nil {
			f.wake(in)
			continue
		}
		f.number++
		*p = in.head
		if in.Packets == 0 {
			f.placed(in)
		}
		p.Number, p.Input = f.number, in.place
		in.count(p)
		f.served = in
		return nil
	}
	return io.EOF
}

// placed says where in was captured, when its first packet is served. A capture
// that is cut by size or time has files that follow each other: one that begins
// when all that had packets have ended goes on where the last of them was.
func (f *Files) placed(in *input) {
	f.running++
	if f.running == 1 && f.over != nil {
		in.place = f.over.place
		return
	}
	in.place = f.places
	f.places++
}

// wake opens an input whose turn has come.
func (f *Files) wake(in *input) {
	in.key = NoTime
	if err := in.open(true); err != nil {
		f.finish(in, err)
		f.pop()
		return
	}
	if f.next(in) {
		f.sink()
	} else {
		f.pop()
	}
}

// finish ends an input.
func (f *Files) finish(in *input, err error) {
	if err != io.EOF {
		in.Err = err
	}
	in.close()
	if in.path != "" {
		f.read += in.size - in.counted // what is behind the damage will not be read
		in.counted = in.size
	}
}

// before says whether a goes before b.
func before(a, b *input) bool {
	return a.key < b.key || a.key == b.key && a.order < b.order
}

func (f *Files) push(in *input) {
	q := append(f.queue, in)
	for i := len(q) - 1; i > 0; {
		up := (i - 1) / 2
		if !before(q[i], q[up]) {
			break
		}
		q[i], q[up] = q[up], q[i]
		i = up
	}
	f.queue = q
}

func (f *Files) pop() {
	q := f.queue
	n := len(q) - 1
	q[0], q[n] = q[n], nil
	f.queue = q[:n]
	f.sink()
}

// sink puts the first of the queue where it belongs.
func (f *Files) sink() {
	q := f.queue
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(q) {
			return
		}
		if right := down + 1; right < len(q) && before(q[right], q[down]) {
			down = right
		}
		if !before(q[down], q[i]) {
			return
		}
		q[i], q[down] = q[down], q[i]
		i = down
	}
}

// buffer gives a read buffer.
func (f *Files) buffer() []byte {
	if n := len(f.free); n > 0 {
		b := f.free[n-1]
		f.free = f.free[:n-1]
		return b
	}
	return make([]byte, readBuffer)
}

// secret keeps a copy of what a decryption secrets block holds. An input
// that was asleep meets its first ones again.
func (in *input) secret(kind uint32, data []byte) {
	if in.skip > 0 {
		in.skip--
		return
	}
	in.secrets++
	f := in.files
	if len(data) > secretsMax-f.kept {
		in.SecretsLost += int64(len(data))
		return
	}
	f.kept += len(data)
	f.secrets = append(f.secrets, Secret{Type: kind, Data: append([]byte(nil), data...)})
}

// Secrets gives the TLS secrets met so far, at most 16 MiB of them. The list
// only ever grows, so its length tells whether there are new ones.
func (f *Files) Secrets() []Secret { return f.secrets }

// Inputs tells about each file, in the order in which they were named.
func (f *Files) Inputs() []Input {
	all := make([]Input, len(f.inputs))
	for i, in := range f.inputs {
		all[i] = in.facts()
	}
	return all
}

// Progress gives how many bytes of the files were read, as they are on disk,
// and how many there are, 0 where that is not known.
func (f *Files) Progress() (read, total int64) { return f.read, f.total }

// Close closes all files. What Inputs tells stays.
func (f *Files) Close() error {
	f.closed = true
	f.single, f.served, f.queue = nil, nil, nil
	for _, in := range f.inputs {
		in.close()
	}
	var errs []error
	for _, c := range f.opened {
		errs = append(errs, c.Close())
	}
	for _, d := range f.zstd {
		d.Close()
	}
	f.opened, f.free, f.zstd = nil, nil, nil
	return errors.Join(errs...)
}

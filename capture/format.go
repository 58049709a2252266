package capture

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A format reads the records of one kind of capture file.
type format interface {
	// header takes the file's header, of which the magic is known to fit.
	header(in *input) error
	// read takes what comes up to and with the next packet. It ends with
	// io.EOF at the end of a record, or else with what in.damage gives.
	read(in *input, p *Packet) error
	// quick is read of a packet that comes next, whole and sound, in the
	// buffer, whose bytes stay where they are; else it does nothing.
	quick(in *input, p *Packet) bool
}

// magics tells by the first bytes what a file is. A row has one of read, for
// a capture format; unpack, for a compression; and hint, for what is known
// but not read, where %s stands for the file's name.
var magics = []struct {
	magic  string
	name   string
	read   func() format
	unpack func(*Files, io.Reader) (io.ReadCloser, error)
	hint   string
}{
	{magic: "\xd4\xc3\xb2\xa1", name: "pcap", read: func() format { return &pcap{unit: 1000, head: 16} }},
	{magic: "\xa1\xb2\xc3\xd4", name: "pcap", read: func() format { return &pcap{unit: 1000, head: 16, swap: true} }},
	{magic: "\x4d\x3c\xb2\xa1", name: "nanosecond pcap", read: func() format { return &pcap{unit: 1, head: 16} }},
	{magic: "\xa1\xb2\x3c\x4d", name: "nanosecond pcap", read: func() format { return &pcap{unit: 1, head: 16, swap: true} }},
	{magic: "\x34\xcd\xb2\xa1", name: "modified pcap", read: func() format { return &pcap{unit: 1000, head: 24} }},
	{magic: "\xa1\xb2\xcd\x34", name: "modified pcap", read: func() format { return &pcap{unit: 1000, head: 24, swap: true} }},
	{magic: "\x0a\x0d\x0d\x0a", name: "pcapng", read: func() format { return new(pcapng) }},

	{magic: "\x1f\x8b", name: "gzip", unpack: unpackGzip},
	{magic: "\x28\xb5\x2f\xfd", name: "zstd", unpack: unpackZstd},
	{magic: "\x50\x2a\x4d\x18", name: "zstd", unpack: unpackZstd}, // a skippable frame, as pzstd begins
	{magic: "\x04\x22\x4d\x18", name: "lz4", unpack: unpackLz4},
	{magic: "\x02\x21\x4c\x18", name: "lz4", unpack: unpackLz4}, // the legacy frame
	{magic: "BZh", name: "bzip2", unpack: unpackBzip2},

	{magic: "\xfd7zXZ\x00", name: "xz", hint: "xz -dc %s | wssniff -r -"},
	{magic: "LZIP", name: "lzip", hint: "lzip -dc %s | wssniff -r -"},
	{magic: "\x1f\x9d", name: "compress", hint: "gzip -dc %s | wssniff -r -"},
	{magic: "PK\x03\x04", name: "zip", hint: "unzip -p %s | wssniff -r -"},
	{magic: "7z\xbc\xaf\x27\x1c", name: "7z", hint: "7z e -so %s | wssniff -r -"},
	{magic: "snoop\x00\x00\x00", name: "snoop", hint: "editcap %s out.pcapng, and read that"},
	{magic: "GMBU", name: "Network Monitor", hint: "editcap %s out.pcapng, and read that"},
	{magic: "RTSS", name: "Network Monitor", hint: "editcap %s out.pcapng, and read that"},
	{magic: "TRSNIFF data", name: "Sniffer", hint: "editcap %s out.pcapng, and read that"},
	{magic: "iptrace ", name: "iptrace", hint: "editcap %s out.pcapng, and read that"},
	{magic: "btsnoop\x00", name: "btsnoop", hint: "this is Bluetooth, which carries no TCP that wssniff could follow"},
}

// maxMagic is how many bytes at the start of a file settle what it is.
const maxMagic = 12

// maxNested is how many compressions may lie around a capture.
const maxNested = 4

// start finds out what the file is and reads its header.
func (in *input) start() error {
	for range maxNested + 1 {
		in.need(maxMagic)
		head := in.buf[in.r:in.w]
		if len(head) == 0 && in.srcErr == io.EOF {
			return &DamageError{File: in.Name, Reason: "empty" + in.inside(), Inside: in.packed}
		}
		row := -1
		for i := range magics {
			if strings.HasPrefix(string(head[:min(len(head), maxMagic)]), magics[i].magic) {
				row = i
				break
			}
		}
		switch {
		case row < 0 && in.srcErr != nil && in.srcErr != io.EOF:
			return in.headerDamage("the file header", len(head), 0)
		case row < 0:
			return &DamageError{File: in.Name, Inside: in.packed,
				Reason: fmt.Sprintf("not a capture file (starts with %x%s)", head[:min(len(head), 4)], in.inside())}
		case magics[row].read != nil:
			in.Format = magics[row].name + in.inside()
			in.format = magics[row].read()
			return in.format.header(in)
		case magics[row].unpack != nil:
			if err := in.unpack(magics[row].name, magics[row].unpack); err != nil {
				return err
			}
		default:
			return &DamageError{File: in.Name, Inside: in.packed,
				Reason: "not a capture file that can be read: this is " + magics[row].name + in.inside(),
				Hint:   strings.Replace(magics[row].hint, "%s", in.Name, 1)}
		}
	}
	return &DamageError{File: in.Name, Inside: in.packed,
		Reason: fmt.Sprintf("compressed more than %d times over", maxNested)}
}

// unpack puts a decompressor before what is left to read.
func (in *input) unpack(name string, open func(*Files, io.Reader) (io.ReadCloser, error)) error {
	var rest io.Reader = &tail{head: in.buf[in.r:in.w], src: in.src, err: in.srcErr}
	in.buf, in.r, in.w, in.base, in.srcErr = make([]byte, firstBuffer), 0, 0, 0, nil
	in.packed = name
	r, err := open(in.files, rest)
	if err != nil {
		in.srcErr = err
		if err == io.EOF {
			in.srcErr = io.ErrUnexpectedEOF
		}
		return in.headerDamage("the "+name+" header", 0, 0)
	}
	in.src = r
	in.closers = append(in.closers, r)
	return nil
}

// A tail reads head and then src: what was read to see the magic comes back.
type tail struct {
	head []byte
	src  io.Reader
	err  error // what src ended with, if it was read to its end
}

func (t *tail) Read(b []byte) (int, error) {
	if len(t.head) > 0 {
		n := copy(b, t.head)
		t.head = t.head[n:]
		return n, nil
	}
	if t.err != nil {
		return 0, t.err
	}
	return t.src.Read(b)
}

// packedBuffer is how much compressed data is read at a time.
const packedBuffer = 64 << 10

func unpackGzip(_ *Files, r io.Reader) (io.ReadCloser, error) {
	return gzip.NewReader(bufio.NewReaderSize(r, packedBuffer))
}

// unpackZstd takes windows of any size that the zstd program writes, which is
// 2 GiB with --long=31. The decoder makes room for a window before it knows
// that so much will come. That is harmless in fresh memory, which is not
// touched, so a decoder is used again and not thrown away.
func unpackZstd(f *Files, r io.Reader) (io.ReadCloser, error) {
	r = bufio.NewReaderSize(r, packedBuffer)
	if n := len(f.zstd); n > 0 {
		d := f.zstd[n-1]
		f.zstd = f.zstd[:n-1]
		return &zstdReader{d, f}, d.Reset(r)
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(min(1<<31, math.MaxInt/4)))
	if err != nil {
		return nil, err
	}
	return &zstdReader{d, f}, nil
}

// A zstdReader is a decoder on loan.
type zstdReader struct {
	*zstd.Decoder
	files *Files
}

// Close gives the decoder back.
func (z *zstdReader) Close() error {
	if err := z.Reset(nil); err != nil {
		return err
	}
	z.files.zstd = append(z.files.zstd, z.Decoder)
	return nil
}

func unpackLz4(_ *Files, r io.Reader) (io.ReadCloser, error) {
	return io.NopCloser(lz4.NewReader(bufio.NewReaderSize(r, packedBuffer))), nil
}

func unpackBzip2(_ *Files, r io.Reader) (io.ReadCloser, error) {
	return io.NopCloser(bzip2.NewReader(bufio.NewReaderSize(r, packedBuffer))), nil
}

// inside names the compression around what is being read.
func (in *input) inside() string {
	if in.packed == "" {
		return ""
	}
	return " in " + in.packed
}

// cutOff says whether err is how a stream ends that was cut.
func cutOff(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }

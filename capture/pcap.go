package capture

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A pcap reads the classic format: a header of 24 bytes, then records.
//
//	header: magic 4, version 2+2, zone 4, accuracy 4, snapshot length 4, link type 4
//	record: seconds 4, fraction 4, captured length 4, length 4, [modified: 8 more], bytes
//
// Fields are little-endian, or swapped.
type pcap struct {
	swap  bool
	unit  int64 // nanoseconds in one of a record's fraction
	head  int   // bytes before a record's data
	old   bool  // a version whose writers disagreed on which length is first
	link  LinkType
	limit uint32
}

const pcapHeader = 24

func (f *pcap) uint32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if f.swap {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (f *pcap) header(in *input) error {
	if !in.need(pcapHeader) {
		return in.headerDamage("the file header", in.w-in.r, pcapHeader)
	}
	b := in.buf[in.r:]
	major, minor := f.uint32(b[4:])&0xffff, f.uint32(b[4:])>>16
	if f.swap {
		major, minor = minor, major
	}
	// Up to 2.3 the two lengths may stand in either order; so they may in
	// 543.0, which DG/UX wrote.
	f.old = major < 2 || major == 2 && minor <= 3 || major == 543
	f.limit = limitFor(f.uint32(b[16:]))
	// The upper 16 bits say how long a frame check sequence stands behind
	// each packet. It is left there: IP tells where a datagram ends.
	f.link = LinkType(f.uint32(b[20:]))
	in.r += pcapHeader
	return nil
}

func (f *pcap) quick(in *input, p *Packet) bool {
	b := in.buf[in.r:in.w]
	if len(b) < f.head {
		return false
	}
	captured, length := f.uint32(b[8:]), f.uint32(b[12:])
	if captured > f.limit || len(b)-f.head < int(captured) || captured > length && f.old {
		return false
	}
	f.fill(in, p, captured, length)
	return true
}

func (f *pcap) read(in *input, p *Packet) error {
	if f.quick(in, p) {
		return nil
	}
	if !in.need(f.head) {
		return in.end("", in.w-in.r, f.head)
	}
	h := in.buf[in.r : in.r+f.head]
	captured, length := f.uint32(h[8:]), f.uint32(h[12:])
	if captured > length && f.old {
		captured, length = length, captured
	}
	if captured > f.limit {
		return in.damage("record length of "+group(int64(captured))+" bytes", "")
	}
	if !in.need(f.head + int(captured)) {
		return in.end("", in.w-in.r-f.head, int(captured))
	}
	f.fill(in, p, captured, length)
	return nil
}

// fill takes the record at the read position, which is in the buffer.
func (f *pcap) fill(in *input, p *Packet, captured, length uint32) {
	n := f.head + int(captured)
	b := in.buf[in.r : in.r+n : in.r+n]
	p.Time = Time(int64(f.uint32(b))*1e9 + int64(f.uint32(b[4:]))*f.unit)
	p.LinkType = f.link
	p.Data = b[f.head:]
	p.Length = int(min(max(length, captured), math.MaxInt32))
	in.r += n
	in.seen++
}

package capture

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A pcapng reads the format of sections and blocks:
//
//	block: type 4, total length 4, body, total length 4
//
// A section begins with a header block that tells its byte order. Packets
// name an interface, which was described by a block of the same section.
type pcapng struct {
	swap   bool
	ifaces []iface
}

// An iface is what an interface description block says.
type iface struct {
	link    LinkType
	snaplen uint32
	limit   uint32
	clock   clock
	drops   uint64
}

const (
	sectionHeader  = 0x0a0d0d0a // reads the same in both byte orders
	enhancedPacket = 6
	blockMax       = packetMax + 1<<20 // of a block that is kept whole while it is read
	maxIfaces      = 1 << 16
)

// blocks has a row for each block that is looked into. Others, custom and
// unknown ones, are passed over.
var blocks = []struct {
	kind  uint32
	name  string
	fixed int // bytes of the body before the part of varying length
	// read takes the body. It says whether it filled p.
	read func(f *pcapng, in *input, body []byte, p *Packet) (bool, error)
}{
	{enhancedPacket, "", 20, (*pcapng).enhanced},
	{1, "an interface description", 8, (*pcapng).description},
	{2, "", 20, (*pcapng).obsolete},
	{3, "", 4, (*pcapng).simple},
	{5, "interface statistics", 12, (*pcapng).statistics},
	{10, "decryption secrets", 8, (*pcapng).decryption},
}

func (f *pcapng) uint32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if f.swap {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (f *pcapng) uint16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if f.swap {
		v = bits.ReverseBytes16(v)
	}
	return v
}

// uint64 reads a number of eight bytes, which is in the section's order.
func (f *pcapng) uint64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if f.swap {
		v = bits.ReverseBytes64(v)
	}
	return v
}

// stamp reads a time: the upper half first, whatever the byte order.
func (f *pcapng) stamp(b []byte) uint64 {
	return uint64(f.uint32(b))<<32 | uint64(f.uint32(b[4:]))
}

func (f *pcapng) header(in *input) error {
	const least = 28
	if !in.need(least) {
		return in.headerDamage("the section header", in.w-in.r, least)
	}
	err := f.section(in)
	if e, ok := err.(*DamageError); ok {
		e.Offset, e.Packet = 0, 0
	}
	return err
}

func (f *pcapng) read(in *input, p *Packet) error {
	for {
		if f.quick(in, p) {
			return nil
		}
		if in.w-in.r < 12 && !in.need(12) {
			return in.end("a block header", in.w-in.r, 12)
		}
		kind := f.uint32(in.buf[in.r:])
		if kind == sectionHeader {
			if err := f.section(in); err != nil {
				return err
			}
			continue
		}
		full, err := f.block(in, kind, p)
		if err != nil {
			return err
		}
		if full {
			in.seen++
			return nil
		}
	}
}

// quick takes an enhanced packet block that is in the buffer as a whole and as
// it should be, which is nearly every block of a file. It costs half of what
// block does, which tells what is wrong with the others.
func (f *pcapng) quick(in *input, p *Packet) bool {
	b := in.buf[in.r:in.w]
	if len(b) < 32 || f.uint32(b) != enhancedPacket {
		return false
	}
	total, id, captured := f.uint32(b[4:]), f.uint32(b[8:]), f.uint32(b[20:])
	if total < 32 || int64(total) > int64(len(b)) || captured > total-32 || id >= uint32(len(f.ifaces)) {
		return false
	}
	i := &f.ifaces[id]
	if captured > i.limit || f.uint32(b[total-4:]) != total {
		return false
	}
	p.Time = i.clock.time(f.stamp(b[12:]))
	p.LinkType = i.link
	p.Data = b[28 : 28+captured : 28+captured]
	p.Length = int(min(max(f.uint32(b[24:]), captured), math.MaxInt32))
	in.r += int(total)
	in.seen++
	return true
}

// block takes one block, and says whether it filled p.
func (f *pcapng) block(in *input, kind uint32, p *Packet) (bool, error) {
	total := f.uint32(in.buf[in.r+4:])
	i := 0
	for i < len(blocks) && blocks[i].kind != kind {
		i++
	}
	if i == len(blocks) || total > blockMax && blocks[i].name == "decryption secrets" {
		return false, f.pass(in, total)
	}
	row := &blocks[i]
	if total < uint32(row.fixed)+12 || total > blockMax {
		return false, in.damage("block length of "+group(int64(total))+" bytes", row.name)
	}
	if in.w-in.r < int(total) && !in.need(int(total)) {
		return false, in.end(row.name, in.w-in.r, int(total))
	}
	b := in.buf[in.r : in.r+int(total)]
	if behind := f.uint32(b[total-4:]); behind != total {
		return false, in.damage(lengthsDiffer(total, behind), row.name)
	}
	full, err := row.read(f, in, b[8:total-4], p)
	if err != nil {
		return false, err
	}
	in.r += int(total)
	return full, nil
}

// pass takes a block without looking into it.
func (f *pcapng) pass(in *input, total uint32) error {
	const name = "a block that is not a packet"
	if total < 12 {
		return in.damage("block length of "+group(int64(total))+" bytes", name)
	}
	at := in.base + int64(in.r)
	if !in.discard(int64(total)-4) || !in.need(4) {
		e, ok := in.end(name, 0, 0).(*DamageError)
		if !ok {
			e = in.damage("cut off", name)
		}
		e.Have, e.Want = in.base+int64(in.w)-at, int64(total)
		return e
	}
	if behind := f.uint32(in.buf[in.r:]); behind != total {
		e := in.damage(lengthsDiffer(total, behind), name)
		e.Offset = at
		return e
	}
	in.r += 4
	return nil
}

func lengthsDiffer(before, behind uint32) string {
	return "block lengths differ (" + group(int64(before)) + " before it, " + group(int64(behind)) + " behind)"
}

// section takes a section header block: type, length, byte order, version
// 2+2, section length 8, options.
func (f *pcapng) section(in *input) error {
	const name = "a section header"
	if !in.need(28) {
		return in.end(name, in.w-in.r, 28)
	}
	b := in.buf[in.r:]
	switch binary.LittleEndian.Uint32(b[8:]) {
	case 0x1a2b3c4d:
		f.swap = false
	case 0x4d3c2b1a:
		f.swap = true
	default:
		return in.damage("no byte order", name)
	}
	if major := f.uint16(b[12:]); major != 1 {
		return in.damage("pcapng version "+group(int64(major))+", which is not known,", name)
	}
	f.ifaces = f.ifaces[:0]
	return f.pass(in, f.uint32(b[4:]))
}

// description takes link type 2, reserved 2, snapshot length 4, options.
func (f *pcapng) description(_ *input, b []byte, _ *Packet) (bool, error) {
	if len(f.ifaces) == maxIfaces {
		return false, nil
	}
	i := iface{link: LinkType(f.uint16(b)), snaplen: f.uint32(b[4:]), clock: clockOf(6)}
	i.limit = limitFor(i.snaplen)
	f.options(b[8:], func(code uint16, v []byte) {
		switch {
		case code == 9 && len(v) >= 1: // if_tsresol
			offset := i.clock.offset
			i.clock = clockOf(v[0])
			i.clock.offset = offset
		case code == 14 && len(v) >= 8: // if_tsoffset, in seconds
			i.clock.offset = int64(f.uint64(v))
		}
	})
	f.ifaces = append(f.ifaces, i)
	return false, nil
}

// statistics takes interface 4, time 8, options.
func (f *pcapng) statistics(in *input, b []byte, _ *Packet) (bool, error) {
	id := f.uint32(b)
	if id >= uint32(len(f.ifaces)) {
		return false, nil
	}
	var drops uint64
	f.options(b[12:], func(code uint16, v []byte) {
		if (code == 5 || code == 7) && len(v) >= 8 { // isb_ifdrop, isb_osdrop
			drops += f.uint64(v)
		}
	})
	// The counts are of the whole capture so far: the last block counts.
	in.Drops += drops - f.ifaces[id].drops
	f.ifaces[id].drops = drops
	return false, nil
}

// decryption takes secrets type 4, length 4, secrets.
func (f *pcapng) decryption(in *input, b []byte, _ *Packet) (bool, error) {
	n := min(int64(f.uint32(b[4:])), int64(len(b)-8))
	in.secret(f.uint32(b), b[8:8+n])
	return false, nil
}

// enhanced takes interface 4, time 8, captured length 4, length 4, bytes.
func (f *pcapng) enhanced(in *input, b []byte, p *Packet) (bool, error) {
	return f.packet(in, p, f.uint32(b), b, 20)
}

// obsolete takes interface 2, drops 2, then the same.
func (f *pcapng) obsolete(in *input, b []byte, p *Packet) (bool, error) {
	return f.packet(in, p, uint32(f.uint16(b)), b, 20)
}

func (f *pcapng) packet(in *input, p *Packet, id uint32, b []byte, head int) (bool, error) {
	captured, length := f.uint32(b[12:]), f.uint32(b[16:])
	if id >= uint32(len(f.ifaces)) {
		return false, in.damage("interface "+group(int64(id))+", which was not described,", "")
	}
	i := &f.ifaces[id]
	if captured > uint32(len(b)-head) || captured > i.limit {
		return false, in.damage("packet of "+group(int64(captured))+" bytes in a block of "+group(int64(len(b)+12)), "")
	}
	p.Time = i.clock.time(f.stamp(b[4:]))
	p.LinkType = i.link
	end := head + int(captured)
	p.Data = b[head:end:end]
	p.Length = int(min(max(length, captured), math.MaxInt32))
	return true, nil
}

// simple takes length 4, bytes. It is of the first interface, whose snapshot
// length says how much was captured, and has no time.
func (f *pcapng) simple(in *input, b []byte, p *Packet) (bool, error) {
	if len(f.ifaces) == 0 {
		return false, in.damage("interface 0, which was not described,", "")
	}
	length := f.uint32(b)
	n := min(int64(length), int64(len(b)-4))
	if snaplen := int64(f.ifaces[0].snaplen); snaplen > 0 {
		n = min(n, snaplen)
	}
	p.Time = NoTime
	p.LinkType = f.ifaces[0].link
	p.Data = b[4 : 4+n : 4+n]
	p.Length = int(min(length, math.MaxInt32))
	return true, nil
}

// options calls take with each option in b: code 2, length 2, value, padding
// to four bytes. What is damaged ends them: packets do not depend on it.
func (f *pcapng) options(b []byte, take func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := f.uint16(b), int(f.uint16(b[2:]))
		if code == 0 || n > len(b)-4 {
			return
		}
		take(code, b[4:4+n])
		b = b[min(4+(n+3)&^3, len(b)):]
	}
}

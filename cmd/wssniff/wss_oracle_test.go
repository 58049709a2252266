package main

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// What a capture of TLS lost with a packet is said here without the code that
// judges it in the program: segments are put in a row by their numbers, records
// walked by their lengths, and frames by theirs.

// A span is a part of a byte stream, and what of it is in which packets.
type span struct{ from, to int64 }

func (s span) meets(o span) bool { return s.from < o.to && o.from < s.to }

// A tlsRecord is where a record stands outside and inside.
type tlsRecord struct {
	out, in span
	typ     byte // inside
	packet  int64
	vital   bool // what is not to be read without it: of the handshake
}

// A spokenMessage is one message, and where its frames are.
type spokenMessage struct {
	what    string // its content
	wire    string // its length, where that is all that can be told of it: compressed, and what it refers to lost
	in      []span // inside
	begins  bool   // with a record
	deflate bool
}

// meets says whether a record holds a part of the message.
func (m *spokenMessage) meets(r *tlsRecord) bool {
	return slices.ContainsFunc(m.in, r.in.meets)
}

// A spoken is one direction of a connection.
type spoken struct {
	src, dst netip.AddrPort
	dir      reassembly.Dir
	isn      reassembly.SeqNum
	known    bool
	bytes    []byte
	carried  []int64 // by byte: the packet that brought it first
	again    []bool  // another packet brought it too
	records  []tlsRecord
	plain    []byte
	messages []spokenMessage
	h2       bool
}

func (s *spoken) put(g *reassembly.Segment) {
	if g.Flags.Has(reassembly.FlagSYN) {
		s.isn, s.known = g.Seq+1, true
	}
	if !s.known || len(g.Payload) == 0 {
		return
	}
	at := int(int32(g.Seq - s.isn))
	if at < 0 {
		return
	}
	if end := at + len(g.Payload); end > len(s.bytes) {
		s.bytes = append(s.bytes, make([]byte, end-len(s.bytes))...)
		s.carried = append(s.carried, make([]int64, end-len(s.carried))...)
		s.again = append(s.again, make([]bool, end-len(s.again))...)
	}
	for i, b := range g.Payload {
		if s.carried[at+i] != 0 {
			s.again[at+i] = true
			continue
		}
		s.bytes[at+i], s.carried[at+i] = b, g.Packet
	}
}

// walk cuts the direction into records.
func (s *spoken) walk() {
	for at := int64(0); at+5 <= int64(len(s.bytes)); {
		end := at + 5 + int64(binary.BigEndian.Uint16(s.bytes[at+3:]))
		if end > int64(len(s.bytes)) {
			return
		}
		r := tlsRecord{out: span{at, end}, typ: s.bytes[at]}
		for _, p := range s.carried[at:end] {
			r.packet = max(r.packet, p)
		}
		s.records = append(s.records, r)
		at = end
	}
}

// touched says which records a packet alone has brought bytes of.
func (s *spoken) touched(packet int64) (lost []tlsRecord) {
	for _, r := range s.records {
		for i := r.out.from; i < r.out.to; i++ {
			if s.carried[i] == packet && !s.again[i] {
				lost = append(lost, r)
				break
			}
		}
	}
	return lost
}

// spokenIn gives both directions of every connection of TLS, decrypted.
func spokenIn(t *testing.T, packets []capture.Packet, keys *tlsdecrypt.Keys) (all [][2]*spoken) {
	t.Helper()
	var ip reassembly.IP
	find := func(g *reassembly.Segment) *spoken {
		for _, c := range all {
			for _, s := range c {
				if s.src == g.Src && s.dst == g.Dst {
					return s
				}
			}
		}
		all = append(all, [2]*spoken{
			{src: g.Src, dst: g.Dst, dir: reassembly.FromClient}, {src: g.Dst, dst: g.Src, dir: reassembly.FromServer},
		})
		return all[len(all)-1][0]
	}
	for i := range packets {
		if g := ip.Segment(&packets[i]); g != nil {
			find(g).put(g)
		}
	}
	all = slices.DeleteFunc(all, func(c [2]*spoken) bool { return !tlsdecrypt.Looks(c[0].bytes) })
	for _, c := range all {
		unseal(t, c, keys)
	}
	return all
}

// unseal decrypts the records of a connection in the order they were complete.
func unseal(t *testing.T, c [2]*spoken, keys *tlsdecrypt.Keys) {
	t.Helper()
	d := tlsdecrypt.Decrypter{Keys: keys}
	type turn struct {
		s *spoken
		i int
	}
	var turns []turn
	for _, s := range c {
		s.walk()
		for i := range s.records {
			turns = append(turns, turn{s, i})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int {
		return cmp.Compare(a.s.records[a.i].packet, b.s.records[b.i].packet)
	})
	for _, at := range turns {
		s, r := at.s, &at.s.records[at.i]
		data := s.bytes[r.out.from:r.out.to]
		chunk := reassembly.Chunk{Dir: s.dir, Offset: r.out.from, Data: data, Packet: r.packet, Carried: r.packet}
		r.in.from = int64(len(s.plain))
		yielded := false
		for p := range d.Chunks(&chunk) {
			if p.Dir != s.dir {
				c[p.Dir].early(&p.Chunk)
				continue
			}
			s.plain = append(s.plain, p.Data...)
			yielded = true
		}
		r.in.to = int64(len(s.plain))
		r.vital = !yielded
	}
	for _, s := range c {
		s.h2 = d.Facts().ALPN == "h2"
		s.parse()
	}
}

// early takes what a record held that had to wait for a word of the other side:
// whether it takes early data (RFC 8446 §4.2.10).
func (s *spoken) early(p *reassembly.Chunk) {
	i := slices.IndexFunc(s.records, func(r tlsRecord) bool { return r.packet == p.Carried && r.typ == 23 && r.vital })
	from := int64(len(s.plain))
	s.plain = append(s.plain, p.Data...)
	if i >= 0 {
		s.records[i].in, s.records[i].vital = span{from, int64(len(s.plain))}, false
	}
}

// inflated is what a message was before permessage-deflate (RFC 7692 §7.2.2).
func inflated(b, before []byte) []byte {
	tail := []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}
	out, _ := io.ReadAll(flate.NewReaderDict(io.MultiReader(bytes.NewReader(b), bytes.NewReader(tail)), before[max(0, len(before)-32<<10):]))
	return out
}

func messageKey(src, dst netip.AddrPort, stream uint32, content []byte) string {
	return fmt.Sprintf("%d>%d/%d %d %x", src.Port(), dst.Port(), stream, len(content), sha256.Sum256(content))
}

// wireKey names a compressed message whose content is not known.
func wireKey(src, dst netip.AddrPort, stream uint32, length uint64) string {
	return fmt.Sprintf("%d>%d/%d %d compressed", src.Port(), dst.Port(), stream, length)
}

// A placed byte string is part of the plaintext, perhaps not in one piece.
type placed struct {
	stream uint32 // of HTTP/2
	bytes  []byte
	at     []int64 // by byte: where it stands in the plaintext
}

// cut gives the spans of a part.
func (p *placed) spans(from, to int) (in []span) {
	for i := from; i < to; i++ {
		if n := len(in); n > 0 && in[n-1].to == p.at[i] {
			in[n-1].to++
			continue
		}
		in = append(in, span{p.at[i], p.at[i] + 1})
	}
	return in
}

// parse finds the messages of a WebSocket behind its head, or in the streams
// of HTTP/2.
func (s *spoken) parse() {
	if s.h2 {
		for _, p := range s.streams() {
			s.converse(p)
		}
		return
	}
	if head := bytes.Index(s.plain, []byte("\r\n\r\n")); head >= 0 {
		p := placed{bytes: s.plain[head+4:]}
		for i := range p.bytes {
			p.at = append(p.at, int64(head+4+i))
		}
		s.converse(&p)
	}
}

// streams gives what the DATA frames of each stream carry (RFC 9113 §6.1).
func (s *spoken) streams() (all []*placed) {
	by := map[uint32]*placed{}
	at := 0
	if s.dir == reassembly.FromClient {
		at = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	}
	for at+9 <= len(s.plain) {
		b := s.plain[at:]
		n, typ, flags, id := int(b[0])<<16|int(b[1])<<8|int(b[2]), b[3], b[4], binary.BigEndian.Uint32(b[5:])
		from, to := at+9, at+9+n
		if to > len(s.plain) {
			return all
		}
		at = to
		if typ != 0 {
			continue
		}
		if flags&8 != 0 {
			to -= int(s.plain[from])
			from++
		}
		p := by[id]
		if p == nil {
			p = &placed{stream: id}
			by[id] = p
			all = append(all, p)
		}
		for i := from; i < to; i++ {
			p.bytes, p.at = append(p.bytes, s.plain[i]), append(p.at, int64(i))
		}
	}
	return all
}

// converse finds the messages of one WebSocket.
func (s *spoken) converse(p *placed) {
	var m *spokenMessage
	var content, before []byte
	for at := 0; at < len(p.bytes); {
		h, n := frames.DecodeHeader(p.bytes[at:])
		if n == 0 || at+n+int(h.PayloadLength) > len(p.bytes) {
			return
		}
		end := at + n + int(h.PayloadLength)
		payload := bytes.Clone(p.bytes[at+n : end])
		if h.Masked {
			for i := range payload {
				payload[i] ^= h.MaskingKey[i&3]
			}
		}
		if !h.Opcode.IsControl() {
			if m == nil {
				m, content = &spokenMessage{deflate: h.RSV1, begins: s.beginsRecord(p.at[at])}, nil
			}
			content = append(content, payload...)
			m.in = append(m.in, p.spans(at, end)...)
		}
		if m != nil && h.FIN && !h.Opcode.IsControl() {
			if m.wire = wireKey(s.src, s.dst, p.stream, uint64(len(content))); m.deflate {
				content = inflated(content, before)
				before = append(before, content...)
			}
			m.what = messageKey(s.src, s.dst, p.stream, content)
			s.messages = append(s.messages, *m)
			m = nil
		}
		at = end
	}
}

func (s *spoken) beginsRecord(at int64) bool {
	return slices.ContainsFunc(s.records, func(r tlsRecord) bool { return r.in.from == at && r.in.to > at })
}

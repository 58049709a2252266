package reassembly

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// IP fragments are put together as RFC 791 §3.2 and RFC 8200 §4.5 say, from
// copies of what came. Where fragments overlap:
//
//   - In IPv4 the first copy of a byte wins. If a later one differs, the
//     datagram is in doubt, and a segment in it is given only if its TCP
//     checksum is right: identifications come again soon (RFC 4963), and half
//     of one datagram with half of another was never sent.
//   - In IPv6 the whole datagram is given up (RFC 5722 §3), unless the
//     fragment only repeats what is there (RFC 8200 §4.5).
//
// A datagram that is complete is remembered for a while, so that a copy of one
// of its fragments does not wait for the others of a later one.

// Datagrams counts the datagrams that came in IP fragments and might hold a
// segment: how they were put together, and why not.
type Datagrams struct {
	Joined    int64 // complete
	Timeout   int64 // given up: 30 s in IPv4, 60 s in IPv6 after their first packet
	Overlap   int64 // given up: overlapping fragments of IPv6
	Budget    int64 // given up: IP.MaxFragments was reached
	Waiting   int64 // not complete yet; given up where the capture ends
	Conflicts int64 // fragments that disagreed with earlier ones about bytes or the end
}

// Parts tells which datagrams in IP fragments a packet is a part of. They are
// numbered from 1.
type Parts struct {
	Of     int64   // that waits for other parts, or repeats one of a datagram that was complete before; 0 is none
	Joined []int64 // that the packet completed, outer ones first
	Gone   []int64 // of which no more parts are taken
}

func (p *Parts) reset() { p.Of, p.Joined, p.Gone = 0, p.Joined[:0], p.Gone[:0] }

const (
	timeout4 = 30 * time.Second // as Linux has it; RFC 791 §3.2 suggests 15 s
	timeout6 = 60 * time.Second // RFC 8200 §4.5

	maxFragments  = 8 << 20
	maxRemembered = 256      // datagrams that are over
	spareBytes    = 16 << 10 // that one of these may keep
	maxSpare      = 64       // of them, to be used again
	datagramCost  = 256      // bytes, in the budget
	pieceCost     = 32       //
	maxDatagram   = 0xffff   // without the IP header
)

// A fragmentKey says which datagram a fragment is of (RFC 791 §3.2, RFC 8200
// §4.5), and on which network.
type fragmentKey struct {
	src, dst netip.Addr
	path     uint64
	id       uint32
	proto    uint8 // in IPv6 that of the fragment header
}

func (k *fragmentKey) v6() bool { return k.src.Is6() }

// A fragment is one of them.
type fragment struct {
	key    fragmentKey
	proto  uint8 // of what the datagram holds; in IPv6 only the first one's counts
	offset int
	more   bool
	data   []byte // cut where the capture cut the packet
	size   int    // on the wire
}

// A progress says what is done with further fragments of a datagram.
type progress uint8

const (
	waiting progress = iota
	complete
	foreign    // it holds no segment
	overlapped // it was given up
)

// A held is a datagram of which fragments came.
type held struct {
	key        fragmentKey
	progress   progress
	proto      uint8
	serial     int64
	first      capture.Time
	packets    int64 // counted in Stats.Fragments
	data       []byte
	pieces     []piece // by offset, apart from each other
	have       int     // bytes on the wire of all pieces
	end        int     // of the datagram; -1 until the last fragment came
	doubtful   bool
	prev, next *held
}

// A piece is a part of a datagram.
type piece struct {
	at, size int // in the datagram, on the wire
	from, n  int // in held.data; n < size where the capture cut it
}

func (p *piece) end() int { return p.at + p.size }

// fragments holds the datagrams of one IP version that are not complete, and
// the last ones that are over. Its zero value is ready.
type fragments struct {
	all     map[fragmentKey]*held
	waiting heldList
	over    heldList
	bytes   int64
	spare   []*held
}

// fragment takes a fragment. If it completes its datagram, what is in that is
// taken on.
func (ip *IP) fragment(t *fragments, f fragment) bool {
	end := f.offset + f.size
	if f.size <= 0 || f.more && f.size%8 != 0 || end > maxDatagram {
		ip.Stats.Malformed++
		return false
	}
	ip.expire(t)
	d := t.all[f.key]
	if d != nil && (ip.late(d) || d.progress == complete && !d.repeats(&f)) {
		ip.drop(t, d, &ip.Stats.Datagrams.Timeout)
		d = nil
	}
	if proto, ok := ip.leads(&f); !ok {
		return ip.notSegmented(t, d, &f, proto)
	}
	if d != nil && d.progress == foreign && f.offset == 0 { // its identification came again
		ip.drop(t, d, nil)
		d = nil
	}
	if d == nil {
		d = ip.hold(t, &f)
	}
	switch d.progress {
	case complete:
		ip.Parts.Of = d.serial
		ip.Stats.Joined++
		return false
	case foreign:
		ip.notTCP(d.proto, 1)
		return false
	}
	if d.progress == waiting && ip.take(t, d, &f) {
		return ip.join(t, d)
	}
	if d.progress == waiting {
		ip.Parts.Of = d.serial
	}
	d.packets++
	ip.Stats.Fragments++
	ip.keep(t)
	return false
}

// leads says whether a fragment may be of a segment. In IPv6 that is known of
// the first one only.
func (ip *IP) leads(f *fragment) (proto uint8, ok bool) {
	switch {
	case f.offset == 0:
		return segmented(f.proto, f.data)
	case f.key.v6():
		return 0, true
	}
	return segmented(f.proto, nil)
}

// notSegmented counts a fragment that is not of a segment, and those before
// it that were held until that was known. It remembers that where it is not
// seen from each fragment.
func (ip *IP) notSegmented(t *fragments, d *held, f *fragment, proto uint8) bool {
	_, plain := segmented(f.proto, nil)
	if d == nil && (plain || f.key.v6()) {
		d = ip.hold(t, f)
	}
	if d != nil && d.progress == waiting {
		ip.Stats.Fragments -= d.packets
		ip.notTCP(proto, d.packets)
		d.packets, d.proto = 0, proto
		ip.finish(t, d, foreign)
	}
	ip.notTCP(proto, 1)
	ip.keep(t)
	return false
}

func (ip *IP) notTCP(proto uint8, n int64) {
	ip.Stats.NotTCP += n
	ip.Stats.Protocols[proto] += n
}

// take adds a fragment to its datagram, and says whether that is complete.
func (ip *IP) take(t *fragments, d *held, f *fragment) bool {
	end, last := f.offset+f.size, 0
	if len(d.pieces) > 0 {
		last = d.pieces[len(d.pieces)-1].end()
	}
	covered, differs := d.compare(f)
	switch {
	case d.end >= 0 && (end > d.end || !f.more && end != d.end), !f.more && last > end:
		differs = true // two ends
		if !f.key.v6() {
			ip.Stats.Datagrams.Conflicts++
			d.doubtful = true
			return false
		}
	case differs:
		d.doubtful = true
	}
	if differs {
		ip.Stats.Datagrams.Conflicts++
	}
	if f.key.v6() && (differs || covered > 0 && covered < f.size) {
		ip.Stats.Datagrams.Overlap++
		ip.finish(t, d, overlapped)
		return false
	}
	if f.offset == 0 {
		d.proto = f.proto
	}
	if !f.more {
		d.end = end
	}
	if covered < f.size {
		t.bytes += d.insert(f)
	}
	return d.have == d.end
}

// join puts a complete datagram together and takes on what is in it. It
// counts for the packet at hand.
func (ip *IP) join(t *fragments, d *held) bool {
	b := ip.joined[:0]
	for i := range d.pieces {
		p := &d.pieces[i]
		b = append(b, d.data[p.from:p.from+p.n]...)
		if p.n < p.size {
			break // the capture cut it: nothing behind it can be used
		}
	}
	ip.joined = b
	ip.Stats.Fragments -= d.packets
	ip.Stats.Joined += d.packets
	d.packets = 0
	ip.Stats.Datagrams.Joined++
	ip.Parts.Joined = append(ip.Parts.Joined, d.serial)
	ip.finish(t, d, complete)
	proto, size, doubtful := d.proto, d.end, ip.doubtful
	ip.doubtful = doubtful || d.doubtful
	ip.keep(t)
	ok := ip.upper(proto, b, size)
	ip.doubtful = doubtful
	return ok
}

// find gives the place of the first piece that ends behind offset.
func (d *held) find(offset int) int {
	i, _ := slices.BinarySearchFunc(d.pieces, offset, func(p piece, offset int) int {
		return cmp.Compare(p.end(), offset+1)
	})
	return i
}

// compare says how many bytes of f are there already, and whether one of
// those differs.
func (d *held) compare(f *fragment) (covered int, differs bool) {
	end := f.offset + f.size
	for i := d.find(f.offset); i < len(d.pieces) && d.pieces[i].at < end; i++ {
		p := &d.pieces[i]
		low, high := max(p.at, f.offset), min(p.end(), end)
		covered += high - low
		both := min(high, p.at+p.n, f.offset+len(f.data)) // what the capture has of both
		if both > low && !bytes.Equal(d.data[p.from+low-p.at:p.from+both-p.at], f.data[low-f.offset:both-f.offset]) {
			differs = true
		}
	}
	return covered, differs
}

// repeats says whether f is a copy of a part of d, which is complete.
func (d *held) repeats(f *fragment) bool {
	end := f.offset + f.size
	covered, differs := d.compare(f)
	return covered == f.size && !differs && f.more == (end < d.end)
}

// insert adds the parts of f that are not there yet, and gives what that
// costs.
func (d *held) insert(f *fragment) (cost int64) {
	at, end := f.offset, f.offset+f.size
	i := d.find(at)
	first, gaps := i, 0
	known := len(d.pieces)
	for at < end {
		next := end
		if i < known {
			next = min(next, max(d.pieces[i].at, at))
		}
		if next > at {
			low := min(at-f.offset, len(f.data))
			high := min(next-f.offset, len(f.data))
			d.pieces = append(d.pieces, piece{at, next - at, len(d.data), high - low})
			d.data = append(d.data, f.data[low:high]...)
			d.have += next - at
			cost += int64(high-low) + pieceCost
			gaps++
		}
		if at = next; i < known && at < end {
			at = d.pieces[i].end()
			i++
		}
	}
	if gaps == 1 { // the common case
		p := d.pieces[known]
		copy(d.pieces[first+1:], d.pieces[first:known])
		d.pieces[first] = p
	}
	if gaps != 1 || !sortedAt(d.pieces, first) {
		slices.SortFunc(d.pieces, func(a, b piece) int { return cmp.Compare(a.at, b.at) })
	}
	return cost
}

// sortedAt says whether the piece at i stands between its neighbours.
func sortedAt(pieces []piece, i int) bool {
	return (i == 0 || pieces[i-1].at < pieces[i].at) && (i+1 == len(pieces) || pieces[i].at < pieces[i+1].at)
}

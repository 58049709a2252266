// Package capture turns saved captures and network interfaces into packets, and
// a packet into the IP datagram it carries.
//
//	file names ──Open──▶ Files ──┐
//	                             ├─ Source ──Packets──▶ Packet ──Decap.Datagram──▶ IP datagram
//	interfaces ──Listen──▶ Live ─┘
//
// A [Packet] is a number, a time, a link type and bytes that are lent until the
// next one is read. Those of files come in order of time.
package capture

import (
	"io"
	"iter"
	"math"
	"time"
)

// Time is a packet's time in nanoseconds since 1970-01-01 00:00 UTC.
type Time int64

// NoTime is the time of a packet whose file records none (pcapng's simple
// packet block).
const NoTime Time = math.MinInt64

// Sub gives t-u, and 0 where one of them is [NoTime].
func (t Time) Sub(u Time) time.Duration {
	if t == NoTime || u == NoTime {
		return 0
	}
	return time.Duration(t - u)
}

// UTC gives t as a [time.Time], the zero one for [NoTime].
func (t Time) UTC() time.Time {
	if t == NoTime {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// A Packet is what was captured. It and its Data are lent: both are good
// until the next one is read.
type Packet struct {
	Number   int64    // counted from 1, and on across the files of one run
	Time     Time     // when it was captured
	LinkType LinkType // how Data begins
	Data     []byte   // what the capture holds of it
	Length   int      // bytes it had on the wire; more than len(Data) where the capture cut it
	Input    int      // at which of several places, counted from 0, it was captured: each may have a clock of its own. Files that follow each other are of one
}

// A Source yields packets.
type Source interface {
	// Read fills p with the next packet. It ends with io.EOF; any other
	// error means that no packet will follow either.
	Read(p *Packet) error
	Close() error
}

// A Lender is a [Source] that can lend several packets at once: a processor
// is done sooner with the same step for each of them than with all steps for
// one after the other.
type Lender interface {
	Source
	// ReadRun fills p, from its beginning, with the next packets, as many as
	// are at hand, and gives their number: at least one, unless there is an
	// error, which is as that of Read. They are lent until the next call.
	ReadRun(p []Packet) (int, error)
}

// run is how many packets are asked of a Lender at once. What they are made
// of fits the first-level cache of a processor.
const run = 64

// Packets ranges over the packets of src. The packet is lent until the loop
// turns. An error other than the end is yielded last, with a nil packet.
func Packets(src Source) iter.Seq2[*Packet, error] {
	read := func(p []Packet) (int, error) { return 1, src.Read(&p[0]) }
	if l, ok := src.(Lender); ok {
		read = l.ReadRun
	}
	return func(yield func(*Packet, error) bool) {
		var packets [run]Packet
		for {
			n, err := read(packets[:])
			if err != nil {
				if err != io.EOF {
					yield(nil, err)
				}
				return
			}
			for i := range packets[:n] {
				if !yield(&packets[i], nil) {
					return
				}
			}
		}
	}
}

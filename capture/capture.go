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
}

// A Source yields packets.
type Source interface {
	// Read fills p with the next packet. It ends with io.EOF; any other
	// error means that no packet will follow either.
	Read(p *Packet) error
	Close() error
}

// Packets ranges over the packets of src. The packet is lent until the loop
// turns. An error other than the end is yielded last, with a nil packet.
func Packets(src Source) iter.Seq2[*Packet, error] {
	return func(yield func(*Packet, error) bool) {
		var p Packet
		for {
			if err := src.Read(&p); err != nil {
				if err != io.EOF {
					yield(nil, err)
				}
				return
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}

package reassembly

import (
	"testing"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// TestElsewhere plays a connection that two captures hold, one 30 ms behind.
func TestElsewhere(t *testing.T) {
	const off = 30 * time.Millisecond
	type sent struct {
		d      Dir
		at     time.Duration // in the first capture
		seq    SeqNum
		ack    SeqNum
		data   string
		flags  Flags
		missed [2]bool // by capture
	}
	const syn, ack = FlagSYN, FlagACK
	for _, tt := range []struct {
		name         string
		sent         []sent
		text         string
		again, order int64
		rtt          time.Duration
	}{
		{
			"each packet in both", []sent{
				{d: FromClient, at: 0, seq: 9, flags: syn}, {d: FromServer, at: 1, seq: 99, ack: 10, flags: syn | ack}, {d: FromClient, at: 2, seq: 10, ack: 100, flags: ack},
				{d: FromClient, at: 3, seq: 10, ack: 100, data: "one", flags: ack}, {d: FromServer, at: 4, seq: 100, ack: 13, flags: ack},
				{d: FromClient, at: 50, seq: 13, ack: 100, data: "two", flags: ack}, {d: FromServer, at: 52, seq: 100, ack: 16, flags: ack},
			}, "onetwo", 0, 0, time.Millisecond,
		},
		{
			"one sent again, in both", []sent{
				{d: FromClient, at: 0, seq: 9, flags: syn}, {d: FromServer, at: 1, seq: 99, ack: 10, flags: syn | ack}, {d: FromClient, at: 2, seq: 10, ack: 100, flags: ack},
				{d: FromClient, at: 3, seq: 10, ack: 100, data: "one", flags: ack}, {d: FromClient, at: 210, seq: 10, ack: 100, data: "one", flags: ack},
				{d: FromServer, at: 211, seq: 100, ack: 13, flags: ack},
			}, "one", 1, 0, 0,
		},
		{
			"one missed by the first", []sent{
				{d: FromClient, at: 0, seq: 9, flags: syn}, {d: FromServer, at: 1, seq: 99, ack: 10, flags: syn | ack}, {d: FromClient, at: 2, seq: 10, ack: 100, flags: ack},
				{d: FromClient, at: 3, seq: 10, ack: 100, data: "one", flags: ack, missed: [2]bool{true, false}}, {d: FromClient, at: 4, seq: 13, ack: 100, data: "two", flags: ack},
				{d: FromClient, at: 5, seq: 16, ack: 100, data: "three", flags: ack}, {d: FromServer, at: 6, seq: 100, ack: 21, flags: ack},
			}, "onetwothree", 0, 0, 0,
		},
		{
			"one sent again, long after the first has ended", []sent{
				{d: FromClient, at: 0, seq: 9, flags: syn}, {d: FromServer, at: 1, seq: 99, ack: 10, flags: syn | ack}, {d: FromClient, at: 2, seq: 10, ack: 100, flags: ack},
				{d: FromClient, at: 3, seq: 10, ack: 100, data: "one", flags: ack}, {d: FromClient, at: 20_000, seq: 10, ack: 100, data: "one", flags: ack, missed: [2]bool{true, false}},
			}, "one", 1, 0, 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []*Segment
			dirs := map[*Segment]Dir{}
			for _, x := range tt.sent {
				for input := range uint8(2) {
					if x.missed[input] {
						continue
					}
					at := capture.Time(x.at*time.Millisecond) + capture.Time(input)*capture.Time(off) + 1e18
					g := &Segment{Seq: x.seq, Ack: x.ack, Flags: x.flags, Window: 999, Payload: []byte(x.data), ID: uint16(x.at), Time: at, Input: input}
					i := len(all)
					for i > 0 && all[i-1].Time > at {
						i--
					}
					all = append(all[:i], append([]*Segment{g}, all[i:]...)...)
					dirs[g] = x.d
				}
			}
			var s Stream
			text := ""
			for i, g := range all {
				g.Packet = int64(i + 1)
				for c := range s.Chunks(dirs[g], g) {
					text += string(c.Data)
					if c.Lost > 0 {
						t.Errorf("%d bytes lost", c.Lost)
					}
				}
			}
			n := s.Counts(FromClient)
			if text != tt.text || n.Retransmitted != tt.again || n.OutOfOrder != tt.order {
				t.Errorf("%q, %d again, %d out of order", text, n.Retransmitted, n.OutOfOrder)
			}
			if r := s.RTT(FromClient).Min; r != tt.rtt {
				t.Errorf("round trip of %v", r)
			}
		})
	}
}

package reassembly

import (
	"fmt"
	"testing"
)

// BenchmarkPlain is what nearly all traffic is: a segment and its
// acknowledgment.
func BenchmarkPlain(b *testing.B) {
	for _, n := range []int{130, 1448} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s Stream
			data := &Segment{Seq: 1, Ack: 1, Flags: FlagACK | FlagPSH, Window: 500, Payload: make([]byte, n), Options: make([]byte, 12)}
			ack := &Segment{Seq: 1, Ack: 1, Flags: FlagACK, Window: 500, Options: make([]byte, 12)}
			for range s.Chunks(FromServer, ack) {
			}
			b.ReportAllocs()
			for b.Loop() {
				data.Packet++
				data.Time += 1000
				for c := range s.Chunks(FromClient, data) {
					data.Seq = data.Seq.Add(len(c.Data))
				}
				ack.Ack, ack.Packet, ack.Time = data.Seq, data.Packet+1, data.Time
				for range s.Chunks(FromServer, ack) {
				}
			}
		})
	}
}

// BenchmarkOneWay has only one side of the connection.
func BenchmarkOneWay(b *testing.B) {
	var s Stream
	g := &Segment{Flags: FlagACK, Payload: make([]byte, 130), Window: 500}
	b.ReportAllocs()
	for b.Loop() {
		g.Packet++
		for c := range s.Chunks(FromClient, g) {
			g.Seq = g.Seq.Add(len(c.Data))
		}
	}
}

// BenchmarkDisorder has every tenth segment come behind its turn.
func BenchmarkDisorder(b *testing.B) {
	var s Stream
	data := &Segment{Ack: 1, Flags: FlagACK, Window: 500, Payload: make([]byte, 1448)}
	ack := &Segment{Seq: 1, Flags: FlagACK, Window: 500}
	for range s.Chunks(FromServer, ack) {
	}
	send := func(at SeqNum) {
		data.Packet++
		data.Time += 1000
		data.ID++
		data.Seq = at
		for range s.Chunks(FromClient, data) {
		}
	}
	n, at := len(data.Payload), SeqNum(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range 10 {
			switch i {
			case 4:
				send(at.Add(n))
			case 5:
				send(at.Add(-n))
			default:
				send(at)
			}
			at = at.Add(n)
			ack.Ack = at
			if i != 4 {
				for range s.Chunks(FromServer, ack) {
				}
			}
		}
	}
}

// Package reassembly turns packets into TCP segments, and the segments of one
// connection into its two byte streams.
//
//	packet ──IP.Segment──▶ Segment ──Stream.Chunks──▶ Chunk
//
// A [Chunk] is a run of one byte stream: in order, each byte once. Bytes that
// were sent but that the capture did not see are a count in the chunk, not an
// error: what was lost is as much a fact as what was seen.
package reassembly

import "github.com/wssniff/wssniff/capture"

// Dir says which of the two ends of a connection sent something.
type Dir uint8

// The two directions. Which end is the client is settled once, in session.
const (
	FromClient Dir = iota
	FromServer
)

// Other is the opposite direction.
func (d Dir) Other() Dir { return d ^ 1 }

// String is "client" or "server": who sent it.
func (d Dir) String() string {
	if d == FromClient {
		return "client"
	}
	return "server"
}

// An End says how a direction of a byte stream ended.
type End uint8

// The ways a direction ends.
const (
	NotEnded End = iota
	FIN          // RFC 9293 §3.6: all bytes before it were sent
	RST          // RFC 9293 §3.5.2: the connection was reset, for both directions
)

// A Chunk is a run of bytes of one direction, in order, each byte once. It
// and its Data are lent until the loop turns.
type Chunk struct {
	Dir    Dir
	Offset int64  // of the first byte of Data in the byte stream, 0-based
	Lost   int64  // bytes missing right before Data: sent, but not captured
	Data   []byte // may be empty where only Lost or End is told
	End    End    // the direction ended behind Data

	// The packet that made the chunk known: the one that carried it or, for
	// bytes held behind a gap, the one that filled the gap or showed it to
	// be a loss.
	Packet int64
	Time   capture.Time

	Carried int64 // the packet that carried Data: an earlier one than Packet, if it was held
}

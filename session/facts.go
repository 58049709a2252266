package session

import (
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A State says how far a connection came, seen from its end.
type State uint8

// The states, in the words of the report.
const (
	Connecting State = iota // TCP only, so far: not a WebSocket yet
	Open                    // the WebSocket was open when the capture ended
	Ended                   // both sides sent a Close frame, or one did and TCP ended
	Aborted                 // the WebSocket was open and ended without a Close frame
	Refused                 // the upgrade was answered with a status other than 101, or a proxy or TCP itself refused
	Rejected                // the client gave up on a 101 that it must not accept
	Unanswered              // the upgrade, or the TCP SYN, had no answer
	MidStream               // frames recognised with no handshake captured
)

var stateNames = [...]string{"connecting", "open", "closed", "aborted", "refused", "rejected", "unanswered", "mid-stream"}

// String is the state's word in events and reports.
func (s State) String() string { return stateNames[s] }

// Facts are what is known of a connection. They are final once Closed is told.
type Facts struct {
	EndPacket int64 // the last packet
	End       capture.Time
	IdleMax   time.Duration // longest time without payload in either direction, once open

	Sides [2]Side // by reassembly.Dir

	StartPacket    int64 // the first packet
	Start          capture.Time
	ID             int64 // 1-based, in order of first packet, over all TCP connections
	Stream         int64 // 0-based number of the TCP connection, as Wireshark counts
	Client, Server netip.AddrPort

	Handshake  *handshake.Handshake // the last attempt; nil if none was captured; once open, only the fields that Brief keeps
	Target     string               // of its request
	Host       string               // which it was sent to
	Greeting   string               // with what the server spoke first, or answered, in place of HTTP: its first bytes, 24 at most
	Mismatch   Mismatch             // one end speaks TLS and the other does not
	Confidence float64              // that it is a WebSocket, where no answer was captured that says so; else 0
	Answer     int                  // bytes of the head of an answer that did not come to its end
	Attempts   int                  // opening handshakes tried on this TCP connection
	Via        []handshake.Via      // the proxies that were passed before, as far as the bytes tell

	State     State
	OneSided  bool             // the capture holds only what one of the two sent
	CloseCode frames.CloseCode // what an endpoint's API reports, 1005 and 1006 included; 0 while open
	ClosedBy  ClosedBy         // who began the close
	Clean     bool             // closed cleanly: RFC 6455 §7.1.4
	Input     uint16           // which of several captures it is from: the low bits of capture.Packet.Input

	TLS *tlsdecrypt.Facts // nil where it was in clear
	H2  *H2               // nil where it was not a stream of HTTP/2
	TCP TCP

	Unreached *Unreached // what ICMP said of its segments, nil where it said nothing

	Instead *Instead // of a connection that ::1 refused, what the next try came to; nil where there was none soon

	HTTP *HTTP // nil where its ordinary exchanges had nothing to tell

	PingRTT Samples // from a Ping to the Pong with the same payload
}

// HTTP is what there is to tell of requests that ask for no WebSocket, by
// handshake.Oddity.
type HTTP [handshake.Oddities]struct {
	Count       int64
	First, Last Where
}

// A Mismatch says which end of a connection speaks TLS alone.
type Mismatch uint8

// The mismatches.
const (
	NoMismatch   Mismatch = iota
	TLSToHTTP             // a ClientHello was answered in HTTP
	HTTPToTLS             // a request was answered with a TLS alert
	HTTP1ToHTTP2          // a request in HTTP/1.1 was answered in HTTP/2
)

// ClosedBy says who ended a WebSocket connection.
type ClosedBy uint8

// Who closed.
const (
	ClosedByNone ClosedBy = iota
	ClosedByClient
	ClosedByServer
	ClosedByBoth    // both sent a Close frame before they had seen the other's
	ClosedByUnknown // what would tell was not captured
)

var closedByNames = [...]string{"none", "client", "server", "both", "unknown"}

// String is the word used in events.
func (c ClosedBy) String() string { return closedByNames[c] }

// A Side is what one end of a connection sent.
type Side struct {
	Frames, Messages int64
	Text             int64 // messages
	WireBytes        int64 // bytes of frames, headers included, less what was lost
	PayloadBytes     int64 // payload bytes of data frames as sent, less what was lost
	Binary           int64 // messages
	Ping, Pong       int64 // frames
	LostBytes        int64 // bytes of the byte stream that the capture does not hold
	UnfollowedBytes  int64 // bytes behind a frame header that the capture does not hold
	Close            *Close
}

// A Close is a Close frame that was sent (RFC 6455 §5.5.1).
type Close struct {
	frames.CloseBody
	Packet int64
	Time   capture.Time
}

// TCP holds what is known of the end of the TCP connection underneath, and of
// its beginning. Conn.Segments has the rest.
type TCP struct {
	RTT     time.Duration // from the SYN to the ACK that completes the handshake; 0 if not captured
	End     reassembly.End
	EndedBy reassembly.Dir // who sent the first FIN or the RST; meaningful if End is not NotEnded
	EndedIn int64          // the packet in which that was taken; 0 if not ended
	EndedAt capture.Time   // its time
}

// Samples keeps a run of durations: exact minimum, maximum and count, and a
// median over at most maxSamples of them, thinned evenly.
type Samples struct {
	Count    int64
	Min, Max time.Duration

	kept *kept // nil before the first
}

type kept struct {
	n     int
	skip  int64 // one in skip+1 is kept
	times [maxSamples]time.Duration
}

const maxSamples = 64

// Add counts d.
func (s *Samples) Add(d time.Duration) {
	if s.Count == 0 || d < s.Min {
		s.Min = d
	}
	s.Max = max(s.Max, d)
	if s.kept == nil {
		s.kept = new(kept)
	}
	if s.Count%(s.kept.skip+1) == 0 {
		s.kept.add(d)
	}
	s.Count++
}

// add keeps d, and half of all where that was the last place.
func (k *kept) add(d time.Duration) {
	k.times[k.n] = d
	if k.n++; k.n < maxSamples {
		return
	}
	for i := range maxSamples / 2 {
		k.times[i] = k.times[2*i]
	}
	k.n = maxSamples / 2
	k.skip = 2*k.skip + 1
}

// Median is the middle of the kept samples, 0 if there is none.
func (s *Samples) Median() time.Duration {
	if s.kept == nil {
		return 0
	}
	sorted := slices.Clone(s.kept.times[:s.kept.n])
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// Totals are counts over the whole capture.
type Totals struct {
	Packets, Bytes int64 // captured packets; their bytes on the wire
	First, Last    capture.Time
	TCP            int64 // TCP connections
	Open           int64 // of them, those that are followed now: none once the run is over
	Connections    int64 // of them, those that could be a WebSocket
	States         [len(stateNames)]int64
	HTTPExchanges  int64   // ordinary requests, on connections that are listed or not
	HTTP           int64   // TCP connections that carried only those
	TLS            int64   // TCP connections with TLS that could not be looked into
	Decrypted      int64   // TCP connections with TLS that could
	HTTP2          int64   // TCP connections with HTTP/2 and no WebSocket in it
	OtherTCP       int64   // TCP connections that carried something else
	SilentTCP      int64   // TCP connections that were opened and carried nothing
	Sides          [2]Side // sums over all WebSocket connections
	Gaps           int64   // runs of lost bytes in WebSocket connections
	Limited        int64   // times a limit of Config made wssniff give something up
	Expired        int64   // connections given up because they were silent for Config.Idle
	Undecoded      []Undecoded
}

// Undecoded counts packets that were not followed, by reason: "UDP",
// "link type 147", "malformed TCP".
type Undecoded struct {
	Reason  string
	Packets int64
}

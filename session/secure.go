package session

import (
	"bytes"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// Where a byte stream turns out to be TLS (RFC 8446 §5.1), a Decrypter stands
// between it and everything else: what it yields goes on as if it had been
// sent in clear. TLS is known by its bytes, whatever the port is, at the
// beginning, behind what proxies want to be told, or in the middle.

// A secured is TLS on a connection.
type secured struct {
	tlsdecrypt.Decrypter
	via     []handshake.Via // passed outside of TLS
	outside int64           // where in the TCP byte stream the chunk at hand begins
	held    int64           // bytes counted for it
	guessed bool            // how much was lost before the record at hand is not sure
	asking  bool            // the client has begun a request
	waiting []reassembly.Chunk
	waits   int // bytes of waiting
}

// securedCost is what TLS on a connection holds at least.
const securedCost = 4 << 10

// beginsTLS says whether a run is the beginning of TLS, or of a part of it
// where the connection was joined in the middle.
func (c *Conn) beginsTLS(r *reassembly.Chunk) bool {
	return c.tls == nil && (tlsdecrypt.MayBegin(r.Data) && !c.joined || tlsdecrypt.Looks(r.Data) || c.joined && tlsdecrypt.LooksJoined(r.Data))
}

// secure hands what follows to a Decrypter, from this run on.
func (c *Conn) secure(r *reassembly.Chunk) {
	s := &secured{via: c.opener.reader.Via()}
	s.Keys, s.Hold = c.t.conf.Keys, -1
	if c.t.conf.KeysGrow || s.Keys != nil && s.Keys.Len() > 0 {
		s.Hold = maxEarly
	}
	s.Joined = !tlsdecrypt.MayBegin(r.Data)
	c.exchanges += c.opener.reader.Exchanges
	c.stop(&c.opener.searches[0])
	c.stop(&c.opener.searches[1])
	c.opener.reader = handshake.Reader{MidStream: s.Joined}
	c.tls, c.TLS = s, s.Facts()
	c.hold(securedCost)
	c.unlock(r)
}

// unlock takes a run of TLS. What is inside goes the way of all bytes.
func (c *Conn) unlock(r *reassembly.Chunk) {
	c.tls.outside = r.Offset
	if r.Dir == reassembly.FromServer && c.TLS.Sides[tlsdecrypt.Server].Records == 0 && bytes.HasPrefix(r.Data, []byte("HTTP/")) {
		c.Mismatch = TLSToHTTP
	}
	for ch := range c.tls.Chunks(r) {
		c.tls.guessed = ch.Guessed
		c.plain(&ch.Chunk)
	}
	r.Data, r.Lost = nil, 0
	if held := int64(c.tls.Held()); held != c.tls.held {
		c.hold(held - c.tls.held)
		c.tls.held = held
	}
}

// flush takes what TLS still held.
func (c *Conn) flush(packet int64, t capture.Time) {
	if c.tls == nil {
		return
	}
	if more := c.t.conf.MoreKeys; more != nil && c.TLS.State == tlsdecrypt.Waiting {
		more()
	}
	for ch := range c.tls.Flush() {
		ch.Packet, ch.Time = packet, t
		c.plain(&ch.Chunk)
	}
	c.overtaken(packet, t)
}

// A server may be captured to answer what the client has sent behind a loss
// that is not declared one yet. The answer waits, so that the request is there.

// overtakes lets a run of the server wait, if it came before what it answers.
func (c *Conn) overtakes(ch *reassembly.Chunk) bool {
	s := c.tls
	if ch.Dir != reassembly.FromServer || c.phase != opening || c.multi != nil || s.waits+len(ch.Data) > maxEarly ||
		c.opener != nil && c.opener.reader.Pending() != nil || len(s.waiting) == 0 && !c.stream.Waits(reassembly.FromClient) {
		return false
	}
	w := *ch
	w.Data = slices.Clone(ch.Data)
	s.waiting = append(s.waiting, w)
	s.waits += len(w.Data)
	c.hold(int64(len(w.Data)))
	return true
}

// overtaken takes what waited.
func (c *Conn) overtaken(packet int64, t capture.Time) {
	waited := c.tls.waiting
	c.hold(-int64(c.tls.waits))
	c.tls.waiting, c.tls.waits = nil, 0
	for i := range waited {
		w := &waited[i]
		w.Packet, w.Time = max(w.Packet, packet), t
		c.inside(w)
	}
}

// plain takes a run of what was inside TLS. Its end is that of the TCP
// connection, which is told apart.
func (c *Conn) plain(ch *reassembly.Chunk) {
	s := c.tls
	switch {
	case len(ch.Data)+int(ch.Lost) == 0, c.overtakes(ch):
		return
	case len(s.waiting) == 0 || ch.Dir == reassembly.FromServer:
		c.inside(ch)
		return
	}
	packet, t := ch.Packet, ch.Time
	if s.asking = s.asking || bytes.HasPrefix(ch.Data, []byte("GET ")); !s.asking {
		c.overtaken(packet, t)
	}
	c.inside(ch)
	if c.opener == nil || c.opener.reader.Pending() != nil {
		c.overtaken(packet, t)
	}
}

// inside takes a run of what was inside TLS, when its turn has come.
func (c *Conn) inside(ch *reassembly.Chunk) {
	switch {
	case c.phase == open && c.sides[ch.Dir] == nil: // the direction has ended; what TLS still held is behind that
	case c.multi != nil:
		c.demultiplex(ch)
	case c.phase != foreign:
		c.bytes(ch)
	}
}

// A TLS handshake that nobody answers is one that failed after so long.
const tlsPatience = 3 * time.Second

// secureState is how far a connection came whose TLS handshake is all there
// was: only one that failed could have been a WebSocket for all anybody knows.
func (c *Conn) secureState() State {
	f := c.TLS
	_, asked := c.stream.SYN(reassembly.FromClient)
	_, answered := c.stream.SYN(reassembly.FromServer)
	if c.joined || !asked || !answered || f.ClientHello == nil || c.tls.Swapped() || tlsOpened(f) {
		return Connecting
	}
	over := c.TCP.End != reassembly.NotEnded
	switch {
	case c.Mismatch != NoMismatch:
		return Refused
	case f.Sides[tlsdecrypt.Server].Records == 0 && !over:
		if c.t.last.Time.Sub(f.ClientHello.Time) < tlsPatience {
			return Connecting
		}
		return Unanswered
	case over && !c.TLS.Lost(), fatal(f):
		return Refused
	}
	return Connecting
}

func fatal(f *tlsdecrypt.Facts) bool {
	for i := range f.Alerts {
		if f.Alerts[i].Fatal() {
			return true
		}
	}
	return false
}

// answersAlert tells that a request is answered with an alert of TLS
// (RFC 8446 §6), which is how a server takes what is no ClientHello.
func (c *Conn) answersAlert(r *reassembly.Chunk) bool {
	b := r.Data
	return r.Dir == reassembly.FromServer && len(b) >= 5 && b[0] == 21 && b[1] == 3 && b[2] <= 4 && b[3] == 0 && b[4] == 2 &&
		c.opener.reader.Pending() != nil
}

// minFinished is less than any Finished message takes under a key, and more
// than an alert (RFC 8446 §4.4.4, RFC 5246 §7.4.9).
const minFinished = 28

// tlsOpened says whether the handshake came to its end, as far as can be told
// without its keys: both ends have sent what can be a Finished message.
func tlsOpened(f *tlsdecrypt.Facts) bool {
	for i := range f.Sides {
		s := &f.Sides[i]
		if s.DataBytes > 0 {
			return true
		}
		if s.Encrypted == 0 || s.Encrypted == 1 && s.First[0] < minFinished {
			return false
		}
	}
	return true
}

// sealed says whether there is TLS, and nothing inside could be read.
func (c *Conn) sealed() bool {
	return c.tls != nil && c.TLS.Sides[0].DataBytes == 0 && c.TLS.Sides[1].DataBytes == 0 &&
		(c.TLS.ClientHello != nil || c.TLS.ServerHello != nil || c.tls.Joined)
}

package diagnose

import (
	"net/netip"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// manyContexts are so many connections of a server, open at once, that what
// compression keeps for each is worth a word.
const manyContexts = 1000

// contextBytes is what a server keeps for permessage-deflate as long as the
// connection is open, if it compresses with zlib's usual settings: 2^(bits+2)
// and 128 KiB to compress, 2^bits and 7 KiB to inflate. What is not taken over
// to the next message need not be kept.
func contextBytes(d handshake.Deflate) (n int64) {
	if !d.ServerNoContextTakeover {
		n += 1<<(d.ServerMaxWindowBits+2) + 128<<10
	}
	if !d.ClientNoContextTakeover {
		n += 1<<d.ClientMaxWindowBits + 7<<10
	}
	return n
}

// contexts are the connections of a server that keep memory for compression.
type contexts struct {
	open  int64
	bytes int64
	told  bool
}

// deflateMemory counts a connection with compression, and tells once of a
// server that has many of them.
func (p *Pass) deflateMemory(e *session.Handshake) {
	d, agreed := e.Deflate()
	if !agreed {
		return
	}
	n := contextBytes(d)
	x := p.World.contextsOf(p.Conn.Server)
	if n == 0 || x == nil {
		return
	}
	p.Conn.beside().context = n
	x.open++
	x.bytes += n
	if x.open >= manyContexts && !x.told {
		x.told = true
		p.from(reassembly.FromServer)
		p.Report("memory", "%d connections of %v are open and keep the window of each message for the next: about %d kB each at the server, %d MB in all", x.open, p.Conn.Server, n/1000, x.bytes/1e6).
			As(Likely).With("connections", x.open).With("bytes", x.bytes)
	}
}

// contextsOf gives what is counted of a server, nil where too many are.
func (w *World) contextsOf(of netip.AddrPort) *contexts {
	x := w.contexts[of]
	if x == nil && len(w.contexts) < maxFleet {
		if w.contexts == nil {
			w.contexts = make(map[netip.AddrPort]*contexts)
		}
		x = new(contexts)
		w.contexts[of] = x
	}
	return x
}

// noteContext lets go of what was counted for c.
func (w *World) noteContext(c *Conn) {
	if c.aside != nil && c.aside.context > 0 {
		x := w.contexts[c.Server]
		x.open--
		x.bytes -= c.aside.context
	}
}

package diagnose

import (
	"hash/maphash"
	"math/bits"
	"net/netip"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// maxSeen bounds what is remembered of all connections, each kind by itself.
const maxSeen = 1 << 16

// A World is what rules need to know of all connections so far. It is
// bounded: what does not fit is not remembered.
type World struct {
	recent  [64]recentKey             // the last ones that were asked with
	asked   int                       // how many were
	keys    map[uint64]sighting       // by client and Sec-WebSocket-Key
	origins map[uint64]allowed        // by client, Host and path: the last Origin that was let in
	targets map[uint64]sighting       // by Host and path: those where a WebSocket was opened
	resets  map[netip.Addr]burst      // by who sent a RST in an open WebSocket
	limits  map[limitKey]int64        // by server: how often a message that crossed a size was the last
	cuts    map[netip.AddrPort]uint64 // by server: where a frame to it was cut off last

	answered [maxAnswered]answered // the last opening handshakes that are over
	outlines [maxAnswered]outline  // of the same
	clocks   bool                  // connections of several captures
	answers  int                   // how many were

	fields   map[string]bool          // by name: whether it is a secret
	leaks    map[netip.AddrPort]int64 // connections that an end leaves half open
	series   map[visitor]*series
	backends map[netip.AddrPort]*backend
	contexts map[netip.AddrPort]*contexts
	held     map[holder]*held
	unheard  map[netip.AddrPort]*unheardOf
	services map[uint64]*service // by the sum of the path
	enders   map[ender]*ends
	data     *Data                     // what is known of products
	served   map[netip.AddrPort]place  // by server
	hosts    map[netip.Addr]openPort   // by the address of servers
	setbacks map[[2]netip.Addr]setback // by client and server: the last WebSocket that failed
	bare     map[netip.Addr]bare       // by who sent requests that say upgrade and not to what
	knocks   map[[2]netip.Addr]knock   // by client and server
	outages  map[spot]outage
	failures [maxFailures]failure // the last ones
	failed   int                  // how many were
	gateways [maxFailures]gateway
	waited   int
	thrown   map[visitor]int64
	declined map[guest]setback // in HTTP/2, the last one
	heads    map[guest]headSize
	issued   map[uint64]issuer // by the sum of the session
	shakes   map[netip.AddrPort]*shaken
	greeted  map[[2]netip.Addr]greeting // by client and server
	turned   map[[2]netip.Addr]turned   // by client and server: the last that left at the certificate
	signers  map[uint64]signer          // by the sum of the server's name, the first one
	keyRuns  map[visitor]keyRun
	floods   [256]flood
	queues   map[netip.AddrPort]*queue // by server, from the first that waited on
	guests   map[uint64]stranger       // by the sums of Host and path: the first page of another site that was let in
	clock    dated
	oneSided bool // of a connection only one direction was captured
}

// A recentKey is a Sec-WebSocket-Key of the length that they have.
type recentKey struct {
	text         [24]byte
	conn, packet int64
}

// keyFor finds the recent key that an accept value answers.
func (w *World) keyFor(accept string) (conn, packet int64, ok bool) {
	for i := range w.recent[:min(w.asked, len(w.recent))] {
		if k := &w.recent[i]; handshake.Accept(string(k.text[:])) == accept {
			return k.conn, k.packet, true
		}
	}
	return 0, 0, false
}

// A sighting is where something was seen first.
type sighting struct {
	conn   int64
	packet int64
	until  int64 // the packet that ended it
}

var worldSeed = maphash.MakeSeed()

// sum is the sum of one text, or of several in this order.
func sum(parts ...string) (h uint64) {
	for _, p := range parts {
		h = bits.RotateLeft64(h, 23) ^ maphash.String(worldSeed, p)
	}
	return h
}

// keySum is the sum of a key and who used it.
func keySum(key string, client netip.Addr) uint64 {
	from := client.As16()
	return bits.RotateLeft64(maphash.Bytes(worldSeed, from[:]), 23) ^ maphash.String(worldSeed, key)
}

func see(m *map[uint64]sighting, k uint64, s sighting) {
	if *m == nil {
		*m = make(map[uint64]sighting)
	}
	if _, known := (*m)[k]; !known && len(*m) < maxSeen {
		(*m)[k] = s
	}
}

// handshake notes an attempt that the rules have seen.
func (w *World) handshake(c *Conn, e *session.Handshake) {
	w.noteDate(e)
	if e.Response != nil {
		w.reach(c.Server, e.Packet)
	}
	w.outage(c, e)
	here := sighting{c.ID, e.Packet, e.Packet}
	if key := e.Key(); key != "" {
		if len(key) == len(w.recent[0].text) {
			k := &w.recent[w.asked%len(w.recent)]
			copy(k.text[:], key)
			k.conn, k.packet = c.ID, e.Requested.Packet
			w.asked++
		}
		see(&w.keys, keySum(key, c.Client.Addr()), sighting{c.ID, e.Requested.Packet, e.Packet})
	}
	if e.Established && e.Request != nil {
		see(&w.targets, sum(e.Host(), path(e.Target())), here)
		w.allow(c, e)
		w.noteHead(c, e)
	}
}

// An allowed is an Origin that a server let in.
type allowed struct {
	origin uint64 // its sum
	packet int64
}

func originKey(client netip.Addr, h *handshake.Handshake) uint64 {
	return keySum(h.Host(), client) ^ sum(path(h.Target()))
}

// allow notes the Origin of a handshake that was accepted.
func (w *World) allow(c *Conn, e *session.Handshake) {
	k := originKey(c.Client.Addr(), e.Handshake)
	if _, known := w.origins[k]; !known && len(w.origins) >= maxSeen {
		return
	}
	if w.origins == nil {
		w.origins = make(map[uint64]allowed)
	}
	w.origins[k] = allowed{sum(e.Origin()), e.Packet}
}

// OtherOrigin says where the same client was let in at the same place with
// another Origin, or with none.
func (w *World) OtherOrigin(client netip.Addr, h *handshake.Handshake) (packet int64, ok bool) {
	a, known := w.origins[originKey(client, h)]
	return a.packet, known && a.origin != sum(h.Origin())
}

// KeySeen says where the client has used the key for a handshake that was
// over before the given packet. One that was not is the same handshake on the
// other side of a proxy.
func (w *World) KeySeen(client netip.Addr, key string, before int64) (conn, packet int64, ok bool) {
	s, ok := w.keys[keySum(key, client)]
	return s.conn, s.packet, ok && s.until < before
}

// OpenedAt says where a WebSocket was opened on the host at the path.
func (w *World) OpenedAt(host, target string) (conn, packet int64, ok bool) {
	s, ok := w.targets[sum(host, path(target))]
	return s.conn, s.packet, ok
}

// path is a request target without its query.
func path(target string) string {
	for i := range len(target) {
		if target[i] == '?' || target[i] == '#' {
			return target[:i]
		}
	}
	return target
}

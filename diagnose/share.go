package diagnose

import (
	"math"
	"net/netip"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

const (
	manyTried = 30 // attempts, to compare servers by
	manyOpen  = 30 // WebSockets of one server, to compare it by
)

// A service is a path that several servers serve.
type service struct {
	servers [8]share
	n       int
}

// A share is how many attempts one server had, and how many of them failed.
type share struct {
	of            *service
	server        netip.AddrPort
	tried, failed uint32
	slow          uint32 // answered late
	opened, open  uint32 // WebSockets that it has ever opened, and those of them that have not ended
	told          bool   // of each form, that it was told
	toldSlow      bool
	toldShare     bool
}

const slowAnswer = time.Second // of an opening handshake

// shareOf gives that of a server at a target, nil where there are too many.
func (w *World) shareOf(server netip.AddrPort, target string) *share {
	k := sum(path(target))
	s := w.services[k]
	if s == nil && len(w.services) < maxFleet {
		if w.services == nil {
			w.services = make(map[uint64]*service)
		}
		s = new(service)
		w.services[k] = s
	}
	if s == nil {
		return nil
	}
	for i := range s.servers[:s.n] {
		if s.servers[i].server == server {
			return &s.servers[i]
		}
	}
	if s.n == len(s.servers) {
		return nil
	}
	own := &s.servers[s.n]
	own.of, own.server = s, server
	s.n++
	return own
}

// share counts an attempt. It gives what this server and all the others had.
func (w *World) share(conn *Conn, c *session.Conn, took time.Duration) (own *share, others share) {
	if own = conn.share; own == nil {
		if own = w.shareOf(c.Server, c.Target); own == nil {
			return nil, others
		}
	}
	for i := range own.of.servers[:own.of.n] {
		if x := &own.of.servers[i]; x != own {
			others.tried += x.tried
			others.failed += x.failed
			others.slow += x.slow
		}
	}
	own.tried++
	if failed(c) {
		own.failed++
	}
	if took >= slowAnswer {
		own.slow++
	}
	return own, others
}

// more tells that n of a server's attempts is a larger part than others' of all
// the others', by more than chance.
func (s *share) more(o share, n, others uint32) bool {
	if s.tried < manyTried || o.tried < manyTried {
		return false
	}
	p, q := float64(n)/float64(s.tried), float64(others)/float64(o.tried)
	all := float64(n+others) / float64(s.tried+o.tried)
	z := (p - q) / math.Sqrt(all*(1-all)*(1/float64(s.tried)+1/float64(o.tried)))
	return p > 2*q && z > 3
}

// opensAt counts a WebSocket that was opened, by server. What a proxy passes on
// is another server's.
func (p *Pass) opensAt(e *session.Handshake) {
	c := p.Conn
	if l := c.leg; !e.Established || l != nil && len(l.inner) > 0 {
		return
	}
	if c.share = p.World.shareOf(c.Server, e.Target()); c.share != nil {
		c.share.opened++
		c.share.open++
	}
}

// holdsMost reports a server that, of the WebSockets that are open to the end,
// holds more than twice as many as if all servers of the path had the same.
func (p *Pass) holdsMost(c *session.Conn) {
	own := p.Conn.share
	if own == nil {
		return
	}
	if c.State != session.Open {
		own.open--
		return
	}
	if own.toldShare || own.open < manyOpen {
		return
	}
	var servers, all uint32
	for i := range own.of.servers[:own.of.n] {
		if s := &own.of.servers[i]; s.opened > 0 {
			servers++
			all += s.open
		}
	}
	if own.open*servers <= 2*all {
		return
	}
	own.toldShare = true
	p.from(reassembly.FromServer)
	p.Report("share", "%v holds %d of the %d WebSockets that are open at this path, which has %d servers", c.Server, own.open, all, servers).
		As(Likely).In(p.Conn.Answered.Packet).With("open", int64(own.open)).With("all", int64(all)).With("servers", int64(servers))
}

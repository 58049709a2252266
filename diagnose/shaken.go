package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// What other connections say of a TLS handshake: what the server took of
// others, who its certificates were from, and what time it is. Facts are
// gathered here, and tls.go judges.

// A shaken is what is known of a server's TLS handshakes: packets in which
// something was seen first, 0 for never.
type shaken struct {
	versions [5]int64  // ServerHellos, by minor version, SSL 3.0 first
	nameless int64     // to a client that had named no server
	deaf     int64     // a small ClientHello that had no answer
	names    [4]uint64 // sums of names that were answered, the first ones
}

// knows tells that a server has answered a ClientHello with that name.
func (s *shaken) knows(name string) bool { return slices.Contains(s.names[:], sum(name)) }

// A greeting is which ClientHellos of a client a server has answered: packets.
type greeting struct{ small, large int64 }

// shakenBy gives what is known of a server, nil if there is no room for it.
func (w *World) shakenBy(server netip.AddrPort) *shaken {
	s := w.shakes[server]
	if s == nil && len(w.shakes) < maxFleet {
		if w.shakes == nil {
			w.shakes = make(map[netip.AddrPort]*shaken)
		}
		s = new(shaken)
		w.shakes[server] = s
	}
	return s
}

// noteShake notes a TLS handshake that the rules have seen.
func (w *World) noteShake(c *session.Conn) {
	f := c.TLS
	if f == nil || f.ClientHello == nil || c.H2 != nil {
		return
	}
	s := w.shakenBy(c.Server)
	hello, answer := f.ClientHello, f.ServerHello
	switch {
	case s == nil:
	case answer == nil:
		if small := hello.Length < largeHello; small && f.Sides[tlsdecrypt.Server].Records == 0 && s.deaf == 0 {
			s.deaf = hello.Packet
		}
	case !fatalAlert(f):
		w.shook(c, f, s)
	}
}

// shook notes a handshake that the server has answered.
func (w *World) shook(c *session.Conn, f *tlsdecrypt.Facts, s *shaken) {
	hello, answer := f.ClientHello, f.ServerHello
	if i := int(f.Version & 0xff); i < len(s.versions) && s.versions[i] == 0 {
		s.versions[i] = answer.Packet
	}
	if nameless(hello) && s.nameless == 0 {
		s.nameless = answer.Packet
	}
	if i := slices.Index(s.names[:], 0); i >= 0 && !nameless(hello) && !s.knows(hello.ServerName) {
		s.names[i] = sum(hello.ServerName)
	}
	w.greet(pathOf(c), hello)
	if chain := f.Certificates[tlsdecrypt.Server]; len(chain) > 0 && !chain[0].Unreadable && hello.ServerName != "" {
		k := sum(hello.ServerName)
		if _, known := w.signers[k]; !known && len(w.signers) < maxFleet {
			if w.signers == nil {
				w.signers = make(map[uint64]signer)
			}
			w.signers[k] = signer{chain[0].Issuer, answer.Packet}
		}
	}
}

// greet notes a ClientHello that was answered.
func (w *World) greet(k [2]netip.Addr, hello *tlsdecrypt.ClientHello) {
	g, known := w.greeted[k]
	switch {
	case !known && len(w.greeted) >= maxFleet:
		return
	case w.greeted == nil:
		w.greeted = make(map[[2]netip.Addr]greeting)
	}
	if at := &g.small; hello.Length < largeHello && *at == 0 {
		*at = hello.Packet
	} else if at = &g.large; hello.Length >= largeHello && *at == 0 {
		*at = hello.Packet
	}
	w.greeted[k] = g
}

func pathOf(c *session.Conn) [2]netip.Addr {
	return [2]netip.Addr{c.Client.Addr(), c.Server.Addr()}
}

// took says which versions a server has agreed on with others, and in which
// packet the first time.
func (w *World) took(server netip.AddrPort) (text string, packet int64) {
	s := w.shakes[server]
	if s == nil {
		return "", 0
	}
	var names []string
	for i, at := range s.versions {
		if at == 0 {
			continue
		}
		names = append(names, (tlsdecrypt.SSL30 + tlsdecrypt.Version(i)).String())
		if packet == 0 || at < packet {
			packet = at
		}
	}
	if names == nil {
		return "", 0
	}
	return "; of others it took " + strings.Join(names, ", "), packet
}

// A signer is who a server's certificate was from.
type signer struct {
	name   string
	packet int64
}

// An inspector looks into TLS on the way, with certificates of its own: a row
// of data/inspectors.tsv.
type inspector struct {
	name, part string // the part is of the issuer's name, in lower case
	mark       byte
}

func parseInspector(r row) (inspector, error) { return inspector{r[0], r[1], r.mark()}, nil }

// intercepted reports a certificate that something on the way has made.
func (p *Pass) intercepted(f *tlsdecrypt.Facts) {
	chain := f.Certificates[tlsdecrypt.Server]
	for i := range chain {
		issuer := strings.ToLower(chain[i].Issuer)
		for j := range p.World.data.inspectors {
			by := &p.World.data.inspectors[j]
			if !strings.Contains(issuer, by.part) {
				continue
			}
			name := by.name
			if by.mark == 'K' {
				name = "possibly " + name
			}
			found := p.Report("intercepted", "the issuer is %s, which is %s", chain[i].Issuer, name).With("inspector", name)
			if found.As(Likely); by.mark == 'K' {
				found.As(Possible)
			}
			if other, ok := p.World.signers[sum(f.ClientHello.ServerName)]; ok && other.name != chain[0].Issuer {
				found.As(Likely).In(other.packet).Message += fmt.Sprintf("; %s showed one of %s, too", f.ClientHello.ServerName, other.name)
			}
			return
		}
	}
}

// A dated is how far the time of the packets was off what servers said it is.
type dated struct {
	off    time.Duration // to be added to the time of the packets
	packet int64
}

// clockWrong is what no clock that is set is off by.
const clockWrong = 24 * time.Hour

// noteDate looks at the clock by the Date of an answer (RFC 9110 §6.6.1).
func (w *World) noteDate(e *session.Handshake) {
	const layout = "Mon, 02 Jan 2006 15:04:05 GMT"
	if e.Response == nil || e.Time == capture.NoTime {
		return
	}
	if date := e.Response.Fields.Get("date"); date != "" {
		if t, err := time.Parse(layout, date); err == nil {
			w.clock = dated{t.Sub(e.Time.UTC()), e.Packet}
		}
	}
}

// right is the time that it was by the servers' clocks, if those of the capture
// are clearly wrong.
func (w *World) right(now time.Time) (t time.Time, packet int64) {
	if off := w.clock.off; off.Abs() > clockWrong {
		return now.Add(off), w.clock.packet
	}
	return now, 0
}

package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// nameless tells whether a ClientHello names no server, or was not captured: an
// address is no name.
func nameless(h *tlsdecrypt.ClientHello) bool {
	if h == nil {
		return true
	}
	_, err := netip.ParseAddr(h.ServerName)
	return h.ServerName == "" || err == nil
}

// unnamed tells that a ClientHello names no server, where no other one without a
// name was answered.
func (p *Pass) unnamed(c *session.Conn, h *tlsdecrypt.ClientHello) bool {
	s := p.World.shakes[c.Server]
	return nameless(h) && (s == nil || s.nameless == 0)
}

func badName(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	h := f.ClientHello
	p.from(reassembly.FromClient)
	if a := alertOf(f, tlsdecrypt.Server, 112, 40); a != nil && !f.CertRequest && (a.Description == 112 || p.unnamed(c, h) && f.ServerHello == nil) {
		asked := fmt.Sprintf("for %q", h.ServerName)
		if h.ServerName == "" {
			asked = "without a name"
		}
		p.Report("", "alert %d %s, asked %s", a.Description, tlsdecrypt.AlertName(a.Description), asked).In(h.Packet, a.Packet)
		return
	}
	chain, refused := f.Certificates[tlsdecrypt.Server], alertOf(f, tlsdecrypt.Client, 42, 46)
	if p.unnamed(c, h) && refused != nil && len(chain) > 0 && !chain[0].Unreadable && !chain[0].Covers(p.serverName(c, f)) {
		p.Report("", "asked without a name, the server shows a certificate for %s, which the client refuses", strings.Join(chain[0].Names, ", ")).As(Likely).
			In(h.Packet, refused.Packet)
		return
	}
	p.nameShutOut(c, f)
}

// nameShutOut reports a server that ends the connection at a ClientHello,
// without a byte, and that answers others who name another server: what
// chooses by the name, and knows none that fits, does so.
func (p *Pass) nameShutOut(c *session.Conn, f *tlsdecrypt.Facts) {
	h, s := f.ClientHello, p.World.shakes[c.Server]
	if !hungUp(c, f) || len(c.Via) > 0 || s == nil || s.names[0] == 0 || s.deaf > 0 {
		return
	}
	others, packet := p.World.took(c.Server)
	switch {
	case nameless(h) && s.nameless == 0:
		p.Report("", "%v ends the connection at a ClientHello without a name, without a byte%s, who named it", c.Server, others).As(Likely).
			In(h.Packet, c.TCP.EndedIn, packet)
	case !nameless(h) && !s.knows(h.ServerName) && s.names[len(s.names)-1] == 0: // not so many that some were not noted
		p.Report("", "%v ends the connection at a ClientHello for %q, without a byte%s, for other names", c.Server, h.ServerName, others).
			As(Possible).At(Warning).In(h.Packet, c.TCP.EndedIn, packet)
	}
}

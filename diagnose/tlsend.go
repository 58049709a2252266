package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// endedBare is the rule of a TLS connection that TCP ended, and TLS did not.
var endedBare = Rule{
	ID: "tls-no-close-notify", Severity: Info, Clause: "RFC 8446 §6.1",
	Title:   "TCP was closed under an open WebSocket without close_notify",
	Advice:  "look at who sent the FIN: a program that closes TLS sends close_notify first",
	Seen:    "a FIN behind decrypted records, none of which is that side's close_notify, and no Close frame of that side",
	Means:   "the bare socket was closed: the process ended, or something on the way did it; a FIN proves nothing of who sent it",
	Causes:  []string{"the process was killed or crashed", "a library that closes the socket under TLS", "a box on the way that ends connections"},
	Fixes:   []Fix{{"", "close the WebSocket, then TLS, then TCP, when a process shuts down"}},
	Confirm: "the log of that side's process at that time: a crash, a kill, a restart",
	NotWhen: "the side sent a Close frame, which says the same: many servers leave close_notify out then",
	Closed: func(p *Pass, e *session.Closed) {
		c, f := e.Conn, e.Conn.TLS
		if f == nil || c.H2 != nil || f.State != tlsdecrypt.Decrypting || f.Lost() || !cutOff(c) || c.TCP.End != reassembly.FIN {
			return
		}
		by := c.TCP.EndedBy
		if side := &f.Sides[by]; side.CloseNotify || side.Undecryptable > 0 || c.Sides[by].Close != nil || c.Sides[by].LostBytes > 0 {
			return
		}
		p.from(by)
		p.Report("", "FIN of the %v in packet %d", by, c.TCP.EndedIn).In(c.TCP.EndedIn)
	},
}

// atOnce is how soon a client leaves that does not like the certificate.
const atOnce = time.Second

func certRejected(p *Pass, c *session.Conn, f *tlsdecrypt.Facts) {
	p.from(reassembly.FromClient)
	if a := alertOf(f, tlsdecrypt.Client, 42, 43, 44, 45, 46, 48); a != nil {
		p.alert("", a)
		p.World.turnedAway(c, f)
		return
	}
	s := &f.Sides[tlsdecrypt.Client]
	shown := f.Sides[tlsdecrypt.Server].Encrypted > 0 || f.CertsSeen[tlsdecrypt.Server] > 0
	switch {
	case f.ServerHello == nil || !shown || f.Lost() || c.TCP.End == reassembly.NotEnded || f.Resumed || f.EarlyData:
	case c.State == session.Refused && f.Version == tlsdecrypt.TLS13 && f.State != tlsdecrypt.Decrypting && s.Encrypted == 1 && s.First[0] == alertBody:
		// In TLS 1.3 without keys: one record that is an alert by its length, where Finished would be.
		p.Report("", "an encrypted alert instead of Finished, and the end by the %v", c.TCP.EndedBy).As(Likely).In(c.TCP.EndedIn)
		p.World.turnedAway(c, f)
	case c.TCP.EndedBy != reassembly.FromClient || fatalAlert(f) || f.CertRequest:
	case slices.ContainsFunc(f.ClientHello.Suites, tlsdecrypt.GREASE): // a browser: it says why, and connects in advance
	case f.Version == tlsdecrypt.TLS13 && f.State != tlsdecrypt.Decrypting && f.Sides[tlsdecrypt.Server].Last == alertBody: // the server says something first
	case c.State == session.Refused && s.Encrypted == 0 && s.Records <= 2: // ClientHello, and a ChangeCipherSpec
		p.Report("", "the end by the client, without a word, where its Finished would be").As(Likely).In(c.TCP.EndedIn)
		p.World.turnedAway(c, f)
	case leftAtOnce(c, f):
		p.Report("left", "the end by the client %v behind the ServerHello, without a request", c.TCP.EndedAt.Sub(f.ServerHello.Time).Round(time.Millisecond)).
			As(Possible).In(c.TCP.EndedIn)
	}
}

// leftAtOnce tells that a client left as soon as it had seen the certificate.
func leftAtOnce(c *session.Conn, f *tlsdecrypt.Facts) bool {
	return c.State != session.Refused && f.ServerHello != nil && leftUnasked(c, f) && c.TCP.EndedAt.Sub(f.ServerHello.Time) < atOnce
}

func fatalAlert(f *tlsdecrypt.Facts) bool {
	for i := range f.Alerts {
		if f.Alerts[i].Fatal() {
			return true
		}
	}
	return false
}

// A turned is a connection whose client left at the certificate, and what it
// had asked for.
type turned struct {
	setback
	name    uint64 // its sum
	version tlsdecrypt.Version
}

// turnedAway notes a client that left at the certificate.
func (w *World) turnedAway(c *session.Conn, f *tlsdecrypt.Facts) {
	k := pathOf(c)
	if _, known := w.turned[k]; !known && len(w.turned) >= maxFleet {
		return
	}
	if w.turned == nil {
		w.turned = make(map[[2]netip.Addr]turned)
	}
	w.turned[k] = turned{setback{c.ID, c.EndPacket, c.End}, sum(f.ClientHello.ServerName), newest(f.ClientHello)}
}

// newest is the newest version that a client offers.
func newest(h *tlsdecrypt.ClientHello) tlsdecrypt.Version {
	most := h.LegacyVersion
	for _, v := range h.Versions {
		if !tlsdecrypt.GREASE(uint16(v)) {
			most = max(most, v)
		}
	}
	return most
}

// retried reports a client that left at the certificate, came back at once
// with another name or version, and got in.
func (p *Pass) retried(c *session.Conn) {
	f := c.TLS
	if len(p.World.turned) == 0 || f == nil || f.ClientHello == nil || f.ServerHello == nil || fatalAlert(f) || leftUnasked(c, f) {
		return
	}
	was, ok := p.World.turned[pathOf(c)]
	after := f.ClientHello.Time.Sub(was.at)
	if !ok || after < 0 || after > atOnce || was.conn == c.ID {
		return
	}
	what := "another name"
	switch now := newest(f.ClientHello); {
	case was.name != sum(f.ClientHello.ServerName):
	case was.version != now:
		what = now.String() + " instead of " + was.version.String()
	default:
		return
	}
	p.from(reassembly.FromClient)
	p.Report("retried", "the client of connection %d is back %v later with %s", was.conn, after.Round(time.Millisecond), what).As(Likely).
		In(was.packet, f.ServerHello.Packet)
}

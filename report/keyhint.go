package report

import (
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A maker is software that speaks TLS: how its ClientHello is known, and how a
// key log is had of it. Each has an order of cipher suites of its own.
type maker struct {
	name, how string
	suites    []uint16 // in this order, one behind the other; nil: see is
	is        func(*tlsdecrypt.ClientHello) bool
}

var makers = [...]maker{
	{"a browser of Chromium's or Safari's kind", "start it anew with SSLKEYLOGFILE=FILE in its environment, all its windows closed before", nil, hasGREASE},
	{"Firefox", "start it anew with SSLKEYLOGFILE=FILE in its environment, all its windows closed before", []uint16{0x1301, 0x1303, 0x1302, 0xc02b}, nil},
	{"Go", "set KeyLogWriter in its tls.Config", []uint16{0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009}, nil},
	{"Node", "start it with node --tls-keylog=FILE", []uint16{0xc02f, 0xc02b, 0xc030, 0xc02c, 0x009e}, nil},
	{"Java", "start it with an agent that writes key logs, as extract-tls-secrets does", []uint16{0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b}, nil},
	{"OpenSSL, as curl and Python have it", "start curl or Python 3.8 with SSLKEYLOGFILE=FILE, openssl s_client with -keylogfile FILE",
		[]uint16{0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8}, nil},
}

func hasGREASE(h *tlsdecrypt.ClientHello) bool {
	return slices.ContainsFunc(h.Suites, tlsdecrypt.GREASE)
}

// makerOf gives what made a ClientHello, nil if it is like none of them.
func makerOf(h *tlsdecrypt.ClientHello) *maker {
	if h == nil {
		return nil
	}
	for i := range makers {
		m := &makers[i]
		if m.is != nil && m.is(h) {
			return m
		}
		for at := range h.Suites {
			if m.suites != nil && len(h.Suites)-at >= len(m.suites) && slices.Equal(h.Suites[at:at+len(m.suites)], m.suites) {
				return m
			}
		}
	}
	return nil
}

// keyless says whether it is for want of a key that nothing could be read.
func keyless(f *tlsdecrypt.Facts) bool {
	switch f.State {
	case tlsdecrypt.NoKey, tlsdecrypt.Waiting, tlsdecrypt.Undecipherable:
		return true
	}
	return false
}

// A keyHint is how key logs of the clients of some connections are had.
type keyHint struct {
	maker *maker
	ids   someIDs
}

// someIDs are the numbers of the first connections that have something in common.
type someIDs []string

// maxHinted is of how many connections the numbers are named.
const maxHinted = 5

func (t *sealedTally) hint(c *session.Facts, id string) {
	m := makerOf(c.TLS.ClientHello)
	if m == nil || !keyless(c.TLS) {
		return
	}
	i := slices.IndexFunc(t.hints, func(h keyHint) bool { return h.maker == m })
	if i < 0 {
		i = len(t.hints)
		t.hints = append(t.hints, keyHint{maker: m})
	}
	t.hints[i].ids.add(id)
}

func (n *someIDs) add(id string) {
	switch len(*n) {
	case maxHinted:
		*n = append(*n, "…")
	case maxHinted + 1:
	default:
		*n = append(*n, "#"+id)
	}
}

// An offer is what some connections showed of their cipher and certificate.
type offer struct {
	text string
	ids  someIDs
}

// maxShown is how many different ones are told apart.
const maxShown = 20

// show notes what a handshake showed.
func (t *sealedTally) show(f *tlsdecrypt.Facts, id string) {
	if f.Suite == 0 {
		return
	}
	text := tlsdecrypt.SuiteName(f.Suite)
	if chain := f.Certificates[tlsdecrypt.Server]; len(chain) > 0 {
		text += "; certificate" + certified(&chain[0])
	}
	i := slices.IndexFunc(t.shown, func(s offer) bool { return s.text == text })
	if i < 0 && len(t.shown) >= maxShown {
		return
	}
	if i < 0 {
		i = len(t.shown)
		t.shown = append(t.shown, offer{text: text})
	}
	t.shown[i].ids.add(id)
}

// certified says for which names a certificate is, of whom, and how long.
func certified(c *tlsdecrypt.Certificate) string {
	if c.Unreadable {
		return " that cannot be read"
	}
	const most = 4 // names
	text := ""
	for i, name := range c.Names {
		switch {
		case i == 0:
			text = " for "
		case i == most:
			text += ", …"
		case i < most:
			text += ", "
		}
		if i < most {
			text += cutTo(clean(name), maxCell)
		}
	}
	if text == "" {
		text = " " + cutTo(clean(c.Subject), maxCell)
	}
	return text + " by " + cutTo(clean(c.Issuer), maxCell) + ", " + c.NotBefore.UTC().Format(time.DateOnly) + " to " + c.NotAfter.UTC().Format(time.DateOnly)
}

// notes are what was shown, and the hints, in words.
func (t *sealedTally) notes() []string {
	var notes []string
	for _, s := range t.shown {
		notes = append(notes, strings.Join(s.ids, " ")+": "+s.text)
	}
	for _, h := range t.hints {
		notes = append(notes, strings.Join(h.ids, " ")+": the client looks like "+h.maker.name+"; for a key log "+h.maker.how)
	}
	return notes
}

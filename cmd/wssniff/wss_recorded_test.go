package main

import (
	"path/filepath"
	"testing"

	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A shown counts the connections that show something.
type shown struct {
	it func(*session.Conn) bool
	n  int
}

func (s *shown) Observe(e session.Event) {
	if c, ok := e.(*session.Closed); ok && c.Conn.TLS != nil && s.it(c.Conn) {
		s.n++
	}
}

// TestRecordedTLS holds that recordings show what they were made for; what
// was said in them their truth files have.
func TestRecordedTLS(t *testing.T) {
	for name, it := range map[string]func(*session.Conn) bool{
		"wss-early": func(c *session.Conn) bool { return c.TLS.EarlyData && !c.TLS.EarlyRefused && c.TLS.Resumed },
		"midstream-wss": func(c *session.Conn) bool {
			return c.TLS.ClientHello == nil && c.TLS.Version == tlsdecrypt.TLS13 && c.Sides[0].LostBytes == 0
		},
		"h2-go": func(c *session.Conn) bool { return c.H2 != nil && c.H2.Stream == 3 && c.H2.Settled && c.H2.Connect },
	} {
		packets, keys := recorded(t, filepath.Join(capturesDir, name+".pcapng"))
		s := shown{it: it}
		if _, err := session.Run(casetest.Source(packets), session.Config{Keys: keys}, 1, &s); err != nil {
			t.Fatal(err)
		}
		if s.n != 1 {
			t.Errorf("%s: %d connections show it, want 1", name, s.n)
		}
	}
}

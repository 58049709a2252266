package session_test

import (
	"testing"

	"github.com/wssniff/wssniff/session"
)

// undecodable claims of each message since when those of its direction could
// not be inflated.
type undecodable struct {
	t      *testing.T
	lost   int64
	since  [2]int64
	broken int
}

func (u *undecodable) Observe(e session.Event) {
	m, ok := e.(*session.Message)
	if !ok || !m.Compressed {
		return
	}
	switch since := &u.since[m.Dir]; {
	case m.Inflated:
		*since = 0
	case *since == 0:
		*since = m.FirstPacket
		u.broken++
	default:
		u.broken++
	}
	if m.UndecodableSince != u.since[m.Dir] {
		u.t.Errorf("without packet %d: the message in packet %d is undecodable since %d, told %d", u.lost, m.FirstPacket, u.since[m.Dir], m.UndecodableSince)
	}
}

// TestUndecodableSince takes each packet out of a recording with compression.
func TestUndecodableSince(t *testing.T) {
	packets := readAll(t, "../testdata/captures/deflate-ws.pcap")
	most := 0
	for lost := range packets {
		u := &undecodable{t: t, lost: int64(lost + 1)}
		tr := session.New(session.Config{}, u)
		for i := range packets {
			if i != lost {
				tr.Packet(&packets[i])
			}
		}
		tr.Close()
		most = max(most, u.broken)
	}
	if most < 2 {
		t.Errorf("at most %d messages were undecodable", most)
	}
}

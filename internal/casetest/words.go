package casetest

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// A which says of which of a line's segments a TCP word speaks: of all, or of
// the n-th.
type which struct {
	all bool
	n   int // from 1
}

func (k which) has(i int) bool { return k.all || k.n == i+1 }
func (k which) any() bool      { return k.all || k.n > 0 }

// A manner is what the TCP words of a line say about how it is sent and captured.
type manner struct {
	swap, again, lose which
	differ            bool // the bytes that come again are others
	join              bool // leave together with the next line's
	noAck             bool
	split             int
	overlap           int
	cut               int
	fragment          int
	shift             int64 // of the sequence number, for this line alone
	ackShift          int64 // of the acknowledgment number
	window            int   // -1: the default
	badSum            bool
	ttl               int // 0: 64
}

// tcpWords are the words that may stand on every line that sends.
var tcpWords = map[string]func(*manner, word) error{
	"swap":    func(m *manner, w word) error { return m.swap.set(w) },
	"again":   func(m *manner, w word) error { return m.again.set(w) },
	"lose":    func(m *manner, w word) error { return m.lose.set(w) },
	"differ":  func(m *manner, _ word) error { m.differ = true; return nil },
	"join":    func(m *manner, _ word) error { m.join = true; return nil },
	"noack":   func(m *manner, _ word) error { m.noAck = true; return nil },
	"badsum":  func(m *manner, _ word) error { m.badSum = true; return nil },
	"split":   func(m *manner, w word) error { return positive(&m.split, w) },
	"overlap": func(m *manner, w word) error { return positive(&m.overlap, w) },
	"cut":     func(m *manner, w word) error { return positive(&m.cut, w) },
	"ipfrag":  func(m *manner, w word) error { return positive(&m.fragment, w) },
	"window":  func(m *manner, w word) (err error) { m.window, err = w.length(); return err },
	"ttl":     func(m *manner, w word) error { return positive(&m.ttl, w) },
	"seq":     func(m *manner, w word) error { return distance(&m.shift, w) },
	"ack":     func(m *manner, w word) error { return distance(&m.ackShift, w) },
}

func distance(to *int64, w word) (err error) {
	if *to, err = strconv.ParseInt(w.value, 10, 33); err != nil {
		err = fmt.Errorf("%v: not a distance", w)
	}
	return err
}

func (m *manner) take(w word) (bool, error) {
	if set, ok := tcpWords[w.name]; ok {
		return true, set(m, w)
	}
	return false, nil
}

func (k *which) set(w word) error {
	if !w.valued {
		k.all = true
		return nil
	}
	return positive(&k.n, w)
}

func positive(to *int, w word) error {
	n, err := w.length()
	if err == nil && n == 0 {
		err = fmt.Errorf("%v: must be more than 0", w)
	}
	*to = n
	return err
}

// A setup is what the words of open and syn say about the connection.
type setup struct {
	isn        [2]uint32
	port       uint16
	clientPort uint16 // 0: that of the connection before
	ipv6, pad  bool
	link       string
	vlans      []uint16
	ips        [2]netip.Addr // where they are not the usual ones
	data       string        // sent in the SYN
	fastOpen   bool          // the request is sent in the SYN (RFC 7413)
	untaken    bool          // the answer does not take the data of the SYN
	router     bool          // captured on the router between the two ends
	far        time.Duration // how late the SYN-ACK is
	unanswered bool          // nothing answers the SYN
	refused    bool          // a RST answers it
}

var setupWords = map[string]func(*setup, word) error{
	"ipv6":   func(s *setup, _ word) error { s.ipv6 = true; return nil },
	"pad":    func(s *setup, _ word) error { s.pad = true; return nil },
	"router": func(s *setup, _ word) error { s.router = true; return nil },
	"fastopen": func(s *setup, w word) error {
		s.fastOpen, s.untaken = true, w.value == "refused"
		if w.valued && !s.untaken {
			return fmt.Errorf("%v: fastopen or fastopen=refused", w)
		}
		return nil
	},
	"far": func(s *setup, w word) (err error) {
		s.far, err = time.ParseDuration(w.value)
		return err
	},
	"unanswered": func(s *setup, _ word) error { s.unanswered = true; return nil },
	"refused":    func(s *setup, _ word) error { s.refused = true; return nil },
	"data":       func(s *setup, w word) error { s.data = w.value; return nil },
	"port":       func(s *setup, w word) error { return number16(&s.port, w) },
	"clientport": func(s *setup, w word) error { return number16(&s.clientPort, w) },
	"clientip":   func(s *setup, w word) error { return address(&s.ips[client], w) },
	"serverip":   func(s *setup, w word) error { return address(&s.ips[server], w) },
	"isn": func(s *setup, w word) error {
		n, err := strconv.ParseUint(w.value, 0, 32)
		s.isn = [2]uint32{uint32(n), uint32(n)}
		return err
	},
	"link": func(s *setup, w word) error {
		if _, ok := links[w.value]; !ok {
			return fmt.Errorf("%v: no such link type", w)
		}
		s.link = w.value
		return nil
	},
	"vlan": func(s *setup, w word) error {
		var id uint16
		err := number16(&id, w)
		s.vlans = append(s.vlans, id) // twice: the outer one first
		return err
	},
}

func (s *setup) take(w word) (bool, error) {
	if set, ok := setupWords[w.name]; ok {
		return true, set(s, w)
	}
	return false, nil
}

func address(to *netip.Addr, w word) error {
	a, err := netip.ParseAddr(w.value)
	*to = a
	return err
}

func number16(to *uint16, w word) error {
	n, err := strconv.ParseUint(w.value, 0, 16)
	if err != nil {
		return fmt.Errorf("%v: not a number of 16 bits", w)
	}
	*to = uint16(n)
	return nil
}

// A taker takes the words it knows; the takers of a line are tried in turn.
type taker interface {
	take(word) (bool, error)
}

func takeAll(words []word, takers ...taker) error {
	for _, w := range words {
		if err := takeOne(w, takers); err != nil {
			return err
		}
	}
	return nil
}

func takeOne(w word, takers []taker) error {
	for _, t := range takers {
		if ok, err := t.take(w); err != nil || ok {
			return err
		}
	}
	return fmt.Errorf("unknown word %v", w)
}

// An ender takes the word that says who sends: c or s.
type ender struct {
	dir   int
	given bool
}

func (e *ender) take(w word) (bool, error) {
	dir, ok := directions[w.name]
	if ok {
		e.dir, e.given = dir, true
	}
	return ok, nil
}

// A pause takes the word of wait.
type pause struct{ time.Duration }

func (p *pause) take(w word) (bool, error) {
	var err error
	p.Duration, err = time.ParseDuration(w.name)
	return true, err
}

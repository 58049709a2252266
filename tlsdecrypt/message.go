package tlsdecrypt

// Handshake message types (RFC 8446 §4, RFC 5246 §7.4).
const (
	msgClientHello         = 1
	msgServerHello         = 2
	msgTicket              = 4
	msgEndOfEarlyData      = 5
	msgEncryptedExtensions = 8
	msgCertificate         = 11
	msgServerKeyExchange   = 12
	msgCertificateRequest  = 13
	msgClientKeyExchange   = 16
	msgFinished            = 20
	msgKeyUpdate           = 24
)

// maxMessage bounds a handshake message that is put together; a longer one is
// passed over. Certificate chains are the longest there are.
const maxMessage = 128 << 10

// A messages puts handshake messages together: they may be split over records
// and share them (RFC 8446 §5.1).
type messages struct {
	buf  []byte
	skip int  // bytes of a message that is passed over
	lost bool // where the next message begins is not known
}

// lose says that bytes are missing, so that nothing kept is of use.
func (m *messages) lose() { m.buf, m.skip, m.lost = m.buf[:0], 0, true }

// reset begins anew, as at a change of keys.
func (m *messages) reset() { m.buf, m.skip, m.lost = m.buf[:0], 0, false }

// feed takes the body of a record. Behind a loss a message is looked for
// where a record begins.
func (m *messages) feed(b []byte) {
	if m.lost {
		if len(b) < 4 || !known(b[0]) || length(b) > maxMessage {
			return
		}
		m.lost = false
	}
	n := min(m.skip, len(b))
	m.skip -= n
	m.buf = append(m.buf, b[n:]...)
}

func length(b []byte) int { return int(b[1])<<16 | int(b[2])<<8 | int(b[3]) }

func known(kind byte) bool { return kind <= 32 }

// next gives the next message that is complete, lent until feed is called.
func (m *messages) next() (kind byte, body []byte, ok bool) {
	for len(m.buf) >= 4 {
		n := length(m.buf)
		kind = m.buf[0]
		if n > maxMessage {
			passed := min(n+4, len(m.buf))
			m.skip = n + 4 - passed
			m.buf = m.buf[passed:]
			continue
		}
		if len(m.buf) < n+4 {
			break
		}
		body = m.buf[4 : n+4]
		m.buf = m.buf[n+4:]
		return kind, body, true
	}
	if len(m.buf) == 0 {
		m.buf = nil // handshakes are few: their room is not kept
	}
	return 0, nil, false
}

package tlsdecrypt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// A ClientHello is what a client offers (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).
// Lists are in the order sent, GREASE among them.
type ClientHello struct {
	Where
	Length        int     // of the message
	LegacyVersion Version // client_version
	Versions      []Version
	Random        [32]byte
	SessionID     []byte
	Suites        []uint16
	ServerName    string // SNI (RFC 6066 §3); empty where it was not sent
	ALPN          []string
	Groups        []uint16
	KeyShares     []uint16
	PSK           bool // offers pre-shared keys: a resumption
	Ticket        bool // shows a session ticket (RFC 5077 §3.2)
	EarlyData     bool

	ticket                               [32]byte // SHA-256 of it
	ECH                                  bool     // its name may be an outer one
	EncryptThenMAC, ExtendedMasterSecret bool
	Malformed                            bool // it ends before its lengths do: what is here was read before
}

// Newest gives the highest version offered.
func (h *ClientHello) Newest() Version {
	newest := Version(0)
	for _, v := range h.Versions {
		if !GREASE(uint16(v)) && v <= TLS13 {
			newest = max(newest, v)
		}
	}
	if newest == 0 {
		return h.LegacyVersion
	}
	return newest
}

// A ServerHello is what the server chose (RFC 8446 §4.1.3).
type ServerHello struct {
	Where
	Version                              Version // supported_versions, else the legacy one
	Random                               [32]byte
	SessionID                            []byte
	Suite                                uint16
	ALPN                                 string
	Group                                uint16 // of the key share
	PSK                                  bool   // a pre-shared key was selected
	EncryptThenMAC, ExtendedMasterSecret bool
	Malformed                            bool
}

// retryRandom is the Random of a HelloRetryRequest (RFC 8446 §4.1.3).
var retryRandom = []byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// Retry says whether it is a HelloRetryRequest (RFC 8446 §4.1.4).
func (h *ServerHello) Retry() bool { return bytes.Equal(h.Random[:], retryRandom) }

// Extensions (RFC 8446 §4.2 and the RFCs it names).
const (
	extServerName     = 0
	extGroups         = 10
	extALPN           = 16
	extEncryptThenMAC = 22
	extMasterSecret   = 23
	extTicket         = 35
	extPSK            = 41
	extEarlyData      = 42
	extVersions       = 43
	extKeyShare       = 51
	extECH            = 0xfe0d
)

// A cursor reads vectors; once one does not fit, everything after is empty.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) uint(n int) (v int) {
	for _, x := range c.bytes(n) {
		v = v<<8 | int(x)
	}
	return v
}

// vector gives what stands behind a length of n bytes.
func (c *cursor) vector(n int) cursor { return cursor{b: c.bytes(c.uint(n))} }

func (c *cursor) more() bool { return len(c.b) > 0 }

func uint16s[T ~uint16](c cursor) (list []T) {
	for ; len(c.b) > 1; c.b = c.b[2:] {
		list = append(list, T(binary.BigEndian.Uint16(c.b)))
	}
	return list
}

// parseClientHello reads the body of the message.
func parseClientHello(b []byte) *ClientHello {
	c := cursor{b: b}
	h := &ClientHello{Length: len(b) + 4}
	h.LegacyVersion = Version(c.uint(2))
	copy(h.Random[:], c.bytes(32))
	id := c.vector(1)
	h.SessionID = bytes.Clone(id.b)
	h.Suites = uint16s[uint16](c.vector(2))
	c.vector(1) // compression methods
	if c.more() {
		ext := c.vector(2)
		for ext.more() {
			kind := ext.uint(2)
			h.extension(kind, ext.vector(2))
		}
		c.bad = c.bad || ext.bad
	}
	h.Malformed = c.bad
	return h
}

func (h *ClientHello) extension(kind int, c cursor) {
	switch kind {
	case extServerName:
		for list := c.vector(2); list.more(); {
			kind, name := list.uint(1), list.vector(2)
			if kind == 0 && h.ServerName == "" {
				h.ServerName = string(name.b)
			}
		}
	case extALPN:
		h.ALPN = protocols(c)
	case extGroups:
		h.Groups = uint16s[uint16](c.vector(2))
	case extVersions:
		h.Versions = uint16s[Version](c.vector(1))
	case extKeyShare:
		for list := c.vector(2); list.more(); list.vector(2) {
			h.KeyShares = append(h.KeyShares, uint16(list.uint(2)))
		}
	case extPSK:
		h.PSK = true
	case extTicket:
		h.Ticket = len(c.b) > 0
		h.ticket = sha256.Sum256(c.b)
	case extEarlyData:
		h.EarlyData = true
	case extECH:
		h.ECH = true
	case extEncryptThenMAC:
		h.EncryptThenMAC = true
	case extMasterSecret:
		h.ExtendedMasterSecret = true
	}
}

// protocols reads a list of names (RFC 7301 §3.1).
func protocols(c cursor) (names []string) {
	for list := c.vector(2); list.more(); {
		name := list.vector(1)
		names = append(names, string(name.b))
	}
	return names
}

// parseServerHello reads the body of the message.
func parseServerHello(b []byte) *ServerHello {
	c := cursor{b: b}
	h := &ServerHello{Version: Version(c.uint(2))}
	copy(h.Random[:], c.bytes(32))
	id := c.vector(1)
	h.SessionID = bytes.Clone(id.b)
	h.Suite = uint16(c.uint(2))
	c.uint(1) // compression method
	if c.more() {
		ext := c.vector(2)
		for ext.more() {
			kind := ext.uint(2)
			h.extension(kind, ext.vector(2))
		}
		c.bad = c.bad || ext.bad
	}
	h.Malformed = c.bad
	return h
}

func (h *ServerHello) extension(kind int, c cursor) {
	switch kind {
	case extVersions:
		h.Version = Version(c.uint(2))
	case extALPN:
		if names := protocols(c); len(names) > 0 {
			h.ALPN = names[0]
		}
	case extKeyShare:
		h.Group = uint16(c.uint(2))
	case extPSK:
		h.PSK = true
	case extEncryptThenMAC:
		h.EncryptThenMAC = true
	case extMasterSecret:
		h.ExtendedMasterSecret = true
	}
}

// encryptedExtensions reads what of the message matters here (RFC 8446 §4.3.1).
func encryptedExtensions(b []byte) (alpn string, early bool) {
	c := cursor{b: b}
	for ext := c.vector(2); ext.more(); {
		switch kind, body := ext.uint(2), ext.vector(2); kind {
		case extALPN:
			if names := protocols(body); len(names) > 0 {
				alpn = names[0]
			}
		case extEarlyData:
			early = true
		}
	}
	return alpn, early
}

package handshake

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
)

const (
	connectCommand = 1
	granted        = "succeeded"

	noAuthentication = 0
	gssapi           = 1
	userPassword     = 2    // RFC 1929
	anyMethod        = 0xFE // not said yet
	noMethod         = 0xFF // RFC 1928 §3: none is acceptable
)

// replies5 are the replies of RFC 1928 §6.
var replies5 = [...]string{
	granted, "general SOCKS server failure", "connection not allowed by ruleset", "network unreachable",
	"host unreachable", "connection refused", "TTL expired", "command not supported", "address type not supported",
}

// replies4 are the replies of SOCKS 4, from 90 on.
var replies4 = [...]string{
	granted, "request rejected or failed", "identd not reachable", "identd tells of another user",
}

const firstReply4 = 90

// sizeRequest4 is that of a request to connect: version, command, port,
// address, user ID, and with SOCKS 4a a host name. Both end with a zero byte.
func sizeRequest4(_ *Reader, b []byte) int {
	const head = 8
	switch {
	case len(b) > 1 && b[1] != connectCommand:
		return wrong
	case len(b) < head:
		return head
	}
	n := head + sizeName4(b[head:])
	if n < head || n > len(b) || !named4(b) {
		return max(n, wrong)
	}
	return max(n+sizeName4(b[n:]), wrong)
}

// named4 tells whether a request has a host name: its address is 0.0.0.x.
func named4(b []byte) bool { return b[4]|b[5]|b[6] == 0 && b[7] != 0 }

// sizeName4 is the size of a name and its zero byte, or far below zero.
func sizeName4(b []byte) int {
	const most, none = 256, -1 << 20
	for i, c := range b[:min(len(b), most)] {
		switch {
		case c == 0:
			return i + 1
		case c < ' ' || c == 0x7f:
			return none
		}
	}
	if len(b) >= most {
		return none
	}
	return len(b) + 1
}

func takeRequest4(r *Reader, b []byte) part {
	user, rest, _ := bytes.Cut(b[8:], []byte{0})
	v := Via{Kind: SOCKS4, User: string(user), sure: true}
	host := netip.AddrFrom4([4]byte(b[4:])).String()
	if named4(b) {
		host = string(bytes.TrimSuffix(rest, []byte{0}))
	}
	v.Target = target(host, b[2:])
	r.passes(v)
	return tunnel
}

func target(host string, port []byte) string {
	return host + ":" + strconv.Itoa(int(binary.BigEndian.Uint16(port)))
}

func sizeReply4(_ *Reader, b []byte) int {
	const size = 8
	switch {
	case b[0] != 0 && b[0] != 4: // some repeat the version
		return wrong
	case len(b) > 1 && (b[1] < firstReply4 || int(b[1]-firstReply4) >= len(replies4)):
		return wrong
	}
	return size
}

func takeReply4(r *Reader, b []byte) part {
	r.asksSOCKS().reply(b[1], replies4[b[1]-firstReply4])
	return tunnel
}

func (v *Via) reply(code uint8, name string) { v.Code, v.Reply, v.sure = code, name, true }

func sizeGreeting5(_ *Reader, b []byte) int {
	switch {
	case len(b) == 1:
		return 2
	case b[1] == 0:
		return wrong
	}
	return 2 + int(b[1])
}

func takeGreeting5(r *Reader, b []byte) part {
	r.passes(Via{Kind: SOCKS5, method: anyMethod, offers: bytes.IndexByte(b[2:], userPassword) >= 0})
	return request5
}

func sizeMethod5(_ *Reader, b []byte) int {
	if b[0] != 5 {
		return wrong
	}
	return 2
}

func takeMethod5(r *Reader, b []byte) part {
	v := r.asksSOCKS()
	v.method, v.sure = b[1], true
	switch b[1] {
	case noAuthentication:
		return reply5
	case userPassword:
		return login5
	case noMethod:
		v.reply(noMethod, "no acceptable methods")
		return tunnel
	}
	return alien // GSSAPI and others put what follows into messages of their own
}

// sizeRequest5 is that of a request (RFC 1928 §4), or of the user name and
// password before it (RFC 1929 §2).
func sizeRequest5(r *Reader, b []byte) int {
	v := r.latest()
	switch {
	case b[0] == 1 && (v.method == userPassword || v.method == anyMethod && v.offers):
		return sizeLogin(b)
	case b[0] != 5, len(b) > 1 && b[1] != connectCommand:
		return wrong
	case len(b) < 4:
		return 4
	}
	return plus(3, sizeAddress5(b[3:]))
}

func sizeLogin(b []byte) int {
	if len(b) < 2 {
		return 2
	}
	n := 2 + int(b[1]) + 1
	if len(b) < n {
		return n
	}
	return n + int(b[n-1])
}

func plus(head, size int) int {
	if size == wrong {
		return wrong
	}
	return head + size
}

// sizeAddress5 is that of the address type, the address and the port (RFC 1928 §5).
func sizeAddress5(b []byte) int {
	switch b[0] {
	case 1:
		return 1 + 4 + 2
	case 4:
		return 1 + 16 + 2
	case 3:
		if len(b) < 2 {
			return 2
		}
		return 1 + 1 + int(b[1]) + 2
	}
	return wrong
}

func takeRequest5(r *Reader, b []byte) part {
	v := r.latest()
	v.sure = true
	if b[0] == 1 {
		v.User = string(b[2 : 2+int(b[1])])
		return request5
	}
	address := b[4 : len(b)-2]
	host := string(address)
	if b[3] == 3 {
		host = string(address[1:])
	} else if a, ok := netip.AddrFromSlice(address); ok {
		host = a.String()
		if a.Is6() {
			host = "[" + host + "]"
		}
	}
	v.Target = target(host, b[len(b)-2:])
	return tunnel
}

func sizeLogin5(_ *Reader, b []byte) int {
	if b[0] != 1 {
		return wrong
	}
	return 2
}

func takeLogin5(r *Reader, b []byte) part {
	if b[1] != 0 {
		r.asksSOCKS().reply(b[1], "authentication failed")
		return tunnel
	}
	return reply5
}

// sizeReply5 is that of version and reply alone: some servers that refuse
// send no more.
func sizeReply5(r *Reader, b []byte) int { return sizeMethod5(r, b) }

func takeReply5(r *Reader, b []byte) part {
	name := "unassigned"
	if int(b[1]) < len(replies5) {
		name = replies5[b[1]]
	}
	r.asksSOCKS().reply(b[1], name)
	return bound5
}

func sizeBound5(_ *Reader, b []byte) int {
	if len(b) < 2 {
		return 2
	}
	return plus(1, sizeAddress5(b[1:]))
}

func takeBound5(*Reader, []byte) part { return tunnel }

package handshake

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strconv"
	"strings"
)

// The PROXY protocol, versions 1 and 2, is described in the document
// proxy-protocol.txt of HAProxy; the sections below are those of it.

const (
	signatureV1 = "PROXY "
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"

	maxV1  = 107 // bytes of the line, its end included (§2.1)
	fixed2 = 16  // bytes before the addresses (§2.2)
)

// begins tells whether b is the beginning of s, or s of b.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

func sizeV1(_ *Reader, b []byte) int {
	if !begins(b, signatureV1) {
		return wrong
	}
	if len(b) > len(signatureV1) {
		b := b[len(signatureV1):]
		if !begins(b, "TCP4 ") && !begins(b, "TCP6 ") && !begins(b, "UNKNOWN") {
			return wrong
		}
	}
	end := bytes.IndexByte(b[:min(len(b), maxV1)], '\n')
	switch {
	case end >= 0:
		if _, ok := parseV1(b[:end]); !ok {
			return wrong
		}
		return end + 1
	case len(b) >= maxV1:
		return wrong
	}
	return len(b) + 1
}

// parseV1 reads the line without its line feed.
func parseV1(line []byte) (v Via, ok bool) {
	text, ok := strings.CutSuffix(string(line), "\r")
	words := strings.Split(text, " ")
	switch {
	case !ok || len(words) < 2:
		return v, false
	case words[1] == "UNKNOWN": // what stands behind it is to be ignored
		return v, true
	case len(words) != 6:
		return v, false
	}
	v.Source, ok = addressV1(words[1], words[2], words[4])
	if !ok {
		return v, false
	}
	v.Destination, ok = addressV1(words[1], words[3], words[5])
	return v, ok
}

func addressV1(family, ip, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(ip)
	n, err2 := strconv.ParseUint(port, 10, 16)
	fits := a.Is4() == (family == "TCP4") && a.Zone() == ""
	return netip.AddrPortFrom(a, uint16(n)), err == nil && err2 == nil && fits
}

func takeV1(r *Reader, b []byte) part {
	v, _ := parseV1(b[:len(b)-1])
	v.Kind, v.sure = ProxyV1, true
	r.passes(v)
	return tunnel
}

// lengthV2 is how many bytes follow the first 16.
func lengthV2(b []byte) int { return int(binary.BigEndian.Uint16(b[14:])) }

func sizeV2(_ *Reader, b []byte) int {
	switch {
	case !begins(b, signatureV2):
		return wrong
	case len(b) > 12 && b[12] != 0x20 && b[12] != 0x21: // version 2; LOCAL, PROXY
		return wrong
	case len(b) < fixed2:
		return fixed2
	}
	return min(fixed2+lengthV2(b), maxPrelude)
}

// families are the address families with a transport, by the byte that names
// both: the size of one address and of all of them.
var families = [256]struct{ address, all int }{
	0x11: {4, 12}, 0x12: {4, 12}, // IPv4, over TCP and UDP
	0x21: {16, 36}, 0x22: {16, 36}, // IPv6
	0x31: {0, 216}, 0x32: {0, 216}, // UNIX sockets, whose paths are not kept
}

func takeV2(r *Reader, b []byte) part {
	v := Via{Kind: ProxyV2, Local: b[12] == 0x20, sure: true}
	family, rest := families[b[13]], b[fixed2:]
	if len(rest) >= family.all {
		if n := family.address; n > 0 && !v.Local {
			v.Source = addressV2(rest[:n], rest[2*n:])
			v.Destination = addressV2(rest[n:2*n], rest[2*n+2:])
		}
		v.readTLVs(b, fixed2+family.all)
	}
	r.passes(v)
	if left := fixed2 + lengthV2(b) - len(b); left > 0 {
		r.client.left = int64(left)
		return headerRest
	}
	return tunnel
}

func addressV2(ip, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))
}

// readTLVs reads what follows the addresses of a header (§2.2.1).
func (v *Via) readTLVs(b []byte, at int) {
	const authority, checksum, head = 0x02, 0x03, 3
	whole := fixed2+lengthV2(b) == len(b)
	for at+head <= len(b) {
		kind, n := b[at], int(binary.BigEndian.Uint16(b[at+1:]))
		if at += head; n > len(b)-at {
			return
		}
		switch {
		case kind == authority:
			v.Authority = string(b[at : at+n])
		case kind == checksum && !whole:
			v.Checksum = NotChecked
		case kind == checksum && n == 4:
			v.Checksum = ChecksumFail
			if crc32c(b, at) == binary.BigEndian.Uint32(b[at:]) {
				v.Checksum = ChecksumOK
			}
		}
		at += n
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc32c is the checksum of a header whose own four bytes at an offset count as zero.
func crc32c(b []byte, at int) uint32 {
	sum := crc32.Update(0, castagnoli, b[:at])
	sum = crc32.Update(sum, castagnoli, []byte{0, 0, 0, 0})
	return crc32.Update(sum, castagnoli, b[at+4:])
}

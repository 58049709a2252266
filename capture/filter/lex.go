package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

// The kinds of a token.
type tokenKind uint8

const (
	tokenEnd     tokenKind = iota
	tokenSymbol            // a sign, or a word of the language; text is its one spelling in use
	tokenNumber            // value
	tokenName              // anything else that begins like a word
	tokenIPv4              // 10.1, 10.1.2 or 10.1.2.3: value and parts
	tokenIPv6              // address
	tokenMAC               // mac
	tokenStrange           // what no filter has
)

// A token is a word or sign, and where it stands.
type token struct {
	kind  tokenKind
	at    int    // byte in the text
	end   int    // the byte behind it
	text  string // as it was written
	is    string // of a symbol: what it means, whichever its spelling
	name  string // of a name: without the backslash
	value uint32
	parts int // numbers of a dotted address
	ip6   netip.Addr
	mac   [6]byte
}

// lex cuts the text into tokens; the last is the end.
func lex(text string) []token {
	var list []token
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(list, token{kind: tokenEnd, at: at, end: at})
		}
		t := next(text[at:])
		t.at, t.end = at, at+len(t.text)
		at = t.end
		list = append(list, t)
	}
}

// next gives the token that s begins with; it is never empty.
func next(s string) token {
	if s[0] == '\\' {
		n := strings.IndexAny(s[1:], " !()\n\t")
		if n < 0 {
			n = len(s) - 1
		}
		if n > 0 {
			return token{kind: tokenName, text: s[:n+1], name: s[1 : n+1]}
		}
	}
	if t, ok := address(s); ok {
		return t
	}
	if n := wordLength(s); n > 0 {
		return word(s[:n])
	}
	for n := min(2, len(s)); n > 0; n-- {
		if is, ok := signs[s[:n]]; ok {
			return token{kind: tokenSymbol, text: s[:n], is: is}
		}
	}
	n := 1
	for n < len(s) && s[n]&0xc0 == 0x80 { // the rest of a character
		n++
	}
	return token{kind: tokenStrange, text: s[:n]}
}

// wordLength is how long the word is that s begins with: letters, digits, and
// inside dots, hyphens and underscores; a dot may be the last.
func wordLength(s string) (n int) {
	for i := range len(s) {
		switch c := s[i]; {
		case isAlnum(c), c == '.' && i > 0:
			n = i + 1
		case i == 0, c != '-' && c != '_':
			return n
		}
	}
	return n
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word tells numbers, dotted addresses, words of the language and names.
func word(s string) token {
	if v, ok := number(s); ok {
		return token{kind: tokenNumber, text: s, value: v}
	}
	if mac, ok := parseMAC(s); ok {
		return token{kind: tokenMAC, text: s, mac: mac}
	}
	if v, parts, ok := dotted(s); ok {
		return token{kind: tokenIPv4, text: s, value: v, parts: parts}
	}
	if is, ok := words[s]; ok {
		return token{kind: tokenSymbol, text: s, is: is}
	}
	if v, ok := constants[s]; ok {
		return token{kind: tokenNumber, text: s, value: v}
	}
	return token{kind: tokenName, text: s, name: s}
}

// number reads a number as C writes it: decimal, octal behind 0, hexadecimal
// behind 0x. Twelve digits are the address of a device.
func number(s string) (uint32, bool) {
	base := 10
	switch {
	case len(s) == 12:
		return 0, false
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	v, err := strconv.ParseUint(s, base, 32)
	return uint32(v), err == nil
}

// dotted reads the first two to four numbers of an IPv4 address. The value has
// them at its low end.
func dotted(s string) (value uint32, parts int, ok bool) {
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || parts == 4 {
			return 0, 0, false
		}
		value, parts = value<<8|uint32(n), parts+1
	}
	return value, parts, parts > 1
}

// longestAddress is what an IPv6 address takes when it is written in full.
const longestAddress = 45

// address reads what has colons: an IPv6 address or that of a device.
func address(s string) (token, bool) {
	n := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.", r) })
	if n < 0 {
		n = len(s)
	}
	if n > longestAddress || strings.IndexByte(s[:n], ':') < 0 || n < len(s) && isAlnum(s[n]) {
		return token{}, false
	}
	if mac, ok := parseMAC(s[:n]); ok {
		return token{kind: tokenMAC, text: s[:n], mac: mac}, true
	}
	ip, err := netip.ParseAddr(s[:n])
	return token{kind: tokenIPv6, text: s[:n], ip6: ip}, err == nil && ip.Is6()
}

// parseMAC reads the address of a device: six numbers with colons, hyphens or
// dots between, three of four digits with dots between, or twelve digits.
func parseMAC(s string) (mac [6]byte, ok bool) {
	groups := []string{s}
	for _, sep := range [...]string{":", "-", "."} {
		if strings.Contains(s, sep) {
			groups = strings.Split(s, sep)
			break
		}
	}
	digits := 12 / len(groups)
	if len(groups) != 6 && len(groups) != 3 && len(groups) != 1 || len(groups) == 3 && strings.Count(s, ".") != 2 {
		return mac, false
	}
	value := uint64(0)
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 4*digits)
		if err != nil || len(g) > digits || len(g) != digits && digits != 2 {
			return mac, false
		}
		value = value<<(4*digits) | n
	}
	for i := range mac {
		mac[i] = byte(value >> (40 - 8*i))
	}
	return mac, true
}

package tlsdecrypt

import (
	"fmt"
	"slices"
)

// A Version is a protocol version as it stands on the wire.
type Version uint16

// The versions (RFC 8446 §4.2.1). All before 1.2 are obsolete (RFC 8996).
const (
	SSL30 Version = 0x0300 + iota
	TLS10
	TLS11
	TLS12
	TLS13
)

// Obsolete says whether the version must not be used any more (RFC 8996).
func (v Version) Obsolete() bool { return v >= SSL30 && v < TLS12 }

// String is the version's name, or its number where it has none.
func (v Version) String() string {
	switch {
	case v == SSL30:
		return "SSL 3.0"
	case v > SSL30 && v <= TLS13:
		return fmt.Sprintf("TLS 1.%d", v-TLS10)
	case v>>8 == 0x7f:
		return fmt.Sprintf("TLS 1.3 draft %d", v&0xff)
	}
	return fmt.Sprintf("0x%04x", uint16(v))
}

// GREASE says whether a number is one of those that mean nothing and are sent
// so that peers learn to ignore what they do not know (RFC 8701 §2).
func GREASE(n uint16) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff }

// A named is a row of a table of numbers.
type named struct {
	number uint16
	name   string
}

func nameOf(table []named, n uint16) string {
	i := slices.IndexFunc(table, func(r named) bool { return r.number == n })
	if i < 0 {
		return fmt.Sprint(n)
	}
	return table[i].name
}

// AlertName gives the name of an alert description (RFC 8446 §6, §B.2, and
// those that only earlier versions had), and its number where it has none.
func AlertName(description uint8) string { return nameOf(alerts, uint16(description)) }

// GroupName gives the name of a key exchange group (RFC 8446 §4.2.7), and
// its number where it has none here.
func GroupName(group uint16) string { return nameOf(groups, group) }

var alerts = []named{
	{0, "close_notify"}, {10, "unexpected_message"}, {20, "bad_record_mac"}, {21, "decryption_failed"},
	{22, "record_overflow"}, {30, "decompression_failure"}, {40, "handshake_failure"}, {41, "no_certificate"},
	{42, "bad_certificate"}, {43, "unsupported_certificate"}, {44, "certificate_revoked"},
	{45, "certificate_expired"}, {46, "certificate_unknown"}, {47, "illegal_parameter"}, {48, "unknown_ca"},
	{49, "access_denied"}, {50, "decode_error"}, {51, "decrypt_error"}, {60, "export_restriction"},
	{70, "protocol_version"}, {71, "insufficient_security"}, {80, "internal_error"},
	{86, "inappropriate_fallback"}, {90, "user_canceled"}, {100, "no_renegotiation"}, {109, "missing_extension"},
	{110, "unsupported_extension"}, {111, "certificate_unobtainable"}, {112, "unrecognized_name"},
	{113, "bad_certificate_status_response"}, {114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"}, {116, "certificate_required"}, {120, "no_application_protocol"},
	{121, "ech_required"},
}

var groups = []named{
	{23, "secp256r1"}, {24, "secp384r1"}, {25, "secp521r1"}, {29, "x25519"}, {30, "x448"},
	{256, "ffdhe2048"}, {257, "ffdhe3072"}, {258, "ffdhe4096"}, {259, "ffdhe6144"}, {260, "ffdhe8192"},
	{512, "MLKEM512"}, {513, "MLKEM768"}, {514, "MLKEM1024"},
	{4587, "SecP256r1MLKEM768"}, {4588, "X25519MLKEM768"}, {4589, "SecP384r1MLKEM1024"},
	{25497, "X25519Kyber768Draft00"},
}

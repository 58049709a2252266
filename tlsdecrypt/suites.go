package tlsdecrypt

import (
	"crypto"
	"fmt"
	"slices"
)

// A protection says how a cipher suite protects records.
type protection uint8

const (
	unsupported protection = iota // the suite is named, its records are not decrypted
	gcm                           // RFC 5288, RFC 8446 §5.2
	ccm                           // RFC 6655
	ccm8                          // RFC 6655, with a tag of 8 bytes
	chacha                        // RFC 7905, RFC 8446 §5.2
	cbc                           // RFC 5246 §6.2.3.2, RFC 7366
	des3                          // the same with triple DES
)

// A suite is a cipher suite as far as reading its records needs it.
type suite struct {
	id         uint16
	name       string // as IANA registered it
	protection protection
	key        int         // bytes of a key
	hash       crypto.Hash // of the key derivation
	mac        crypto.Hash // of the HMAC of a CBC suite
}

// suiteOf finds a suite by its number.
func suiteOf(id uint16) (*suite, bool) {
	i, ok := slices.BinarySearchFunc(suites, id, func(s suite, id uint16) int { return int(s.id) - int(id) })
	if !ok {
		return nil, false
	}
	return &suites[i], true
}

// SuiteName gives the registered name of a cipher suite, and its number in
// hexadecimal where it has no row here.
func SuiteName(id uint16) string {
	if s, ok := suiteOf(id); ok {
		return s.name
	}
	return fmt.Sprintf("0x%04x", id)
}

// suites is in order of the number.
var suites = []suite{
	{0x0001, "TLS_RSA_WITH_NULL_MD5", unsupported, 0, 0, 0},
	{0x0002, "TLS_RSA_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0x0004, "TLS_RSA_WITH_RC4_128_MD5", unsupported, 0, 0, 0},
	{0x0005, "TLS_RSA_WITH_RC4_128_SHA", unsupported, 0, 0, 0},
	{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", des3, 24, crypto.SHA256, crypto.SHA1},
	{0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", des3, 24, crypto.SHA256, crypto.SHA1},
	{0x002c, "TLS_PSK_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0x002d, "TLS_DHE_PSK_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0x002e, "TLS_RSA_PSK_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x003a, "TLS_DH_anon_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x003b, "TLS_RSA_WITH_NULL_SHA256", unsupported, 0, 0, 0},
	{0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", cbc, 32, crypto.SHA256, crypto.SHA256},
	{0x0040, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA", unsupported, 0, 0, 0},
	{0x0044, "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA", unsupported, 0, 0, 0},
	{0x0045, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA", unsupported, 0, 0, 0},
	{0x0046, "TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA", unsupported, 0, 0, 0},
	{0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x006a, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", cbc, 32, crypto.SHA256, crypto.SHA256},
	{0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", cbc, 32, crypto.SHA256, crypto.SHA256},
	{0x006c, "TLS_DH_anon_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x006d, "TLS_DH_anon_WITH_AES_256_CBC_SHA256", cbc, 32, crypto.SHA256, crypto.SHA256},
	{0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", unsupported, 0, 0, 0},
	{0x0087, "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA", unsupported, 0, 0, 0},
	{0x0088, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", unsupported, 0, 0, 0},
	{0x0089, "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA", unsupported, 0, 0, 0},
	{0x008c, "TLS_PSK_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x008d, "TLS_PSK_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0091, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x0094, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0x0095, "TLS_RSA_PSK_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00a2, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x00a3, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x00a7, "TLS_DH_anon_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x00ab, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x00ad, "TLS_RSA_PSK_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x00af, "TLS_PSK_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0x00b0, "TLS_PSK_WITH_NULL_SHA256", unsupported, 0, 0, 0},
	{0x00b1, "TLS_PSK_WITH_NULL_SHA384", unsupported, 0, 0, 0},
	{0x00b2, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x00b3, "TLS_DHE_PSK_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0x00b4, "TLS_DHE_PSK_WITH_NULL_SHA256", unsupported, 0, 0, 0},
	{0x00b5, "TLS_DHE_PSK_WITH_NULL_SHA384", unsupported, 0, 0, 0},
	{0x00b6, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0x00b7, "TLS_RSA_PSK_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0x00b8, "TLS_RSA_PSK_WITH_NULL_SHA256", unsupported, 0, 0, 0},
	{0x00b9, "TLS_RSA_PSK_WITH_NULL_SHA384", unsupported, 0, 0, 0},
	{0x00ba, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00bd, "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00be, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00bf, "TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00c0, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00c3, "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00c4, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256", unsupported, 0, 0, 0},
	{0x00c5, "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA256", unsupported, 0, 0, 0},
	{0x1301, "TLS_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0x1302, "TLS_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0x1303, "TLS_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0x1304, "TLS_AES_128_CCM_SHA256", ccm, 16, crypto.SHA256, 0},
	{0x1305, "TLS_AES_128_CCM_8_SHA256", ccm8, 16, crypto.SHA256, 0},
	{0xc006, "TLS_ECDHE_ECDSA_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", unsupported, 0, 0, 0},
	{0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA", des3, 24, crypto.SHA256, crypto.SHA1},
	{0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc010, "TLS_ECDHE_RSA_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA", unsupported, 0, 0, 0},
	{0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", des3, 24, crypto.SHA256, crypto.SHA1},
	{0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc015, "TLS_ECDH_anon_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc01d, "TLS_SRP_SHA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc01e, "TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc01f, "TLS_SRP_SHA_DSS_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc020, "TLS_SRP_SHA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc021, "TLS_SRP_SHA_RSA_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc022, "TLS_SRP_SHA_DSS_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", gcm, 16, crypto.SHA256, 0},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", gcm, 32, crypto.SHA384, 0},
	{0xc035, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA", cbc, 16, crypto.SHA256, crypto.SHA1},
	{0xc036, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA", cbc, 32, crypto.SHA256, crypto.SHA1},
	{0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", cbc, 16, crypto.SHA256, crypto.SHA256},
	{0xc038, "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384", cbc, 32, crypto.SHA384, crypto.SHA384},
	{0xc039, "TLS_ECDHE_PSK_WITH_NULL_SHA", unsupported, 0, 0, 0},
	{0xc03a, "TLS_ECDHE_PSK_WITH_NULL_SHA256", unsupported, 0, 0, 0},
	{0xc03b, "TLS_ECDHE_PSK_WITH_NULL_SHA384", unsupported, 0, 0, 0},
	{0xc050, "TLS_RSA_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc051, "TLS_RSA_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc052, "TLS_DHE_RSA_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc053, "TLS_DHE_RSA_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc056, "TLS_DHE_DSS_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc057, "TLS_DHE_DSS_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc05c, "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc05d, "TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc060, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc061, "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc06a, "TLS_PSK_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc06b, "TLS_PSK_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc06c, "TLS_DHE_PSK_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc06d, "TLS_DHE_PSK_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc06e, "TLS_RSA_PSK_WITH_ARIA_128_GCM_SHA256", unsupported, 0, 0, 0},
	{0xc06f, "TLS_RSA_PSK_WITH_ARIA_256_GCM_SHA384", unsupported, 0, 0, 0},
	{0xc072, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc073, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc076, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc077, "TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc094, "TLS_PSK_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc095, "TLS_PSK_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc096, "TLS_DHE_PSK_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc097, "TLS_DHE_PSK_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc098, "TLS_RSA_PSK_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc099, "TLS_RSA_PSK_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc09a, "TLS_ECDHE_PSK_WITH_CAMELLIA_128_CBC_SHA256", unsupported, 0, 0, 0},
	{0xc09b, "TLS_ECDHE_PSK_WITH_CAMELLIA_256_CBC_SHA384", unsupported, 0, 0, 0},
	{0xc09c, "TLS_RSA_WITH_AES_128_CCM", ccm, 16, crypto.SHA256, 0},
	{0xc09d, "TLS_RSA_WITH_AES_256_CCM", ccm, 32, crypto.SHA256, 0},
	{0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", ccm, 16, crypto.SHA256, 0},
	{0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM", ccm, 32, crypto.SHA256, 0},
	{0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", ccm8, 16, crypto.SHA256, 0},
	{0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8", ccm8, 32, crypto.SHA256, 0},
	{0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", ccm8, 16, crypto.SHA256, 0},
	{0xc0a3, "TLS_DHE_RSA_WITH_AES_256_CCM_8", ccm8, 32, crypto.SHA256, 0},
	{0xc0a4, "TLS_PSK_WITH_AES_128_CCM", ccm, 16, crypto.SHA256, 0},
	{0xc0a5, "TLS_PSK_WITH_AES_256_CCM", ccm, 32, crypto.SHA256, 0},
	{0xc0a6, "TLS_DHE_PSK_WITH_AES_128_CCM", ccm, 16, crypto.SHA256, 0},
	{0xc0a7, "TLS_DHE_PSK_WITH_AES_256_CCM", ccm, 32, crypto.SHA256, 0},
	{0xc0a8, "TLS_PSK_WITH_AES_128_CCM_8", ccm8, 16, crypto.SHA256, 0},
	{0xc0a9, "TLS_PSK_WITH_AES_256_CCM_8", ccm8, 32, crypto.SHA256, 0},
	{0xc0aa, "TLS_PSK_DHE_WITH_AES_128_CCM_8", ccm8, 16, crypto.SHA256, 0},
	{0xc0ab, "TLS_PSK_DHE_WITH_AES_256_CCM_8", ccm8, 32, crypto.SHA256, 0},
	{0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", ccm, 16, crypto.SHA256, 0},
	{0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", ccm, 32, crypto.SHA256, 0},
	{0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", ccm8, 16, crypto.SHA256, 0},
	{0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", ccm8, 32, crypto.SHA256, 0},
	{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xccac, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xccad, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
	{0xccae, "TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256", chacha, 32, crypto.SHA256, 0},
}

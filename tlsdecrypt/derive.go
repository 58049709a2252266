package tlsdecrypt

import (
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/md5" // and SHA-1: the key derivation of TLS 1.0 and 1.1 is made of both
	"crypto/sha1"
	_ "crypto/sha256" // the hashes of the suites
	_ "crypto/sha512"
	"encoding/binary"
	"hash"
)

// prf is the pseudorandom function (RFC 5246 §5, RFC 4346 §5 before 1.2).
// The seed begins with the label.
func prf(v Version, h crypto.Hash, secret, seed []byte, n int) []byte {
	if v >= TLS12 {
		return expand(h.New, secret, seed, n)
	}
	half := (len(secret) + 1) / 2
	out := expand(md5.New, secret[:half], seed, n)
	for i, b := range expand(sha1.New, secret[len(secret)-half:], seed, n) {
		out[i] ^= b
	}
	return out
}

// expand is P_hash.
func expand(h func() hash.Hash, secret, seed []byte, n int) (out []byte) {
	mac := hmac.New(h, secret)
	sum := func(parts ...[]byte) []byte {
		mac.Reset()
		for _, p := range parts {
			mac.Write(p)
		}
		return mac.Sum(nil)
	}
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// expandLabel is HKDF-Expand-Label with no context (RFC 8446 §7.1).
func expandLabel(h crypto.Hash, secret []byte, label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "...), label...)
	out, err := hkdf.Expand(h.New, secret, string(append(info, 0)), n)
	if err != nil {
		return nil
	}
	return out
}

// newKey13 makes a key of TLS 1.3 from a traffic secret (RFC 8446 §7.3).
func newKey13(s *suite, secret []byte) *key {
	if len(secret) != s.hash.Size() {
		return nil
	}
	k := &key{suite: s, version: TLS13}
	copy(k.iv[:], expandLabel(s.hash, secret, "iv", len(k.iv)))
	var err error
	if k.aead, err = newAEAD(s, expandLabel(s.hash, secret, "key", s.key)); err != nil {
		return nil
	}
	return k
}

// updated is the traffic secret behind a KeyUpdate (RFC 8446 §7.2).
func updated(h crypto.Hash, secret []byte) []byte {
	return expandLabel(h, secret, "traffic upd", len(secret))
}

package tlsdecrypt

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// A ccmMode is AES-CCM with nonces of 12 bytes (RFC 3610, RFC 6655 §3).
type ccmMode struct {
	block    cipher.Block
	tag      int
	a, x, s0 [16]byte // scratch: a block, the CBC-MAC, the key stream of the tag
	stream   [16]byte
}

func newCCM(block cipher.Block, tag int) cipher.AEAD { return &ccmMode{block: block, tag: tag} }

var errOpen = errors.New("tlsdecrypt: message authentication failed")

// NonceSize is always 12.
func (c *ccmMode) NonceSize() int { return 12 }

// Overhead is the length of the tag.
func (c *ccmMode) Overhead() int { return c.tag }

// Seal encrypts.
func (c *ccmMode) Seal(dst, nonce, plain, ad []byte) []byte {
	n := len(dst)
	dst = append(dst, plain...)
	c.authenticate(nonce, plain, ad)
	c.crypt(nonce, dst[n:])
	subtle.XORBytes(c.x[:], c.x[:], c.s0[:])
	return append(dst, c.x[:c.tag]...)
}

// Open decrypts.
func (c *ccmMode) Open(dst, nonce, sealed, ad []byte) ([]byte, error) {
	if len(sealed) < c.tag {
		return nil, errOpen
	}
	n, tag := len(dst), sealed[len(sealed)-c.tag:]
	dst = append(dst, sealed[:len(sealed)-c.tag]...)
	c.crypt(nonce, dst[n:])
	c.authenticate(nonce, dst[n:], ad)
	subtle.XORBytes(c.x[:], c.x[:], c.s0[:])
	if subtle.ConstantTimeCompare(c.x[:c.tag], tag) != 1 {
		clear(dst[n:])
		return nil, errOpen
	}
	return dst, nil
}

// authenticate leaves the CBC-MAC in x (RFC 3610 §2.2).
func (c *ccmMode) authenticate(nonce, plain, ad []byte) {
	c.x = [16]byte{byte((c.tag-2)/2<<3 | 2)}
	if len(ad) > 0 {
		c.x[0] |= 0x40
	}
	copy(c.x[1:], nonce)
	c.x[13], c.x[14], c.x[15] = byte(len(plain)>>16), byte(len(plain)>>8), byte(len(plain))
	c.block.Encrypt(c.x[:], c.x[:])
	if len(ad) > 0 {
		c.a = [16]byte{}
		binary.BigEndian.PutUint16(c.a[:], uint16(len(ad)))
		n := copy(c.a[2:], ad)
		subtle.XORBytes(c.x[:], c.x[:], c.a[:])
		c.block.Encrypt(c.x[:], c.x[:])
		c.mix(ad[n:])
	}
	c.mix(plain)
}

func (c *ccmMode) mix(b []byte) {
	for len(b) > 0 {
		n := subtle.XORBytes(c.x[:], c.x[:], b[:min(len(b), 16)])
		b = b[n:]
		c.block.Encrypt(c.x[:], c.x[:])
	}
}

// crypt applies the key stream, and leaves that of the tag in s0 (RFC 3610
// §2.3).
func (c *ccmMode) crypt(nonce, b []byte) {
	c.a = [16]byte{2}
	copy(c.a[1:], nonce)
	c.block.Encrypt(c.s0[:], c.a[:])
	for i := 1; len(b) > 0; i++ {
		c.a[13], c.a[14], c.a[15] = byte(i>>16), byte(i>>8), byte(i)
		c.block.Encrypt(c.stream[:], c.a[:])
		n := subtle.XORBytes(b, b, c.stream[:min(len(b), 16)])
		b = b[n:]
	}
}

package tlsdecrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// A key opens the records of one side until its keys change.
type key struct {
	suite   *suite
	version Version
	seq     uint64

	aead     cipher.AEAD
	iv       [12]byte
	explicit int // bytes of the nonce that each record carries
	nonce    [12]byte

	block   cipher.Block
	cbc     cipher.BlockMode
	mac     hash.Hash
	etm     bool     // RFC 7366
	chained []byte   // TLS 1.0: the IV is the last block of the record before
	sum     [64]byte // of mac

	ad [13]byte
}

// newAEAD gives the AEAD of a suite that has one.
func newAEAD(s *suite, secret []byte) (cipher.AEAD, error) {
	if s.protection == chacha {
		return chacha20poly1305.New(secret)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	switch s.protection {
	case ccm:
		return newCCM(block, 16), nil
	case ccm8:
		return newCCM(block, 8), nil
	}
	return cipher.NewGCM(block)
}

// newBlock gives the block cipher of a CBC suite.
func newBlock(s *suite, secret []byte) (cipher.Block, error) {
	if s.protection == des3 {
		return des.NewTripleDESCipher(secret)
	}
	return aes.NewCipher(secret)
}

// overhead is how many bytes a body is longer than its plaintext, and whether
// that is always so.
func (k *key) overhead() (n int, exact bool) {
	switch {
	case k.aead == nil:
		return k.block.BlockSize() + k.mac.Size() + 1, false
	case k.version == TLS13: // padding, and messages that are no data, cannot be told
		return k.aead.Overhead() + 1, false
	}
	return k.aead.Overhead() + k.explicit, true
}

// open decrypts the body of a record that has the given number into dst's
// room. Nothing of k changes but its scratch.
func (k *key) open(dst []byte, rec *record, seq uint64) (plain []byte, typ byte, ok bool) {
	if k.aead == nil {
		plain, ok = k.openCBC(dst, rec, seq)
		return plain, rec.typ, ok
	}
	body := rec.body
	if len(body) < k.explicit+k.aead.Overhead() {
		return nil, 0, false
	}
	k.nonce = k.iv
	if k.explicit > 0 {
		copy(k.nonce[4:], body[:k.explicit])
		body = body[k.explicit:]
	} else {
		low := binary.BigEndian.Uint64(k.nonce[4:])
		binary.BigEndian.PutUint64(k.nonce[4:], low^seq)
	}
	if k.version == TLS13 {
		k.header(k.ad[:0], rec, len(rec.body))
		plain, err := k.aead.Open(dst[:0], k.nonce[:], body, k.ad[:headerLen])
		if err != nil {
			return nil, 0, false
		}
		for len(plain) > 0 && plain[len(plain)-1] == 0 { // padding (RFC 8446 §5.4)
			plain = plain[:len(plain)-1]
		}
		if len(plain) == 0 {
			return nil, 0, false
		}
		return plain[:len(plain)-1], plain[len(plain)-1], true
	}
	binary.BigEndian.PutUint64(k.ad[:], seq)
	k.header(k.ad[8:8], rec, len(body)-k.aead.Overhead())
	plain, err := k.aead.Open(dst[:0], k.nonce[:], body, k.ad[:])
	return plain, rec.typ, err == nil
}

func (k *key) header(b []byte, rec *record, length int) {
	b = append(b, rec.typ, byte(rec.version>>8), byte(rec.version))
	binary.BigEndian.AppendUint16(b, uint16(length))
}

// openCBC is RFC 5246 §6.2.3.2, and RFC 7366 where that was negotiated.
func (k *key) openCBC(dst []byte, rec *record, seq uint64) (plain []byte, ok bool) {
	size := k.block.BlockSize()
	body := rec.body
	if k.etm {
		n := len(body) - k.mac.Size()
		if n < 0 || !k.verify(rec, seq, body[:n], body[n:]) {
			return nil, false
		}
		body = body[:n]
	}
	iv := k.chained
	if k.version >= TLS11 {
		if len(body) < size {
			return nil, false
		}
		iv, body = body[:size], body[size:]
	}
	if len(body) == 0 || len(body)%size != 0 || len(iv) != size {
		return nil, false
	}
	k.setIV(iv)
	plain = append(dst[:0], body...)
	k.cbc.CryptBlocks(plain, plain)
	padding := int(plain[len(plain)-1]) + 1
	if padding > len(plain) {
		return nil, false
	}
	plain = plain[:len(plain)-padding]
	if k.etm {
		return plain, true
	}
	n := len(plain) - k.mac.Size()
	if n < 0 || !k.verify(rec, seq, plain[:n], plain[n:]) {
		return nil, false
	}
	return plain[:n], true
}

func (k *key) verify(rec *record, seq uint64, covered, sum []byte) bool {
	binary.BigEndian.PutUint64(k.ad[:], seq)
	k.header(k.ad[8:8], rec, len(covered))
	k.mac.Reset()
	k.mac.Write(k.ad[:])
	k.mac.Write(covered)
	return subtle.ConstantTimeCompare(k.mac.Sum(k.sum[:0]), sum) == 1
}

func (k *key) setIV(iv []byte) {
	if s, ok := k.cbc.(interface{ SetIV([]byte) }); ok {
		s.SetIV(iv)
		return
	}
	k.cbc = cipher.NewCBCDecrypter(k.block, iv)
}

// passed notes that a record went by, decrypted or not.
func (k *key) passed(rec *record) {
	if k.aead == nil && k.version < TLS11 && len(rec.body) >= k.block.BlockSize() {
		body := rec.body
		if k.etm && len(body) >= k.mac.Size()+k.block.BlockSize() {
			body = body[:len(body)-k.mac.Size()]
		}
		k.chained = append(k.chained[:0], body[len(body)-k.block.BlockSize():]...)
	}
}

// newKey12 makes the key of a side of a connection before TLS 1.3 (RFC 5246
// §6.3).
func newKey12(s *suite, v Version, master []byte, client, server *[32]byte, side Side, etm bool) *key {
	k := &key{suite: s, version: v, etm: etm}
	macLen, ivLen := 0, 4
	switch s.protection {
	case chacha:
		ivLen = 12
	case cbc, des3:
		macLen, ivLen = s.mac.Size(), 16
		if s.protection == des3 {
			ivLen = 8
		}
	}
	seed := append(append([]byte("key expansion"), server[:]...), client[:]...)
	block := cursor{b: prf(v, s.hash, master, seed, 2*(macLen+s.key+ivLen))}
	var mac, secret, iv [2][]byte
	for _, part := range []struct {
		of  *[2][]byte
		len int
	}{{&mac, macLen}, {&secret, s.key}, {&iv, ivLen}} {
		part.of[0], part.of[1] = block.bytes(part.len), block.bytes(part.len)
	}
	var err error
	if macLen == 0 {
		copy(k.iv[:], iv[side])
		if s.protection != chacha {
			k.explicit = 8
		}
		k.aead, err = newAEAD(s, secret[side])
	} else if k.block, err = newBlock(s, secret[side]); err == nil {
		k.chained = iv[side]
		k.cbc = cipher.NewCBCDecrypter(k.block, iv[side])
		k.mac = hmac.New(s.mac.New, mac[side])
	}
	if err != nil {
		return nil
	}
	return k
}

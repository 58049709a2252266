package handshake

import (
	"crypto/sha1"
	"encoding/base64"
)

// Accept is the Sec-WebSocket-Accept that answers the given
// Sec-WebSocket-Key: the key's text, not the bytes it stands for, is what is
// summed (RFC 6455 §4.2.2).
func Accept(key string) string {
	sum := accept(key)
	return string(sum[:])
}

// accept is Accept without an allocation, for keys as they should be.
func accept(key string) (text [28]byte) {
	var room [64]byte
	sum := sha1.Sum(append(append(room[:0], key...), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	base64.StdEncoding.Encode(text[:], sum[:])
	return text
}

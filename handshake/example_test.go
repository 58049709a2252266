package handshake_test

import (
	"fmt"

	"github.com/wssniff/wssniff/handshake"
)

func Example() {
	var r handshake.Reader
	request := "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	response := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi"

	_, step := r.Client([]byte(request))
	fmt.Println(step, r.Pending().Target())
	n, step := r.Server([]byte(response))
	valid, _ := r.Handshake().AcceptValid()
	fmt.Println(step, r.Handshake().Established, valid)
	fmt.Printf("frames: %q\n", response[n:])
	// Output:
	// asked /chat
	// answered true true
	// frames: "\x81\x02hi"
}

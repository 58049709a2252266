package main

import (
	"bufio"
	"net"
	"net/http"
)

// keeper keeps what a library answers and the connection that it takes over.
type keeper struct {
	http.ResponseWriter
	status *int
	conn   net.Conn
}

func (k *keeper) WriteHeader(status int) {
	k.status = &status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(k.ResponseWriter).Hijack()
	k.conn = conn
	return conn, rw, err
}

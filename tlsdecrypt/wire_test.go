package tlsdecrypt

import (
	"bytes"
	"io"
	"net"
	"sync"
	"time"
)

// A wire is one direction of a connection, with room for all that is written:
// net.Pipe has none, and both sides of a handshake may write at once.
type wire struct {
	sync.Mutex
	sync.Cond
	buf    bytes.Buffer
	closed bool
}

func newWire() *wire {
	w := new(wire)
	w.L = &w.Mutex
	return w
}

// An end is one of the two ends of a connection.
type end struct{ in, out *wire }

func (e end) Read(b []byte) (int, error) {
	e.in.Lock()
	defer e.in.Unlock()
	for e.in.buf.Len() == 0 {
		if e.in.closed {
			return 0, io.EOF
		}
		e.in.Wait()
	}
	return e.in.buf.Read(b)
}

func (e end) Write(b []byte) (int, error) {
	e.out.Lock()
	defer e.out.Unlock()
	e.out.buf.Write(b)
	e.out.Broadcast()
	return len(b), nil
}

func (e end) Close() error {
	e.out.Lock()
	defer e.out.Unlock()
	e.out.closed = true
	e.out.Broadcast()
	return nil
}

func (end) LocalAddr() net.Addr              { return nil }
func (end) RemoteAddr() net.Addr             { return nil }
func (end) SetDeadline(time.Time) error      { return nil }
func (end) SetReadDeadline(time.Time) error  { return nil }
func (end) SetWriteDeadline(time.Time) error { return nil }

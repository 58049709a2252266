//go:build !linux

package capture

import (
	"errors"
	"io"
	"runtime"
)

const hasAny = false

// Live is a [Source] of the packets that interfaces of this machine send and
// receive. There is none on this system yet: [Listen] says so.
type Live struct{}

// Listen gives an [*OpenError] on this system.
func Listen(conf *LiveConfig) (*Live, error) {
	return nil, &OpenError{
		Name: conf.Interfaces[0],
		Err:  errors.New("live capture is not there on " + runtime.GOOS),
		Hint: "tcpdump -i " + conf.Interfaces[0] + " -w FILE captures; wssniff -r FILE reads it",
	}
}

// Read implements [Source].
func (*Live) Read(*Packet) error { return io.EOF }

// Nudge makes Read give a packet with nothing in it.
func (*Live) Nudge() {}

// Stop makes Read end.
func (*Live) Stop() {}

// Inputs gives what is known of each interface so far.
func (*Live) Inputs() []Input { return nil }

// Close implements [Source].
func (*Live) Close() error { return nil }

//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd && !libpcap && !(windows && (386 || amd64))

package capture

import (
	"errors"
	"runtime"
	"time"
)

// openDevice gives an [*OpenError]: on this system there is no live capture.
func openDevice(name string, _ *LiveConfig, _ time.Duration) (device, error) {
	return nil, &OpenError{
		Name: name,
		Err:  errors.New("live capture is not there on " + runtime.GOOS + "/" + runtime.GOARCH),
		Hint: "tcpdump -i " + name + " -w FILE captures; wssniff -r FILE reads it",
	}
}

//go:build !libpcap && !(windows && (386 || amd64))

package capture

import (
	"fmt"
	"net"
	"runtime"
)

// Interfaces gives the interfaces that [Listen] knows, "any" the last, where
// there is one.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("capture: the interfaces of this machine: %w", err)
	}
	var list []Interface
	why := whyNone()
	for _, i := range all {
		n := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0}
		if n.Why = why; why == "" && !n.Up {
			n.Why = "it is down"
		}
		addresses, _ := i.Addrs() // an interface may be gone by now
		for _, a := range addresses {
			n.Addresses = append(n.Addresses, a.String())
		}
		list = append(list, n)
	}
	if runtime.GOOS == "linux" {
		list = append(list, Interface{Name: anyInterface, Up: true, Why: why})
	}
	return list, nil
}

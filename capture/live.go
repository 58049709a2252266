package capture

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/wssniff/wssniff/capture/filter"
)

// A LiveConfig says what [Listen] captures, and how.
type LiveConfig struct {
	Interfaces  []string // names, each once; "any" is all of the machine
	Snaplen     int      // bytes kept of each packet; 0 is all
	Buffer      int      // bytes of the kernel's buffer for each interface; 0 is 64 MiB
	Promiscuous bool     // packets for other machines, too

	Filter *filter.Filter // what the kernel lets through; nil is all
}

const (
	defaultRing  = 64 << 20
	anyInterface = "any"
)

// An Interface is a network interface of this machine.
type Interface struct {
	Name      string
	Up        bool
	Loopback  bool
	Addresses []string // with prefix lengths
}

// Interfaces gives the interfaces that [Listen] knows, "any" the last, where
// there is one.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("capture: the interfaces of this machine: %w", err)
	}
	var list []Interface
	for _, i := range all {
		n := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Loopback: i.Flags&net.FlagLoopback != 0}
		addresses, _ := i.Addrs() // an interface may be gone by now
		for _, a := range addresses {
			n.Addresses = append(n.Addresses, a.String())
		}
		list = append(list, n)
	}
	if hasAny {
		list = append(list, Interface{Name: anyInterface, Up: true})
	}
	return list, nil
}

// noInterface is the error for a name that no interface has.
func noInterface(name string) error {
	hint := "wssniff -D lists the interfaces"
	if list, err := Interfaces(); err == nil {
		var names []string
		for _, i := range list {
			names = append(names, i.Name)
		}
		hint = "there are " + strings.Join(names, ", ")
	}
	return &OpenError{Name: name, Err: errNoInterface, Hint: hint}
}

var errNoInterface = errors.New("no such interface")

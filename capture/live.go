package capture

import (
	"errors"
	"io/fs"
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
	Name        string
	Description string // in words, where the system has some
	Up          bool
	Loopback    bool
	Addresses   []string // with prefix lengths
	Why         string   // it cannot be captured on; "" where it can, or it is not known
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

// openFailure is the error for an interface that is there and cannot be
// captured on; hint says what mends a lack of permission.
func openFailure(name string, err error, hint string) error {
	if bad, ok := errors.AsType[*filter.Error](err); ok {
		return bad
	}
	e := &OpenError{Name: name, Err: err}
	if errors.Is(err, fs.ErrPermission) {
		e.Err, e.Hint = errors.New("no permission to capture"), hint
	}
	return e
}

// note counts a packet that was captured live.
func (in *Input) note(p *Packet) {
	in.Packets++
	in.Bytes += int64(p.Length)
	if p.Length > len(p.Data) {
		in.Cut++
	}
	in.First, in.Last = min(in.First, p.Time), max(in.Last, p.Time)
}

//go:build !linux || libpcap

package capture

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"
)

// A device is an interface that is captured on.
type device interface {
	// read fills p with the next packet, its bytes lent until the next call, and
	// says whether there was one: it waits for a short time only.
	read(p *Packet) (ok bool, err error)
	dropped() (packets uint64)
	close()
}

// Live is a [Source] of the packets that interfaces of this machine send and
// receive. Read is for one goroutine; Stop may be called from any.
type Live struct {
	devices      []*polled
	turn         int   // the device that is read
	n            int64 // packets so far
	nudged, told atomic.Bool
}

type polled struct {
	Input
	device
}

// lag is how long packets may be kept back, all interfaces together.
const lag = 50 * time.Millisecond

// Listen begins to capture. The error is an [*OpenError] with a hint: a name
// that no interface has, or no permission.
func Listen(conf *LiveConfig) (*Live, error) {
	l := &Live{}
	for _, name := range conf.Interfaces {
		d, err := openDevice(name, conf, lag/time.Duration(len(conf.Interfaces)))
		if err != nil {
			l.Close()
			return nil, err
		}
		l.devices = append(l.devices, &polled{Input{Name: name, Format: "live", First: math.MaxInt64, Last: NoTime}, d})
	}
	return l, nil
}

// Read implements [Source]. It waits for the next packet until Stop is called
// or no interface is left: then it ends with io.EOF.
func (l *Live) Read(p *Packet) error {
	for idle := 0; ; idle++ { // devices in turn that had nothing
		if l.nudged.Swap(false) {
			*p = Packet{Number: l.n, Time: NoTime}
			return nil
		}
		if l.over(idle) {
			return io.EOF
		}
		d := l.devices[l.turn]
		if d.Err == nil {
			ok, err := d.read(p)
			if ok {
				l.n++
				p.Number = l.n
				d.note(p)
				return nil
			}
			if err != nil {
				d.Err = fmt.Errorf("capture: %s: %w", d.Name, err)
			}
		}
		l.turn = (l.turn + 1) % len(l.devices)
	}
}

// Ready says whether Read would not have to wait: nobody knows, here.
func (l *Live) Ready() bool { return false }

// over says whether nothing more is waited for: no interface is left, or Stop
// was called and what was kept back has been read.
func (l *Live) over(idle int) bool {
	const rounds = 3
	if l.told.Load() && idle >= rounds*len(l.devices) {
		return true
	}
	for _, d := range l.devices {
		if d.Err == nil {
			return false
		}
	}
	return true
}

// Nudge makes Read give a packet with nothing in it, soon: so that whoever reads
// can see to something else. It may be called from any goroutine.
func (l *Live) Nudge() { l.nudged.Store(true) }

// Stop makes Read end, once what was captured by now has been read.
func (l *Live) Stop() { l.told.Store(true) }

// Inputs gives what is known of each interface so far.
func (l *Live) Inputs() []Input {
	list := make([]Input, len(l.devices))
	for i, d := range l.devices {
		if n := d.dropped(); n > d.Drops {
			d.Drops = n
		}
		list[i] = d.facts()
	}
	return list
}

// Close implements [Source].
func (l *Live) Close() error {
	for _, d := range l.devices {
		d.close()
	}
	l.devices = nil
	return nil
}

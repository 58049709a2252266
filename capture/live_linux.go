//go:build !libpcap

package capture

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Live is a [Source] of the packets that interfaces of this machine send and
// receive. Its packets are lent from memory that it shares with the kernel.
// Read is for one goroutine; Stop may be called from any.
type Live struct {
	rings   []*ring
	turn    int   // the ring that is read
	n       int64 // packets so far
	polled  []unix.PollFd
	stopped bool // no packet is waited for any more

	nudged, told atomic.Bool // by Nudge and Stop

	mu   sync.Mutex
	wake int // an eventfd that Stop writes to; -1 once closed
}

// lag is how long the kernel may keep packets back until a block of the ring
// is full.
const lag = 50 * time.Millisecond

// Listen begins to capture. The error is an [*OpenError] with a hint: a name
// that no interface has, or no permission.
func Listen(conf *LiveConfig) (*Live, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, &OpenError{Name: conf.Interfaces[0], Err: err}
	}
	l := &Live{wake: wake, polled: []unix.PollFd{{Fd: int32(wake), Events: unix.POLLIN}}}
	for _, name := range conf.Interfaces {
		r, err := openRing(name, conf)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.rings = append(l.rings, r)
		l.polled = append(l.polled, unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN})
	}
	return l, nil
}

// Read implements [Source]. It waits for the next packet until Stop is called
// or no interface is left: then it ends with io.EOF.
func (l *Live) Read(p *Packet) error {
	for {
		if l.nudged.Swap(false) {
			*p = Packet{Number: l.n, Time: NoTime}
			return nil
		}
		for range l.rings {
			if l.rings[l.turn].read(p) {
				l.n++
				p.Number = l.n
				return nil
			}
			l.turn = (l.turn + 1) % len(l.rings)
		}
		if l.stopped {
			return io.EOF
		}
		if err := l.wait(); err != nil {
			return err
		}
	}
}

// Ready says whether Read would not have to wait.
func (l *Live) Ready() bool {
	for _, r := range l.rings {
		if r.ready() {
			return !l.nudged.Load()
		}
	}
	return false
}

// wait waits for packets, and notes what else happens. After Stop it waits a
// last time for what the kernel still holds back.
func (l *Live) wait() error {
	alive := false
	for i, r := range l.rings {
		l.polled[i+1].Revents = 0
		if r.Err != nil {
			l.polled[i+1].Fd = -1
		}
		alive = alive || r.Err == nil
	}
	if !alive {
		return io.EOF
	}
	if _, err := unix.Poll(l.polled, -1); err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	if l.polled[0].Revents != 0 {
		var n [8]byte
		unix.Read(l.wake, n[:])
		if l.stopped = l.told.Load(); l.stopped {
			time.Sleep(2 * lag)
		}
	}
	for i, r := range l.rings {
		if l.polled[i+1].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			r.fail()
		}
	}
	return nil
}

// Nudge makes Read give a packet with nothing in it, soon: so that whoever reads
// can see to something else. It may be called from any goroutine.
func (l *Live) Nudge() {
	l.nudged.Store(true)
	l.signal()
}

// Stop makes Read end, once what was captured by now has been read.
func (l *Live) Stop() {
	l.told.Store(true)
	l.signal()
}

func (l *Live) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake >= 0 {
		unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // it fails only where it was written to before
	}
}

// Inputs gives what is known of each interface so far.
func (l *Live) Inputs() []Input {
	list := make([]Input, len(l.rings))
	for i, r := range l.rings {
		r.count()
		list[i] = r.facts()
	}
	return list
}

// Close implements [Source].
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake < 0 {
		return nil
	}
	unix.Close(l.wake)
	l.wake = -1
	for _, r := range l.rings {
		r.close()
	}
	return nil
}

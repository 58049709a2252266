// Package namespace gives a test a network of its own: lo, and the interfaces
// one and two, which are the two ends of a wire. It needs Linux, the command
// ip, and root or a machine that lets anybody make namespaces.
package namespace

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const variable = "WSSNIFF_TEST_NAMESPACE"

var setup = []string{
	"link set lo up",
	"link add one mtu 65535 type veth peer name two",
	"link set two mtu 65535",
	"link set one addrgenmode none", // else IPv6 speaks as soon as they are up
	"link set two addrgenmode none",
	"link set one up",
	"link set two up",
}

// Enter runs the test once more, in a process with a network of its own, and
// says whether it is that process: the test returns where it is not. It is
// skipped, with the reason, where the machine cannot do that.
func Enter(t *testing.T) (within bool) {
	t.Helper()
	if os.Getenv(variable) != "" {
		for _, line := range setup {
			if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s: %v %s", line, err, out)
			}
		}
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the command ip (Debian: iproute2)")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), variable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := onOneProcessor(cmd)
	if _, ran := errors.AsType[*exec.ExitError](err); err != nil && !ran {
		t.Skipf("this machine has no namespaces for tests: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// onOneProcessor runs cmd, and what it starts, on one processor: else two who
// capture may see packets of two processors in different orders.
func onOneProcessor(cmd *exec.Cmd) (out []byte, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return cmd.CombinedOutput()
	}
	for i := range 8 * int(unsafe.Sizeof(all)) {
		if one.Count() == 0 && all.IsSet(i) {
			one.Set(i)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err == nil {
		defer unix.SchedSetaffinity(0, &all)
	}
	return cmd.CombinedOutput()
}

// A Wire sends frames on an interface.
type Wire struct {
	t    *testing.T
	fd   int
	addr unix.SockaddrLinklayer
}

// OpenWire gives the wire that begins at the interface.
func OpenWire(t *testing.T, name string) *Wire {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &Wire{t, fd, unix.SockaddrLinklayer{Ifindex: i.Index}}
}

// Send sends a frame, its link layer included.
func (w *Wire) Send(frame []byte) {
	w.t.Helper()
	if err := unix.Sendto(w.fd, frame, 0, &w.addr); err != nil {
		w.t.Fatalf("%d bytes: %v", len(frame), err)
	}
}

// Arrived waits until what was sent has come to the other end, two. A busy
// kernel hands frames on later than it takes them: one more, which says that it
// is of IPv6, comes behind them.
func (w *Wire) Arrived() {
	w.t.Helper()
	i, err := net.InterfaceByName("two")
	if err != nil {
		w.t.Fatal(err)
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all)
	if err != nil {
		w.t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index, Protocol: all}); err != nil {
		w.t.Fatal(err)
	}
	last := []byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x86\xddthe last one")
	w.Send(last)
	for b := make([]byte, 2048); ; { // the test's time ends it
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil && err != unix.EINTR {
			w.t.Fatal(err)
		}
		if err == nil && bytes.Equal(b[:n], last) {
			return
		}
	}
}

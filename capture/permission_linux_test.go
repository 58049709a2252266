package capture_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"golang.org/x/sys/unix"
)

// TestNoPermission: without the right to capture, the error says the two
// commands that mend it.
func TestNoPermission(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and is not given back: the thread ends, and its lack of rights
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&h, &none[0]); err != nil {
			t.Error(err)
		}
		l, err := capture.Listen(&capture.LiveConfig{Interfaces: []string{"lo"}})
		if err == nil {
			l.Close()
		}
		if list, err := capture.Interfaces(); !viaLibpcap && (err != nil || !strings.HasPrefix(list[0].Why, "no permission: run it with sudo")) {
			t.Errorf("%v, %+v", err, list)
		}
		done <- err
	}()
	open, ok := errors.AsType[*capture.OpenError](<-done)
	if !ok || !strings.Contains(open.Error(), "lo: no permission to capture") ||
		open.Hint != "run it with sudo, or once: sudo setcap cap_net_raw+ep $(command -v wssniff)" {
		t.Errorf("%+v", open)
	}
}

package session_test

import (
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// BenchmarkPause takes a capture that ends with 100,000 connections open, and
// tells the most processor time that one packet took from those behind it, in
// microseconds: the least of the runs. It is not the time on the wall, which
// on a machine that does other work tells of that.
func BenchmarkPause(b *testing.B) {
	packets := generated(b, "open100k", 1_400_000)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var t unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
			b.Fatal(err)
		}
		return time.Duration(t.Nano())
	}
	least := time.Hour
	for b.Loop() {
		sink := report.Formats[1].New(io.Discard, &report.Options{})
		tr := session.New(session.Config{}, diagnose.New(diagnose.All(), sink))
		most, at := time.Duration(0), used()
		for i := range packets {
			tr.Packet(&packets[i])
			now := used()
			most, at = max(most, now-at), now
		}
		least = min(least, most)
	}
	b.ReportMetric(float64(least.Microseconds()), "µs-most")
}

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/trafficgen"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// BenchmarkRules runs each shape with all rules and without any, in turn, and
// tells the processor time of the first over that of the second: the median
// of pairs. -benchtime 20x makes twenty pairs.
func BenchmarkRules(b *testing.B) {
	for _, shape := range trafficgen.Shapes[:3] {
		b.Run(shape.Name, func(b *testing.B) {
			shape.Packets = 500_000
			name := filepath.Join(b.TempDir(), shape.Name+".pcap")
			file, err := os.Create(name)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := trafficgen.Write(file, shape); err != nil {
				b.Fatal(err)
			}
			file.Close()
			var ratios []float64
			for b.Loop() {
				with, without := judgedOrNot(b, name, true), judgedOrNot(b, name, false)
				ratios = append(ratios, with.Seconds()/without.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "rules/none")
		})
	}
}

// judgedOrNot is the processor time of one run, its report included.
func judgedOrNot(b *testing.B, name string, judged bool) time.Duration {
	src, err := capture.Open([]string{name}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	sink := report.Formats[0].New(io.Discard, &report.Options{})
	observer, counts := session.Observer(sink), map[string]int64{}
	if judged {
		checker := diagnose.New(diagnose.All(), sink)
		observer, counts = checker, checker.Counts()
	}
	before := processorTime(b)
	totals, err := session.Run(src, session.Config{}, 1, observer)
	if err != nil {
		b.Fatal(err)
	}
	if err := sink.Finish(&report.Summary{Inputs: src.Inputs(), Totals: totals, Counts: counts}); err != nil {
		b.Fatal(err)
	}
	return processorTime(b) - before
}

func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

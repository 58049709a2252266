package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
)

// live is a capture that ends when it is told to: by Ctrl-C or SIGTERM, or
// after --duration. A second Ctrl-C ends the program at once.
type live struct {
	*capture.Live
	over  chan struct{}
	asked chan os.Signal // for the summary so far
}

// listen begins to capture on the interfaces.
func (f *flags) listen(stderr io.Writer) (*live, error) {
	packets, err := capture.Listen(&f.live)
	if err != nil {
		return nil, err
	}
	l := &live{Live: packets, over: make(chan struct{}), asked: make(chan os.Signal, 1)}
	asked := make(chan os.Signal, 1)
	if len(summarySignals) > 0 {
		signal.Notify(asked, summarySignals...)
	}
	go l.nudge(asked, !f.quiet && isTerminal(stderr))
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go l.wait(told, f.duration)
	if !f.quiet {
		fmt.Fprintf(stderr, "wssniff: capturing on %s; Ctrl-C ends it with a summary\n", strings.Join(f.live.Interfaces, ", "))
	}
	return l, nil
}

// wait stops the capture when it is time.
func (l *live) wait(told chan os.Signal, duration time.Duration) {
	defer signal.Stop(told)
	var out <-chan time.Time
	if duration > 0 {
		t := time.NewTimer(duration)
		defer t.Stop()
		out = t.C
	}
	select {
	case <-told:
	case <-out:
	case <-l.over:
	}
	l.Stop()
}

// nudge asks for the summary so far when a signal does, and for the counters
// where somebody sees them.
func (l *live) nudge(asked chan os.Signal, seen bool) {
	defer signal.Stop(asked)
	var tick <-chan time.Time
	if seen {
		t := time.NewTicker(countersEvery)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-asked:
			select {
			case l.asked <- nil:
			default: // it was asked for already
			}
			l.Nudge()
		case <-tick:
			l.Nudge()
		case <-l.over:
			return
		}
	}
}

// Close ends the capture.
func (l *live) Close() error {
	close(l.over)
	return l.Live.Close()
}

// countersEvery is how often the counters are shown on a terminal.
const countersEvery = time.Second

// counters is the line that is shown while a capture runs. Totals is nil where
// several workers count.
func counters(inputs []capture.Input, t *session.Totals) string {
	var received, cut int64
	var dropped, freezes uint64
	for i := range inputs {
		in := &inputs[i]
		received, dropped, freezes, cut = received+in.Packets, dropped+in.Drops, freezes+in.Freezes, cut+in.Cut
	}
	line := fmt.Sprintf("%d received, %d dropped, %d freezes, %d truncated", received, dropped, freezes, cut)
	if t != nil {
		line += fmt.Sprintf(", %d open connections", t.Open)
	}
	return line
}

// written is where the report goes: live, each line goes on at once.
func (f *flags) written(out *output, line *progress) io.Writer {
	if f.isLive() {
		return &prompt{out, line}
	}
	return out
}

// A prompt writer holds nothing back. The line of the counters makes place for it.
type prompt struct {
	*output
	line *progress
}

// Write implements io.Writer.
func (p *prompt) Write(b []byte) (int, error) {
	p.line.clear()
	n, err := p.output.Write(b)
	if err == nil {
		err = p.Flush()
	}
	return n, err
}

// listInterfaces prints what can be captured on.
func listInterfaces(w io.Writer) error {
	list, err := capture.Interfaces()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "INTERFACE\tSTATE\tADDRESSES")
	var reasons []string // why some cannot be captured on
	for _, i := range list {
		state := "down"
		if i.Up {
			state = "up"
		}
		if i.Why != "" && !slices.Contains(reasons, i.Why) {
			reasons = append(reasons, i.Why)
		}
		about := i.Addresses
		if i.Description != "" {
			about = append([]string{i.Description}, about...)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", i.Name, state, strings.Join(about, " "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, why := range reasons {
		var names []string
		for _, i := range list {
			if i.Why == why {
				names = append(names, i.Name)
			}
		}
		if _, err := fmt.Fprintf(w, "cannot capture on %s: %s\n", strings.Join(names, ", "), why); err != nil {
			return err
		}
	}
	return nil
}

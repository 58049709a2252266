package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// live is a capture that ends when it is told to: by Ctrl-C or SIGTERM, or
// after --duration. A second Ctrl-C ends the program at once.
type live struct {
	*capture.Live
	over chan struct{}
}

// listen begins to capture on the interfaces.
func (f *flags) listen(stderr io.Writer) (*live, error) {
	packets, err := capture.Listen(&f.live)
	if err != nil {
		return nil, err
	}
	l := &live{packets, make(chan struct{})}
	if len(summarySignals) > 0 {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, summarySignals...)
		go l.nudge(asked)
	}
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

// nudge asks for the summary so far when a signal does.
func (l *live) nudge(asked chan os.Signal) {
	defer signal.Stop(asked)
	for {
		select {
		case <-asked:
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

// written is where the report goes: live, each line goes on at once.
func (f *flags) written(out *output) io.Writer {
	if f.isLive() {
		return &prompt{out}
	}
	return out
}

// A prompt writer holds nothing back.
type prompt struct{ *output }

// Write implements io.Writer.
func (p *prompt) Write(b []byte) (int, error) {
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
	for _, i := range list {
		state := "down"
		if i.Up {
			state = "up"
		}
		about := i.Addresses
		if i.Description != "" {
			about = append([]string{i.Description}, about...)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", i.Name, state, strings.Join(about, " "))
	}
	return t.Flush()
}

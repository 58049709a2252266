package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A progress is a line on a terminal that says how far reading has come. All
// its methods do nothing on nil.
type progress struct {
	w          io.Writer
	begun      time.Time
	shown      time.Time
	lineLength int
}

const (
	progressFirst = 500 * time.Millisecond // nobody needs a line for what is over by then
	progressEvery = 200 * time.Millisecond
)

func newProgress(w io.Writer) *progress {
	now := time.Now()
	return &progress{w: w, begun: now, shown: now.Add(progressFirst - progressEvery)}
}

// show draws the line anew, if it is time to. total is 0 where it is not known.
func (p *progress) show(packets, read, total int64) {
	if p == nil {
		return
	}
	now := time.Now()
	since := now.Sub(p.shown)
	if since < progressEvery {
		return
	}
	p.draw(progressLine(packets, read, total, now.Sub(p.begun)))
	p.shown = now
}

// draw draws the line anew, as much of it as a row of the terminal takes.
func (p *progress) draw(line string) {
	if p == nil {
		return
	}
	line = line[:min(len(line), columns(p.w)-1)]
	fmt.Fprintf(p.w, "\r%-*s", p.lineLength, line)
	p.lineLength = len(line)
}

// progressLine is what there is to say after elapsed.
func progressLine(packets, read, total int64, elapsed time.Duration) string {
	seconds := elapsed.Seconds()
	rate := fmt.Sprintf("%d packets, %.0f MB, %.0f MB/s", packets, float64(read)/1e6, float64(read)/1e6/seconds)
	if total <= 0 || read <= 0 {
		return rate
	}
	const bar = 20
	done := min(1, float64(read)/float64(total))
	left := time.Duration(seconds * (1 - done) / done * float64(time.Second)).Round(time.Second)
	full := int(done * bar)
	return fmt.Sprintf("[%s%s] %3.0f %%  %s, %v left", strings.Repeat("=", full), strings.Repeat(" ", bar-full), 100*done, rate, left)
}

// clear takes the line away.
func (p *progress) clear() {
	if p != nil && p.lineLength > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.lineLength, "")
		p.lineLength = 0
	}
}

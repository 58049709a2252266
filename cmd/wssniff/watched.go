package main

import (
	"errors"
	"io"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// watched is a source that is counted, limited and shown, and whose secrets
// are taken as they come.
type watched struct {
	capture.Source
	files    *capture.Files // nil for live capture
	limit    int64          // packets; 0 is none
	n        int64
	show     int64   // progress is shown from this n on
	out      *output // of the report; nil where nobody could stop to read it
	progress *progress
	keys     *keyring
	nudged   func() // sees to what else there is to do in live capture
	idle     func() // is called before it waits for a packet; nil for nothing

	ahead bool // first and err were read ahead
	first capture.Packet
	err   error
}

var errBroken = errors.New("nobody reads the report")

// unlocks gives the secrets to decrypt with. Those that stand before the first
// packet of a capture are there in time to say that one worker is enough.
func (w *watched) unlocks(workers int) *tlsdecrypt.Keys {
	if workers > 1 && w.keys.Len() == 0 && len(w.keys.logs) == 0 {
		w.err, w.ahead = w.Source.Read(&w.first), true
		w.gather(&w.first, w.err)
	}
	return &w.keys.Keys
}

// gather takes the secrets that came with, or before, a packet, or the end.
func (w *watched) gather(p *capture.Packet, err error) {
	if w.files != nil {
		if secrets := w.files.Secrets(); len(secrets) > 0 {
			w.keys.take(secrets)
		}
	}
	switch {
	case !w.keys.grow():
	case err != nil:
		w.keys.end()
	default:
		w.keys.follow(p.Time)
	}
}

// Read implements capture.Source.
func (w *watched) Read(p *capture.Packet) error {
	if _, err := w.begin(1); err != nil {
		return err
	}
	w.n++
	if w.ahead {
		*p, w.ahead = w.first, false
		return w.err
	}
	if w.idle != nil && !w.Ready() {
		w.idle()
	}
	err := w.Source.Read(p)
	for err == nil && p.Length == 0 && w.nudged != nil {
		w.nudged()
		err = w.Source.Read(p)
	}
	w.gather(p, err)
	return err
}

// ReadRun implements capture.Lender.
func (w *watched) ReadRun(p []capture.Packet) (int, error) {
	lender, ok := w.Source.(capture.Lender)
	if !ok || w.ahead {
		return 1, w.Read(&p[0])
	}
	most, err := w.begin(len(p))
	if err != nil {
		return 0, err
	}
	n, err := lender.ReadRun(p[:most])
	w.n += int64(n)
	w.gather(&p[0], err)
	return n, err
}

// begin says how many of n packets may be read.
func (w *watched) begin(n int) (int, error) {
	if w.limit > 0 {
		n = int(min(int64(n), w.limit-w.n))
	}
	switch {
	case n == 0:
		return 0, io.EOF
	case w.out != nil && w.out.err != nil:
		return 0, errBroken
	}
	if w.n >= w.show && w.progress != nil && w.files != nil {
		read, total := w.files.Progress()
		w.progress.show(w.n, read, total)
		w.show = w.n + 1<<12
	}
	return n, nil
}

// Ready says whether Read would not have to wait.
func (w *watched) Ready() bool {
	live, ok := w.Source.(interface{ Ready() bool })
	return !ok || live.Ready()
}

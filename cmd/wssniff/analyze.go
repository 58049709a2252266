package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/tlsdecrypt"
	"golang.org/x/term"
)

// analyze reads the captures and writes the report. It says whether an input
// was damaged, and how severe the worst finding is; an error is one that kept the report from being written.
func analyze(f *flags, stdin io.Reader, stdout, stderr io.Writer) (worst diagnose.Severity, damaged bool, err error) {
	f.noteNames(stderr)
	packets, err := f.open(stdin, stderr)
	if err != nil {
		return 0, false, withHint(err)
	}
	defer packets.Close()
	keys, err := openKeys(f.keylogs, f.keysGrow(), stderr)
	if err != nil {
		return 0, false, err
	}
	defer keys.close()
	out, err := openOutput(f.output, stdout)
	if err != nil {
		return 0, false, err
	}
	defer out.discard()
	source := f.filtered(packets)
	src := &watched{Source: source, limit: f.count, out: out, keys: keys}
	src.files, _ = packets.(*capture.Files)
	src.progress = f.progress(stderr)
	sink := f.format.New(f.written(out, src.progress), f.options(stdout))
	checker, err := newChecker(f.data, sink)
	if err != nil {
		return 0, false, err
	}
	used := src.unlocks(f.workers)
	conf := f.config(used)
	if conf.KeysGrow {
		conf.MoreKeys = func() { keys.follow(capture.NoTime) }
	}
	kept, err := f.keeper(used, &conf, stderr)
	if err != nil {
		return 0, false, err
	}
	summary := func(t *session.Totals) *report.Summary {
		return &report.Summary{Inputs: packets.Inputs(), Totals: t, Counts: checker.Counts()}
	}
	if f.isLive() {
		f.confine(keys, stderr)
		src.idle = kept.flush
		f.attend(src, packets.(*live), &conf, func(t *session.Totals) { soFar(stderr, sink, summary(t)) })
	}
	totals, err := session.Run(src, conf, f.workers, checker)
	unkept := kept.finish()
	src.progress.clear()
	if err != nil && !errors.Is(err, errBroken) {
		return 0, false, err
	}
	if err := cmp.Or(finish(sink, out, summary(totals)), unkept); err != nil {
		return 0, false, err
	}
	if f.verbose {
		describe(stderr, packets.Inputs(), totals)
		describeFilter(stderr, source)
		kept.describe(stderr, f.write)
	}
	return checker.Worst(), tellDamage(stderr, packets.Inputs()), nil
}

// progress gives the line that says how far it is, nil where nobody would see it.
func (f *flags) progress(stderr io.Writer) *progress {
	if f.quiet || !isTerminal(stderr) {
		return nil
	}
	return newProgress(stderr)
}

// tellDamage says which inputs could not be read to their end, and whether any could not.
func tellDamage(w io.Writer, inputs []capture.Input) (damaged bool) {
	for i := range inputs {
		if err := inputs[i].Err; err != nil {
			damaged = true
			fmt.Fprintf(w, "wssniff: %v\n", err)
		}
	}
	return damaged
}

// attend sees to what is asked of a capture while it runs: its summary so far,
// and its counters. With several workers there is no summary until the end.
func (f *flags) attend(src *watched, l *live, conf *session.Config, soFar func(*session.Totals)) {
	var totals *session.Totals
	conf.Counting = func(t *session.Totals) { totals = t }
	src.nudged = func() {
		inputs := l.Inputs()
		select {
		case <-l.asked:
			src.progress.clear()
			if totals != nil {
				soFar(totals)
			} else {
				fmt.Fprintf(src.keys.stderr, "wssniff: %s; the summary so far needs --workers 1\n", counters(inputs, nil))
			}
		default:
		}
		src.progress.draw(counters(inputs, totals))
	}
}

// An origin is where packets come from: files or interfaces.
type origin interface {
	capture.Source
	Inputs() []capture.Input
}

// open opens what is to be read.
func (f *flags) open(stdin io.Reader, stderr io.Writer) (origin, error) {
	if f.isLive() {
		return f.listen(stderr)
	}
	files, err := capture.Open(f.read, &capture.Config{Stdin: stdin})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// config is what the flags ask of the session.
func (f *flags) config(keys *tlsdecrypt.Keys) session.Config {
	return session.Config{
		Keep: f.keep(), MaxMemory: limitMemory(f.memory), DecodeAs: f.decodeAs, Checksum: f.checksum,
		Keys: keys, KeysGrow: f.keysGrow(),
	}
}

// soFar writes the summary of what there is by now: tables where the report is
// text, else counts.
func soFar(w io.Writer, sink report.Sink, s *report.Summary) {
	if tables, ok := sink.(report.Snapshot); ok {
		tables.SoFar(w, s)
		return
	}
	describe(w, s.Inputs, s.Totals)
}

// keeper keeps packets if the flags ask for that; else it is nil.
func (f *flags) keeper(keys *tlsdecrypt.Keys, conf *session.Config, stderr io.Writer) (*keeper, error) {
	if f.write == "" {
		return nil, nil
	}
	file, err := openKeep(f.write, f.ring)
	if err != nil {
		return nil, err
	}
	k := newKeeper(file, keys)
	if conf.Keeper = k; f.isLive() {
		k.patience = patience
		file.failed = func(err error) {
			fmt.Fprintf(stderr, "wssniff: %v; the capture goes on, no more packets are kept\n", err)
		}
	}
	return k, nil
}

// describe says what was read, and which packets were not followed and why.
func describe(w io.Writer, inputs []capture.Input, t *session.Totals) {
	for i := range inputs {
		in := &inputs[i]
		fmt.Fprintf(w, "wssniff: %s: %s, %d packets, %d bytes, %d dropped by the capture\n", in.Name, in.Format, in.Packets, in.Bytes, in.Drops)
	}
	for _, u := range t.Undecoded {
		fmt.Fprintf(w, "wssniff: %d packets not followed: %s\n", u.Packets, u.Reason)
	}
	fmt.Fprintf(w, "wssniff: %d TCP connections, %d of them listed; limits were reached %d times\n", t.TCP, t.Connections, t.Limited)
}

// finish ends the report. A reader that has gone away, as head does, is no error.
func finish(sink report.Sink, out *output, s *report.Summary) error {
	err := sink.Finish(s)
	if err == nil {
		err = out.commit()
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

func withHint(err error) error {
	if open, ok := errors.AsType[*capture.OpenError](err); ok {
		return &advice{err, open.Hint}
	}
	return err
}

func (f *flags) options(stdout io.Writer) *report.Options {
	o := &report.Options{List: f.list, Payload: f.payload, ShowSecrets: f.noRedact, Follow: f.follow, Keep: f.rows, Live: f.isLive()}
	terminal := f.output == "" && isTerminal(stdout)
	if terminal {
		o.Width = columns(stdout)
	}
	switch f.color {
	case "always":
		o.Color = true
	case "auto":
		o.Color = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return o
}

// columns is the width of the terminal, 80 for what is none.
func columns(w io.Writer) int {
	if isTerminal(w) {
		if n, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/report"
	"github.com/wssniff/wssniff/session"
)

// flags are the command line, checked.
type flags struct {
	read     []string
	live     capture.LiveConfig
	named    []string // hosts of the filter that were looked up
	devices  bool     // -D
	duration time.Duration
	count    int64
	list     report.List
	follow   int64
	payload  int // as report.Options.Payload
	noRedact bool
	format   *report.Format
	output   string
	write    string // -w
	ring     ring   // --ring
	rows     int    // --keep
	color    string
	workers  int
	memory   int64 // 0: what fits the machine
	checksum bool
	keylogs  []string
	decodeAs []uint16 // ports whose connections are WebSockets
	quiet    bool
	verbose  bool
	version  bool
	rules    bool
	explain  string
	data     string // folder
	failOn   diagnose.Severity
}

func parseFlags(args []string) (*flags, error) {
	f := new(flags)
	var list, follow, payload, format, memory, failOn, rotate string
	var decodeAs []string
	var ownOnly bool
	var buffer int
	set := pflag.NewFlagSet("wssniff", pflag.ContinueOnError)
	set.SortFlags = false
	set.Usage = func() {}
	set.StringArrayVarP(&f.read, "read", "r", nil, "")
	set.StringArrayVarP(&f.live.Interfaces, "interface", "i", nil, "")
	set.BoolVarP(&f.devices, "list-interfaces", "D", false, "")
	set.DurationVar(&f.duration, "duration", 0, "")
	set.IntVarP(&f.live.Snaplen, "snaplen", "s", 0, "")
	set.BoolVarP(&ownOnly, "no-promiscuous-mode", "p", false, "")
	set.IntVarP(&buffer, "buffer-size", "B", 0, "")
	set.Int64VarP(&f.count, "count", "c", 0, "")
	set.StringVarP(&list, "list", "l", "", "")
	set.StringVar(&follow, "follow", "", "")
	set.StringVar(&payload, "payload", "", "")
	set.BoolVar(&f.noRedact, "no-redact", false, "")
	set.StringVarP(&format, "format", "f", "text", "")
	set.StringVarP(&f.output, "output", "o", "", "")
	set.StringVarP(&f.write, "write", "w", "", "")
	set.StringVar(&rotate, "ring", "", "")
	set.IntVar(&f.rows, "keep", 100, "")
	set.StringVar(&f.color, "color", "auto", "")
	set.IntVar(&f.workers, "workers", 1, "")
	set.StringVar(&failOn, "fail-on", "never", "")
	set.StringVar(&f.explain, "explain", "", "")
	set.StringVar(&f.data, "data", "", "")
	set.BoolVar(&f.rules, "rules", false, "")
	set.StringVar(&memory, "max-memory", "", "")
	set.BoolVar(&f.checksum, "checksum", false, "")
	set.StringArrayVar(&decodeAs, "decode-as", nil, "")
	set.StringArrayVar(&f.keylogs, "keylog", nil, "")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	set.BoolVar(&f.version, "version", false, "")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return nil, err
		}
		return nil, hinted("wssniff -h lists the flags", "%w", err)
	}
	if f.version || f.rules || f.devices || f.explain != "" {
		return f, nil
	}
	var err error
	f.failOn, err = parseFailOn(failOn)
	return f, cmp.Or(
		err,
		f.checkSource(set),
		f.checkLive(!ownOnly, buffer, set),
		f.checkShown(list, follow, payload),
		f.checkForm(format, set),
		f.checkWrite(rotate, set),
		f.checkDecoding(memory, decodeAs),
	)
}

func (f *flags) checkSource(set *pflag.FlagSet) error {
	words := set.Args()
	switch {
	case len(f.read) > 0 && f.isLive():
		return errors.New("-i and -r: it is either live or a saved capture")
	case len(f.read) == 0 && !f.isLive() && len(words) == 0:
		return hinted("wssniff -i INTERFACE or wssniff -r FILE; wssniff -h lists the flags", "nothing to read: -i INTERFACE or -r FILE is missing")
	case len(f.read) == 0 && !f.isLive() && isFile(words[0]):
		return hinted("wssniff -r "+strings.Join(words, " -r "), "%q: a file to read is given with -r", words[0])
	case set.Changed("count") && f.count < 1:
		return fmt.Errorf("-c %d: a number of packets is at least 1", f.count)
	case f.workers < 1 || f.workers > 256:
		return fmt.Errorf("--workers %d: the number is 1 to 256", f.workers)
	}
	return f.checkFilter(words)
}

func (f *flags) checkShown(list, follow, payload string) error {
	if err := f.list.UnmarshalText([]byte(list)); err != nil {
		return fmt.Errorf("-l: %w", err)
	}
	if follow != "" {
		id, err := strconv.ParseInt(strings.TrimPrefix(follow, "#"), 10, 64)
		if err != nil || id < 1 {
			return hinted("the first column of the Connections table has the IDs", "--follow %q: the ID of a connection is a number, 1 or more", follow)
		}
		f.follow = id
	}
	switch payload {
	case "":
	case "all":
		f.payload = report.PayloadAll
	case "none", "0":
		f.payload = report.PayloadNone
	default:
		n, err := strconv.Atoi(payload)
		if err != nil || n < 0 {
			return fmt.Errorf("--payload %q: it is a number of bytes, all or none", payload)
		}
		f.payload = n
	}
	return nil
}

func (f *flags) checkForm(format string, set *pflag.FlagSet) error {
	var names []string
	for i := range report.Formats {
		if report.Formats[i].Name == format {
			f.format = &report.Formats[i]
		}
		names = append(names, report.Formats[i].Name)
	}
	if f.format == nil {
		return fmt.Errorf("-f %q: there are %s", format, strings.Join(names, ", "))
	}
	if f.rows < 1 || f.rows > 1_000_000 {
		return fmt.Errorf("--keep %d: it is 1 to 1000000 connections", f.rows)
	}
	if set.Changed("output") && f.output == "" {
		return errors.New("-o: the name of the file is empty")
	}
	switch f.color {
	case "auto", "always", "never":
		return nil
	}
	return fmt.Errorf("--color %q: it is auto, always or never", f.color)
}

// checkDecoding reads a size such as 512M, and pairs such as 9000=websocket.
func (f *flags) checkDecoding(memory string, decodeAs []string) error {
	if memory != "" {
		n, ok := parseSize(memory)
		if !ok || n < minMemory {
			return hinted("--max-memory 512M, or 2G", "--max-memory %q: it is a size, 16M or more", memory)
		}
		f.memory = n
	}
	for _, pair := range decodeAs {
		port, what, _ := strings.Cut(pair, "=")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || what != "websocket" {
			return hinted("--decode-as 9000=websocket", "--decode-as %q: it is a TCP port and =websocket", pair)
		}
		f.decodeAs = append(f.decodeAs, uint16(n))
	}
	return nil
}

// checkWrite reads SIZE:FILES.
func (f *flags) checkWrite(rotate string, set *pflag.FlagSet) error {
	switch {
	case set.Changed("write") && (f.write == "" || f.write == "-"):
		return hinted("-w kept.pcapng", "-w %q: it takes the name of a file", f.write)
	case f.write != "" && f.workers > 1:
		return errors.New("-w and --workers: packets are kept with one worker")
	case f.write != "" && slices.ContainsFunc(f.read, func(name string) bool { return sameFile(name, f.write) }):
		return fmt.Errorf("-w %s: it is read at the same time", f.write)
	case !set.Changed("ring"):
		return nil
	case f.write == "":
		return errors.New("--ring: it is for -w")
	}
	size, files, _ := strings.Cut(rotate, ":")
	n, ok := parseSize(size)
	count, err := strconv.Atoi(files)
	if !ok || n < minRing || err != nil || count < 2 {
		return hinted("--ring 100M:10", "--ring %q: it is the size of a file, 1M or more, a colon, and how many, 2 or more", rotate)
	}
	f.ring = ring{n, count}
	return nil
}

const minRing = 1 << 20

// sameFile tells whether two names are of one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// isLive tells whether packets come from interfaces.
func (f *flags) isLive() bool { return len(f.live.Interfaces) > 0 }

// keysGrow says whether key logs may grow while packets come: from a network,
// or from another program through standard input.
func (f *flags) keysGrow() bool {
	return len(f.keylogs) > 0 && (f.isLive() || slices.Contains(f.read, "-"))
}

// checkLive settles how it is captured.
func (f *flags) checkLive(promiscuous bool, mib int, set *pflag.FlagSet) error {
	slices.Sort(f.live.Interfaces)
	f.live.Interfaces = slices.Compact(f.live.Interfaces)
	f.live.Promiscuous, f.live.Buffer = promiscuous, mib<<20
	for _, name := range [...]string{"duration", "snaplen", "no-promiscuous-mode", "buffer-size"} {
		if set.Changed(name) && !f.isLive() {
			return fmt.Errorf("--%s: it is for live capture, with -i", name)
		}
	}
	switch {
	case set.Changed("duration") && f.duration <= 0:
		return hinted("--duration 30s, or 1h", "--duration %v: it is longer than nothing", f.duration)
	case set.Changed("snaplen") && (f.live.Snaplen < minSnaplen || f.live.Snaplen > maxSnaplen):
		return fmt.Errorf("-s %d: it is %d to %d bytes", f.live.Snaplen, minSnaplen, maxSnaplen)
	case set.Changed("buffer-size") && (mib < 2 || mib > 1024):
		return fmt.Errorf("-B %d: it is 2 to 1024 MiB", mib)
	}
	return nil
}

// Snapshot lengths that make sense: heads of all layers, and the largest packet.
const minSnaplen, maxSnaplen = 128, 256 << 10

func isFile(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// keep is how much of each message the session has to keep for the report.
func (f *flags) keep() int {
	shown := f.list >= report.Messages || f.isLive() && f.list == report.Default || f.follow != 0 || f.list == report.Default && f.format != &report.Formats[0]
	switch {
	case f.payload == report.PayloadNone || !shown:
		return diagnose.Looked
	case f.payload == report.PayloadAll, f.payload == 0 && f.follow != 0:
		return session.KeepAll
	}
	return max(f.payload, diagnose.Looked)
}

// Command wssniff turns packets into the truth about WebSockets: every opening
// handshake, frame, message and close in a packet capture.
//
// Start at run: it reads the command line, opens the captures, and analyze
// leads their packets through a session into a report.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"
	"github.com/wssniff/wssniff/capture/filter"
)

const usage = `wssniff - the truth about WebSockets, from packets

  wssniff -i INTERFACE... [flags] [FILTER]  capture, until Ctrl-C
  wssniff -r FILE... [flags] [FILTER]       analyse saved captures

FILTER is a capture filter as tcpdump has it: port 8080 and host 10.0.0.1.

FILE is a pcap or pcapng, bare or in gzip, zstd, lz4 or bzip2, whatever its
name; a folder or pattern of them; several with commas between; or - for
standard input. Several files are read as one, in order of time.

Input
  -i, --interface NAME   capture on it; repeatable; any is all of them
  -r, --read FILE        the capture to read; repeatable
  -c, --count N          stop after N packets
      --duration TIME    stop after 30s, 10m, 1h
  -D, --list-interfaces  list the interfaces

Live capture
  -s, --snaplen N        bytes kept of each packet (default all)
  -p, --no-promiscuous-mode
                         only what this machine sends and receives
  -B, --buffer-size MIB  the kernel's buffer for packets (default 64)
SIGUSR1 prints the summary so far; root is given up once it captures.

What is shown
  -l, --list WHAT        list line by line: connections, messages, frames,
                         findings or none (default messages live, else none;
                         all in json, ndjson)
      --follow ID        one connection, whole: heads, messages, close
      --payload N        payload bytes shown of each message: a number, all
                         or none (default 256; all with --follow)
      --no-redact        show cookies, tokens and passwords, which are masked

Form
  -f, --format NAME      text, ndjson or json (default text)
  -o, --output FILE      write there, not to standard output; FILE has its
                         name only once the report is whole
  -w, --write FILE       keep the packets of the connections of the report, from
                         their SYN on, as pcapng, with the TLS secrets used
      --ring SIZE:FILES  as FILE.0, FILE.1 and so on, of that size, the oldest
                         written over: 100M:10
      --keep N           connections kept for the table: of a file the first,
                         live the last (default 100); all are counted
      --color WHEN       auto, always or never (default auto; NO_COLOR counts)

Decoding
      --keylog FILE      secrets of TLS, as SSLKEYLOGFILE has them; repeatable;
                         read on while it grows. Those in pcapng count anyway
      --decode-as P=websocket
                         take connections of port P for WebSockets, with no
                         opening handshake seen; repeatable
      --checksum         leave out segments with a wrong checksum

What is wrong
      --fail-on SEVERITY exit with 1 if there is a finding so severe: error,
                         warning, or never (default never)
      --rules            list the rules
      --explain RULE     one rule: what was seen, why, and what to change
      --data DIR         tables on products to go by: see docs/data.md

Running
      --workers N        follow connections on N processors (default 1)
      --max-memory SIZE  ceiling for what is held: 512M, 2G (default 1G or a
                         quarter of the machine)
  -q, --quiet            no progress line
  -v, --verbose          say on standard error what was read and skipped
      --version          print the version
  -h, --help             print this

Exit status: 0 analysed; 1 --fail-on has found something; 2 wrong usage; 3 an
input could not be read to its end: what was read is reported, and the error
says where it stopped.
`

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away is an error of writing: what was begun is ended first
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitOK      = 0
	exitFound   = 1 // --fail-on
	exitUsage   = 2
	exitDamaged = 3
)

// run is the program: everything but leaving it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f, err := parseFlags(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return exitOK
	case err != nil:
		return fail(stderr, err)
	case f.version:
		fmt.Fprintln(stdout, "wssniff", version())
		return exitOK
	case f.devices:
		return printed(stderr, listInterfaces(stdout))
	case f.rules:
		return printed(stderr, listRules(stdout, columns(stdout)))
	case f.explain != "":
		return printed(stderr, explain(stdout, f.explain, columns(stdout)))
	}
	worst, damaged, err := analyze(f, stdin, stdout, stderr)
	switch {
	case err != nil:
		return fail(stderr, err)
	case damaged:
		return exitDamaged
	case worst >= f.failOn:
		return exitFound
	}
	return exitOK
}

// printed is the exit code of what only prints.
func printed(stderr io.Writer, err error) int {
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// An advice is an error with what to do about it.
type advice struct {
	err  error
	hint string
}

func (a *advice) Error() string { return a.err.Error() }
func (a *advice) Unwrap() error { return a.err }

// hinted is err with a hint.
func hinted(hint, format string, args ...any) error {
	return &advice{fmt.Errorf(format, args...), hint}
}

// fail prints an error and its hint, each on a line of its own.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "wssniff: %v\n", err)
	if bad, ok := errors.AsType[*filter.Error](err); ok && bad.Mark() != "" {
		fmt.Fprintln(stderr, bad.Mark())
	}
	if a, ok := errors.AsType[*advice](err); ok && a.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", a.hint)
	}
	return exitUsage
}

// version is what the build was told of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}

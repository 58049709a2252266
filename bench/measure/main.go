// Measure compares the processor time, time and memory of programs that read
// the same file.
//
//	measure -n 5 -file big.pcap 'wssniff=./wssniff -q -r {}' 'tcpdump=tcpdump -r {} -w /dev/null'
//
// runs them in turn, A B A B, each n times, and prints a line for each. The
// last column is the program's processor time over that of the first one,
// taken pair by pair: its median.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A program is what is measured, and what came out.
type program struct {
	name string
	args []string
	runs []run
}

// A run is one run of a program.
type run struct {
	cpu, wall time.Duration
	rss       int64 // KiB, at most
}

func main() {
	n := flag.Int("n", 5, "runs of each program")
	file := flag.String("file", "", "what {} stands for; it is read once before, into the page cache")
	header := flag.Bool("header", false, "print the table's head and do nothing else")
	flag.Parse()
	if *header {
		fmt.Printf("%-16s %-10s %9s %9s %11s %8s\n", "file", "program", "cpu s", "wall s", "peak KiB", "cpu ÷ 1st")
		return
	}
	if err := measure(os.Stdout, *n, *file, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(2)
	}
}

func measure(w io.Writer, n int, file string, args []string) error {
	if n < 1 || len(args) == 0 {
		return errors.New("usage: measure [-n N] -file FILE NAME=COMMAND [NAME=COMMAND]")
	}
	var programs []*program
	for _, arg := range args {
		p, err := parse(arg, file)
		if err != nil {
			return err
		}
		if _, err := exec.LookPath(p.args[0]); err != nil {
			fmt.Fprintf(w, "%-16s %-10s not installed, left out\n", filepath.Base(file), p.name)
			continue
		}
		programs = append(programs, p)
	}
	for range n {
		for _, p := range programs {
			if err := warm(file); err != nil {
				return err
			}
			if err := p.run(); err != nil {
				return err
			}
		}
	}
	for _, p := range programs {
		fmt.Fprintf(w, "%-16s %-10s %9.3f %9.3f %11d %8.2f\n", filepath.Base(file), p.name,
			p.median(func(i int) float64 { return p.runs[i].cpu.Seconds() }),
			p.median(func(i int) float64 { return p.runs[i].wall.Seconds() }),
			int64(p.median(func(i int) float64 { return float64(p.runs[i].rss) })),
			p.median(func(i int) float64 { return p.runs[i].cpu.Seconds() / programs[0].runs[i].cpu.Seconds() }))
	}
	return nil
}

// parse reads NAME=COMMAND, whose words are separated by spaces.
func parse(arg, file string) (*program, error) {
	name, command, ok := strings.Cut(arg, "=")
	words := strings.Fields(command)
	if !ok || len(words) == 0 {
		return nil, fmt.Errorf("%q is not NAME=COMMAND", arg)
	}
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "{}", file)
	}
	return &program{name: name, args: words}, nil
}

// warm reads a file, so that the first program does not pay for the disk.
func warm(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// run runs the program once, with its output thrown away. A program that
// fails is not measured: its time would mean nothing.
func (p *program) run() error {
	var stderr strings.Builder
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Stderr = &stderr
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(p.args, " "), err, stderr.String())
	}
	state := cmd.ProcessState
	p.runs = append(p.runs, run{cpu: state.UserTime() + state.SystemTime(), wall: wall, rss: peak(state)})
	return nil
}

func (p *program) median(of func(i int) float64) float64 {
	values := make([]float64, len(p.runs))
	for i := range values {
		values[i] = of(i)
	}
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

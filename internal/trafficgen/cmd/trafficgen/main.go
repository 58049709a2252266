// Trafficgen writes a large synthetic capture of WebSocket traffic.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/wssniff/wssniff/internal/trafficgen"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("trafficgen", flag.ContinueOnError)
	name := flags.String("shape", "small", "one of "+names())
	packets := flags.Int("packets", 0, "end soon after `N` packets; 0: the shape's own number")
	seed := flags.Uint64("seed", 0, "other numbers, other traffic")
	output := flags.String("o", "-", "write the capture to `FILE`")
	truthFile := flags.String("truth", "", "write what was put in to `FILE`, as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	i := slices.IndexFunc(trafficgen.Shapes, func(s trafficgen.Shape) bool { return s.Name == *name })
	if i < 0 {
		return fmt.Errorf("trafficgen: -shape %s: not one of %s", *name, names())
	}
	shape := trafficgen.Shapes[i]
	shape.Seed = *seed
	if *packets > 0 {
		shape.Packets = *packets
	}
	truth, err := write(*output, stdout, shape)
	if err != nil || *truthFile == "" {
		return err
	}
	b, err := json.Marshal(truth)
	if err != nil {
		return err
	}
	return os.WriteFile(*truthFile, append(b, '\n'), 0o644)
}

func write(file string, stdout io.Writer, shape trafficgen.Shape) (trafficgen.Truth, error) {
	if file == "-" {
		return trafficgen.Write(stdout, shape)
	}
	f, err := os.Create(file)
	if err != nil {
		return trafficgen.Truth{}, fmt.Errorf("trafficgen: %w", err)
	}
	truth, err := trafficgen.Write(f, shape)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return truth, err
}

func names() string {
	var all []string
	for _, s := range trafficgen.Shapes {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}

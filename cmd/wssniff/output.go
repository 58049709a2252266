package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// An output is where the report goes. As a file it has a name of its own
// until it is whole, so that half a report never has the name that was asked for.
type output struct {
	*bufio.Writer
	file *os.File // nil for standard output
	name string
	err  error
}

func openOutput(name string, stdout io.Writer) (*output, error) {
	o := &output{name: name}
	if name == "" {
		o.Writer = bufio.NewWriterSize(&noting{stdout, &o.err}, 64<<10)
		return o, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return nil, hinted("-o takes the name of the file to write", "-o %s: is a folder", name)
		}
		file, err := os.OpenFile(name, os.O_WRONLY, 0) // a device or a pipe
		if err != nil {
			return nil, fmt.Errorf("-o: %w", err)
		}
		o.Writer = bufio.NewWriterSize(&noting{file, &o.err}, 64<<10)
		return o, nil
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, fmt.Errorf("-o: %w", err)
	}
	o.file = file
	o.Writer = bufio.NewWriterSize(&noting{file, &o.err}, 64<<10)
	return o, nil
}

// commit gives the file its name.
func (o *output) commit() error {
	if err := o.Flush(); err != nil {
		return err
	}
	if o.file == nil {
		return nil
	}
	temp := o.file.Name()
	if err := o.file.Chmod(0o644); err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	if err := o.file.Close(); err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	if err := os.Rename(temp, o.name); err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	o.file = nil
	return nil
}

// discard removes a file that was not committed.
func (o *output) discard() {
	if o.file != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}

// noting remembers the first error of a writer.
type noting struct {
	w   io.Writer
	err *error
}

// Write implements io.Writer.
func (n *noting) Write(p []byte) (int, error) {
	written, err := n.w.Write(p)
	if err != nil && *n.err == nil {
		*n.err = err
	}
	return written, err
}

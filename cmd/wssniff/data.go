package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wssniff/wssniff/diagnose"
)

// newChecker gives what judges, by the data on products in a folder if one was named.
func newChecker(folder string, out diagnose.Observer) (*diagnose.Checker, error) {
	d, err := openData(folder)
	if err != nil {
		return nil, err
	}
	c := diagnose.New(diagnose.All(), out)
	if d != nil {
		c.Know(d)
	}
	return c, nil
}

// openData reads the tables in a folder that take the place of the program's
// own, nil where no folder was named.
func openData(folder string) (*diagnose.Data, error) {
	if folder == "" {
		return nil, nil
	}
	files := map[string]string{}
	for _, name := range diagnose.DataFiles() {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		files[name] = string(text)
	}
	if len(files) == 0 {
		return nil, hinted("the tables are "+strings.Join(diagnose.DataFiles(), ", ")+"; those that are not there are the program's own", "--data %s: no table in it", folder)
	}
	d, err := diagnose.ReadData(files)
	if err != nil {
		return nil, fmt.Errorf("--data %s: %w", folder, err)
	}
	return d, nil
}

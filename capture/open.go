package capture

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A Config says how files are opened. The zero value is the default.
type Config struct {
	Stdin io.Reader // what the name "-" stands for; without it, "-" is refused
}

// Open opens capture files by their names. A name may be
//
//   - a file, which is tried first, whatever characters are in its name;
//   - a folder: all capture files in it, not in the folders within;
//   - a pattern of [path/filepath.Match];
//   - several of these with commas between them;
//   - "-", which is conf.Stdin.
//
// What a file is, is told by its content. What cannot be opened is an
// [*OpenError] here; one that opens but cannot be read is an Input.Err.
func Open(names []string, conf *Config) (*Files, error) {
	if conf == nil {
		conf = new(Config)
	}
	f := &Files{stdin: conf.Stdin}
	for _, name := range names {
		if err := f.add(name, true); err != nil {
			f.Close()
			return nil, err
		}
	}
	for i, in := range f.inputs {
		in.order = i
		f.total += in.size
	}
	for _, in := range f.inputs {
		if in.path == "" {
			f.total = 0
		}
	}
	return f, nil
}

var (
	errDevice  = errors.New("is a device, not a file")
	errNoMatch = errors.New("no file matches")
	errNoFiles = errors.New("no capture file in this folder")
	errNoStdin = errors.New("there is no standard input to read")
	errStdin   = errors.New("standard input can be read only once")
)

// add takes one name as the user gave it. Where lists is set, it may be
// several with commas between them.
func (f *Files) add(name string, lists bool) error {
	if name == "-" {
		return f.addStdin()
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return f.addFolder(name)
	case err == nil:
		return f.addFile(name, info)
	case !errors.Is(err, fs.ErrNotExist):
		return openError(name, err)
	}
	pattern := strings.ContainsAny(name, `*?[`)
	if pattern {
		if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
			return f.addFound(found)
		}
	}
	if lists && strings.Contains(name, ",") {
		for part := range strings.SplitSeq(name, ",") {
			if part == "" {
				continue
			}
			if err := f.add(part, false); err != nil {
				return err
			}
		}
		return nil
	}
	if pattern {
		return &OpenError{Name: name, Err: errNoMatch, Hint: "the pattern knows * ? and [a-z]; a folder stands for all captures in it"}
	}
	return openError(name, err)
}

func openError(name string, err error) error {
	e := &OpenError{Name: name, Err: cause(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "a name is that of a file, a folder or a pattern, or - for standard input"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "ask who owns it for the right to read, or try sudo"
	}
	return e
}

// cause takes the operation and path off an error of package os: the message
// names them already.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func (f *Files) addStdin() error {
	if f.stdin == nil {
		return &OpenError{Name: "-", Err: errNoStdin}
	}
	for _, in := range f.inputs {
		if in.stream == f.stdin {
			return &OpenError{Name: "-", Err: errStdin, Hint: "give - once"}
		}
	}
	f.append(&input{stream: f.stdin, Input: Input{Name: "-"}})
	return nil
}

func (f *Files) append(in *input) {
	in.files = f
	in.First, in.Last = math.MaxInt64, NoTime
	f.inputs = append(f.inputs, in)
}

// addFile takes what is there and is no folder. A regular file is opened to
// see that it can be, and again when its turn comes, so that a thousand
// rotated files do not stand open together; all else is a stream.
func (f *Files) addFile(name string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeDevice != 0 {
		return &OpenError{Name: name, Err: errDevice, Hint: "to capture from a network interface, use -i"}
	}
	file, err := os.Open(name)
	if err != nil {
		return openError(name, err)
	}
	in := &input{Input: Input{Name: name}}
	if info.Mode().IsRegular() {
		in.path, in.size = name, info.Size()
		file.Close()
	} else {
		in.stream = file
		f.opened = append(f.opened, file)
	}
	f.append(in)
	return nil
}

// addFound takes the names that a pattern matched. A folder among them is
// taken only if there is no file.
func (f *Files) addFound(names []string) error {
	var folders, files []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			folders = append(folders, name)
		} else {
			files = append(files, name)
		}
	}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return openError(name, err)
		}
		if err := f.addFile(name, info); err != nil {
			return err
		}
	}
	if len(files) > 0 {
		return nil
	}
	for _, name := range folders {
		if err := f.addFolder(name); err != nil {
			return err
		}
	}
	return nil
}

// addFolder takes the capture files in a folder: those that look like one, be
// they whole or not.
func (f *Files) addFolder(folder string) error {
	entries, err := os.ReadDir(folder) // sorted by name
	if err != nil {
		return openError(folder, err)
	}
	found := false
	for _, entry := range entries {
		name := filepath.Join(folder, entry.Name())
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := f.addFile(name, info); err != nil {
			return err
		}
		in := f.inputs[len(f.inputs)-1]
		if in.isCapture() {
			found = true
		} else {
			f.inputs = f.inputs[:len(f.inputs)-1]
		}
	}
	if !found {
		return &OpenError{Name: folder, Err: errNoFiles, Hint: "only the folder itself is searched, not the folders within"}
	}
	return nil
}

// isCapture says whether in begins as a capture file does, bare or packed.
func (in *input) isCapture() bool {
	defer in.close()
	err := in.open(false)
	in.Err = nil
	known := in.Format != ""
	in.Format = ""
	return err == nil || known
}

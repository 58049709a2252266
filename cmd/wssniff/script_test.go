package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wssniff/wssniff/internal/casetest"
)

// TestMain makes the test binary the program itself when a script calls it so.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wssniff": main})
}

// TestScript runs the scripts of testdata/script: the command line from
// outside. $CAPTURES is the folder of the recorded captures.
func TestScript(t *testing.T) {
	captures, err := filepath.Abs(filepath.Join(root, "testdata", "captures"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CAPTURES", captures)
			env.Setenv("NO_COLOR", "")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     counted("exits CODE PROGRAM ARGS...", 2, exits),
			"unread":    counted("unread PROGRAM ARGS...", 1, unread),
			"play":      counted("play SCRIPT OUT", 2, playScript),
			"cut":       counted("cut FILE N OUT", 3, cutFile),
			"gz":        counted("gz FILE OUT", 2, gz),
			"isjson":    counted("isjson FILE", 1, isJSON),
			"holdsonly": counted("holdsonly DIR NAME...", 1, holdsOnly),
		},
	})
}

// counted is a command of scripts that takes no "!" and at least n words.
func counted(usage string, n int, f func(*testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < n {
			ts.Fatalf("usage: %s", usage)
		}
		f(ts, args)
	}
}

// exits runs a program that must exit with CODE.
func exits(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exited with %d, not %d", args[1], got, want)
	}
}

// unread runs a program whose standard output is a pipe that nobody reads any
// more. It must say nothing of it: it ends well, or by the signal for that.
func unread(ts *testscript.TestScript, args []string) {
	r, w, err := os.Pipe()
	ts.Check(err)
	r.Close()
	defer w.Close()
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	var stderr bytes.Buffer
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), w, &stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() != -1 || !ok {
		ts.Check(err)
	}
	if stderr.Len() > 0 {
		ts.Fatalf("standard error has %q", &stderr)
	}
}

// playScript writes the capture of a conversation, in the words of the cases.
func playScript(ts *testscript.TestScript, args []string) {
	dir, err := os.MkdirTemp(ts.MkAbs("."), "case")
	ts.Check(err)
	defer os.RemoveAll(dir)
	text := "0.1 A case.\n-- script --\n" + ts.ReadFile(args[0])
	ts.Check(os.WriteFile(filepath.Join(dir, "0.1-case.txtar"), []byte(text), 0o666))
	cases, err := casetest.Load(dir)
	ts.Check(err)
	packets, err := cases[0].Packets()
	ts.Check(err)
	var file bytes.Buffer
	ts.Check(casetest.WriteFile(&file, packets))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), file.Bytes(), 0o666))
}

// cutFile writes the first N bytes of a file, or with -N all but its last N.
func cutFile(ts *testscript.TestScript, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(b)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b[:n], 0o666))
}

// gz packs a file.
func gz(ts *testscript.TestScript, args []string) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), packed.Bytes(), 0o666))
}

// isJSON checks that a file is one JSON array, or else an object a line, of
// events: the last of them, and no other, is the summary.
func isJSON(ts *testscript.TestScript, args []string) {
	type event struct{ Type string }
	var events []event
	text := ts.ReadFile(args[0])
	if strings.HasPrefix(text, "[") {
		ts.Check(json.Unmarshal([]byte(text), &events))
	} else {
		for line := range strings.Lines(text) {
			var e event
			ts.Check(json.Unmarshal([]byte(line), &e))
			events = append(events, e)
		}
	}
	for i, e := range events {
		if e.Type == "" || (e.Type == "summary") != (i == len(events)-1) {
			ts.Fatalf("event %d of %d has type %q", i+1, len(events), e.Type)
		}
	}
	if len(events) == 0 {
		ts.Fatalf("there is no event")
	}
}

// holdsOnly checks what is in a folder: these names and no others.
func holdsOnly(ts *testscript.TestScript, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(args[1:], " "); got != want {
		ts.Fatalf("%s holds %q, not %q", args[0], got, want)
	}
}

// TestHalfAReportHasNoName holds that a file of the name asked for is there
// only when it is whole, and that nothing else stays behind.
func TestHalfAReportHasNoName(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "report.txt")
	if err := os.WriteFile(name, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, whole := range []bool{false, true} {
		out, err := openOutput(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(bytes.Repeat([]byte("new "), 100_000)) // more than is buffered
		want := "old"
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("while it is written, %s has %d bytes, %v", name, len(b), err)
		}
		if whole {
			want = strings.Repeat("new ", 100_000)
			if err := out.commit(); err != nil {
				t.Error(err)
			}
		}
		out.discard()
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("whole %v: %s has %d bytes, not %d: %v", whole, name, len(b), len(want), err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("whole %v: the folder holds %d files, %v", whole, len(entries), err)
		}
	}
}

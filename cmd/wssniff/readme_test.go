package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const maxReadmeLines = 220

// TestReadmeTranscript holds that the transcript is what the program prints.
func TestReadmeTranscript(t *testing.T) {
	text := readRoot(t, "README.md")
	first := codeBlock(t, text, "\n```\n$ ")
	line, _, _ := strings.Cut(first, "\n")
	command, n := headed(t, line)
	t.Chdir(root)
	var stdout, stderr bytes.Buffer
	if code := run(command[1:], strings.NewReader(""), &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
		t.Fatalf("%s: exit %d, %s", line, code, &stderr)
	}
	lines := strings.SplitAfter(stdout.String(), "\n")
	want := line + "\n" + strings.Join(lines[:min(n, len(lines))], "")
	sameBlock(t, text, first, want)
}

// headed takes "$ wssniff ARGS | head -9" apart.
func headed(t *testing.T, line string) (command []string, lines int) {
	t.Helper()
	m := regexp.MustCompile(`^\$ (wssniff [^|'"]+) \| head -(\d+)$`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("the transcript's command is %q", line)
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(m[1]), n
}

// TestReadmeUsage holds that the usage block is the usage.
func TestReadmeUsage(t *testing.T) {
	text := readRoot(t, "README.md")
	sameBlock(t, text, codeBlock(t, text, "\n## Usage\n\n```\n"), usage)
}

// TestUsageNamesFlags holds that the usage names each flag, and no others.
func TestUsageNamesFlags(t *testing.T) {
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^ {2,6}(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(usage, -1) {
		named[m[1]] = true
		_, err := parseFlags([]string{"--" + m[1]})
		if err != nil && strings.Contains(err.Error(), "unknown flag") {
			t.Errorf("the usage names --%s, which is no flag", m[1])
		}
	}
	source := readRoot(t, "cmd/wssniff/flags.go")
	for _, m := range regexp.MustCompile(`Var(?:P)?\(&[\w.]+, "([a-z-]+)"`).FindAllStringSubmatch(source, -1) {
		if !named[m[1]] && m[1] != "interface" { // known only to be declined
			t.Errorf("the usage does not name --%s", m[1])
		}
	}
	if len(named) < 10 {
		t.Errorf("the usage names only %d flags", len(named))
	}
}

// TestReadmeNamesWhatIsThere holds that the files and packages that the
// documents name exist.
func TestReadmeNamesWhatIsThere(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		text := readRoot(t, name)
		paths := regexp.MustCompile("`([\\w.-]+/[\\w./-]*|[\\w-]+\\.(?:go|md)|LICENSE|Makefile)`").FindAllStringSubmatch(text, -1)
		paths = append(paths, regexp.MustCompile(`(?:-r|\s)(testdata/[\w./-]+)`).FindAllStringSubmatch(text, -1)...)
		if len(paths) < 8 {
			t.Errorf("%s names only %d files", name, len(paths))
		}
		for _, m := range paths {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s: %v", name, m[1], err)
			}
		}
	}
}

// TestReadmeNamesDependencies holds that the table has a row for each module
// that go.mod requires directly, and for each tool, and no others.
func TestReadmeNamesDependencies(t *testing.T) {
	_, table, _ := strings.Cut(readRoot(t, "README.md"), "\n## Dependencies\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([\w./-]+\.[\w./-]+) \| `).FindAllStringSubmatch(table, -1) {
		rows[m[1]] = true
	}
	mod := readRoot(t, "go.mod")
	required := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require |\t)(\S+) v\S+( // indirect)?$`).FindAllStringSubmatch(mod, -1) {
		required[m[1]] = true
		if m[2] == "" && !rows[m[1]] {
			t.Errorf("go.mod requires %s, and README.md has no row for it", m[1])
		}
	}
	if len(required) < 5 {
		t.Errorf("only %d modules were found in go.mod", len(required))
	}
	for row := range rows {
		if !required[row] {
			t.Errorf("README.md has a row for %s, which go.mod does not require", row)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^tool (\S+)$`).FindAllStringSubmatch(mod, -1) {
		found := false
		for row := range rows {
			found = found || strings.HasPrefix(m[1], row+"/")
		}
		if !found {
			t.Errorf("go.mod has the tool %s, and README.md has no row for its module", m[1])
		}
	}
}

// TestReadmeSize holds that the README stays short.
func TestReadmeSize(t *testing.T) {
	if n := strings.Count(readRoot(t, "README.md"), "\n"); n > maxReadmeLines {
		t.Errorf("README.md has %d lines, the limit is %d", n, maxReadmeLines)
	}
}

// codeBlock gives what stands between the fences of the block that mark leads
// into. Where mark ends within the block, that part belongs to it.
func codeBlock(t *testing.T, text, mark string) string {
	t.Helper()
	i := strings.Index(text, mark)
	if i < 0 {
		t.Fatalf("README.md has no %q", mark)
	}
	i += strings.Index(mark, "```\n") + len("```\n")
	end := strings.Index(text[i-1:], "\n```\n")
	if end < 0 {
		t.Fatal("README.md has a code block without an end")
	}
	return text[i : i+end]
}

// sameBlock compares a block of the README with what it should be, or writes
// that there with -update.
func sameBlock(t *testing.T, text, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	if !*update {
		t.Errorf("README.md differs from what the program prints; run with -update (-README +program):\n%s", cmp.Diff(got, want))
		return
	}
	text = strings.Replace(text, "```\n"+got+"```\n", "```\n"+want+"```\n", 1)
	name := "README.md"
	if _, err := os.Stat("go.mod"); err != nil {
		name = filepath.Join(root, name)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

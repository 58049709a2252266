// Package casetest reads the test cases of testdata/cases and plays them: a
// conversation in text goes in, the packets of its capture come out.
//
// Its bytes are made independently. It imports neither frames nor handshake,
// so that a mistake in reading them is not answered by the same mistake in
// writing them.
package casetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/wssniff/wssniff/capture"
)

// The sections of a case file.
const (
	Script   = "script"
	Text     = "text"
	NDJSON   = "ndjson"
	Findings = "findings"
)

// A Case is one file of testdata/cases: what is said, and what must be printed.
type Case struct {
	Name   string // the file's name without .txtar: "5.6-ping-between-fragments"
	Number string // "5.6"
	Title  string // the first line behind the number
	Why    string // the lines after it, which cite the clause

	file    string
	archive *txtar.Archive
}

// A Want is an expectation of a script's line: `# want RULE`, or `# not RULE`.
type Want struct {
	Rule    string  // with a dot and the variant, where it has one
	Not     bool    // it must not be found
	Line    int     // of the script, from 1
	Packets []int64 // of that line, acknowledgements included; none: anywhere. If Not: of all lines of its connection
}

// Load reads the cases of a folder, in order of their numbers.
func Load(dir string) ([]*Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	var cases []*Case
	for _, file := range files {
		c, err := read(file)
		if err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	slices.SortStableFunc(cases, func(a, b *Case) int { return compareNumbers(a.Number, b.Number) })
	for i := 1; i < len(cases); i++ {
		if cases[i].Number == cases[i-1].Number {
			return nil, fmt.Errorf("casetest: %s and %s have the same number", cases[i-1].Name, cases[i].Name)
		}
	}
	return cases, nil
}

func read(file string) (*Case, error) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("casetest: %w", err)
	}
	c := &Case{Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), file: file, archive: archive}
	first, why, _ := strings.Cut(string(archive.Comment), "\n")
	number, title, _ := strings.Cut(first, " ")
	c.Number, c.Title, c.Why = number, strings.TrimSpace(title), strings.TrimSpace(why)
	if !strings.HasPrefix(c.Name, c.Number+"-") {
		return nil, fmt.Errorf("casetest: %s: the first line begins with %q, not with the file's number", file, number)
	}
	if c.Title == "" {
		return nil, fmt.Errorf("casetest: %s: no title behind the number", file)
	}
	if _, ok := c.Section(Script); !ok {
		return nil, fmt.Errorf("casetest: %s: no section -- %s --", file, Script)
	}
	return c, nil
}

// compareNumbers orders "2.10" behind "2.9".
func compareNumbers(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(as, bs, func(x, y string) int {
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
}

// Section gives the text of a section, and whether the case has it.
func (c *Case) Section(name string) (string, bool) {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

// Packets plays the script and gives the packets of its capture. Each call
// makes new ones.
func (c *Case) Packets() ([]capture.Packet, error) {
	p, err := c.play()
	if err != nil {
		return nil, err
	}
	return p.packets, nil
}

// Wants gives the expectations of the script's lines, in their order.
func (c *Case) Wants() ([]Want, error) {
	p, err := c.play()
	if err != nil {
		return nil, err
	}
	return p.wants(), nil
}

func (c *Case) play() (*player, error) {
	script, _ := c.Section(Script)
	p, err := play(script)
	if err != nil {
		return nil, fmt.Errorf("casetest: %s: %w", c.file, err)
	}
	return p, nil
}

// Compare says how got differs from the section: "" when it does not, the
// first line that differs otherwise. A section that the case does not have
// differs from everything.
func (c *Case) Compare(section, got string) string {
	want, ok := c.Section(section)
	if !ok {
		return fmt.Sprintf("no section -- %s --: run again with -update", section)
	}
	got = endLine(got)
	if got == want {
		return ""
	}
	g, w := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	for i := range max(len(g), len(w)) {
		if lineAt(g, i) != lineAt(w, i) {
			return fmt.Sprintf("-- %s -- line %d:\n got %q\nwant %q", section, i+1, lineAt(g, i), lineAt(w, i))
		}
	}
	return ""
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// endLine ends s with a line feed, as every section of a file does.
func endLine(s string) string {
	if s != "" && !strings.HasSuffix(s, "\n") {
		return s + "\n"
	}
	return s
}

// Update makes got the text of the section, which is added behind the others
// if the case lacks it, and writes the file if that changes it.
func (c *Case) Update(section, got string) error {
	for line := range strings.Lines(got) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --") {
			return fmt.Errorf("casetest: %s: section %s would hold the line %q, which begins a section", c.file, section, line)
		}
	}
	if old, ok := c.Section(section); ok && old == endLine(got) {
		return nil
	}
	i := slices.IndexFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == section })
	if i < 0 {
		i = len(c.archive.Files)
		c.archive.Files = append(c.archive.Files, txtar.File{Name: section})
	}
	c.archive.Files[i].Data = []byte(endLine(got))
	if err := os.WriteFile(c.file, txtar.Format(c.archive), 0o644); err != nil {
		return fmt.Errorf("casetest: %w", err)
	}
	return nil
}

// Of gives a case that is made of a script alone.
func Of(number, script string) *Case {
	return &Case{Name: number, Number: number, archive: &txtar.Archive{Files: []txtar.File{{Name: Script, Data: []byte(script)}}}}
}

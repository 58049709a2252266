package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.." // of the module, from here
	module = "github.com/wssniff/wssniff"

	maxFileLines = 400
	maxFuncLines = 60
)

// A rung says what a package may import: which packages of this module, and
// which of those few of the standard library that only some may.
type rung struct {
	ours []string
	std  []string
}

// rungs is the ladder, from the bottom up. A package without a rung fails
// TestLadder, so that a new one is a decision and not an accident.
var rungs = map[string]rung{
	"capture":        {ours: []string{"capture/filter"}, std: []string{"os", "net", "sync", "sync/atomic"}},
	"capture/filter": {},
	"reassembly":     {ours: []string{"capture"}},
	"handshake":      {},
	"handshake/h2":   {ours: []string{"handshake"}},
	"frames":         {},
	"credential":     {},
	"tlsdecrypt":     {ours: []string{"capture", "reassembly"}},
	"subprotocol":    {},
	"session":        {ours: []string{"capture", "reassembly", "handshake", "handshake/h2", "frames", "tlsdecrypt"}, std: []string{"sync"}},
	"diagnose":       {ours: []string{"capture", "reassembly", "handshake", "handshake/h2", "frames", "credential", "tlsdecrypt", "subprotocol", "session"}},
	"report":         {ours: []string{"capture", "reassembly", "handshake", "handshake/h2", "frames", "credential", "tlsdecrypt", "subprotocol", "session", "diagnose"}},
	"cmd/wssniff":    {ours: []string{"capture", "capture/filter", "tlsdecrypt", "session", "diagnose", "report"}, std: []string{"net", "os", "os/signal"}},

	"internal/casetest":                  {ours: []string{"capture"}, std: []string{"net/http", "os"}},
	"internal/namespace":                 {std: []string{"net", "os", "os/exec"}},
	"internal/trafficgen":                {},
	"internal/trafficgen/cmd/trafficgen": {ours: []string{"internal/trafficgen"}, std: []string{"os"}},
	"bench/measure":                      {std: []string{"os", "os/exec"}},
}

// guarded are the packages of the standard library that a rung has to name:
// files, processes, the network, and what belongs to goroutines.
var guarded = []string{"context", "log", "log/slog", "net", "net/http", "os", "os/exec", "os/signal", "sync", "sync/atomic"}

// TestLadder holds that a package imports only what stands below it.
func TestLadder(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range parseSources(t) {
		r, ok := rungs[s.dir]
		if !ok {
			if !seen[s.dir] {
				t.Errorf("package %s has no rung: give it one in ladder_test.go and CONTRIBUTING.md", s.dir)
			}
			seen[s.dir] = true
			continue
		}
		seen[s.dir] = true
		for _, imp := range s.file.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(name, module+"/"); ok && !slices.Contains(r.ours, ours) {
				t.Errorf("%s imports %s, which its rung does not allow", s.name, ours)
			}
			if slices.Contains(guarded, name) && !slices.Contains(r.std, name) {
				t.Errorf("%s imports %s, which its rung does not allow", s.name, name)
			}
		}
	}
	for dir := range rungs {
		if !seen[dir] {
			t.Errorf("the rung of %s holds no package", dir)
		}
	}
}

// TestLadderIsDocumented holds that CONTRIBUTING.md tells of each rung.
func TestLadderIsDocumented(t *testing.T) {
	text := readRoot(t, "CONTRIBUTING.md")
	for dir, r := range rungs {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(dir) + "` \\| ([^|]*) \\|").FindStringSubmatch(text)
		if row == nil {
			t.Errorf("CONTRIBUTING.md has no row for %s in its ladder", dir)
			continue
		}
		want := "–"
		if len(r.ours) > 0 {
			want = strings.Join(r.ours, ", ")
		}
		if row[1] != want {
			t.Errorf("CONTRIBUTING.md says that %s imports %s, the ladder says %s", dir, row[1], want)
		}
	}
}

// TestSizes holds that a file and a function can be read at one sitting.
func TestSizes(t *testing.T) {
	for _, s := range parseSources(t) {
		if n := s.line(s.file.FileEnd - 1); n > maxFileLines {
			t.Errorf("%s has %d lines, the limit is %d", s.name, n, maxFileLines)
		}
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, the limit is %d", s.at(f), f.Name.Name, n, maxFuncLines)
			}
		}
	}
}

// TestDocumented holds that every exported name says what it is.
func TestDocumented(t *testing.T) {
	comments := map[string]int{} // package comments
	for _, s := range parseSources(t) {
		if s.file.Doc != nil {
			comments[s.dir]++
		}
		for _, decl := range s.file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s has no doc comment", s.at(decl), name)
			}
		}
	}
	for dir := range rungs {
		if comments[dir] != 1 {
			t.Errorf("package %s has %d package comments, it should have one", dir, comments[dir])
		}
	}
}

// undocumented gives the exported names of a declaration that have no comment:
// neither one of their own, nor one beside them, nor one over their group. The
// method Error is what it is everywhere.
func undocumented(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && d.Name.Name != "Error" && exportedReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver says whether f is no method, or one of an exported type.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

// TestCitations holds that RFCs are cited in one way, so that grep finds them
// all: a number, and a section behind §.
func TestCitations(t *testing.T) {
	for _, s := range parseSources(t) {
		for _, group := range s.file.Comments {
			for _, bad := range badCitations(group.Text()) {
				t.Errorf("%s: %q: write RFC 6455 §5.4", s.at(group), bad)
			}
		}
	}
}

var (
	rfcName    = regexp.MustCompile(`(?i)\bRFC[-# ]?\d+`)
	rfcSection = regexp.MustCompile(`(?i)\bRFC \d+,? \(?(sections?|sect?\.|chapter|clause|p\.|page|[sS]?\d+\.\d+)`)
	sectionRef = regexp.MustCompile(`§[^ ,;]*.?`)
	section    = regexp.MustCompile(`^§([1-9]\d*|[A-Z])(\.[1-9]\d*)*\.?([^.\d§]|$)`)
)

// badCitations gives what in text looks like a citation and has another form.
func badCitations(text string) (bad []string) {
	text = strings.Join(strings.Fields(text), " ")
	for _, name := range rfcName.FindAllString(text, -1) {
		if !strings.HasPrefix(name, "RFC ") || name[4] == '0' {
			bad = append(bad, name)
		}
	}
	bad = append(bad, rfcSection.FindAllString(text, -1)...)
	for _, ref := range sectionRef.FindAllString(text, -1) {
		if !section.MatchString(ref) {
			bad = append(bad, ref)
		}
	}
	return bad
}

// TestCitationForms holds that badCitations can tell.
func TestCitationForms(t *testing.T) {
	good := "RFC 6455 §5.4, RFC 7692 §7.2.3.6; RFC 9293 says (RFC 6455\n§4.2.2). RFC 6455 §5.5.1 and §7, RFC 6455 §A.1."
	if bad := badCitations(good); bad != nil {
		t.Errorf("%q is called bad", bad)
	}
	for _, text := range []string{
		"RFC6455 §5", "rfc 6455", "RFC-6455", "RFC 6455 section 5.4", "RFC 6455, Section 5", "RFC 6455 5.4",
		"RFC 6455 § 5.4", "RFC 6455 §§5.4", "RFC 6455 §5..4", "RFC 6455 §five",
	} {
		if badCitations(text) == nil {
			t.Errorf("%q is called good", text)
		}
	}
}

// A source is a Go file of the product: no test, and nothing of a folder
// that the go command leaves out.
type source struct {
	name, dir string // from the root, with slashes
	file      *ast.File
	set       *token.FileSet
}

func (s *source) line(pos token.Pos) int { return s.set.Position(pos).Line }

func (s *source) at(n ast.Node) string { return fmt.Sprintf("%s:%d", s.name, s.line(n.Pos())) }

// parseSources reads all files of the product. The test opens them itself, so
// a cached result is not used once one of them has changed.
func parseSources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		base := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_'):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		all = append(all, &source{rel, path.Dir(rel), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("only %d source files were found", len(all))
	}
	return all
}

// readRoot reads a file at the root of the module.
func readRoot(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// keptOut are packages of gopacket that fail on captures of today's tools or
// on hostile ones; capture and reassembly do what they would.
var keptOut = []string{
	"github.com/google/gopacket/afpacket",
	"github.com/google/gopacket/pcap",
	"github.com/google/gopacket/pfring",
	"github.com/google/gopacket/reassembly",
	"github.com/google/gopacket/tcpassembly",
}

// allowed are exceptions: on Windows gopacket/pcap loads Npcap when the program
// runs, without cgo, and there is no other way to capture there. It needs layers.
var allowed = map[string][]string{
	"windows": {"github.com/google/gopacket/pcap", "github.com/google/gopacket/layers"},
}

// captures is what captures on a system, beside the kernel's own.
var captures = map[string]string{
	"darwin": "github.com/google/gopacket/bsdbpf", "freebsd": "github.com/google/gopacket/bsdbpf",
	"windows": "github.com/google/gopacket/pcap",
}

// TestDependencies holds that the program has none of the packages that are
// kept out, no cgo beyond that of the standard library, which knows to do
// without, and nothing that only tests may use.
func TestDependencies(t *testing.T) {
	forTests := []string{
		"github.com/google/go-cmp", "github.com/google/gopacket/layers", "github.com/rogpeppe/go-internal",
		"go.uber.org/goleak", "pgregory.net/rapid", "golang.org/x/tools", module + "/internal", "testing",
	}
	for _, goos := range []string{"linux", "darwin", "freebsd", "windows"} {
		deps := goList(t, goos, "{{.ImportPath}}")
		if !slices.Contains(deps, module+"/capture") {
			t.Fatalf("%s: go list gave %q", goos, deps)
		}
		if c := captures[goos]; c != "" && !slices.Contains(deps, c) {
			t.Errorf("%s: the program lacks %s: it cannot capture", goos, c)
		}
		for _, dep := range deps {
			if slices.Contains(allowed[goos], dep) {
				continue
			}
			if slices.Contains(keptOut, dep) {
				t.Errorf("%s: the program imports %s", goos, dep)
			}
			for _, prefix := range forTests {
				if dep == prefix || strings.HasPrefix(dep, prefix+"/") {
					t.Errorf("%s: the program imports %s, which is for tests", goos, dep)
				}
			}
		}
		for _, dep := range goList(t, goos, "{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}") {
			t.Errorf("%s: %s needs cgo", goos, dep)
		}
	}
}

// goList prints something of each package that the program is made of, as if
// cgo could be had.
func goList(t *testing.T, goos, format string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", format, ".")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	return strings.Fields(string(out))
}

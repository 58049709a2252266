package capture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSnifferFields: what device_bsd.go looks up in gopacket's type by name is
// there, with the type that it expects. It holds on any system.
func TestSnifferFields(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/gopacket").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(out)), "bsdbpf", "bsd_bpf_sniffer.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "BPFSniffer" {
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				have[f.Names[0].Name] = types.ExprString(f.Type)
			}
		}
		return true
	})
	for name, want := range map[string]string{"fd": "int", "readBuffer": "[]byte", "lastReadLen": "int", "readBytesConsumed": "int"} {
		if have[name] != want {
			t.Errorf("%s is %q, want %q", name, have[name], want)
		}
	}
}

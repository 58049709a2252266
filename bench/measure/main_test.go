package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	p := program{runs: []run{{rss: 9}, {rss: 1}, {rss: 2}, {rss: 100}}}
	rss := func(i int) float64 { return float64(p.runs[i].rss) }
	if got := p.median(rss); got != 5.5 {
		t.Errorf("median of four: %v, want 5.5", got)
	}
	p.runs = p.runs[:3]
	if got := p.median(rss); got != 2 {
		t.Errorf("median of three: %v, want 2", got)
	}
}

func TestMeasure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := "self=" + self + " -test.run=^TestMedian$ {}"
	var out strings.Builder
	if err := measure(&out, 2, file, []string{again, "other=no-such-program {}"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "not installed") || !strings.HasSuffix(lines[1], "1.00") {
		t.Errorf("printed\n%s", out.String())
	}
	if err := measure(&out, 1, file, []string{"self=" + self + " -no-such-flag"}); err == nil {
		t.Error("the time of a program that failed was taken")
	}
	if err := measure(&out, 1, file, []string{"nonsense"}); err == nil {
		t.Error("an argument without a command was taken")
	}
	if _, err := parse("a=b {} c", "f"); err != nil {
		t.Error(err)
	}
	p := program{name: "self", args: []string{self, "-test.run=^$"}}
	if err := p.run(); err != nil || p.runs[0].cpu <= 0 || p.runs[0].wall <= 0 {
		t.Errorf("%v, %+v", err, p.runs)
	}
}

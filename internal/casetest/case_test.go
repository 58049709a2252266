package casetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
)

func TestLoadReadsTheHeader(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "5.10-b.txtar", "5.10  Second.\nWhy.\nMore.\n\n-- script --\nopen /\n-- text --\nx\n")
	write(t, dir, "5.9-a.txtar", "5.9  First.\n-- script --\nopen /\n")
	cases, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2 || cases[0].Number != "5.9" || cases[1].Name != "5.10-b" {
		t.Fatalf("got %d cases, want 5.9 before 5.10", len(cases))
	}
	if c := cases[1]; c.Title != "Second." || c.Why != "Why.\nMore." {
		t.Errorf("title %q, why %q", c.Title, c.Why)
	}
	if text, ok := cases[1].Section(Text); !ok || text != "x\n" {
		t.Errorf("section text: %q, %v", text, ok)
	}
	if _, ok := cases[0].Section(Text); ok {
		t.Error("5.9 has a section text")
	}
}

func TestLoadNamesTheFault(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"number", "1.2 Title.\n-- script --\n", "not with the file's number"},
		{"title", "1.1\n-- script --\n", "no title"},
		{"script", "1.1 Title.\n-- text --\n", "no section -- script --"},
	} {
		dir := t.TempDir()
		write(t, dir, "1.1-x.txtar", test.file)
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	dir := t.TempDir()
	write(t, dir, "1.1-x.txtar", "1.1 Title.\n-- script --\n")
	write(t, dir, "1.1-y.txtar", "1.1 Title.\n-- script --\n")
	if _, err := Load(dir); err == nil {
		t.Error("two cases of one number were accepted")
	}
}

func TestUpdateWritesWhatCompareWants(t *testing.T) {
	dir := t.TempDir()
	const before = "1.1  Title.\n\n-- script --\nopen /\n-- text --\nold\n-- ndjson --\n{}\n"
	write(t, dir, "1.1-x.txtar", before)
	load := func() *Case {
		cases, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		return cases[0]
	}
	c := load()
	if diff := c.Compare(Text, "old\nnew"); !strings.Contains(diff, "line 2") {
		t.Errorf("diff %q, want line 2", diff)
	}
	if diff := c.Compare(Findings, "x"); !strings.Contains(diff, "-update") {
		t.Errorf("diff of a missing section: %q", diff)
	}
	for section, got := range map[string]string{Text: "new\nlast", Findings: "f\n"} {
		if err := c.Update(section, got); err != nil {
			t.Fatal(err)
		}
		if diff := load().Compare(section, got); diff != "" {
			t.Errorf("after the update: %s", diff)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "1.1-x.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(before, "old\n", "new\nlast\n", 1) + "-- findings --\nf\n"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	if err := c.Update(Text, "a\n-- script --\n"); err == nil {
		t.Error("a section that holds another was written")
	}
}

// TestCasesPlay says that each case of the project can be played, holds
// something to look at, and plays the same twice.
func TestCasesPlay(t *testing.T) {
	cases, err := Load("../../testdata/cases")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range cases {
		packets, err := c.Packets()
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := c.Packets()
		if err != nil || len(packets) == 0 {
			t.Errorf("%s: %d packets, %v", c.Name, len(packets), err)
			continue
		}
		if !reflect.DeepEqual(packets, again) {
			t.Errorf("%s plays differently the second time:\n%s", c.Name, cmp.Diff(packets, again))
		}
		if &packets[0].Data[0] == &again[0].Data[0] {
			t.Errorf("%s: the bytes are shared between two plays", c.Name)
		}
		if !strings.Contains(c.Why, "RFC ") && !slices.Contains(otherStandards, c.Number) {
			t.Errorf("%s cites no RFC", c.Name)
		}
	}
}

// otherStandards are the cases of layers that no RFC describes.
var otherStandards = []string{"21.2", "21.3", "21.4", "21.5", "21.6", "21.7", "23.6"}

func TestWantsKnowTheirPackets(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1.1-x.txtar", `1.1  Title.

-- script --
open   /                    # want seven-packets
c      text "a" join        # want carried-by-the-next
c      text "b" noack       # want first   second
+      ping                 # want third
c      text "c" lose        # only the answer is there: want nothing
c      text "d" lose        # want the-ack
wait   5s                   # want anywhere not nowhere
`)
	cases, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cases[0].Wants()
	if err != nil {
		t.Fatal(err)
	}
	want := []Want{
		{Rule: "seven-packets", Line: 1, Packets: []int64{1, 2, 3, 4, 5, 6, 7}},
		{Rule: "carried-by-the-next", Line: 2, Packets: []int64{8}},
		{Rule: "first", Line: 3, Packets: []int64{8}},
		{Rule: "second", Line: 3, Packets: []int64{8}},
		{Rule: "third", Line: 3, Packets: []int64{8}},
		{Rule: "the-ack", Line: 6, Packets: []int64{10}},
		{Rule: "anywhere", Line: 7, Packets: nil},
		{Rule: "nowhere", Not: true, Line: 7, Packets: []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPoisonOverwritesWhatWasLent(t *testing.T) {
	packets := []capture.Packet{{Number: 1, Data: []byte("first")}, {Number: 2, Data: []byte("2nd")}}
	src := Poison(Source(packets))
	var p capture.Packet
	var kept [][]byte
	for src.Read(&p) == nil {
		if want := packets[p.Number-1].Data; !bytes.Equal(p.Data, want) {
			t.Errorf("packet %d: %q, want %q", p.Number, p.Data, want)
		}
		kept = append(kept, p.Data)
	}
	if len(kept) != 2 {
		t.Fatalf("%d packets, want 2", len(kept))
	}
	for i, b := range kept {
		if !bytes.Equal(b, bytes.Repeat([]byte{0xDB}, len(b))) {
			t.Errorf("packet %d was not overwritten: %q", i+1, b)
		}
	}
	if string(packets[0].Data) != "first" || string(packets[1].Data) != "2nd" {
		t.Error("the source's own bytes were overwritten")
	}
}

func TestWriteFile(t *testing.T) {
	packets := []capture.Packet{
		{Number: 1, Time: 1 << 40, LinkType: 276, Data: []byte("abcde"), Length: 9},
		{Number: 2, Time: 5, LinkType: 1, Data: []byte("x"), Length: 1},
	}
	var b bytes.Buffer
	if err := WriteFile(&b, packets); err != nil {
		t.Fatal(err)
	}
	want := "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000" +
		"01000000 20000000 14010000 00000400 09000100 09000000 00000000 20000000" +
		"06000000 28000000 00000000 00010000 00000000 05000000 09000000 61626364 65000000 28000000" +
		"01000000 20000000 01000000 00000400 09000100 09000000 00000000 20000000" +
		"06000000 24000000 01000000 00000000 05000000 01000000 01000000 78000000 24000000"
	if got := fmt.Sprintf("%x", b.Bytes()); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, strings.ReplaceAll(want, " ", ""))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/reassembly"
)

// TestOwnData holds that each table of the program can be read, has rows, and
// that each row has a source unless it is marked as not verified.
func TestOwnData(t *testing.T) {
	d := ownData()
	if len(d.beats) < 10 || len(d.limits) < 10 || len(d.codes) < 20 || len(d.answerers) < 40 || len(d.inspectors) < 15 {
		t.Errorf("%d heartbeats, %d limits, %d codes, %d answerers", len(d.beats), len(d.limits), len(d.codes), len(d.answerers))
	}
	for _, name := range DataFiles() {
		text, err := ownFiles.ReadFile("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line[0] == '#' {
				continue
			}
			r := strings.Split(strings.TrimSpace(line), "\t")
			if source, mark := r[len(r)-1], r[len(r)-3]; source == "-" && mark != "K" {
				t.Errorf("%s: %q has no source and the mark %s", name, r[0], mark)
			}
			if date := r[len(r)-2]; len(date) != len("2026-11") {
				t.Errorf("%s: %q: date %q", name, r[0], date)
			}
		}
	}
}

// TestDataReplaced: a table that is given is used in place of the own one, and
// a row that cannot be is named with its line.
func TestDataReplaced(t *testing.T) {
	const tail = "\tV\t2026-11\tits source"
	for _, test := range []struct{ name, text, want string }{
		{"heartbeats.tsv", "x\tping\tserver\t7\t0\tinterval" + tail, ""},
		{"heartbeats.tsv", "x\tping\tproxy\t7\t0\tinterval" + tail, `heartbeats.tsv: line 1: "proxy" is neither client, server nor both`},
		{"heartbeats.tsv", "x\tping\tserver\t0\t0\tinterval" + tail, `heartbeats.tsv: line 1: "0" is no number of seconds`},
		{"limits.tsv", "# one\n10\tx\tmessage\t1009\tmax" + tail, ""},
		{"limits.tsv", "# one\n10\tx\tpacket\t1009\tmax" + tail, `limits.tsv: line 2: "packet" is neither message nor frame`},
		{"limits.tsv", "10\tx\tframe\t1008\tmax" + tail, `limits.tsv: line 1: "1008" is no way to close: 1009, close, fin`},
		{"closecodes.tsv", "4999\tDiscord\tmine" + tail, ""},
		{"closecodes.tsv", "1000\tDiscord\tmine" + tail, `closecodes.tsv: line 1: "1000" is no close code from 3000 to 4999`},
		{"closecodes.tsv", "4999\tme\tmine" + tail, `closecodes.tsv: line 1: "me" is no application whose codes can be told: graphql-ws, Discord, Discord voice or -`},
		{"answerers.tsv", "x\tserver\tx/\tlikely" + tail, ""},
		{"answerers.tsv", "x\twhole body\tBad\tlikely" + tail, ""},
		{"answerers.tsv", "x\tserver\tx/\tsure" + tail, `answerers.tsv: line 1: "sure" is no certainty: certain, likely or possible`},
		{"answerers.tsv", "x\tserver\tx/\tlikely\tQ\t2026-11\tits source", `answerers.tsv: line 1: "Q" is no mark: V, S or K`},
		{"answerers.tsv", "x\tserver", `answerers.tsv: line 1: 2 columns, not 7`},
		{"inspectors.tsv", "x\tx ca" + tail, ""},
		{"inspectors.tsv", "x" + tail, `inspectors.tsv: line 1: 4 columns, not 5`},
	} {
		d, err := ReadData(map[string]string{test.name: test.text})
		if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("%s: %v, want %q", test.text, err, test.want)
		}
		if err == nil && len(d.beats) != 1 && len(d.limits) != 1 && len(d.codes) != 1 && len(d.answerers) != 1 && len(d.inspectors) != 1 {
			t.Errorf("%s: no table has been replaced", test.text)
		}
	}
	w := World{data: ownData()}
	if got := w.pinging(reassembly.FromServer, 20*time.Second, 20*time.Second); !strings.Contains(got, "Python websockets") || strings.Contains(got, "daphne") {
		t.Errorf("pings every 20 s, and a wait of 20 s: %q", got)
	}
	if got := w.pinging(reassembly.FromServer, 20*time.Second, 31*time.Second); !strings.Contains(got, "daphne") || strings.Contains(got, "Python websockets") {
		t.Errorf("pings every 20 s, and a wait of 31 s: %q", got)
	}
	if got := w.pinging(reassembly.FromServer, 2*time.Minute, time.Minute); !strings.Contains(got, "possibly ASP.NET Core") {
		t.Errorf("what is not verified is told as %q", got)
	}
}

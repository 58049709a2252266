package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/wssniff/wssniff/reassembly"
)

// TestOwnTimers holds that each row of the table is sound: sorted, told once,
// and with a date.
func TestOwnTimers(t *testing.T) {
	list := ownData().timers
	seen := map[string]bool{}
	for i, x := range list {
		if i > 0 && x.after < list[i-1].after {
			t.Errorf("%v stands behind %v", &x, &list[i-1])
		}
		key := x.String() + x.after.String()
		if seen[key] {
			t.Errorf("%v is told twice", &x)
		}
		seen[key] = true
		if x.mark == 'K' != strings.HasPrefix(x.String(), "possibly ") {
			t.Errorf("%v: mark %c", &x, x.mark)
		}
	}
	if len(list) < 30 {
		t.Errorf("only %d timers", len(list))
	}
}

func TestParseTimers(t *testing.T) {
	const good = "60\tserver\teither\tfin\tnginx\tproxy_read_timeout\tV\t2026-11\tits source"
	for _, tc := range []struct{ name, line, want string }{
		{"good", good, ""},
		{"a comment", "# x", ""},
		{"too few columns", "60\tserver", "line 1: 2 columns, not 9"},
		{"no number", strings.Replace(good, "60", "-1", 1), `line 1: "-1" is no number of seconds`},
		{"nobody", strings.Replace(good, "server", "proxy", 1), `line 1: "proxy" is neither client, server nor either`},
		{"no clock", strings.Replace(good, "either", "both", 1), `line 1: "both" is no clock: either, client, server, life, opening, answer`},
		{"no end", strings.Replace(good, "fin", "rst", 1), `line 1: "rst" is no way to end: fin, close, answer, silent, late-reset`},
		{"no mark", strings.Replace(good, "\tV", "\tX", 1), `line 1: "X" is no mark: V, S or K`},
		{"no source", strings.Replace(good, "its source", "", 1), "line 1: column 9 is empty"},
	} {
		d, err := ReadData(map[string]string{"timers.tsv": tc.line})
		switch {
		case tc.want == "" && err != nil, tc.want != "" && (err == nil || err.Error() != "timers.tsv: "+tc.want):
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		case tc.name == "good" && (len(d.timers) != 1 || d.timers[0].after != time.Minute || !d.timers[0].by[reassembly.FromServer] || d.timers[0].by[reassembly.FromClient]):
			t.Errorf("%s: %+v", tc.name, d.timers)
		}
	}
}

// TestBanners holds that what a banner names is in the table of timers, so
// that the name leads somewhere.
func TestBanners(t *testing.T) {
	for i := range banners {
		found := false
		for _, x := range ownData().timers {
			found = found || banners[i].rank(&x) > 0
		}
		if !found {
			t.Errorf("no timer of %s", banners[i].product)
		}
	}
}

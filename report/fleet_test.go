package report

import (
	"net/netip"
	"testing"
	"time"
)

func TestAgentFamily(t *testing.T) {
	for agent, want := range map[string]string{
		"": "",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                 "Chrome/130",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.2849.52": "Edge/130",
		"Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15":                         "Safari/17",
		"Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/128.0":                                                                 "Firefox/128",
		"Go-http-client/1.1":                       "Go-http-client/1.1",
		"Python/3.11 websockets/12.0":              "Python/3.11",
		"Mozilla/5.0 (compatible; something else)": "Mozilla/5.0",
	} {
		if got := family(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

func TestNetworkOfClient(t *testing.T) {
	for ip, want := range map[string]string{"10.1.2.3": "10.1.2.0/24", "::ffff:10.1.2.3": "10.1.2.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64"} {
		if got := network(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

func TestShapeOfWaits(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		waits []time.Duration
		want  string
	}{
		{[]time.Duration{s / 10, s / 2, s / 3, s / 4}, "at once"},
		{[]time.Duration{5 * s, 5 * s, 5 * s, 5 * s}, "fixed"},
		{[]time.Duration{s, 2 * s, 4 * s, 8 * s}, "doubled"},
		{[]time.Duration{s, 1700 * time.Millisecond, 4 * s, 7 * s}, "growing"},
		{[]time.Duration{4 * s, s, 9 * s, 2 * s}, "random"},
	} {
		var v visits
		for i, w := range test.waits {
			if i < len(v.first) {
				v.first[i] = w
			}
			v.retried++
			v.waits.Add(w)
		}
		if got := v.shape(); got != test.want {
			t.Errorf("%v: %s, want %s", test.waits, got, test.want)
		}
	}
}

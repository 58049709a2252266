package session

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
)

// TestProxiesOfCorpus looks at captures of other people's proxies. What they
// ask for and are answered was read off their bytes in hexadecimal.
func TestProxiesOfCorpus(t *testing.T) {
	dir := os.Getenv("WSSNIFF_CORPUS")
	if dir == "" {
		t.Skip("WSSNIFF_CORPUS does not name the folder of third-party captures")
	}
	for _, c := range []struct {
		file      string
		want      []string
		exchanges int64
	}{
		{"arkime/socks-http-example.pcap", []string{
			"#1 socks4 93.184.216.119:80 succeeded 0", "#2 socks4 www.example.com:80 succeeded 0", "#3 socks5 93.184.216.119:80 succeeded 0",
		}, 3},
		{"zeek/tunnels__socks.pcap", []string{"#1 socks4 192.150.187.12:80 succeeded 0"}, 1},
		{"zeek/http__connect-with-header.pcap", []string{"#1 http-connect secure.newegg.com:443  200"}, 1},
		{"suricata-verify/http-connect__http-connect-tls__input.pcap", []string{"#1 http-connect abc:443  200"}, 1},
		{"ndpi/http_connect.pcap", []string{"#1 http-connect apache.org:443  200"}, 1},
	} {
		t.Run(c.file, func(t *testing.T) {
			src, err := capture.Open([]string{filepath.Join(dir, c.file)}, &capture.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			tr := New(Config{})
			tr.recorded = true // connections are not used again
			var conns []*Conn
			name := tr.name
			tr.name = func(c *Conn) {
				name(c)
				conns = append(conns, c)
			}
			var p capture.Packet
			for src.Read(&p) == nil {
				tr.Packet(&p)
			}
			tr.Close()
			var got []string
			for _, c := range conns {
				for _, v := range c.Via {
					got = append(got, fmt.Sprintf("#%d %v %s %s %d", c.ID, v.Kind, v.Target, v.Reply, v.Status))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("proxies (-want +got):\n%s", diff)
			}
			if n := tr.Totals().HTTPExchanges; n != c.exchanges {
				t.Errorf("%d exchanges, want %d", n, c.exchanges)
			}
		})
	}
}

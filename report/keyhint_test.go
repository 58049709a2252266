package report

import (
	"testing"

	"github.com/wssniff/wssniff/tlsdecrypt"
)

// TestMakers holds that ClientHellos as they were recorded are known by their
// cipher suites, and that others are not.
func TestMakers(t *testing.T) {
	for want, suites := range map[string][]uint16{
		"Go":                                  {0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x1301, 0x1302, 0x1303},
		"Node":                                {0x1302, 0x1303, 0x1301, 0xc02f, 0xc02b, 0xc030, 0xc02c, 0x009e, 0xc027, 0x0067, 0xc028, 0x006b, 0x00a3, 0x009f, 0xcca9, 0xcca8, 0xccaa},
		"OpenSSL, as curl and Python have it": {0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024},
		"a browser of Chromium's or Safari's kind": {0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013},
		"": {0x1301, 0x00ff},
	} {
		got := ""
		if m := makerOf(&tlsdecrypt.ClientHello{Suites: suites}); m != nil {
			got = m.name
		}
		if got != want {
			t.Errorf("%x: %q, want %q", suites, got, want)
		}
	}
	if makerOf(nil) != nil {
		t.Error("no ClientHello is like something")
	}
}

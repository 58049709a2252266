package diagnose

import (
	"slices"
	"strings"
	"testing"
)

// catalogue are the rules of opening handshake, frames and closing with their
// severity (E, W, I), and their forms with theirs where it is another one.
// Users rely on these names.
var catalogue = map[string]string{
	"upgrade-header-missing":        "E",
	"upgrade-stripped-between-hops": "E",
	"http10-to-backend":             "E",
	"upgrade-headers-malformed":     "E no-token duplicated wrong-value extra-protocols:W",
	"connection-upgrade-hardcoded":  "W",
	"ws-key-invalid":                "E missing length multiple static:W",
	"ws-version-unsupported":        "E plain-http-426:I",
	"handshake-request-invalid":     "E method no-host body:W early-data fragment no-sni-host-mismatch:W",
	"accept-mismatch":               "E key-of-other-leg no-guid decoded-key hex case-changed",
	"response-101-malformed":        "E no-upgrade no-connection http10 has-length:W reason:I bytes-before-frame empty-header",
	"subprotocol-mismatch":          "E none-selected:W not-offered several token:I null:W",
	"extension-negotiation-invalid": "E",
	"upgrade-answered-200":          "E",
	"upgrade-redirected":            "E scheme slash host login loop",
	"bad-request-400":               "E",
	"unauthorized-401":              "E browser-cannot",
	"origin-rejected-403":           "E forwarded:W",
	"forbidden-403-other":           "E",
	"not-found-404":                 "E slash prefix host-in-path framework actioncable",
	"overloaded-429-503":            "E limit no-backend draining disabled handshake-quota restart:W",
	"headers-too-large":             "E",
	"server-error-500":              "E hijack asgi iis-501 h2c",
	"bad-gateway-502":               "E",
	"handshake-no-response":         "E timeout closed partial no-request:I slow:W",
	"socketio-handshake-refused":    "E sticky version ws-path",
	"fallback-to-polling":           "W",
	"h2-websocket-refused":          "E not-advertised status reset advertised-not-supported forbidden-headers fallback:I",
	"masking-wrong":                 "E client-unmasked server-masked",
	"reserved-bits-set":             "E",
	"rsv1-without-deflate":          "E safari",
	"deflate-broken":                "E inflate-error window context rsv1-continuation control empty:W trailer:I iis-arr",
	"unknown-opcode":                "E desync",
	"control-frame-invalid":         "E",
	"fragment-sequence-broken":      "E nothing-to-continue nested never-finished flood:W",
	"length-encoding-invalid":       "E not-minimal:W msb absurd",
	"http-text-in-ws-stream":        "E",
	"text-not-utf8":                 "E",
	"frame-cut-by-close":            "E at-size",
	"close-code-info":               "I simultaneous",
	"close-code-illegal":            "E",
	"closed-without-close-frame":    "E",
	"closed-by-reset":               "E after-late-data with-unread linger0 middlebox kill",
	"peer-vanished":                 "E",
	"closing-handshake-incomplete":  "W no-echo tcp-left-open client-closed-first:I echo-differs:I half-closed",
	"data-after-close":              "E data control:I",
	"rejected-after-accept":         "E",
	"reset-after-close":             "W",
	"message-too-big":               "E 1009 silent fragment-limit",
	"closed-right-after-upgrade":    "E",
	"deflate-bomb":                  "E many:W",
}

// zeekNames are the oddities that Zeek has a name for, and what has it here.
var zeekNames = map[string][]string{
	"websocket_multiple_key_headers":        {"ws-key-invalid.multiple"},
	"websocket_missing_key_header":          {"ws-key-invalid.missing"},
	"websocket_multiple_protocol_headers":   {"subprotocol-mismatch.several"},
	"websocket_multiple_accept_headers":     {"accept-mismatch.multiple"},
	"websocket_missing_accept_header":       {"accept-mismatch.missing"},
	"websocket_wrong_accept_header":         {"accept-mismatch.no-guid", "accept-mismatch.decoded-key", "accept-mismatch.hex", "accept-mismatch.case-changed", "accept-mismatch.key-of-other-leg", "accept-mismatch.other"},
	"websocket_control_frame_size_exceeded": {"control-frame-invalid.too-long"},
}

// TestCatalogue holds that no rule or form of it goes lost, or changes what it
// weighs.
func TestCatalogue(t *testing.T) {
	weight := map[string]Severity{"E": Error, "W": Warning, "I": Info}
	all := All()
	for id, row := range catalogue {
		r, _, ok := Find(all, id)
		if !ok {
			t.Errorf("there is no %s", id)
			continue
		}
		forms := strings.Fields(row)
		if r.Severity != weight[forms[0]] {
			t.Errorf("%s: %v, want %s", id, r.Severity, forms[0])
		}
		for _, form := range forms[1:] {
			name, own, _ := strings.Cut(form, ":")
			_, v, ok := Find(all, id+"."+name)
			if !ok {
				t.Errorf("there is no %s.%s", id, name)
			} else if v.Severity != weight[own] && !(own == "" && v.Severity == r.Severity) {
				t.Errorf("%s.%s: %v, want %q", id, name, v.Severity, own)
			}
		}
	}
	named := map[string][]string{}
	for _, r := range all {
		for i := range r.Variants {
			if z := r.Variants[i].Zeek; z != "" {
				named[z] = append(named[z], r.ID+"."+r.Variants[i].ID)
			}
		}
	}
	for z, want := range zeekNames {
		slices.Sort(want)
		slices.Sort(named[z])
		if !slices.Equal(named[z], want) {
			t.Errorf("%s: %v, want %v", z, named[z], want)
		}
	}
}

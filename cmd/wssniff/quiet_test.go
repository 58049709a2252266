package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// troubled are the recordings in which something went wrong on purpose, and
// what. The others are of healthy endpoints.
var troubled = map[string]string{
	"after-http":         "a client puts a token into the URL",
	"app-graphql":        "an operation fails",
	"app-heartbeat":      "a client answers no heartbeat",
	"app-mqtt":           "a stranger is refused",
	"app-socketio":       "a stranger is refused",
	"app-stomp":          "a message is refused",
	"backoff":            "a server refuses five times",
	"chromium-rejects":   "a browser rejects answers",
	"close-codes-coder":  "both ends close with each code",
	"close-codes-ws":     "both ends close with each code",
	"closes":             "a server closes with 1011",
	"early-frames":       "a client uses its key again, and gorilla closes without an answer",
	"fast-open":          "a client uses its key again",
	"faults-aiohttp":     "a client breaks rules",
	"faults-coder":       "a client breaks rules",
	"faults-gorilla":     "a client breaks rules",
	"faults-websockets":  "a client breaks rules",
	"faults-ws":          "a client breaks rules",
	"h2-ends":            "ends close without a Close frame",
	"h2c-not-allowed":    "a server does not allow extended CONNECT",
	"h2c-refused":        "a server refuses over HTTP/2",
	"half-close":         "a client closes TCP instead of answering a Close",
	"haproxy-tunnel":     "HAProxy closes after its timeout, and finds no backend",
	"keep-alive":         "a server closes TCP instead of answering a Close",
	"icmp-rejects":       "a router says no",
	"killed":             "a server is killed",
	"killed-client":      "a client is killed",
	"nginx":              "nginx redirects, refuses for a limit, and finds no backend",
	"nginx-forgotten":    "nginx does not pass Upgrade on",
	"nginx-hanging":      "a backend does not answer",
	"nginx-http10":       "nginx asks over HTTP/1.0",
	"nginx-idle":         "nginx closes after its timeout",
	"nginx-minute":       "nginx closes after its timeout",
	"nginx-refuses":      "nginx and a backend refuse",
	"path-loss":          "the path loses segments",
	"pings-unanswered":   "a client answers no ping",
	"port-closed":        "nothing listens on the port",
	"proxy-refuses":      "proxies do not open the tunnel",
	"refused":            "servers refuse upgrades",
	"rejected":           "clients reject answers",
	"reset":              "a server resets",
	"reset-by-client":    "a client resets",
	"server-faults":      "a server breaks rules",
	"server-masks":       "a server masks",
	"silent-drop":        "a router drops everything",
	"storm":              "a client comes back at once",
	"subprotocol":        "a server chooses no subprotocol",
	"syn-dropped":        "a router drops the SYN",
	"tls-faults":         "TLS fails in each connection",
	"tls-refusals":       "TLS fails in each connection",
	"tls-more":           "TLS fails, or will",
	"tls-names":          "names that servers do not know",
	"tls-killed":         "the server is killed",
	"tls-unanswered":     "a ClientHello has no answer",
	"too-big":            "a message is too big for its receiver",
	"unanswered":         "a request has no answer",
	"close-codes-raw":    "codes that must not be sent",
	"violations-aiohttp": "a client breaks rules",
	"violations-coder":   "a client breaks rules",
	"violations-gorilla": "a client breaks rules",
	"violations-ws":      "a client breaks rules",
	"zero-window":        "a server does not read",
}

// TestQuiet holds that a recording has findings of error or warning if
// something was made to go wrong in it, and none if not.
func TestQuiet(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "testdata", "captures", "*.pcap*"))
	if err != nil || len(files) < 80 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			src, err := capture.Open([]string{file}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			keys, err := openKeys(nil, false, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			unlocked := &watched{Source: src, files: src, keys: keys}
			var f found
			if _, err := session.Run(unlocked, session.Config{Keys: unlocked.unlocks(1)}, 1, diagnose.New(diagnose.All(), &f)); err != nil {
				t.Fatal(err)
			}
			loud := 0
			for _, n := range f.all {
				if n.Severity < diagnose.Warning {
					continue
				}
				loud++
				if troubled[name] == "" {
					t.Errorf("packet %d: %s: %s", n.Packet, n.ID(), n.Message)
				}
			}
			if why := troubled[name]; why != "" && loud == 0 {
				t.Errorf("nothing is found, though %s", why)
			}
		})
	}
	for name := range troubled {
		if !seen[name] {
			t.Errorf("there is no recording %s", name)
		}
	}
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// record is what one end of a connection said, as printed.
type record struct {
	Event       string  `json:"event"`
	Side        string  `json:"side"`
	Software    string  `json:"software"`
	ClientPort  int     `json:"client_port"`
	ServerPort  int     `json:"server_port"`
	Target      string  `json:"target"`
	Stream      int     `json:"h2_stream,omitempty"`
	Status      *int    `json:"status"`
	Subprotocol string  `json:"subprotocol"`
	Extensions  *string `json:"extensions"`
	Opened      bool    `json:"opened"`
	Live        bool    `json:"live"`
	Error       string  `json:"error,omitempty"`
	Log         log     `json:"log"`
}

// log leaves out what the library does not tell: a nil pointer. See counts and closing.
type log struct {
	Sent     []message `json:"sent"`
	Received []message `json:"received"`
	counts
	closing
}

type counts struct {
	PingsSent     *int `json:"pings_sent,omitempty"`
	PingsReceived *int `json:"pings_received,omitempty"`
	PongsSent     *int `json:"pongs_sent,omitempty"`
	PongsReceived *int `json:"pongs_received,omitempty"`
}

// closing holds encoded JSON: absent is unknown, null is none.
type closing struct {
	Sent     json.RawMessage `json:"close_sent,omitempty"`
	Received json.RawMessage `json:"close_received,omitempty"`
}

type message struct {
	Kind   string `json:"kind"`
	Length int    `json:"length"`
	SHA256 string `json:"sha256"`
}

var (
	mu    sync.Mutex // guards live, every record in it, and standard output
	live  = map[*record]bool{}
	names = map[string]string{"coder": "coder/websocket 1.8.15", "gorilla": "gorilla/websocket 1.5.3", "go-h2": "golang.org/x/net/http2 0.62.0 with gobwas/ws 1.4.0"}
)

func newRecord(conf *config, side, target string) *record {
	r := &record{Event: "connection", Side: side, Software: names[conf.Stack], Target: target, Status: new(int)}
	r.Log.Sent, r.Log.Received = []message{}, []message{}
	r.Log.closing = closing{json.RawMessage("null"), json.RawMessage("null")}
	mu.Lock()
	defer mu.Unlock()
	live[r] = true
	return r
}

func newServerRecord(conf *config, req *http.Request) *record {
	r := newRecord(conf, "server", req.RequestURI)
	r.ClientPort = portOf(req.RemoteAddr)
	r.ServerPort = conf.Port
	r.Status = nil // the library answers
	return r
}

// opened notes a finished opening handshake; h are the response's fields.
func (r *record) opened(h http.Header) {
	status, extensions := http.StatusSwitchingProtocols, h.Get("Sec-Websocket-Extensions")
	r.Status, r.Extensions, r.Opened = &status, &extensions, true
	r.Subprotocol = h.Get("Sec-Websocket-Protocol")
}

// change runs f while nothing else looks at a record.
func change(f func()) {
	mu.Lock()
	defer mu.Unlock()
	f()
}

func (r *record) sent(kind string, p []byte) {
	change(func() { r.Log.Sent = append(r.Log.Sent, newMessage(kind, p)) })
}

func (r *record) received(kind string, p []byte) {
	change(func() { r.Log.Received = append(r.Log.Received, newMessage(kind, p)) })
}

func (r *record) print() {
	mu.Lock()
	defer mu.Unlock()
	if live[r] {
		delete(live, r)
		say(r)
	}
}

func printLive() {
	mu.Lock()
	defer mu.Unlock()
	for r := range live {
		r.Live = true
		say(r)
	}
	clear(live)
}

func say(v any) { _ = json.NewEncoder(os.Stdout).Encode(v) }

func newMessage(kind string, p []byte) message {
	sum := sha256.Sum256(p)
	return message{kind, len(p), hex.EncodeToString(sum[:])}
}

func newClose(code int, reason string) json.RawMessage {
	b, _ := json.Marshal(struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{code, reason})
	return b
}

func count(p **int) {
	change(func() {
		if *p == nil {
			*p = new(int)
		}
		**p++
	})
}

func portOf(address string) int {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return n
}

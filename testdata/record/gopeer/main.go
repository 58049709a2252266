// Gopeer is a WebSocket client or server on one of three Go libraries. It performs a play and prints, a JSON object a
// line, what the library said that it sent and received.
package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// config is the command's only argument.
type config struct {
	Stack       string   `json:"stack"`
	Role        string   `json:"role"`
	Host        string   `json:"host"`
	Port        int      `json:"port"`
	Target      string   `json:"target"`
	Play        string   `json:"play"`
	Subprotocol string   `json:"subprotocol"`
	Offered     []string `json:"subprotocols"`
	Deflate     bool     `json:"deflate"`
	Origin      string   `json:"origin"`
	Buffer      int      `json:"write_buffer"`
	Repeat      int      `json:"repeat"`
	Cert        string   `json:"cert"`      // there is TLS: the key, and who is trusted
	Fault       string   `json:"tls_fault"` // what is wrong with it: a row of faults
	TLSMax      string   `json:"tls_max"`
}

// library is what the libraries are used for.
type library interface {
	accept(*keeper, *http.Request, *record) (peer, error)
	dial(url string, r *record) (peer, error)
}

// peer is one end of an open connection.
type peer interface {
	send(kind string, p []byte) error
	fragments(kind string, parts []string) error
	ping(payload string) error
	close(code int, reason string) error
	tcp() *net.TCPConn
	receive() (kind string, p []byte, err error)
}

func main() {
	var conf config
	if len(os.Args) != 2 || json.Unmarshal([]byte(os.Args[1]), &conf) != nil {
		fmt.Fprintln(os.Stderr, "usage: gopeer JSON")
		os.Exit(2)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		printLive()
		os.Exit(0)
	}()
	lib := library(coderLibrary{&conf})
	switch conf.Stack {
	case "gorilla":
		lib = gorillaLibrary{&conf}
	case "go-h2":
		lib = h2Library{&conf}
	}
	if conf.Role == "server" {
		serve(&conf, lib)
		return
	}
	var all sync.WaitGroup
	for range max(1, conf.Repeat) {
		all.Go(func() { runClient(&conf, lib) })
	}
	all.Wait()
}

// serve upgrades every request but those for /status/NNN, which are refused with that status.
func serve(conf *config, lib library) {
	http.HandleFunc("/page/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "plain HTTP") })
	http.HandleFunc("/status/", func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/"))
		rec := newServerRecord(conf, r)
		if status == http.StatusMovedPermanently {
			w.Header().Set("Location", "/elsewhere")
		}
		rec.Status = &status
		rec.print()
		w.WriteHeader(status)
		fmt.Fprintln(w, http.StatusText(status))
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		rec := newServerRecord(conf, r)
		keep := &keeper{ResponseWriter: w}
		p, err := lib.accept(keep, r, rec)
		if err != nil {
			rec.Status, rec.Error = keep.status, err.Error()
			rec.print()
			return
		}
		perform(conf, rec, p)
	})
	listener, err := net.Listen("tcp", net.JoinHostPort(conf.Host, strconv.Itoa(conf.Port)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
	if conf.Stack == "go-h2" {
		say(map[string]string{"event": "listening"})
		serveH2(conf, listener)
		return
	}
	if c := conf.secured(); c != nil {
		listener = tls.NewListener(listener, c)
	}
	say(map[string]string{"event": "listening"})
	_ = http.Serve(listener, nil)
}

func runClient(conf *config, lib library) {
	rec := newRecord(conf, "client", conf.Target)
	rec.ServerPort = conf.Port
	scheme := "ws"
	if conf.Cert != "" {
		scheme = "wss"
	}
	p, err := lib.dial(scheme+"://"+net.JoinHostPort(conf.Host, strconv.Itoa(conf.Port))+conf.Target, rec)
	if err != nil {
		rec.Error = err.Error()
		rec.print()
		return
	}
	perform(conf, rec, p)
}

package main

import (
	"bufio"
	"bytes"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// performer plays one end of one connection while its receiver runs.
type performer struct {
	peer
	rec  *record
	over atomic.Bool
}

// perform returns when the connection is over.
func perform(conf *config, rec *record, p peer) {
	pf := &performer{peer: p, rec: rec}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pf.receiveAll(slices.Contains(strings.Fields(conf.Play), "echo"))
	}()
	for word := range strings.FieldsSeq(conf.Play) {
		if pf.over.Load() {
			break
		}
		name, value, _ := strings.Cut(word, "=")
		steps[name](pf, value)
	}
	<-done
	rec.print()
}

func (pf *performer) receiveAll(echo bool) {
	defer pf.over.Store(true)
	for {
		kind, data, err := pf.receive()
		if err != nil {
			change(func() { pf.rec.Error = err.Error() })
			return
		}
		pf.rec.received(kind, data)
		if echo {
			pf.rec.sent(kind, data)
			_ = pf.send(kind, data)
		}
	}
}

var steps = map[string]func(pf *performer, value string){
	"echo": func(*performer, string) {},
	"say": func(pf *performer, v string) {
		text, _ := url.PathUnescape(v)
		pf.message("text", []byte(text))
	},
	"text":  func(pf *performer, v string) { pf.message("text", content("text", v)) },
	"bin":   func(pf *performer, v string) { pf.message("binary", content("binary", v)) },
	"frag":  (*performer).fragmented,
	"ping":  func(pf *performer, v string) { count(&pf.rec.Log.PingsSent); _ = pf.ping(v) },
	"sleep": func(_ *performer, v string) { time.Sleep(time.Duration(number(v)) * time.Millisecond) },
	"wait": func(pf *performer, v string) {
		pf.until(func() bool { return len(pf.rec.Log.Received) >= number(v) })
	},
	"pongs": func(pf *performer, v string) {
		pf.until(func() bool { n := pf.rec.Log.PongsReceived; return n != nil && *n >= number(v) })
	},
	"close": (*performer).closing,
	"gate": func(pf *performer, _ string) {
		log := &pf.rec.Log
		say(map[string]any{"event": "gate", "sent": len(log.Sent), "received": len(log.Received)})
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	},
	"hold": func(*performer, string) {
		say(map[string]string{"event": "hold"})
		time.Sleep(time.Minute)
	},
	"fin": func(pf *performer, _ string) { _ = pf.tcp().Close() },
	"reset": func(pf *performer, _ string) {
		_ = pf.tcp().SetLinger(0)
		_ = pf.tcp().Close()
	},
	"die": func(*performer, string) {
		printLive()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	},
}

func (pf *performer) message(kind string, p []byte) {
	pf.rec.sent(kind, p)
	_ = pf.send(kind, p)
}

func (pf *performer) fragmented(value string) {
	kind, list, _ := strings.Cut(value, ",")
	parts := strings.Split(list, ",")
	var whole bytes.Buffer
	for _, part := range parts {
		if part != "p" {
			whole.Write(content(kind, part))
		}
	}
	pf.rec.sent(kind, whole.Bytes())
	_ = pf.fragments(kind, parts)
}

// closing sends a Close frame; without a code it is empty (1005).
func (pf *performer) closing(value string) {
	code, escaped, _ := strings.Cut(value, ",")
	if code == "" {
		code = "1005"
	}
	reason, _ := url.PathUnescape(escaped)
	change(func() { pf.rec.Log.closing.Sent = newClose(number(code), reason) })
	_ = pf.close(number(code), reason)
}

func (pf *performer) until(true_ func() bool) {
	for yes := false; !yes && !pf.over.Load(); time.Sleep(2 * time.Millisecond) {
		change(func() { yes = true_() })
	}
}

// content makes the bytes that the other peers make, too.
func content(kind, length string) []byte {
	p := make([]byte, number(length))
	for i := range p {
		p[i] = byte(i * 7 % 251)
		if kind == "text" {
			p[i] = byte('a' + i%26)
		}
	}
	return p
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

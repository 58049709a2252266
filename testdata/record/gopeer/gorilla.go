package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type gorillaLibrary struct{ conf *config }

// gorillaPeer answers pings and Close frames with handlers of its own, so that they are logged.
type gorillaPeer struct {
	*websocket.Conn
	rec *record
	mu  sync.Mutex // the library allows one writer of messages
}

func (l gorillaLibrary) accept(w *keeper, r *http.Request, rec *record) (peer, error) {
	up := websocket.Upgrader{
		EnableCompression: l.conf.Deflate,
		WriteBufferSize:   l.conf.Buffer,
		CheckOrigin:       func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil.example" },
	}
	if l.conf.Subprotocol != "" {
		up.Subprotocols = []string{l.conf.Subprotocol}
	}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	change(func() {
		rec.opened(http.Header{"Sec-Websocket-Protocol": {c.Subprotocol()}})
		rec.Extensions = nil
	})
	return newGorillaPeer(c, rec), nil
}

func (l gorillaLibrary) dial(url string, rec *record) (peer, error) {
	dialer := websocket.Dialer{
		EnableCompression: l.conf.Deflate,
		WriteBufferSize:   l.conf.Buffer,
		Subprotocols:      l.conf.Offered,
		TLSClientConfig:   l.conf.secured(),
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				rec.ClientPort = portOf(c.LocalAddr().String())
			}
			return c, err
		},
	}
	if l.conf.Fault == "impatient" {
		dialer.HandshakeTimeout = 4 * time.Second
	}
	fields := http.Header{}
	if l.conf.Origin != "" {
		fields.Set("Origin", l.conf.Origin)
	}
	c, resp, err := dialer.Dial(url, fields)
	if resp != nil {
		rec.Status = &resp.StatusCode
	}
	if err != nil {
		return nil, err
	}
	change(func() { rec.opened(resp.Header) })
	return newGorillaPeer(c, rec), nil
}

func newGorillaPeer(c *websocket.Conn, rec *record) *gorillaPeer {
	p := &gorillaPeer{Conn: c, rec: rec}
	rec.Log.counts = counts{new(int), new(int), new(int), new(int)}
	c.SetPingHandler(func(payload string) error {
		count(&rec.Log.PingsReceived)
		count(&rec.Log.PongsSent)
		return p.control(websocket.PongMessage, []byte(payload))
	})
	c.SetPongHandler(func(string) error {
		count(&rec.Log.PongsReceived)
		return nil
	})
	c.SetCloseHandler(func(code int, reason string) error {
		unanswered := false
		change(func() {
			rec.Log.closing.Received = newClose(code, reason)
			if unanswered = string(rec.Log.closing.Sent) == "null"; unanswered {
				rec.Log.closing.Sent = newClose(code, "")
			}
		})
		if unanswered {
			_ = p.close(code, "")
		}
		return nil
	})
	return p
}

func (p *gorillaPeer) control(kind int, payload []byte) error {
	return p.WriteControl(kind, payload, time.Now().Add(time.Second))
}

func (p *gorillaPeer) send(kind string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.WriteMessage(gorillaKinds[kind], data)
}

// fragments relies on a small write buffer: the library sends a fragment whenever it is full.
func (p *gorillaPeer) fragments(kind string, parts []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, err := p.NextWriter(gorillaKinds[kind])
	for _, part := range parts {
		if part == "p" {
			count(&p.rec.Log.PingsSent)
			err = errors.Join(err, p.ping("between"))
			continue
		}
		_, wrong := w.Write(content(kind, part))
		err = errors.Join(err, wrong)
	}
	return errors.Join(err, w.Close())
}

func (p *gorillaPeer) ping(payload string) error {
	return p.control(websocket.PingMessage, []byte(payload))
}

func (p *gorillaPeer) close(code int, reason string) error {
	return p.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason))
}

func (p *gorillaPeer) tcp() *net.TCPConn { return p.NetConn().(*net.TCPConn) }

// receive closes the TCP connection at the end, which this library leaves to its user. After an error that is no Close
// frame nobody knows whether the library sent one.
func (p *gorillaPeer) receive() (string, []byte, error) {
	kind, data, err := p.ReadMessage()
	if err != nil {
		change(func() {
			if closing := &p.rec.Log.closing; string(closing.Sent) == "null" {
				closing.Sent = nil
			}
		})
		_ = p.Conn.Close()
		return "", nil, err
	}
	return gorillaNames[slices.Index(gorillaOpcodes, kind)], data, nil
}

var (
	gorillaNames   = []string{"text", "binary"}
	gorillaOpcodes = []int{websocket.TextMessage, websocket.BinaryMessage}
	gorillaKinds   = map[string]int{"text": websocket.TextMessage, "binary": websocket.BinaryMessage}
)

package main

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

type coderLibrary struct{ conf *config }

// coderPeer answers pings and Close frames inside the library, which tells of what came in only.
type coderPeer struct {
	*websocket.Conn
	rec *record
	raw net.Conn
}

func (l coderLibrary) accept(w *keeper, r *http.Request, rec *record) (peer, error) {
	opts := &websocket.AcceptOptions{CompressionMode: l.compression()}
	opts.OnPingReceived, opts.OnPongReceived = coderHooks(rec)
	if l.conf.Subprotocol != "" {
		opts.Subprotocols = []string{l.conf.Subprotocol}
	}
	c, err := websocket.Accept(w, r, opts)
	if err != nil {
		return nil, err
	}
	change(func() { rec.opened(w.Header()) })
	return newCoderPeer(c, rec, w.conn), nil
}

func (l coderLibrary) dial(url string, rec *record) (peer, error) {
	var raw net.Conn
	transport := &http.Transport{TLSClientConfig: l.conf.secured(), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			raw, rec.ClientPort = c, portOf(c.LocalAddr().String())
		}
		return c, err
	}}
	opts := &websocket.DialOptions{
		HTTPClient:      &http.Client{Transport: transport},
		HTTPHeader:      http.Header{},
		Subprotocols:    l.conf.Offered,
		CompressionMode: l.compression(),
	}
	opts.OnPingReceived, opts.OnPongReceived = coderHooks(rec)
	if l.conf.Origin != "" {
		opts.HTTPHeader.Set("Origin", l.conf.Origin)
	}
	c, resp, err := websocket.Dial(context.Background(), url, opts)
	if resp != nil {
		rec.Status = &resp.StatusCode
	}
	if err != nil {
		return nil, err
	}
	change(func() { rec.opened(resp.Header) })
	return newCoderPeer(c, rec, raw), nil
}

func (l coderLibrary) compression() websocket.CompressionMode {
	if l.conf.Deflate {
		return websocket.CompressionContextTakeover
	}
	return websocket.CompressionDisabled
}

func coderHooks(rec *record) (ping func(context.Context, []byte) bool, pong func(context.Context, []byte)) {
	ping = func(context.Context, []byte) bool {
		count(&rec.Log.PingsReceived)
		count(&rec.Log.PongsSent)
		return true // send a pong
	}
	return ping, func(context.Context, []byte) { count(&rec.Log.PongsReceived) }
}

func newCoderPeer(c *websocket.Conn, rec *record, raw net.Conn) *coderPeer {
	c.SetReadLimit(1 << 20)
	change(func() {
		rec.Log.counts = counts{new(int), new(int), new(int), new(int)}
		rec.Log.closing.Sent = nil
	})
	return &coderPeer{c, rec, raw}
}

func (p *coderPeer) send(kind string, data []byte) error {
	return p.Write(context.Background(), coderKinds[kind], data)
}

// fragments makes a frame of each part, and an empty last one.
func (p *coderPeer) fragments(kind string, parts []string) error {
	w, err := p.Writer(context.Background(), coderKinds[kind])
	if err != nil {
		return err
	}
	for _, part := range parts {
		if part == "p" {
			count(&p.rec.Log.PingsSent)
			err = errors.Join(err, p.ping(""))
			continue
		}
		_, wrong := w.Write(content(kind, part))
		err = errors.Join(err, wrong)
	}
	return errors.Join(err, w.Close())
}

// ping waits for the pong; the library chooses the payload.
func (p *coderPeer) ping(string) error { return p.Ping(context.Background()) }

func (p *coderPeer) close(code int, reason string) error {
	return p.Conn.Close(websocket.StatusCode(code), reason)
}

func (p *coderPeer) tcp() *net.TCPConn { return p.raw.(*net.TCPConn) }

// receive: after a Close of this end's own, the library may keep the answer to itself.
func (p *coderPeer) receive() (string, []byte, error) {
	kind, data, err := p.Read(context.Background())
	if err != nil {
		change(func() {
			closing, closed := &p.rec.Log.closing, websocket.CloseError{}
			if errors.As(err, &closed) {
				closing.Received = newClose(int(closed.Code), closed.Reason)
			} else if closing.Sent != nil {
				closing.Received = nil
			}
		})
		return "", nil, err
	}
	return map[websocket.MessageType]string{websocket.MessageText: "text", websocket.MessageBinary: "binary"}[kind], data, nil
}

var coderKinds = map[string]websocket.MessageType{"text": websocket.MessageText, "binary": websocket.MessageBinary}

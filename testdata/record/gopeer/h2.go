package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/gobwas/ws"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// h2Library is HTTP/2 of golang.org/x/net with frames of gobwas/ws. It needs GODEBUG=http2xconnect=1.
type h2Library struct{ conf *config }

// h2Peer is one end of a stream.
type h2Peer struct {
	io.Reader
	rec   *record
	mu    sync.Mutex // of what is written
	write func([]byte) error
	end   func()
	ours  ws.State
}

// serveH2 takes HTTP/2 in TLS, and in clear with prior knowledge or by upgrade.
func serveH2(conf *config, listener net.Listener) {
	h2 := &http2.Server{}
	server := &http.Server{Handler: h2c.NewHandler(http.DefaultServeMux, h2)}
	c := conf.secured()
	if c == nil {
		_ = server.Serve(listener)
		return
	}
	c.NextProtos = []string{"h2"}
	server.TLSConfig = c
	if err := http2.ConfigureServer(server, h2); err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
	_ = server.ServeTLS(listener, "", "")
}

func (l h2Library) accept(w *keeper, r *http.Request, rec *record) (peer, error) {
	if r.Method != http.MethodConnect || r.Header.Get(":protocol") != "websocket" {
		w.WriteHeader(http.StatusBadRequest)
		return nil, errors.New("no extended CONNECT")
	}
	if l.conf.Subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", l.conf.Subprotocol)
	}
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w.ResponseWriter)
	if err := control.Flush(); err != nil {
		return nil, err
	}
	change(func() {
		rec.opened(w.Header())
		*rec.Status = http.StatusOK
		rec.Extensions = nil
	})
	return newH2Peer(r.Body, rec, ws.StateServerSide, func() { _ = r.Body.Close() }, func(b []byte) error {
		_, err := w.Write(b)
		return errors.Join(err, control.Flush())
	}), nil
}

// dial gets a page, and asks for a WebSocket on the same connection.
func (l h2Library) dial(url string, rec *record) (peer, error) {
	scheme := "http"
	if l.conf.Cert != "" {
		scheme = "https"
	}
	host := net.JoinHostPort(l.conf.Host, strconv.Itoa(l.conf.Port))
	transport := &http2.Transport{AllowHTTP: true, TLSClientConfig: l.conf.secured()}
	transport.DialTLSContext = func(ctx context.Context, network, addr string, c *tls.Config) (net.Conn, error) {
		raw, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		rec.ClientPort = portOf(raw.LocalAddr().String())
		if scheme == "http" {
			return raw, nil
		}
		secured := tls.Client(raw, c)
		return secured, secured.HandshakeContext(ctx)
	}
	page, err := (&http.Client{Transport: transport}).Get(scheme + "://" + host + "/page/")
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, page.Body)
	body, pipe := io.Pipe()
	req := must(http.NewRequest(http.MethodConnect, scheme+"://"+host+l.conf.Target, body))
	req.Header.Set(":protocol", "websocket")
	req.Header.Set("Sec-WebSocket-Version", "13")
	for _, offered := range l.conf.Offered {
		req.Header.Add("Sec-WebSocket-Protocol", offered)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	change(func() {
		rec.opened(resp.Header)
		rec.Status, rec.Stream = &resp.StatusCode, 3 // the second request: RFC 9113 §5.1.1
	})
	return newH2Peer(resp.Body, rec, ws.StateClientSide, func() { _ = pipe.Close() }, func(b []byte) error {
		_, err := pipe.Write(b)
		return err
	}), nil
}

func newH2Peer(r io.Reader, rec *record, ours ws.State, end func(), write func([]byte) error) *h2Peer {
	rec.Log.counts = counts{new(int), new(int), new(int), new(int)}
	return &h2Peer{Reader: r, rec: rec, ours: ours, end: end, write: write}
}

func (p *h2Peer) frame(f ws.Frame) error {
	if p.ours.ClientSide() {
		f = ws.MaskFrame(f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.write(must(ws.CompileFrame(f)))
}

var h2Opcodes = map[string]ws.OpCode{"text": ws.OpText, "binary": ws.OpBinary}

func (p *h2Peer) send(kind string, b []byte) error {
	return p.frame(ws.NewFrame(h2Opcodes[kind], true, b))
}

func (p *h2Peer) fragments(kind string, parts []string) (err error) {
	opcode := h2Opcodes[kind]
	for i, part := range parts {
		if part == "p" {
			count(&p.rec.Log.PingsSent)
			err = errors.Join(err, p.ping("between"))
			continue
		}
		err = errors.Join(err, p.frame(ws.NewFrame(opcode, i == len(parts)-1, content(kind, part))))
		opcode = ws.OpContinuation
	}
	return err
}

func (p *h2Peer) ping(payload string) error { return p.frame(ws.NewPingFrame([]byte(payload))) }

func (p *h2Peer) close(code int, reason string) error {
	return p.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
}

func (p *h2Peer) tcp() *net.TCPConn { return nil }

// receive answers pings and Close frames.
func (p *h2Peer) receive() (kind string, data []byte, err error) {
	for {
		f, err := ws.ReadFrame(p)
		if err != nil {
			return "", nil, err
		}
		if f.Header.Masked {
			f = ws.UnmaskFrameInPlace(f)
		}
		switch f.Header.OpCode {
		case ws.OpPing:
			count(&p.rec.Log.PingsReceived)
			count(&p.rec.Log.PongsSent)
			_ = p.frame(ws.NewPongFrame(f.Payload))
			continue
		case ws.OpPong:
			count(&p.rec.Log.PongsReceived)
			continue
		case ws.OpClose:
			p.closed(f.Payload)
			return "", nil, io.EOF
		case ws.OpText:
			kind = "text"
		case ws.OpBinary:
			kind = "binary"
		}
		if data = append(data, f.Payload...); f.Header.Fin {
			return kind, data, nil
		}
	}
}

func (p *h2Peer) closed(body []byte) {
	code, reason := ws.ParseCloseFrameData(body)
	unanswered := false
	change(func() {
		closing := &p.rec.Log.closing
		closing.Received = newClose(int(code), reason)
		if unanswered = string(closing.Sent) == "null"; unanswered {
			closing.Sent = newClose(int(code), "")
		}
	})
	if unanswered {
		_ = p.close(int(code), "")
	}
	p.end()
}

package handshake

import (
	"bytes"
	"net/netip"
	"strings"
)

// A ViaKind is how a connection tells a proxy where it comes from or goes to.
type ViaKind uint8

// The kinds.
const (
	ProxyV1     ViaKind = iota // the line of the PROXY protocol, version 1
	ProxyV2                    // its binary header, version 2
	SOCKS4                     // SOCKS 4 and 4a
	SOCKS5                     // RFC 1928
	HTTPConnect                // CONNECT of RFC 9110 §9.3.6
)

var viaNames = [...]string{"proxy-protocol-v1", "proxy-protocol-v2", "socks4", "socks5", "http-connect"}

// String is the kind's word in events.
func (k ViaKind) String() string { return viaNames[k] }

// A Checksum says what became of a CRC32c that a PROXY header may carry.
type Checksum uint8

// What is known of a checksum.
const (
	NoChecksum   Checksum = iota // there is none
	NotChecked                   // the header is longer than what is kept of it
	ChecksumOK                   // it is that of the header
	ChecksumFail                 // it is not
)

// A Via is a proxy that a connection passed, as the bytes before its HTTP, or
// before the tunnel that its HTTP is in, tell. What a kind does not have is
// the zero value. A password is not kept.
type Via struct {
	Kind ViaKind

	// Of a PROXY header.
	Source, Destination netip.AddrPort // the connection it speaks for; not valid where it names none
	Local               bool           // version 2: the proxy speaks for itself (LOCAL)
	Authority           string         // version 2: the host that the client asked for
	Checksum            Checksum       // version 2

	// Of SOCKS and CONNECT.
	Target string // host and port asked for, "" if it did not come to that
	User   string // of SOCKS: the user ID, or the user name of RFC 1929
	Reply  string // of SOCKS: the answer's name in lower case, "" without one
	Code   uint8  // of SOCKS: the answer's number; that of the step which failed
	Status int    // of CONNECT: of the response, 0 without one
	Said   Fields // of CONNECT: what a response that refuses says of the proxy and of its reason: Server, Via, X-Squid-Error, Proxy-Authenticate

	sure   bool  // SOCKS: more than a greeting speaks for it
	method uint8 // SOCKS 5: the authentication method, anyMethod while the server has not said
	offers bool  // SOCKS 5: the client offers user name and password
}

// Refused tells whether the proxy answered that it will not open the tunnel.
func (v *Via) Refused() bool {
	switch v.Kind {
	case SOCKS4, SOCKS5:
		return v.Reply != "" && v.Reply != granted
	case HTTPConnect:
		return v.Status >= 300
	}
	return false
}

// maxVia bounds the proxies kept of one connection. What looks like a message
// to one more is not taken for it; of more CONNECTs the last is kept.
const maxVia = 8

// Via are the proxies that the connection passed so far, the nearest to the
// client first; nil where it tells of none. They are the caller's own.
func (r *Reader) Via() []Via {
	var list []Via
	for i := range r.via {
		if r.via[i].sure {
			list = append(list, r.via[i])
		}
	}
	return list
}

// ViaRefused tells whether the client asked last for a tunnel, and the last
// of Via refused it.
func (r *Reader) ViaRefused() bool { return r.tunnel && r.latest().Refused() }

func (r *Reader) passes(v Via) {
	r.via = append(r.via, v)
	r.tunnel = true
}

// latest is the proxy that the client told of last; one was told of.
func (r *Reader) latest() *Via { return &r.via[len(r.via)-1] }

// asksSOCKS is the first SOCKS proxy that has not answered, nil without one.
func (r *Reader) asksSOCKS() *Via {
	for i := range r.via {
		if v := &r.via[i]; (v.Kind == SOCKS4 || v.Kind == SOCKS5) && v.Reply == "" {
			return v
		}
	}
	return nil
}

// connects notes a CONNECT.
func (r *Reader) connects(request []byte) {
	const maxTarget = 1024 // a name has at most 255 bytes
	line, _, _ := bytes.Cut(request, []byte("\n"))
	_, target, _, _ := splitRequestLine(line)
	v := Via{Kind: HTTPConnect, Target: string(target[:min(len(target), maxTarget)]), sure: true}
	switch {
	case len(r.via) < maxVia:
		r.passes(v)
	case r.latest().Kind == HTTPConnect:
		*r.latest() = v
		r.tunnel = true
	}
}

// connected notes the response to the first open CONNECT.
func (r *Reader) connected(status int, head []byte) {
	for i := range r.via {
		if v := &r.via[i]; v.Kind == HTTPConnect && v.Status == 0 {
			if v.Status = status; v.Refused() {
				v.Said = saidBy(head)
			}
			return
		}
	}
}

// saidBy are the fields of Via.Said in a head.
func saidBy(head []byte) (said Fields) {
	const longest = 200
	for at := bytes.IndexByte(head, '\n') + 1; ; {
		l, next, ok := nextLine(head, at)
		if !ok {
			return said
		}
		at = next
		if l.folded || l.colon < 0 {
			continue
		}
		name, value := head[l.start:l.colon], trim(head[l.colon+1:l.end])
		for _, n := range [...]string{"Server", "Via", "X-Squid-Error", "Proxy-Authenticate"} {
			if len(said) < 4 && strings.EqualFold(n, string(name)) {
				said = append(said, Field{Name: n, Value: string(value[:min(len(value), longest)])})
			}
		}
	}
}

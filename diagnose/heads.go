package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// largeHeads is a size that many servers have no room for, in bytes.
const largeHeads = 8 << 10

// tooLarge is what bodies say that speak of the size of a head.
var tooLarge = regexp.MustCompile(`(?i)(?:header|cookie)[^<]{0,60}\b(?:too (?:large|big|long)|exceed)|too (?:large|big|long)[^<]{0,40}\b(?:header|cookie)`)

// headTooLarge reports a head that the server has no room for, what makes it
// that large, and a smaller one with which the client came in.
func (p *Pass) headTooLarge(e *session.Refusal) {
	size, cookies, longest := 0, 0, handshake.Field{}
	if r := e.Request; r != nil {
		size, cookies = r.Size, len(strings.Join(r.Fields.Values("Cookie"), ""))
		for _, f := range r.Fields {
			if len(f.Value) > len(longest.Value) {
				longest = f
			}
		}
	}
	text, in := "", int64(0)
	if longest.Name != "" {
		text = fmt.Sprintf(", the longest field %s with %d", longest.Name, len(longest.Value))
	}
	other, known := p.World.heads[guest{p.Conn.Client.Addr(), sum(e.Host())}]
	if known = known && other.size < size; known {
		text += fmt.Sprintf("; with a head of %d bytes it came in", other.size)
		in = other.packet
	}
	f := p.refusal("", e, "head of %d bytes, cookies of %d%s", size, cookies, text).In(in).With("head_bytes", size).With("cookie_bytes", cookies)
	switch said := tooLarge.Match(e.Body) || !slices.Contains([]int{400, 413}, e.Status()); {
	case said:
	case known:
		f.As(Likely)
	default:
		f.As(Possible)
	}
}

// A headSize is that of a request with which a client came in.
type headSize struct {
	size   int
	packet int64
}

// noteHead notes the size of a request that was accepted, if it is the largest
// of that client at that host.
func (w *World) noteHead(c *Conn, e *session.Handshake) {
	k := guest{c.Client.Addr(), sum(e.Host())}
	h, known := w.heads[k]
	if known && h.size >= e.Request.Size || !known && len(w.heads) >= maxFleet {
		return
	}
	if w.heads == nil {
		w.heads = make(map[guest]headSize)
	}
	w.heads[k] = headSize{e.Request.Size, e.Packet}
}

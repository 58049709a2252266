package handshake

import (
	"encoding/binary"
	"strings"
)

// lasting are the fields that still say something when the connection is open.
var lasting = [...]string{
	"Host", ":authority", "Origin", "Sec-WebSocket-Origin", "User-Agent", "Server", "Via",
	"Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
}

// lastingNames are those names by their length: of most fields it says enough.
var lastingNames = func() (names [25][]string) {
	for _, name := range lasting {
		names[len(name)] = append(names[len(name)], name)
	}
	return names
}()

func (f *Field) lasts() bool {
	n := len(f.name())
	if n >= len(lastingNames) {
		return false
	}
	for _, name := range lastingNames[n] {
		if f.is(name) {
			return true
		}
	}
	return false
}

// Brief gives a copy of h for keeping: start lines without the target, which
// often is the only one of its kind, and of the fields those
// that still say something once the connection is open: Host, Origin,
// User-Agent, Server, Via and what was offered and chosen (RFC 6455 §4), but
// neither key nor cookies. Sizes and places are zero. It shares no memory with h.
func (h *Handshake) Brief() Handshake {
	return Handshake{Request: h.Request.brief(), Response: h.Response.brief(), Established: h.Established, Obsolete: h.Obsolete}
}

func (h *Head) brief() *Head {
	if h == nil {
		return nil
	}
	b := Head{
		Method: strings.Clone(h.Method), Proto: strings.Clone(h.Proto),
		Status: h.Status, Reason: strings.Clone(h.Reason),
	}
	for i := range h.Fields {
		if f := &h.Fields[i]; f.lasts() {
			b.Fields = append(b.Fields, Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)})
		}
	}
	return &b
}

// AppendBrief appends to b what Brief keeps of h, so that two handshakes with
// the same bytes have the same Brief.
func (h *Handshake) AppendBrief(b []byte) []byte {
	for _, head := range [...]*Head{h.Request, h.Response} {
		if head == nil {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		for _, s := range [...]string{head.Method, head.Reason, head.Proto} {
			b = appendSized(b, s)
		}
		b = append(b, byte(head.Status>>8), byte(head.Status))
		for i := range head.Fields {
			if f := &head.Fields[i]; f.lasts() {
				b = appendSized(appendSized(append(b, 1), f.Name), f.Value)
			}
		}
		b = append(b, 0)
	}
	return append(b, bit(h.Established), bit(h.Obsolete))
}

// appendSized appends s so that where it ends is not for its bytes to say.
func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

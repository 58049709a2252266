package diagnose

import (
	"hash/maphash"
	"strings"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// A headMemo remembers what came of the last pairs of heads. The handshakes of
// one fleet are alike but for the target, the key and its answer: what goes by
// the rest need not be found out again.
type headMemo struct{ entries [256]headFacts }

// headFacts is what follows from the two heads of an opening handshake, without
// their targets and keys.
type headFacts struct {
	sum   uint64 // of them; 0 of an entry that is not in use
	spoke uint64 // rules that go by heads, a bit each, that had something to say

	deflate bool    // permessage-deflate was agreed
	unknown bool    // an extension was agreed that is not known here
	browser bool    // the client says that it is one
	relayed bool    // a proxy has passed the request on
	apple   bool    // a client of Apple's has offered permessage-deflate, and it was declined
	arr     arrEnd  // which end is a proxy that cannot pass permessage-deflate
	api     api     // what the close codes of the application are known by
	banner  *banner // what the answer says of who wrote it
}

// of gives what follows from the heads, and whether they were seen before: if
// not, nobody has said yet which rules spoke.
func (m *headMemo) of(e *session.Handshake) (h *headFacts, known bool) {
	sum := sumOfHeads(e) | 1
	if h = m.at(sum); h.sum == sum {
		return h, true
	}
	*h = headFacts{sum: sum}
	h.read(e)
	return h, false
}

// at is the entry of a sum, perhaps taken by another.
func (m *headMemo) at(sum uint64) *headFacts { return &m.entries[sum>>1%uint64(len(m.entries))] }

func (h *headFacts) read(e *session.Handshake) {
	_, h.deflate = e.Deflate()
	for _, x := range e.Extensions() {
		h.unknown = h.unknown || !strings.EqualFold(x.Name, pmd)
	}
	h.browser = strings.HasPrefix(e.UserAgent(), "Mozilla/")
	h.relayed = e.Request != nil && forwarded(e.Handshake)
	if h.deflate {
		h.arr = arrOf(e.Handshake)
	} else {
		h.apple = e.Established && appleOffers(e.Handshake)
	}
	h.api, h.banner = apiOf(e), bannerOf(e.Handshake)
}

// sumOfHeads is the sum of all that a rule may see that goes by heads.
func sumOfHeads(e *session.Handshake) uint64 {
	s := headSum(1)
	s.flags(e.Established, e.Obsolete, e.Early > 0, e.H2 != nil, e.TLS != nil, strings.Contains(e.Target(), "#"))
	s.text(serverName(e))
	s.text(e.Host()) // it may stand in the target
	s.head(e.Request, "Sec-WebSocket-Key")
	s.head(e.Response, "Sec-WebSocket-Accept", "Date")
	return uint64(s)
}

// A headSum is a sum that depends on the order of what is added.
type headSum uint64

// number adds n. The multiplication carries upwards alone: the high half is
// folded onto the low one.
func (s *headSum) number(n uint64) {
	*s = (*s ^ headSum(n)) * 0x9e3779b97f4a7c15
	*s ^= *s >> 32
}

func (s *headSum) text(t string) { s.number(maphash.String(worldSeed, t)) }

func (s *headSum) flags(list ...bool) {
	bits := uint64(1)
	for _, set := range list {
		bits <<= 1
		if set {
			bits |= 1
		}
	}
	s.number(bits)
}

// head adds a head, without the target and the values of some fields: what they
// are is no matter of rules that go by heads.
func (s *headSum) head(h *handshake.Head, without ...string) {
	if h == nil {
		s.number(0)
		return
	}
	s.flags(h.Truncated)
	s.number(uint64(h.Status))
	s.text(h.Method)
	s.text(h.Reason)
	s.text(h.Proto)
	s.number(uint64(len(h.Fields)))
	for i := range h.Fields {
		f := &h.Fields[i]
		s.text(f.Name)
		if !anyFold(without, f.Name) {
			s.text(f.Value)
		}
	}
}

func anyFold(list []string, name string) bool {
	for _, s := range list {
		if len(s) == len(name) && strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

package handshake

import (
	"fmt"
	"strings"
	"testing"
)

// A talk plays a conversation to a Reader as a session does: bytes that the
// Reader does not take yet are held and offered again.
type talk struct {
	t      testing.TB
	r      Reader
	held   []byte // of the client
	pos    [2]int // bytes taken
	gone   [2]bool
	events []string // what the steps were, where, and all that was known then
	brief  []string // the same in short
}

// offer hands b to one direction until it is taken, held, or of no use.
func (t *talk) offer(s side, b []byte) {
	if s == fromClient && len(t.held) > 0 {
		t.held = append(t.held, b...)
		return
	}
	for len(b) > 0 && !t.gone[s] {
		read := t.r.Client
		if s == fromServer {
			read = t.r.Server
		}
		n, step := read(b)
		if n < 0 || n > len(b) {
			t.t.Fatalf("took %d of %d bytes", n, len(b))
		}
		t.pos[s] += n
		b = b[n:]
		t.bounded()
		if step == More {
			if len(b) == 0 {
				return
			}
			if s == fromServer || n > 0 || !t.r.waiting {
				t.t.Fatalf("no progress: %d bytes left at %v", len(b), t.pos)
			}
			t.held = append(t.held, b...)
			return
		}
		t.step(s, step)
	}
}

// step notes a step, and offers again what waited for it.
func (t *talk) step(s side, step Step) {
	who := [...]string{"client", "server"}[s]
	pos, what := t.pos[s], ""
	switch step {
	case Asked:
		h := t.r.Pending()
		what = dump(h)
		t.brief = append(t.brief, "asked "+h.Target())
	case Answered:
		h := t.r.Handshake()
		what = dump(h)
		word := "refused"
		if h.Established {
			word = "established"
		}
		if h.Request == nil {
			word += " unasked"
		}
		t.brief = append(t.brief, fmt.Sprintf("%s %d", word, h.Status()))
	case Foreign:
		t.gone[s] = true
		rest := t.r.ClientRest()
		if s == fromServer {
			rest = t.r.ServerRest()
		}
		pos -= len(rest)
		t.brief = append(t.brief, fmt.Sprintf("foreign %s %d", who, pos))
	}
	t.events = append(t.events, fmt.Sprintf("%s %v at %d: %s", who, step, pos, what))
	if s == fromServer && len(t.held) > 0 {
		held := t.held
		t.held = nil
		t.offer(fromClient, held)
	}
}

// bounded checks that the Reader keeps no more than it says.
func (t *talk) bounded() {
	for _, h := range []*half{&t.r.client, &t.r.server} {
		if len(h.buf) > max(t.r.limit(), maxPrelude) || len(h.body) > keptBody {
			t.t.Fatalf("keeps %d bytes of a head, %d of a body", len(h.buf), len(h.body))
		}
	}
	if len(t.r.awaited) > maxRuns+1 || len(t.r.via) > maxVia {
		t.t.Fatalf("keeps %d runs of requests, %d proxies", len(t.r.awaited), len(t.r.via))
	}
}

// result is all that was learned.
func (t *talk) result() string {
	body, more := t.r.RefusalBody()
	end := fmt.Sprintf("%d exchanges, via %+v, pending %v, held %q, body %q %v",
		t.r.Exchanges, t.r.Via(), dump(t.r.Pending()), t.held, body, more)
	return strings.Join(append(t.events, end), "\n")
}

func dump(h *Handshake) string {
	if h == nil {
		return "-"
	}
	return fmt.Sprintf("%+v %+v %v %v", h.Request, h.Response, h.Established, h.Obsolete)
}

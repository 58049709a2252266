package diagnose

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// TestHeadMemo holds that a checker that has seen many heads finds of each
// what one finds that has seen none, as far as rules go by the heads alone.
func TestHeadMemo(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 9))
	pick := func(list ...string) string { return list[min(rnd.IntN(8*len(list)), len(list)-1)] } // mostly the last
	fields := func(list ...string) (all handshake.Fields) {
		for i := 0; i < len(list); i += 2 {
			if list[i+1] != "-" {
				all = append(all, handshake.Field{Name: list[i], Value: list[i+1]})
			}
		}
		return all
	}
	var rules []*Rule
	for _, r := range All() {
		if r.ByHeads {
			rules = append(rules, r)
		}
	}
	old := &told{}
	c := New(rules, old)
	spoke, known := 0, 0
	for n := range int64(5_000) {
		request := &handshake.Head{
			Method: pick("POST", "GET"), Target: pick("/a#b", "/a?token=x1", fmt.Sprint("/", n)), Proto: pick("HTTP/1.0", "HTTP/1.1"),
			Truncated: rnd.IntN(40) == 0,
			Fields: fields("Host", pick("-", "a.example"), "Upgrade", pick("-", "h2c", "websocket, websocket", "websocket"), "Connection", pick("-", "close", "Upgrade"),
				"Sec-WebSocket-Version", pick("-", "8", "13"), "Sec-WebSocket-Key", pick("-", fmt.Sprint(n)), "Origin", pick("https://b.example", "http://a.example"),
				"X-Forwarded-Proto", pick("http", "-"), "Cookie", pick("sid=1", "-"), "Content-Length", pick("5", "-"),
				"Sec-WebSocket-Protocol", pick("null", "a, b", "-"), "Sec-WebSocket-Extensions", pick("permessage-deflate; x=1", "permessage-deflate", "-")),
		}
		h := &handshake.Handshake{Request: request, Response: &handshake.Head{
			Status: 101, Proto: pick("HTTP/1.0", "HTTP/1.1"), Reason: pick("OK", "Switching Protocols"), Truncated: rnd.IntN(40) == 0,
			Fields: fields("Upgrade", pick("-", "websocket"), "Connection", pick("-", "Upgrade"), "Sec-WebSocket-Accept", fmt.Sprint(n), "Content-Length", pick("0", "-"),
				"Sec-WebSocket-Protocol", pick("", "c", "a", "-"), "Sec-WebSocket-Extensions", pick("permessage-deflate; server_max_window_bits=99", "permessage-deflate", "-"), "Date", fmt.Sprint(n)),
		}, Established: rnd.IntN(5) > 0, Obsolete: rnd.IntN(40) == 0}
		e := session.Handshake{Handshake: h, Early: max(0, rnd.IntN(20)-18), Where: session.Where{
			Conn: &session.Conn{Facts: session.Facts{ID: n + 1, Client: netip.MustParseAddrPort("10.0.0.1:1024"), Server: netip.MustParseAddrPort("10.0.0.2:80")}}, Packet: 2*n + 2,
		}, Requested: session.Where{Packet: 2*n + 1}}
		fresh, again := &told{}, e
		conn := *e.Conn
		again.Conn = &conn
		*old = told{}
		if sum := sumOfHeads(&e) | 1; c.memo.at(sum).sum == sum {
			known++
		}
		c.Observe(&e)
		New(rules, fresh).Observe(&again)
		if fmt.Sprint(old.ids) != fmt.Sprint(fresh.ids) || e.Conn.Attached.(*Conn).checks != again.Conn.Attached.(*Conn).checks {
			t.Fatalf("of %+v\nand %+v\n%v, without memory %v", request, h.Response, old.ids, fresh.ids)
		}
		spoke += len(fresh.ids)
	}
	if spoke < 2_000 || known < 500 {
		t.Errorf("%d findings, %d heads that were known", spoke, known)
	}
}

// told is what rules have found.
type told struct{ ids []string }

func (o *told) Observe(session.Event) {}
func (o *told) Finding(f *Finding)    { o.ids = append(o.ids, f.ID()+" "+f.Message) }

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A duel is a conversation of the Autobahn test suite: a fuzzer, which may be
// the client or the server, and an endpoint that does as it should. What is
// sent is written down as a script, and beside it what wssniff has to tell.
type duel struct {
	number string
	fuzzer string // c or s
	split  int    // bytes of the fuzzer's segments, 0 for as many as fit
	open   string // words of the opening handshake

	script  strings.Builder
	want    [2][]string // messages of the fuzzer and of the endpoint: kind, length, hash
	pings   int         // that the fuzzer sent and the endpoint answered
	allowed []string    // rules that may be found beside those that are wanted
	clean   bool        // nothing is wrong
}

// A row of the suite: what is done, and at which sizes of segments.
type row struct {
	number string
	splits []int
	play   func(d *duel)
}

func (d *duel) endpoint() string { return map[string]string{"c": "s", "s": "c"}[d.fuzzer] }

// send is a frame of the fuzzer.
func (d *duel) send(frame string) {
	words, comment, _ := strings.Cut(frame, "#")
	if d.split > 0 {
		words += fmt.Sprintf(" split=%d ", d.split)
	}
	fmt.Fprintf(&d.script, "%s %s #%s\n", d.fuzzer, words, comment)
}

// answer is a frame of the endpoint.
func (d *duel) answer(frame string) { fmt.Fprintf(&d.script, "%s %s\n", d.endpoint(), frame) }

func payload(b string) string {
	if b == "" {
		return ""
	}
	return " hex=" + hex.EncodeToString([]byte(b))
}

func digest(kind, b string) string {
	return fmt.Sprintf("%s %d %x", kind, len(b), sha256.Sum256([]byte(b)))
}

// framesOf is a message in fragments of at most size bytes; 0 is no limit.
func framesOf(kind, words, b string, size int) (list []string) {
	for first := true; first || b != ""; first = false {
		n := len(b)
		if size > 0 {
			n = min(n, size)
		}
		f := kind + words
		if !first {
			f = "cont"
		}
		f += payload(b[:n])
		if b = b[n:]; b != "" {
			f += " more"
		}
		list = append(list, f)
	}
	return list
}

// told notes a message that the fuzzer sends, and that the endpoint echoes.
func (d *duel) told(kind, b string) {
	for i := range d.want {
		d.want[i] = append(d.want[i], digest(kind, b))
	}
}

// message is sent in fragments of at most size bytes, and echoed.
func (d *duel) message(kind, b string, size int) {
	for _, f := range framesOf(kind, "", b, size) {
		d.send(f)
	}
	d.answer(kind + payload(b))
	d.told(kind, b)
}

// ping is answered.
func (d *duel) ping(b string) {
	d.send("ping" + payload(b))
	d.answer("pong" + payload(b))
	d.pings++
}

// fault is a frame that breaks a rule: the endpoint fails the connection.
func (d *duel) fault(frame, rule string, code int) {
	d.send(frame + " # want " + rule)
	d.fail(code)
}

// fail is the end that the endpoint makes of it (RFC 6455 §7.1.7).
func (d *duel) fail(code int) {
	d.clean = false
	d.answer(fmt.Sprintf("close %d", code))
	d.send(fmt.Sprintf("close %d", code))
	d.script.WriteString("fin\n")
}

// end is a clean close by the fuzzer.
func (d *duel) end() {
	d.send("close 1000")
	d.answer("close 1000")
	d.script.WriteString("fin\n")
}

var kinds = map[frames.Opcode]string{frames.Text: "text", frames.Binary: "bin"}

// A witness keeps what is told of a duel.
type witness struct {
	found
	messages [2][]string
	pongs    int64
	states   []session.State
}

// Observe implements session.Observer.
func (w *witness) Observe(e session.Event) {
	switch e := e.(type) {
	case *session.Message:
		if e.Complete {
			w.messages[e.Dir] = append(w.messages[e.Dir], digest(kinds[e.Opcode], string(e.Data)))
		}
	case *session.Closed:
		w.states = append(w.states, e.Conn.State)
		w.pongs = e.Conn.PingRTT.Count
	}
}

// judge plays the duel and holds what is told to what was said.
func (d *duel) judge(t *testing.T) {
	t.Helper()
	c := casetest.Of(d.number, "open / "+d.open+"\n"+d.script.String())
	packets, err := c.Packets()
	if err != nil {
		t.Fatal(err)
	}
	wants, err := c.Wants()
	if err != nil {
		t.Fatal(err)
	}
	var w witness
	checker := diagnose.New(diagnose.All(), &w)
	if _, err := session.Run(casetest.Poison(casetest.Source(packets)), session.Config{Keep: session.KeepAll}, 1, checker); err != nil {
		t.Fatal(err)
	}
	fuzzer, endpoint := reassembly.FromClient, reassembly.FromServer
	if d.fuzzer == "s" {
		fuzzer, endpoint = endpoint, fuzzer
	}
	for i, dir := range [...]reassembly.Dir{fuzzer, endpoint} {
		if !slices.Equal(w.messages[dir], d.want[i]) {
			t.Errorf("messages of the %v: %.300q, want %.300q", dir, w.messages[dir], d.want[i])
		}
	}
	if int(w.pongs) != d.pings {
		t.Errorf("%d pings answered, want %d", w.pongs, d.pings)
	}
	if len(w.states) != 1 || w.states[0] != session.Ended {
		t.Errorf("states %v", w.states)
	}
	for _, want := range wants {
		if !slices.ContainsFunc(w.all, func(f *diagnose.Finding) bool {
			return is(f, want.Rule) && f.Where.Dir == fuzzer && slices.Contains(append(f.Related, f.Packet), lastOf(want.Packets, append(f.Related, f.Packet)))
		}) {
			t.Errorf("%s is not found in packets %v: %v", want.Rule, want.Packets, named(w.all))
		}
	}
	for _, f := range w.all {
		wanted := slices.ContainsFunc(wants, func(want casetest.Want) bool { return is(f, want.Rule) })
		if f.Severity > diagnose.Info && !wanted && (d.clean || !slices.Contains(append(d.allowed, "close-code-info"), f.Rule.ID)) {
			t.Errorf("%s is found: %s", f.ID(), f.Message)
		}
	}
}

// lastOf gives one of the packets that is among the others, 0 if none is.
func lastOf(packets, among []int64) int64 {
	for _, p := range packets {
		if slices.Contains(among, p) {
			return p
		}
	}
	return 0
}

// run plays the rows with the fuzzer as client and as server, and with its
// segments cut.
func runDuels(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		for _, fuzzer := range []string{"c", "s"} {
			for _, split := range append([]int{0}, r.splits...) {
				t.Run(fmt.Sprintf("%s/%s/%d", r.number, fuzzer, split), func(t *testing.T) {
					d := &duel{number: r.number, fuzzer: fuzzer, split: split, clean: true}
					r.play(d)
					d.judge(t)
				})
			}
		}
	}
}

package session

import (
	"slices"
	"strings"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
)

// An opener is what a connection needs until its WebSocket is open. In the
// pool it is zero but for memory of its reader.
type opener struct {
	reader handshake.Reader
	progress
}

// progress is what an opener knows but for what its reader does.
type progress struct {
	requested Where              // where the upgrade at hand was complete; Packet is 0 if it was not captured
	waiting   []reassembly.Chunk // copies of client bytes behind a request that is not answered
	held      int                // their number
	strayed   bool               // what waited was no frame
	searches  [2]search          // for frames, where no handshake tells of them
	hopeless  bool               // there are none
	acked     reassembly.SeqNum  // what the client acknowledged with its first segment
	heard     bool               // acked is known
	answered  bool               // and it has spoken since it acknowledged more
	refusal   *Refusal           // its body is being read
	lost      [2]bool            // by direction: bytes of it were, so that a handshake may have been among them
}

// http hands a run to the handshake reader, up to where a WebSocket opens.
func (c *Conn) http(r *reassembly.Chunk) {
	d := r.Dir
	if r.Lost > 0 {
		c.skip(d, r)
	}
	if c.answersAlert(r) {
		c.Mismatch = HTTPToTLS
		r.Data = nil
	}
	if d == reassembly.FromServer && (c.Greeting != "" || c.greets(r)) {
		r.Data = nil
	}
	for len(r.Data) > 0 && c.phase == opening {
		var n int
		var step handshake.Step
		if d == reassembly.FromClient && c.opener.reader.Pending() != nil && c.answerLost() && !c.opener.strayed {
			c.wait(r)
			return
		}
		if d == reassembly.FromClient {
			n, step = c.opener.reader.Client(r.Data)
		} else {
			n, step = c.opener.reader.Server(r.Data)
		}
		c.exchanged(r)
		r.Data = r.Data[n:]
		r.Offset += int64(n)
		switch {
		case step == handshake.Asked:
			c.asked(r)
		case step == handshake.Answered:
			c.answered(r)
		case step == handshake.Foreign:
			c.foreign(r)
		case n == 0:
			c.wait(r)
		}
		if c.opener != nil && c.opener.refusal != nil && d == reassembly.FromServer {
			c.refused(r, false)
		}
	}
}

// exchanged notes what an ordinary request or its answer had to tell.
func (c *Conn) exchanged(r *reassembly.Chunk) {
	if id := c.opener.reader.Session(); id != nil {
		c.t.emit(&Issued{c.at(reassembly.FromServer, r), id})
	}
	odd := &c.opener.reader.Odd
	if *odd == [handshake.Oddities]int64{} {
		return
	}
	if c.HTTP == nil {
		c.HTTP = new(HTTP)
	}
	for i, n := range odd {
		if h := &c.HTTP[i]; n > h.Count {
			h.Last = c.at(r.Dir, r)
			if h.Count == 0 {
				h.First = h.Last
			}
			h.Count = n
		}
	}
}

// refused tells of a refusal once its body is over, or all of it that will
// be known.
func (c *Conn) refused(r *reassembly.Chunk, over bool) {
	body, more := c.opener.reader.RefusalBody()
	if more && !over {
		return
	}
	e := c.opener.refusal
	c.opener.refusal = nil
	e.Where = c.at(reassembly.FromServer, r)
	e.Body = body
	c.t.emit(e)
}

// skip passes over lost bytes, or lets them wait; then they are counted when
// their turn comes.
func (c *Conn) skip(d reassembly.Dir, r *reassembly.Chunk) {
	waits := d == reassembly.FromClient && (len(c.opener.waiting) > 0 || c.opener.reader.Pending() != nil)
	before := c.joined && c.tls != nil && c.tls.guessed && r.Lost == 1 // stands for what was sent before the capture
	if !waits && !before {
		c.Sides[d].LostBytes += r.Lost
	}
	switch {
	case d == reassembly.FromServer:
		c.opener.reader.SkipServer(r.Lost)
	case waits:
		c.opener.waiting = append(c.opener.waiting, reassembly.Chunk{Dir: reassembly.FromClient, Lost: r.Lost, Offset: r.Offset, Packet: r.Packet, Carried: r.Carried, Time: r.Time})
	default:
		c.opener.reader.SkipClient(r.Lost)
	}
	r.Lost = 0
}

// asked notes where an upgrade was requested.
func (c *Conn) asked(r *reassembly.Chunk) {
	if c.opener.refusal != nil {
		c.refused(r, true)
	}
	c.Attempts++
	c.opener.requested = c.at(reassembly.FromClient, r)
	c.tell(r)
}

// answered tells of a handshake that is complete; behind one that opened a
// WebSocket, the client's bytes that waited are its first frames.
func (c *Conn) answered(r *reassembly.Chunk) {
	h := c.opener.reader.Handshake()
	c.Handshake = h
	c.proxies()
	answered := c.at(reassembly.FromServer, r)
	if h.Request == nil {
		// What the client said before this was looked through for a request.
		c.blind[reassembly.FromClient], _ = c.opener.reader.Seeking()
		c.Attempts++
		c.opener.requested = Where{}
	}
	c.Target, c.Host = h.Target(), h.Host()
	c.tell(r)
	c.emitHandshake(h, answered)
	if !h.Established {
		if c.opener.refusal != nil {
			c.refused(r, true)
		}
		c.opener.refusal = &Refusal{Handshake: h, Answered: answered, Requested: c.opener.requested}
	}
	waited := c.opener.waiting
	c.hold(-int64(c.opener.held))
	c.opener.waiting, c.opener.held = nil, 0
	switch {
	case h.Established && h.Obsolete:
		c.phase = foreign
	case h.Established:
		c.establish(h, r)
		if h.Request == nil && r.Carried == r.Packet && c.tls == nil { // what the server has acknowledged by now is the request
			from := c.stream.Acked(reassembly.FromClient)
			c.sides[reassembly.FromClient].from = from
			c.unseen = from < 0
			c.blind[reassembly.FromClient] = c.blind[reassembly.FromClient] || c.unseen
		}
	}
	for i := range waited {
		w := &waited[i]
		w.Packet, w.Time = max(w.Packet, r.Packet), r.Time
		c.bytes(w)
	}
	if h.Established {
		c.opened()
	}
}

func (c *Conn) emitHandshake(h *handshake.Handshake, at Where) {
	e := &c.t.handshake
	*e = Handshake{Where: at, Handshake: h, Requested: c.opener.requested, Via: c.Via, H2: c.H2, TLS: c.TLS}
	if o := c.opener; len(o.waiting) > 0 && !o.answered && c.tls == nil {
		e.Early, e.EarlyIn = o.held, o.waiting[0].Packet
	}
	c.t.emit(e)
}

// wait keeps client bytes until the request before them is answered.
func (c *Conn) wait(r *reassembly.Chunk) {
	if c.opener.held+len(r.Data) > maxEarly {
		c.t.totals.Limited++
		c.opener.waiting = append(c.opener.waiting, reassembly.Chunk{Dir: reassembly.FromClient, Lost: int64(len(r.Data)), Offset: r.Offset, Packet: r.Packet, Carried: r.Carried, Time: r.Time})
		r.Data = nil
		return
	}
	w := *r
	w.Data = slices.Clone(r.Data)
	c.opener.waiting = append(c.opener.waiting, w)
	c.opener.held += len(w.Data)
	c.hold(int64(len(w.Data)))
	r.Data = nil
}

// proxies notes which proxies were passed.
func (c *Conn) proxies() {
	if c.outer != nil {
		return // they are those of the connection
	}
	c.Via, c.viaRefused = c.opener.reader.Via(), c.opener.reader.ViaRefused()
	if c.tls != nil && len(c.tls.via) > 0 {
		c.Via = slices.Concat(c.tls.via, c.Via)
	}
}

// heed notes that the server has answered something, and the client gone on:
// that is seen from what the client acknowledges with data.
func (o *opener) heed(g *reassembly.Segment) {
	if !o.heard {
		o.heard, o.acked = true, g.Ack
	}
	o.answered = o.answered || g.Length() > 0 && o.acked.Less(g.Ack)
}

// opened lets go of what only the opening needed.
func (c *Conn) opened() {
	o := c.opener
	c.exchanges += o.reader.Exchanges
	for i := range o.waiting {
		c.Sides[reassembly.FromClient].LostBytes += o.waiting[i].Lost
	}
	c.proxies()
	c.opener = nil
	c.hold(-int64(o.held))
	c.stop(&o.searches[0])
	c.stop(&o.searches[1])
	if c.phase == open && !c.t.recorded { // then nobody holds the handshake
		o.reader.Reuse()
	} else {
		o.reader = handshake.Reader{}
	}
	o.progress = progress{}
	c.t.openers.give(o)
}

// An agreement is what two ends settled in their opening handshake and what
// counts until the end. Most connections of a capture settled the same, so
// that they share one.
type agreement struct {
	handshake      handshake.Handshake
	host           string
	client, server *frames.Deflate // of what each sends; nil: not compressed
	unasked        bool            // the server chose what the client had not offered
}

// What is remembered to be shared is bounded.
const (
	maxAgreements = 4096
	maxShared     = 2048 // bytes of one
)

// agreements finds equal ones.
type agreements struct {
	known map[string]*agreement
	key   []byte
}

func (a *agreements) of(h *handshake.Handshake) *agreement {
	host := h.Host()
	a.key = append(h.AppendBrief(a.key[:0]), host...)
	if known := a.known[string(a.key)]; known != nil {
		return known
	}
	n := &agreement{handshake: h.Brief(), host: strings.Clone(host), unasked: unasked(h)}
	n.client, n.server = deflateOf(h)
	if a.known == nil {
		a.known = make(map[string]*agreement)
	}
	if len(a.known) < maxAgreements && len(a.key) <= maxShared {
		a.known[string(a.key)] = n
	}
	return n
}

// mustFail says whether a client must fail the connection because of what a
// 101 answers (RFC 6455 §4.1): the key was not read, or the server chose an
// extension or a subprotocol that was not offered.
func mustFail(h *handshake.Handshake, a *agreement) bool {
	valid, known := h.AcceptValid()
	return a.unasked || known && !valid
}

func unasked(h *handshake.Handshake) bool {
	if h.Request == nil {
		return false
	}
	if p := h.Subprotocol(); p != "" && !slices.Contains(h.SubprotocolsOffered(), p) {
		return true
	}
	for _, chosen := range h.Extensions() {
		offered := func(e handshake.Extension) bool { return e.Name == chosen.Name }
		if !slices.ContainsFunc(h.ExtensionsOffered(), offered) {
			return true
		}
	}
	return false
}

// deflateOf gives the permessage-deflate parameters of what the client and
// what the server sends (RFC 7692 §7.1), nil where it was not agreed.
func deflateOf(h *handshake.Handshake) (client, server *frames.Deflate) {
	d, agreed := h.Deflate()
	if !agreed {
		return nil, nil
	}
	return &frames.Deflate{NoContextTakeover: d.ClientNoContextTakeover, WindowBits: d.ClientMaxWindowBits},
		&frames.Deflate{NoContextTakeover: d.ServerNoContextTakeover, WindowBits: d.ServerMaxWindowBits}
}

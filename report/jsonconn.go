package report

import (
	"net/netip"
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// transport is how the WebSocket was opened: over HTTP/1.1 (RFC 6455 §4), or
// HTTP/2 in TLS or in clear (RFC 8441).
func transport(c *session.Conn) string {
	switch {
	case c.H2 == nil:
		return "http/1.1"
	case c.TLS == nil:
		return "h2c"
	}
	return "h2"
}

// stream writes which stream of HTTP/2 it is, and how that ended.
func (o *object) stream(h *session.H2) {
	if h == nil {
		return
	}
	o.int("h2_stream", int64(h.Stream))
	if h.Over && (h.How == h2.Reset || h.How == h2.GoneAway) {
		o.word("h2_end", map[h2.How]string{h2.Reset: "rst_stream", h2.GoneAway: "goaway"}[h.How])
		o.known("h2_error", h.Code.String())
	}
	for d, n := range h.Stalls {
		if n > 0 {
			o.int([...]string{reassembly.FromClient: "h2_stalls_client", reassembly.FromServer: "h2_stalls_server"}[d], n)
		}
	}
}

func (o *object) address(name string, a netip.AddrPort) {
	if !a.IsValid() {
		return
	}
	o.begin(name, '{')
	o.word("ip", a.Addr().String())
	o.int("port", int64(a.Port()))
	o.end('}')
}

func (s *jsonSink) handshake(e *session.Handshake) {
	h := e.Handshake
	s.open("handshake", &e.Where)
	s.address("client", e.Conn.Client)
	s.address("server", e.Conn.Server)
	s.word("transport", transport(e.Conn))
	if e.H2 != nil && h.Response != nil { // how it ends is not known yet
		s.int("h2_stream", int64(e.H2.Stream))
	} else {
		s.stream(e.H2)
	}
	s.tls(e.TLS)
	if h.Request != nil {
		s.known("method", h.Request.Method)
	}
	s.asked(h)
	s.known("version", h.Version())
	s.known("key", h.Key())
	s.known("accept", h.Accept())
	s.known("accept_expected", h.AcceptExpected())
	if valid, known := h.AcceptValid(); known {
		s.bool("accept_valid", valid)
	}
	s.strings("subprotocols_offered", s.secret.protocols(h.SubprotocolsOffered()))
	s.known("subprotocol", s.secret.chosen(h, h.Subprotocol()))
	s.known("extensions_offered", allOf(h.Request, "Sec-WebSocket-Extensions"))
	s.known("extensions", allOf(h.Response, "Sec-WebSocket-Extensions"))
	if h.Response != nil {
		s.int("status", int64(h.Response.Status))
		s.known("reason", s.secret.string(h.Response.Reason))
		s.known("server_software", s.secret.string(h.ServerSoftware()))
		if timed(&e.Requested, &e.Where) {
			s.ms("response_time_ms", e.Time.Sub(e.Requested.Time))
		}
	}
	s.head("request_headers", h, h.Request)
	s.head("response_headers", h, h.Response)
}

// asked writes what was asked for, and by whom.
func (s *jsonSink) asked(h *handshake.Handshake) {
	if h == nil {
		return
	}
	s.known("target", s.secret.url(h.Target()))
	s.known("host", s.secret.host(h.Host()))
	s.known("origin", s.secret.url(h.Origin()))
	s.known("user_agent", s.secret.string(h.UserAgent()))
}

// timed tells whether both packets have a time.
func timed(a, b *session.Where) bool {
	return a.Packet > 0 && a.Time != capture.NoTime && b.Time != capture.NoTime
}

// allOf joins the values of all fields of that name (RFC 9110 §5.3).
func allOf(head *handshake.Head, name string) string {
	if head == nil {
		return ""
	}
	return strings.Join(head.Fields.Values(name), ", ")
}

func (s *jsonSink) head(name string, h *handshake.Handshake, head *handshake.Head) {
	if head == nil {
		return
	}
	s.begin(name, '[')
	for i := range head.Fields {
		s.comma()
		s.b = append(s.b, '[')
		s.b = appendString(s.b, head.Fields[i].Name)
		s.b = append(s.b, ',')
		s.b = appendString(s.b, s.secret.fieldOf(h, head, i))
		s.b = append(s.b, ']')
	}
	s.end(']')
}

func (s *jsonSink) connection(e *session.Closed, found []*diagnose.Finding) {
	f := &e.Conn.Facts
	s.open("connection", &e.Where)
	s.address("client", f.Client)
	s.address("server", f.Server)
	s.via(f.Via)
	s.asked(f.Handshake)
	s.int("tcp_stream", f.Stream)
	s.stream(f.H2)
	s.tls(f.TLS)
	s.word("state", f.State.String())
	s.time("start", f.Start)
	s.time("end", f.End)
	if f.Start != capture.NoTime && f.End != capture.NoTime {
		s.ms("duration_ms", f.End.Sub(f.Start))
	}
	s.bool("handshake_seen", f.Handshake != nil)
	if f.Confidence > 0 {
		s.ratio("confidence", f.Confidence)
		missing := "response"
		if f.Handshake == nil {
			missing = "both"
		}
		s.word("handshake_missing", missing)
	} else if f.Handshake != nil && f.Handshake.Request == nil {
		s.word("handshake_missing", "request")
	}
	s.side("sent_by_client", &f.Sides[reassembly.FromClient])
	s.side("sent_by_server", &f.Sides[reassembly.FromServer])
	if f.CloseCode != 0 {
		s.int("close_code", int64(f.CloseCode))
	}
	if f.OneSided {
		s.bool("one_sided", true)
	}
	if f.ClosedBy != session.ClosedByUnknown {
		s.word("closed_by", f.ClosedBy.String())
	}
	if f.CloseCode != 0 || f.State == session.Ended || f.State == session.Aborted {
		s.bool("clean", f.Clean)
	}
	s.tcp(e.Conn)
	s.legs(diagnose.LegOf(e.Conn))
	s.pulses(e.Conn)
	if f.IdleMax > 0 {
		s.ms("idle_max_ms", f.IdleMax)
	}
	if len(found) > 0 {
		s.strings("findings", rules(found))
		s.word("headline", diagnose.Headline(found).ID())
	}
	s.string("verdict", diagnose.Verdict(e.Conn, found))
}

// side writes what one end sent.
func (s *jsonSink) side(name string, d *session.Side) {
	s.begin(name, '{')
	s.int("frames", d.Frames)
	s.int("messages", d.Messages)
	s.int("text", d.Text)
	s.int("binary", d.Binary)
	s.int("ping", d.Ping)
	s.int("pong", d.Pong)
	s.int("wire_bytes", d.WireBytes)
	s.int("payload_bytes", d.PayloadBytes)
	if c := d.Close; c != nil {
		s.begin("close", '{')
		if c.HasCode {
			s.int("code", int64(c.Code))
			s.string("reason", s.secret.string(c.Reason))
		}
		s.time("time", c.Time)
		s.end('}')
	}
	s.end('}')
}

// summary writes the last event.
func (s *jsonSink) summary(sum *Summary) {
	t := sum.Totals
	s.b = append(s.b[:0], `{"type":"summary"`...)
	if t == nil {
		t = &session.Totals{First: capture.NoTime, Last: capture.NoTime}
	}
	first, last := timesOf(t)
	s.time("time", last)
	s.int("packets", t.Packets)
	s.int("bytes", t.Bytes)
	s.time("start", first)
	s.time("end", last)
	s.int("tcp_connections", t.TCP)
	s.int("connections", t.Connections)
	s.begin("states", '{')
	for i, n := range t.States {
		if state := session.State(i); state != session.Connecting {
			s.int(state.String(), n)
		}
	}
	s.end('}')
	s.int("http_exchanges", t.HTTPExchanges)
	s.begin("other_connections", '{')
	for _, o := range others(t) {
		s.int(o.name, o.n)
	}
	s.end('}')
	if t.Decrypted > 0 {
		s.int("tls_decrypted", t.Decrypted)
	}
	s.side("sent_by_client", &t.Sides[reassembly.FromClient])
	s.side("sent_by_server", &t.Sides[reassembly.FromServer])
	s.int("gaps", t.Gaps)
	s.int("lost_bytes", t.Sides[0].LostBytes+t.Sides[1].LostBytes)
	s.int("limited", t.Limited)
	s.begin("undecoded", '[')
	for _, u := range t.Undecoded {
		s.comma()
		s.b = append(s.b, '{')
		s.string("reason", u.Reason)
		s.int("packets", u.Packets)
		s.end('}')
	}
	s.end(']')
	s.closeCodes()
	s.shaped()
	s.findings(sum.Counts)
	s.inputs(sum.Inputs)
	s.uint("capture_drops", sum.drops())
}

// timesOf are the earliest and the latest time; none where no packet was seen.
func timesOf(t *session.Totals) (first, last capture.Time) {
	if t.Packets == 0 {
		return capture.NoTime, capture.NoTime
	}
	return t.First, t.Last
}

func (s *jsonSink) closeCodes() {
	s.begin("close_codes", '[')
	for _, row := range s.codes.rows() {
		s.comma()
		s.b = append(s.b, '{')
		s.int("code", int64(row.code))
		s.known("name", row.code.Name())
		s.word("closed_by", row.by.String())
		s.int("count", s.codes.counts[row])
		s.end('}')
	}
	s.end(']')
}

func (s *jsonSink) inputs(list []capture.Input) {
	s.begin("inputs", '[')
	for i := range list {
		in := &list[i]
		s.comma()
		s.b = append(s.b, '{')
		s.string("name", in.Name)
		s.known("format", in.Format)
		s.int("packets", in.Packets)
		s.int("bytes", in.Bytes)
		if in.Format == "live" {
			s.int("dropped", int64(min(in.Drops, 1<<62)))
			s.int("freezes", int64(min(in.Freezes, 1<<62)))
			s.int("truncated", in.Cut)
		}
		if in.Err != nil {
			s.string("error", in.Err.Error())
		}
		s.end('}')
	}
	s.end(']')
}

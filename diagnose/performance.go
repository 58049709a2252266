package diagnose

import (
	"compress/flate"
	"fmt"
	"strconv"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// What is worth a word.
const (
	farAway       = 150 * time.Millisecond // a round trip that people notice
	delayedACK    = 200 * time.Millisecond // so long a receiver may wait before it acknowledges
	longStall     = 200 * time.Millisecond
	manyStalls    = 3
	busy          = 50  // messages a second
	busyMessages  = 500 // in all
	tinyMessage   = 100 // bytes
	largeMessage  = 1 << 20
	hugeMessage   = 16 << 20
	worthDeflate  = 1 << 20 // bytes sent uncompressed, from which on it is asked whether compression would help
	mayDeflate    = 1 << 17 // from which on it is, twice as many the next time, if they came at plainRate for plainTime
	plainRate     = 10_000  // bytes a second
	plainTime     = 10 * time.Second
	sampleLeast   = 128 // bytes of a message to try it with
	fewDeflated   = 20  // messages to judge compression by
	lostShare     = 100 // one in so many bytes sent again
	fewRepetition = 5   // segments
)

// performanceRules are about delay and waste. None of them says why a
// connection failed.
var performanceRules = []Rule{
	{
		ID: "latency-network", Severity: Warning, Clause: "RFC 6298 §2",
		Title:   "the network is the delay",
		Advice:  "serve from closer to the user; for a loaded link, send in smaller bursts",
		Seen:    "round trips of TCP of more than 150 ms, or of three times the shortest under load",
		Means:   "no program can answer faster than a round trip",
		Causes:  []string{"the server is far away", "a queue on the way fills up (bufferbloat)", "a mobile or satellite link"},
		Fixes:   []Fix{{"", "a region closer to the user"}, {"Linux", "net.core.default_qdisc=fq, net.ipv4.tcp_congestion_control=bbr"}},
		Confirm: "ping HOST, or mtr -T -P PORT HOST where ICMP is dropped: the round trip without the program",
		NotWhen: "acknowledgments are late because the receiver delays them: 40 to 200 ms",
		Variants: []Variant{
			{ID: "far", Title: "a round trip takes long"},
			{ID: "bufferbloat", Title: "round trips take much longer under load"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c, s := e.Conn, e.Conn.Segments()
			if c.H2 != nil || !p.Conn.Opened {
				return
			}
			a, b := s.RTT(reassembly.FromClient), s.RTT(reassembly.FromServer)
			rtt := a.Min + b.Min - 2*delayedACK
			if c.TCP.RTT > 0 {
				rtt = min(c.TCP.RTT, a.Min+b.Min)
			}
			if rtt > farAway {
				p.Report("far", "%v from one end to the other and back", rtt.Round(time.Millisecond)).With("rtt_ms", rtt.Milliseconds())
				return
			}
			for _, t := range [...]reassembly.RTT{a, b} {
				if t.Min > 0 && t.Smoothed > 3*t.Min && t.Smoothed-t.Min > 100*time.Millisecond+delayedACK {
					p.Report("bufferbloat", "%v on the average, %v at best", t.Smoothed.Round(time.Millisecond), t.Min.Round(time.Millisecond)).As(Possible)
					return
				}
			}
		},
	},
	{
		ID: "slow-consumer", Severity: Warning, Clause: "RFC 9293 §3.8.6",
		Title:   "a receiver does not read fast enough",
		Advice:  "read in a loop and work elsewhere; let the sender look at what is not sent yet, and drop or merge",
		Seen:    "a receive window of zero, for 200 ms in all or three times, and whether the sender then ended the connection, or closed with 4500 (Spring) or 1008; in HTTP/2 a window that was used up, with DATA that waited 200 ms for it in all",
		Means:   "the sender's messages wait in its memory",
		Causes:  []string{"the receiving thread is blocked: a large JSON.parse, a database", "a stream that is paused, or a read loop that is not there", "a phone in the background", "a sender without backpressure"},
		Fixes:   []Fix{{"browser, Node", "look at bufferedAmount before each send, or wait for the callback of send(): nothing stops a sender by itself"}, {"", "disconnect clients that do not keep up"}},
		Confirm: "ss -tm at the receiver: Recv-Q is large while its program does not read",
		NotWhen: "it was closed for a moment once",
		Variants: []Variant{
			{ID: "stalled", Title: "a receiver does not read fast enough"},
			{ID: "cut", Severity: Error, Title: "the sender gave a receiver up that did not read"},
			{ID: "h2-window", Title: "a receiver does not open its window of HTTP/2", Clause: "RFC 9113 §5.2", Advice: "read in a loop; let the receiver set a larger SETTINGS_INITIAL_WINDOW_SIZE, and grant it before it is used up"},
		},
		Closed: func(p *Pass, e *session.Closed) {
			c, s := e.Conn, e.Conn.Segments()
			if c.H2 != nil {
				p.waitedForWindow(c)
				return
			}
			for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
				n := s.Counts(d)
				if n.ZeroWindow < longStall && n.ZeroWindows < manyStalls {
					continue
				}
				form := "stalled"
				unread := c.State == session.Aborted && c.TCP.End != reassembly.NotEnded && c.TCP.EndedBy == d.Other() && s.Sent(d.Other()) > s.Acked(d.Other())
				said := gaveUpSlow(c, d.Other())
				if unread || said != "" {
					form = "cut"
				}
				p.from(d)
				burst, waited := p.burst(c, d)
				p.Report(form, "the window of the %v was closed %s, %v in all%s%s", d, times(n.ZeroWindows), n.ZeroWindow.Round(time.Millisecond), burst, said).
					With("zero_windows", n.ZeroWindows).With("zero_window_ms", n.ZeroWindow.Milliseconds()).With("waiting_bytes", waited)
			}
		},
	},
	{
		ID: "loss-and-stalls", Severity: Warning, Clause: "RFC 9293 §3.8.1",
		Title:   "loss on the way makes messages wait",
		Advice:  "look at the link; send in smaller bursts; keep urgent messages on a connection of their own",
		Seen:    "more than one percent of the bytes sent again, in five segments or more",
		Means:   "what comes behind a lost segment waits for it, though it has arrived",
		Causes:  []string{"a wireless link", "a queue that is too short", "a rate limit on the way"},
		Fixes:   []Fix{{"", "mend the link; keep urgent messages on a second connection"}},
		Confirm: "ss -ti at the sender counts retrans; mtr -T -P PORT HOST shows where on the way segments are lost",
		NotWhen: "the capture has packets twice, or the segments were not needed again",
		Closed: func(p *Pass, e *session.Closed) {
			c, s := e.Conn, e.Conn.Segments()
			if c.H2 != nil || !p.Conn.Opened {
				return
			}
			for _, d := range [...]reassembly.Dir{reassembly.FromClient, reassembly.FromServer} {
				n, sent := s.Counts(d), s.Sent(d)
				if again := n.Retransmitted - n.Spurious; again >= fewRepetition && n.DuplicateBytes*lostShare > sent {
					p.from(d)
					p.Report("", "%d segments of the %v were sent again, %d of %d bytes", again, d, n.DuplicateBytes, sent).With("retransmitted_segments", again)
				}
			}
		},
	},
	{
		ID: "tiny-messages", Severity: Info, Clause: "RFC 6455 §5.2",
		Title:   "many messages are smaller than what carries them",
		Advice:  "collect messages for 20 to 100 ms and send them as one, unless each one is urgent",
		Seen:    "500 messages of one side or more, 50 or more a second, of less than 100 bytes on the average",
		Means:   "headers of TCP, IP and TLS are most of what is sent",
		Causes:  []string{"a message for each event", "the position of a pointer, or of a market"},
		Fixes:   []Fix{{"", "collect for 20 to 100 ms; send differences"}},
		Confirm: "the finding in -f ndjson has what collecting for 20, 50 and 100 ms would save",
		NotWhen: "it is a game or a terminal",
		Closed: func(p *Pass, e *session.Closed) {
			for d := range e.Conn.Sides {
				s, from := &e.Conn.Sides[d], reassembly.Dir(d)
				took := p.Conn.Sides[d].LastAt.Sub(p.Conn.Answered.Time).Seconds()
				if !p.Conn.Opened || s.Messages < busyMessages || took <= 0 || float64(s.Messages) < busy*took || s.PayloadBytes >= tinyMessage*s.Messages {
					continue
				}
				p.from(from)
				b := p.Conn.Sides[d].batching
				f := p.Report("", "%d messages of the %v in %v, %.0f a second, %d bytes each on the average%v", s.Messages, from, seconds(took), float64(s.Messages)/took, s.PayloadBytes/s.Messages, b).
					With("messages", s.Messages)
				b.evidence(f)
			}
		},
	},
	{
		ID: "compression-mismatch", Severity: Info, Clause: "RFC 7692 §7.1",
		Title:   "compression is missing, or does nothing",
		Advice:  "compress what is larger than a kilobyte and is text, and nothing else",
		Seen:    "text of one side that was sent as it is, 1 MiB of it, or 10 kB a second for 10 s, and a sample of which shrinks by a quarter; 20 compressed messages that are not 5 % smaller, or are archives or pictures; many connections that keep a compressor each",
		Means:   "bytes that need not be sent, or processor time and memory for nothing",
		Causes:  []string{"compression is off by default at many servers", "no threshold: short messages are compressed, too", "payloads that are compressed already"},
		Fixes:   []Fix{{"Node ws", "perMessageDeflate: {threshold: 1024, serverNoContextTakeover: true} (the server has it off by default)"}, {"gorilla", "EnableCompression (false by default)"}},
		Confirm: "capture the same traffic with compression on and off, and compare the bytes",
		NotWhen: "secrets and text of strangers are in one message: compression can give secrets away (RFC 7692 §8)",
		Variants: []Variant{
			{ID: "missing", Title: "much is sent without compression that would shrink"},
			{ID: "useless", Title: "compression does not make the messages smaller", Advice: "set a threshold, or turn compression off"},
			{ID: "double", Title: "what is compressed is compressed already", Advice: "send compressed files without compression"},
			{ID: "memory", Severity: Warning, Title: "compression keeps much memory for connections that are open at once", Advice: "agree on server_no_context_takeover and client_no_context_takeover, or on a window of 12 bits"},
		},
		Handshake: (*Pass).deflateMemory,
		Message: func(p *Pass, e *session.Message) {
			s := &p.Conn.Sides[e.Dir]
			if s.plainBytes < s.worthAsking() || s.marks&sampled != 0 || e.Opcode != frames.Text {
				return
			}
			took := e.Time.Sub(p.Conn.Answered.Time)
			if s.plainBytes < worthDeflate {
				s.asks++
				if p.Conn.Answered.Packet == 0 || took < plainTime || float64(s.plainBytes) < plainRate*took.Seconds() {
					return
				}
			}
			if len(e.Data) < sampleLeast {
				return
			}
			s.marks |= sampled
			if ratio := p.checker.shrinker.ratio(e.Data); ratio < 0.75 {
				p.Report("missing", "%d bytes of the %v so far%s; a sample shrinks to %.0f %%", s.plainBytes, e.Dir, p.rate(s.plainBytes, took), 100*ratio).As(Likely)
			}
		},
		Closed: func(p *Pass, e *session.Closed) {
			for d := range p.Conn.Sides {
				s, from := p.Conn.Sides[d].load, reassembly.Dir(d)
				p.from(from)
				switch {
				case s == nil || s.deflated < fewDeflated:
				case s.packed*2 > s.deflated:
					p.Report("double", "%d of %d messages of the %v are archives or pictures", s.packed, s.deflated, from)
				case s.deflatedTo*100 > s.deflatedFrom*95:
					p.Report("useless", "%d messages of the %v, %d bytes compressed to %d", s.deflated, from, s.deflatedFrom, s.deflatedTo)
				}
			}
		},
	},
	{
		ID: "oversized-messages", Severity: Info, Clause: "RFC 6455 §10.4",
		Title:   "a message is very large",
		Advice:  "send pages or differences, or give a URL to fetch it by HTTP",
		Seen:    "a message of more than 1 MiB; of more than 16 MiB it is a warning",
		Means:   "all other messages wait behind it, and many receivers have a limit",
		Causes:  []string{"the whole state instead of what changed", "a file in a message"},
		Fixes:   []Fix{{"", "pages, differences, or a URL to fetch"}},
		Confirm: "-l messages shows the length of each message",
		NotWhen: "both ends were made for it",
		Variants: []Variant{
			{ID: "large", Title: "a message is very large"},
			{ID: "huge", Title: "a message is larger than most receivers take", Severity: Warning},
		},
		Message: func(p *Pass, e *session.Message) {
			switch n := max(e.Length, e.WireLength); {
			case n > hugeMessage:
				p.Report("huge", "%d bytes", n)
			case n > largeMessage:
				p.Report("large", "%d bytes", n)
			}
		},
	},
}

// gaveUpSlow says that d has closed with the code that Spring has for a receiver
// that is too slow, or for a policy, "" if it has not.
func gaveUpSlow(c *session.Conn, d reassembly.Dir) string {
	said := c.Sides[d].Close
	if said == nil || !said.HasCode || c.ClosedBy != closer(d) || said.Code != 4500 && said.Code != frames.PolicyViolation {
		return ""
	}
	return fmt.Sprintf(", then the %v closed with %d", d, said.Code)
}

// seconds is a duration, to a millisecond.
func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

// times says how often.
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return strconv.FormatInt(n, 10) + " times"
}

// A load is what the compressed messages of one side weigh.
type load struct {
	deflated                 int64  // messages that were compressed
	deflatedFrom, deflatedTo uint64 // their bytes before and after
	packed                   int64  // of them, those that were compressed before
	bombs                    bombs
}

// worthAsking is of how many bytes in plainBytes it is asked whether compression would help.
func (s *Side) worthAsking() uint64 { return mayDeflate << s.asks }

// rate says how many of the bytes came in a second since the WebSocket was open.
func (p *Pass) rate(bytes uint64, took time.Duration) string {
	if p.Conn.Answered.Packet == 0 || took < plainTime {
		return ""
	}
	return fmt.Sprintf(", %.0f a second", float64(bytes)/took.Seconds())
}

// weigh notes a message. It tells whether a rule may have a word to say of it.
func (s *Side) weigh(e *session.Message) bool {
	if s.Frames >= batchedFrom {
		s.batch(e)
	}
	switch {
	case e.Compressed && e.Inflated:
		if s.load == nil {
			s.load = new(load)
		}
		s.load.add(e)
		if s.load.bombs.add(e) {
			return true
		}
	case e.Opcode == frames.Text && !e.Compressed:
		s.plainBytes += e.WireLength
	}
	return max(e.Length, e.WireLength) > largeMessage || s.plainBytes >= s.worthAsking() && s.marks&sampled == 0
}

// add counts a message that was compressed.
func (l *load) add(e *session.Message) {
	l.deflated++
	l.deflatedFrom += e.Length
	l.deflatedTo += e.WireLength
	if packed(e.Data) {
		l.packed++
	}
}

// archives are how files begin that are compressed already: gzip, zip, PNG, JPEG, zstd.
var archives = [...]string{"\x1f\x8b\x08", "PK\x03\x04", "\x89PNG\r\n", "\xff\xd8\xff", "\x28\xb5\x2f\xfd"}

func packed(b []byte) bool {
	for _, a := range archives {
		if len(b) >= len(a) && string(b[:len(a)]) == a {
			return true
		}
	}
	return false
}

// A shrinker tells what compression would make of messages. It is made once: a
// compressor takes a megabyte.
type shrinker struct {
	w   *flate.Writer // nil before the first message
	out counter
}

// A counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// ratio is what compression makes of b, as a share of its length.
func (s *shrinker) ratio(b []byte) float64 {
	s.out = 0
	if s.w == nil {
		s.w, _ = flate.NewWriter(&s.out, flate.DefaultCompression) // the level is a right one
	} else {
		s.w.Reset(&s.out)
	}
	s.w.Write(b) // a counter takes all
	s.w.Close()
	return float64(s.out) / float64(len(b))
}

// burst says how much was sent until the window of d closed, how fast, and how
// much of what came later can have waited then.
func (p *Pass) burst(c *session.Conn, d reassembly.Dir) (text string, waited int64) {
	s := c.Segments()
	stall, ok := s.Stalled(d)
	if !ok {
		return "", 0
	}
	waited = max(0, s.Sent(d.Other())-stall.Sent)
	if took := stall.Time.Sub(p.Conn.Answered.Time); p.Conn.Answered.Packet > 0 && took > 0 {
		text = fmt.Sprintf("; the %v had sent %d bytes by then, %v behind the answer", d.Other(), stall.Sent, took.Round(time.Millisecond))
	}
	return text + fmt.Sprintf("; at most %d more waited", waited), waited
}

// waitedForWindow reports that messages in HTTP/2 had to wait for a window.
func (p *Pass) waitedForWindow(c *session.Conn) {
	for d, waited := range c.H2.Waited {
		if sender := reassembly.Dir(d); waited >= longStall {
			p.from(sender.Other())
			p.Report("h2-window", "the %v had to wait for the window of the %v, %v in all", sender, sender.Other(), waited.Round(time.Millisecond)).
				With("stalls", c.H2.Stalls[d]).With("waited_ms", waited.Milliseconds())
		}
	}
}

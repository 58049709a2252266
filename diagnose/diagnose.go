// Package diagnose says what is wrong: with an opening handshake, a frame, a
// message, the way a connection ended; and whose fault it is.
//
//	session.Event ──▶ Checker ──▶ Rule ──▶ Finding
//
// A [Rule] is a row of a table. The tables stand in the files named after what
// they judge: request.go, refusal.go, framing.go, ending.go and so on. A rule
// has no memory. What it must know from before is a fact about the connection
// ([Conn]) or about all of them ([World]), gathered here for every rule.
package diagnose

import (
	"strings"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/session"
)

// A Severity says how much a finding matters.
type Severity uint8

// The severities. The zero value, in a Variant, stands for that of its Rule.
const (
	_       Severity = iota
	Info             // explains what happened
	Warning          // works now, but will break, leaks or wastes
	Error            // the connection failed, or a peer must fail it
)

var severityNames = [...]string{"", "info", "warning", "error"}

// String is the word of the report.
func (s Severity) String() string { return severityNames[s] }

// A Certainty says how sure a finding is of its cause.
type Certainty uint8

// The certainties.
const (
	Certain  Certainty = iota // the packets prove it
	Likely                    // they fit it, and little else
	Possible                  // it is one of several causes, or the capture has gaps where the proof would be
)

var certaintyNames = [...]string{"certain", "likely", "possible"}

// String is the word of the report.
func (c Certainty) String() string { return certaintyNames[c] }

// A Layer is what a rule judges. Of the findings of a connection that failed,
// the one of the lowest layer is the cause and leads; the others follow from it.
type Layer uint8

// The layers, lowest first.
const (
	Connecting Layer = iota + 1 // TCP, and the path
	Securing                    // TLS
	Opening                     // the opening handshake: RFC 6455 §4
	Framing                     // frames and messages: RFC 6455 §5, RFC 7692
	Idling                      // silence and heartbeats
	Closing                     // the closing handshake: RFC 6455 §7
	Performing                  // delay and waste
	Payload                     // what the messages say
	Fleet                       // many connections together
	Security
)

var layerNames = [...]string{"", "TCP", "TLS", "opening handshake", "frames", "idle and heartbeat", "closing", "performance", "payload", "fleet", "security"}

// String names what is judged.
func (l Layer) String() string { return layerNames[l] }

// A Rule says what can be wrong, how it is recognised and what to do about
// it. One or more of its hooks are set: each is called for the events of its
// kind, and reports by Pass.Report. Frame and Message are called for what is
// out of the ordinary only: see Conn.plainFrame.
type Rule struct {
	ID       string    // lower case with hyphens, for ever
	Layer    Layer     // of the table it stands in: set by All
	Severity Severity  // unless a variant has its own
	Clause   string    // what is broken: "RFC 6455 §5.1"
	Title    string    // what is wrong, in a line
	Advice   string    // what to do, in a line
	Seen     string    // what the rule looks for
	Means    string    // what it means, and what the other side does about it
	Causes   []string  // why it happens, the most frequent first
	Fixes    []Fix     // what to change
	Confirm  string    // how to make sure
	NotWhen  string    // what looks like it, and is something else
	Zeek     string    // the name of Zeek's weird for it, if there is one
	Stands   Layer     // where an error of it stands among the causes, if that is not its own layer
	Variants []Variant // the forms it has; none if it has only one

	Handshake func(*Pass, *session.Handshake)
	Refusal   func(*Pass, *session.Refusal)
	Frame     func(*Pass, *session.Frame)
	Message   func(*Pass, *session.Message)
	Lost      func(*Pass, *session.Lost)
	Sealed    func(*Pass, *session.Sealed)
	Ordinary  func(*Pass, *session.Ordinary)
	Closed    func(*Pass, *session.Closed)
}

// A Variant is one form of what a rule finds. What it leaves out is as the
// rule has it.
type Variant struct {
	ID       string // behind the rule's and a dot
	Title    string
	Severity Severity
	Clause   string
	Advice   string
	Zeek     string
}

// A Fix is what to change in one product; For is empty where it is for all.
type Fix struct{ For, Do string }

// A Finding is what a rule found. It owns what it holds but Where.Conn, which
// is good until that connection was told to be closed.
type Finding struct {
	session.Where           // where it became known, and who did it
	Rule          *Rule     //
	Variant       *Variant  // nil if the rule has none
	Severity      Severity  // of the variant, or as reported
	Certainty     Certainty //
	Message       string    // one line with the concrete values
	Evidence      []Fact    // in the order given
	Related       []int64   // other packets that prove it
	Do            string    // what to do about it in place of the rule's advice, where that hangs on a value; else ""
	Explains      []int64   // connections whose failure this explains, too, by their IDs
	Tally         *Tally    // of what goes on behind it; nil for most
}

// A Tally is how often a client has tried, and when first and last. It grows until the run is over.
type Tally struct {
	Attempts    int64
	First, Last capture.Time
}

// A Fact is a piece of evidence: string, int64, float64, bool or []string.
type Fact struct {
	Name  string
	Value any
}

// ID is the rule's, with a dot and the variant's where there is one.
func (f *Finding) ID() string {
	if f.Variant == nil {
		return f.Rule.ID
	}
	return f.Rule.ID + "." + f.Variant.ID
}

// Clause is what is broken: "RFC 6455 §5.1".
func (f *Finding) Clause() string {
	if f.Variant != nil && f.Variant.Clause != "" {
		return f.Variant.Clause
	}
	return f.Rule.Clause
}

// Title is what is wrong, without values.
func (f *Finding) Title() string {
	if f.Variant != nil && f.Variant.Title != "" {
		return f.Variant.Title
	}
	return f.Rule.Title
}

// Advice is what to do about it, in a line.
func (f *Finding) Advice() string {
	if f.Do != "" {
		return f.Do
	}
	if f.Variant != nil && f.Variant.Advice != "" {
		return f.Variant.Advice
	}
	return f.Rule.Advice
}

// Zeek is the name of Zeek's weird for it, "" if there is none.
func (f *Finding) Zeek() string {
	if f.Variant != nil && f.Variant.Zeek != "" {
		return f.Variant.Zeek
	}
	return f.Rule.Zeek
}

// With adds evidence.
func (f *Finding) With(name string, value any) *Finding {
	switch v := value.(type) {
	case int:
		value = int64(v)
	case uint64:
		value = int64(v)
	}
	f.Evidence = append(f.Evidence, Fact{name, value})
	return f
}

// In adds packets that prove it, too; 0 stands for none.
func (f *Finding) In(packets ...int64) *Finding {
	for _, n := range packets {
		if n > 0 && n != f.Packet {
			f.Related = append(f.Related, n)
		}
	}
	return f
}

// As makes the finding as sure as c.
func (f *Finding) As(c Certainty) *Finding {
	f.Certainty = c
	return f
}

// At sets the severity, where that depends on what was found.
func (f *Finding) At(s Severity) *Finding {
	f.Severity = s
	return f
}

// variant is the rule's variant of that name, nil for "".
func (r *Rule) variant(id string) *Variant {
	if id == "" {
		return nil
	}
	for i := range r.Variants {
		if r.Variants[i].ID == id {
			return &r.Variants[i]
		}
	}
	panic("wssniff: internal error: rule " + r.ID + " has no variant " + id)
}

// Find looks for a rule by its ID, and for a variant of it where the ID has
// one behind a dot.
func Find(rules []*Rule, id string) (*Rule, *Variant, bool) {
	name, form, dotted := strings.Cut(id, ".")
	for _, r := range rules {
		if r.ID != name {
			continue
		}
		if !dotted {
			return r, nil, true
		}
		for i := range r.Variants {
			if r.Variants[i].ID == form {
				return r, &r.Variants[i], true
			}
		}
	}
	return nil, nil, false
}

// All are the rules, lowest layer first.
func All() []*Rule {
	var all []*Rule
	for _, t := range []struct {
		layer Layer
		rules []Rule
	}{
		{Connecting, connectRules},
		{Connecting, pathRules},
		{Securing, tlsRules},
		{Opening, legRules},
		{Opening, requestRules},
		{Opening, extendedRules},
		{Opening, answerRules},
		{Opening, negotiationRules},
		{Opening, refusalRules},
		{Opening, ordinaryRules},
		{Opening, pollingRules},
		{Framing, framingRules},
		{Framing, fragmentRules},
		{Framing, compressionRules},
		{Framing, messageRules},
		{Idling, beatRules},
		{Idling, idleRules},
		{Idling, pingRules},
		{Closing, closeFrameRules},
		{Closing, endingRules},
		{Performing, performanceRules},
		{Performing, waitRules},
		{Payload, payloadRules},
		{Payload, dialectRules},
		{Fleet, fleetRules},
		{Security, securityRules},
	} {
		for i := range t.rules {
			r := t.rules[i]
			r.Layer = t.layer
			all = append(all, &r)
		}
	}
	return all
}

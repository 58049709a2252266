// Package report writes what a session tells its observers, and the summary
// at the end, in one of several forms:
//
//	session.Event ─┐
//	               ├──▶ Sink ──▶ io.Writer
//	*Summary ──────┘
//
// A form is a file here and a row of [Formats]. Nothing that was captured is
// printed raw: text is cleaned of what a terminal would act on (clean.go),
// and secrets are masked (redact.go).
package report

import (
	"fmt"
	"io"
	"math"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// A Sink writes a report while it observes. Finish ends it with the summary;
// it returns the first error that writing had.
type Sink interface {
	diagnose.Observer
	Finish(*Summary) error
}

// A Snapshot is a Sink that can write its summary while it goes on.
type Snapshot interface {
	SoFar(w io.Writer, s *Summary) error
}

// A Summary is what is known at the end of a run.
type Summary struct {
	Inputs []capture.Input
	Totals *session.Totals
	Counts map[string]int64 // how often each rule was broken: diagnose.Checker.Counts
}

// drops are the packets that the capturing machines say they lost.
func (s *Summary) drops() uint64 {
	var n uint64
	for i := range s.Inputs {
		n += s.Inputs[i].Drops
	}
	return n
}

// Values of Options.Payload that are not a number of bytes.
const (
	PayloadAll  = -1 // all that was kept
	PayloadNone = -2
)

// Options say what a report shows. The zero value is the default.
type Options struct {
	List        List  // what is listed line by line
	Payload     int   // bytes shown of each message, PayloadAll or PayloadNone; 0 means 256, and all with Follow
	ShowSecrets bool  // print what is masked otherwise
	Width       int   // columns of the text report; 0 means 80
	Color       bool  // decorate the text report
	Follow      int64 // the ID of the one connection to show; 0 means all
	Keep        int   // rows kept of the table of connections; 0 means 100
	Live        bool  // write each event at once, and list messages by default
}

// payload is the number of payload bytes shown of a message, -1 for no payload.
func (o *Options) payload() int {
	switch {
	case o.Payload == PayloadNone:
		return -1
	case o.Payload < 0, o.Payload == 0 && o.Follow != 0:
		return math.MaxInt
	case o.Payload == 0:
		return 256
	}
	return o.Payload
}

func (o *Options) width() int {
	if o.Width <= 0 {
		return defaultWidth
	}
	return o.Width
}

// A List says what is listed one by one.
type List uint8

// The lists, each with what it holds beside the one before. Default is for
// the Format to choose: text lists nothing of a file and messages of a live
// capture, the forms for programs hold everything.
const (
	Default     List = iota
	None             // only the summary
	Findings         // findings and the summary
	Connections      // opening handshakes and the ends of connections, too
	Messages         // and messages
	Frames           // and frames
)

var listNames = [...]string{"", "none", "findings", "connections", "messages", "frames"}

// String is the word that UnmarshalText takes.
func (l List) String() string { return listNames[l] }

// MarshalText gives the list's name.
func (l List) MarshalText() ([]byte, error) { return []byte(listNames[l]), nil }

// UnmarshalText takes connections, messages, frames, findings, none, or
// nothing for Default.
func (l *List) UnmarshalText(b []byte) error {
	for i, name := range listNames {
		if string(b) == name {
			*l = List(i)
			return nil
		}
	}
	return fmt.Errorf("no list %q: there are connections, messages, frames, findings, none", b)
}

// A Format is a form of report. New makes a Sink that writes to w.
type Format struct {
	Name, Title string
	New         func(w io.Writer, o *Options) Sink
}

// Formats are the forms of report, the default first.
var Formats = []Format{
	{"text", "lines, then the summary tables", newText},
	{"ndjson", "one JSON object a line for each event", newNDJSON},
	{"json", "one JSON array of all events", newJSON},
}

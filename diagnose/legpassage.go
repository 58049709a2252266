package diagnose

import (
	"slices"
	"time"

	"github.com/wssniff/wssniff/reassembly"
)

// A passage is what became of the two heads of a handshake between two legs.
type passage struct{ request, answer []Change }

// PassedOn are the fields that a proxy has changed between outer and l, the leg
// behind it: of the request on the way there, of the answer on the way back.
func (l *Leg) PassedOn(outer *Leg) (request, answer []Change) {
	if i := slices.Index(l.outer, outer); i >= 0 {
		return l.passed[i].request, l.passed[i].answer
	}
	return nil, nil
}

// Next are the legs of the same WebSocket on either side of l, nil where there
// is none in the capture.
func (l *Leg) Next() (outer, inner *Leg) {
	for _, o := range l.Legs() {
		switch {
		case slices.Contains(l.outer, o) && l.within(o):
			outer = o // the last one is the nearest
		case inner == nil && slices.Contains(l.inner, o):
			inner = o
		}
	}
	return outer, inner
}

// An Addition is how much later things come for having gone through a proxy.
type Addition struct {
	Handshake time.Duration    // until the answer is there
	Messages  [2]time.Duration // by reassembly.Dir: of the first ones, on the average
	Known     [2]bool          // of which of the two directions that is known
	Clocks    bool             // the two were captured by two clocks: what one direction has too much, the other has too little
}

// Added tells what the proxy between outer and l, the leg behind it, adds.
func (l *Leg) Added(outer *Leg) Addition {
	a := Addition{Handshake: outer.took - l.took, Clocks: outer.input != l.input}
	for d := range a.Messages {
		x, y := outer.digest(reassembly.Dir(d)), l.digest(reassembly.Dir(d))
		if x.n == 0 || x.n != y.n || x.sum != y.sum || x.lost || y.lost {
			continue
		}
		later := y.at - x.at // the client's go to the server
		if reassembly.Dir(d) == reassembly.FromServer {
			later = -later
		}
		a.Messages[d], a.Known[d] = time.Duration(later/int64(x.n)), true
	}
	return a
}

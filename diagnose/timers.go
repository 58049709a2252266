package diagnose

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/reassembly"
)

// A clock is what a timer measures.
type clock uint8

const (
	either clock = iota // silence of both sides
	ofClient
	ofServer
	life    // since the 101, whatever is sent
	opening // since TCP was opened, while no request came
	answer  // since the request, while no answer came
	clocks
)

var clockNames = [clocks]string{"either", "client", "server", "life", "opening", "answer"}

// describe is what did not happen while the clock ran.
func (c clock) describe() string {
	switch c {
	case ofClient, ofServer:
		return "without a byte of the " + clockNames[c]
	case life:
		return "after the 101, whatever was sent"
	}
	return "without a byte of either side"
}

// A manner is how a timer ends a connection.
type manner uint8

const (
	byFIN       manner = iota // or RST, of the side that has the timer
	byClose                   // a Close frame
	byAnswer                  // an answer of its own: the 504 of a gateway
	bySilence                 // nothing: what is sent later is not answered
	byLateReset               // nothing, until something is sent: that is answered with RST
	manners
)

var mannerNames = [manners]string{"fin", "close", "answer", "silent", "late-reset"}

// A timer is one that products have, and what it is set to if nobody changes it.
type timer struct {
	after            time.Duration
	by               [2]bool // by reassembly.Dir: who may end the connection
	counts           clock
	how              manner
	product, setting string
	mark             byte // V, S or K: how well it is known
}

// String is "nginx (proxy_read_timeout)".
func (t *timer) String() string {
	if t.mark == 'K' {
		return "possibly " + t.product + " (" + t.setting + ")"
	}
	return t.product + " (" + t.setting + ")"
}

// parseTimer reads a row of data/timers.tsv.
func parseTimer(f row) (t timer, err error) {
	seconds, err := strconv.ParseUint(f[0], 10, 31)
	if err != nil || seconds == 0 {
		return t, fmt.Errorf("%q is no number of seconds", f[0])
	}
	t.after = time.Duration(seconds) * time.Second
	t.by[reassembly.FromClient] = f[1] == "client" || f[1] == "either"
	t.by[reassembly.FromServer] = f[1] == "server" || f[1] == "either"
	for t.counts = 0; t.counts < clocks && clockNames[t.counts] != f[2]; t.counts++ {
	}
	for t.how = 0; t.how < manners && mannerNames[t.how] != f[3]; t.how++ {
	}
	t.product, t.setting = f[4], f[5]
	switch {
	case t.by == [2]bool{}:
		return t, fmt.Errorf("%q is neither client, server nor either", f[1])
	case t.counts == clocks:
		return t, fmt.Errorf("%q is no clock: %s", f[2], strings.Join(clockNames[:], ", "))
	case t.how == manners:
		return t, fmt.Errorf("%q is no way to end: %s", f[3], strings.Join(mannerNames[:], ", "))
	}
	t.mark = f.mark()
	return t, nil
}

// exact is how near a single end must be to a timer; several may be further off.
const exact = 500 * time.Millisecond

// about tells that two times are those of one timer.
func about(a, b time.Duration) bool {
	return (a - b).Abs() <= max(time.Second, b/50)
}

// round gives the whole number of 5 seconds that d is, if it is one.
func round(d time.Duration) (time.Duration, bool) {
	const step = 5 * time.Second
	r := time.Duration(math.Round(float64(d)/float64(step))) * step
	return r, r > 0 && (d-r).Abs() <= exact
}

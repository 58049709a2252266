package diagnose

import (
	_ "embed"
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
	life // since the 101, whatever is sent
	clocks
)

var clockNames = [clocks]string{"either", "client", "server", "life"}

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
	bySilence                 // nothing: what is sent later is not answered
	byLateReset               // nothing, until something is sent: that is answered with RST
	manners
)

var mannerNames = [manners]string{"fin", "close", "silent", "late-reset"}

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

//go:embed data/timers.tsv
var timersTSV string

// ownTimers are those that the program knows, shortest first.
func ownTimers() []timer {
	list, err := parseTimers(timersTSV)
	if err != nil {
		panic("wssniff: internal error: data/timers.tsv: " + err.Error())
	}
	return list
}

// parseTimers reads what data/timers.tsv has; it says which line is wrong.
func parseTimers(text string) ([]timer, error) {
	var list []timer
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		t, err := parseTimer(strings.Split(line, "\t"))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, t)
	}
	return list, nil
}

const timerColumns = 9

func parseTimer(f []string) (t timer, err error) {
	if len(f) != timerColumns {
		return t, fmt.Errorf("%d columns, not %d", len(f), timerColumns)
	}
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
	case t.product == "" || t.setting == "" || f[7] == "" || f[8] == "":
		return t, fmt.Errorf("product, setting, date and source must not be empty")
	case f[6] != "V" && f[6] != "S" && f[6] != "K":
		return t, fmt.Errorf("%q is no mark: V, S or K", f[6])
	}
	t.mark = f[6][0]
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

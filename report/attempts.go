package report

import (
	"time"

	"github.com/wssniff/wssniff/capture"
)

// maxTallies bounds those of one kind of finding.
const maxTallies = 4096

// attempts is how often clients have tried in all, and how long that went on:
// a finding tells how far it had come when it was made.
func (k *findKind) attempts() (n int64, took time.Duration) {
	var first, last capture.Time
	for i, t := range k.tallies {
		n += t.Attempts
		if i == 0 {
			first, last = t.First, t.Last
		}
		first, last = min(first, t.First), max(last, t.Last)
	}
	return n, last.Sub(first)
}

// inAll says so, "" where nothing goes on.
func (k *findKind) inAll() string {
	n, took := k.attempts()
	switch len(k.tallies) {
	case 0:
		return ""
	case 1:
		return "; in all " + count(n) + " attempts in " + span(took)
	}
	return "; with the others that do so " + count(n) + " attempts in " + span(took)
}

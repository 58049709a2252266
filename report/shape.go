package report

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
	"github.com/wssniff/wssniff/subprotocol"
)

// A shape is how messages, silences and connections are distributed. What
// there is too little of has none.
type shape struct {
	quiet   quietTally
	open    openTally
	lengths [2]lengthTally // by reassembly.Dir
}

func (s *shape) closed(e *session.Closed) {
	s.quiet.add(e.Conn)
	s.open.add(e)
}

func (s *shape) tables() []*table {
	return []*table{s.quiet.table(), s.open.table(), s.lengthTable()}
}

// A lengthTally counts messages of one side by their length: exactly below 32
// bytes, to a sixteenth above.
type lengthTally struct {
	count   int64
	max     uint64
	buckets [16 * (64 - 3)]int64
	json    subprotocol.Weights // of some of them
}

const (
	manyLengths = 20  // messages of a side that are worth a distribution
	weighedAll  = 256 // so many messages are looked into, and one in so many behind them
	weighedOne  = 64
	weighedMost = 1 << 16 // bytes of one
)

func (t *lengthTally) add(e *session.Message) {
	n := e.WireLength
	if e.Compressed && e.Inflated {
		n = e.Length
	}
	t.buckets[lengthBucket(n)]++
	t.max = max(t.max, n)
	t.count++
	if e.Opcode == frames.Text && len(e.Data) <= weighedMost && (t.count <= weighedAll || t.count%weighedOne == 0) {
		t.json.Add(e.Data)
	}
}

// lengthBucket is where a length is counted: the five highest bits decide.
func lengthBucket(n uint64) int {
	shift := max(bits.Len64(n)-5, 0)
	return shift<<4 + int(n>>shift)
}

// lengthOf is the largest length that is counted there.
func lengthOf(bucket int) uint64 {
	if bucket < 32 {
		return uint64(bucket)
	}
	shift := bucket>>4 - 1
	return (uint64(bucket&15|16)+1)<<shift - 1
}

// percentile is a length that so many of a hundred messages do not exceed.
func (t *lengthTally) percentile(p int64) uint64 {
	rank, n := (t.count*p+99)/100, int64(0)
	for i := range t.buckets {
		if n += t.buckets[i]; n >= rank {
			return min(lengthOf(i), t.max)
		}
	}
	return t.max
}

func (s *shape) lengthTable() *table {
	tab := &table{heading: "Message sizes", columns: []column{
		{title: "FROM"}, {title: "COUNT", right: true}, {title: "MEDIAN", right: true}, {title: "90 %", right: true}, {title: "99 %", right: true},
		{title: "MAX", right: true}, {title: "REPEATED KEYS", right: true}, {title: "BASE64", right: true},
	}}
	for d := range s.lengths {
		t := &s.lengths[d]
		if t.count < manyLengths {
			continue
		}
		sizes := make([]string, 0, 4)
		for _, p := range [...]int64{50, 90, 99, 100} {
			sizes = append(sizes, size(int64(min(t.percentile(p), 1<<62))))
		}
		keys, coded := dash, dash
		if t.json.Bytes > 0 {
			keys, coded = share(t.json.Keys, t.json.Bytes), share(t.json.Base64, t.json.Bytes)
		}
		tab.add(false, reassembly.Dir(d).String(), count(t.count), sizes[0], sizes[1], sizes[2], sizes[3], keys, coded)
	}
	return tab
}

// share is a part in percent.
func share(part, of int64) string {
	return strconv.FormatInt((100*part+of/2)/of, 10) + " %"
}

// A quietTally counts how long nothing had been sent when a side ended a
// connection.
type quietTally struct {
	rows  [len(quietRows)]quietRow
	count int64
}

// A quietRow is one range of silences.
type quietRow struct {
	by              [2]int64 // who ended it, by reassembly.Dir
	shortest, worst time.Duration
	like            []string // timers that were found to fit
}

// quietRows are where silences are parted, in seconds: between the timers that
// products have.
var quietRows = [...]int{0, 5, 15, 25, 35, 50, 70, 90, 115, 150, 200, 260, 320, 380, 500, 750, 1200, 4500}

// pingEvery is as often as a ping need come for all timers but very short ones.
const pingEvery = 25 * time.Second

func (t *quietTally) add(c *session.Conn) {
	d, by, like, ok := diagnose.Silence(c)
	if !ok {
		return
	}
	d = max(d, 0)
	i := len(quietRows) - 1
	for i > 0 && d < time.Duration(quietRows[i])*time.Second {
		i--
	}
	if i > 0 {
		t.count++
	}
	r := &t.rows[i]
	if r.by == [2]int64{} || d < r.shortest {
		r.shortest = d
	}
	r.worst = max(r.worst, d)
	r.by[by]++
	const most = 4
	for _, name := range like {
		if len(r.like) < most && !slices.Contains(r.like, name) {
			r.like = append(r.like, name)
		}
	}
}

// lasted is the range of a row: "50 to 70 s".
func (t *quietTally) lasted(i int) string {
	if i == len(quietRows)-1 {
		return strconv.Itoa(quietRows[i]) + " s or more"
	}
	return strconv.Itoa(quietRows[i]) + " to " + strconv.Itoa(quietRows[i+1]) + " s"
}

func (t *quietTally) table() *table {
	tab := &table{heading: "Silence before the end", columns: []column{
		{title: "SILENCE"}, {title: "COUNT", right: true}, {title: "MEASURED"}, {title: "ENDED BY"}, {title: "TIMERS LIKE IT", least: 12, short: cutTo},
	}}
	if t.count == 0 {
		return tab
	}
	for i := range t.rows {
		r := &t.rows[i]
		n := r.by[0] + r.by[1]
		if n == 0 {
			continue
		}
		measured := span(r.shortest)
		if s := span(r.worst); s != measured {
			measured += " to " + s
		}
		var by []string
		for d, n := range r.by {
			if n > 0 {
				by = append(by, reassembly.Dir(d).String()+" "+count(n))
			}
		}
		like := dash
		if len(r.like) > 0 {
			like = strings.Join(r.like, ", ")
		}
		tab.add(i == 0, t.lasted(i), count(n), measured, strings.Join(by, ", "), like)
	}
	if t.every() == 0 {
		return tab
	}
	tab.note = "a ping every " + span(t.every()) + " comes in time for each of these that looks like a timer"
	return tab
}

// every is how often something must be sent to come before the silences that
// look like a timer's: in less than half of the shortest. 0 if none does.
func (t *quietTally) every() time.Duration {
	for i := 1; i < len(t.rows); i++ {
		if r := &t.rows[i]; len(r.like) > 0 || r.by[0]+r.by[1] > 1 && about(r.shortest, r.worst) {
			return min(pingEvery, (r.shortest / 2).Truncate(time.Second))
		}
	}
	return 0
}

func about(a, b time.Duration) bool { return b-a <= time.Second }

// An openTally follows how many WebSockets were open, at evenly spaced moments.
type openTally struct {
	from  capture.Time
	step  time.Duration
	open  [openMoments]int32
	begun bool
	most  int32
}

const (
	openMoments = 64
	openShown   = 8
	manyOpen    = 3                // at once, that are worth a curve
	longOpen    = 10 * time.Second // for it to have a shape
)

// begin has the moments begin with the first connection.
func (t *openTally) begin(c *session.Conn) {
	if !t.begun && c.Start != capture.NoTime {
		t.begun, t.from, t.step = true, c.Start, 100*time.Millisecond
	}
}

func (t *openTally) add(e *session.Closed) {
	c := e.Conn
	from, to := c.Start, e.Time
	if !opened(&c.Facts) || c.State == session.Rejected || from == capture.NoTime || to == capture.NoTime || to < from {
		return
	}
	t.begin(c)
	for to.Sub(t.from) >= t.step*openMoments {
		for i := range openMoments / 2 { // every second moment is kept
			t.open[i] = t.open[2*i]
		}
		clear(t.open[openMoments/2:])
		t.step *= 2
	}
	i := 0
	if after := from.Sub(t.from); after > 0 {
		i = int((after + t.step - 1) / t.step)
	}
	for ; i < openMoments && t.from+capture.Time(t.step)*capture.Time(i) <= to; i++ {
		t.open[i]++
		t.most = max(t.most, t.open[i])
	}
}

// moments is how many moments there were.
func (t *openTally) moments() int {
	n := openMoments
	for n > 0 && t.open[n-1] == 0 {
		n--
	}
	return n
}

func (t *openTally) table() *table {
	tab := &table{heading: "Open WebSockets", columns: []column{{title: "AFTER", right: true}, {title: "OPEN", right: true}, {title: "", least: 10, short: cutTo}}}
	n := t.moments()
	if t.most < manyOpen || t.step*time.Duration(n) < longOpen {
		return tab
	}
	const full = 40
	step := (n + openShown - 1) / openShown
	for i := 0; i < n; i += step {
		most := slices.Max(t.open[i:min(i+step, n)])
		tab.add(false, span(t.step*time.Duration(i)), count(int64(most)), strings.Repeat("█", int(int64(most)*full/int64(t.most))))
	}
	return tab
}

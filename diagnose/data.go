package diagnose

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/reassembly"
)

// Data are what is known of products: their timers, heartbeats, limits and
// close codes, and how their answers look. They change every month, so they
// are tables with a source and a date for each row, and can be replaced.
type Data struct {
	timers    []timer
	beats     []heartbeat
	limits    []limit
	codes     []privateCode
	answerers []answerer

	inspectors []inspector
}

//go:embed data/*.tsv
var ownFiles embed.FS

// dataFiles are the tables, with what reads a row of them.
var dataFiles = []struct {
	name    string
	columns int // the last three are mark, date and source
	read    func(*Data, row) error
}{
	{"timers.tsv", 9, func(d *Data, r row) error { return take(&d.timers, parseTimer, r) }},
	{"heartbeats.tsv", 9, func(d *Data, r row) error { return take(&d.beats, parseHeartbeat, r) }},
	{"limits.tsv", 8, func(d *Data, r row) error { return take(&d.limits, parseLimit, r) }},
	{"closecodes.tsv", 6, func(d *Data, r row) error { return take(&d.codes, parseCode, r) }},
	{"answerers.tsv", 7, func(d *Data, r row) error { return take(&d.answerers, parseAnswerer, r) }},
	{"inspectors.tsv", 5, func(d *Data, r row) error { return take(&d.inspectors, parseInspector, r) }},
}

// A row has the columns of a line.
type row []string

func (r row) mark() byte { return r[len(r)-3][0] }

func take[T any](to *[]T, parse func(row) (T, error), r row) error {
	t, err := parse(r)
	*to = append(*to, t)
	return err
}

// DataFiles are the names of the tables.
func DataFiles() []string {
	var names []string
	for _, f := range dataFiles {
		names = append(names, f.name)
	}
	return names
}

// ReadData reads tables: by name what each file holds. A table that is not
// among them is the program's own. The error names file and line.
func ReadData(files map[string]string) (*Data, error) {
	d := new(Data)
	for _, f := range dataFiles {
		text, ok := files[f.name]
		if !ok {
			own, err := ownFiles.ReadFile("data/" + f.name)
			if err != nil {
				return nil, err
			}
			text = string(own)
		}
		if err := d.table(text, f.columns, f.read); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	slices.SortStableFunc(d.timers, func(a, b timer) int { return cmp.Compare(a.after, b.after) })
	slices.SortStableFunc(d.limits, func(a, b limit) int { return cmp.Compare(a.size, b.size) })
	return d, nil
}

// ownData are those that the program has.
func ownData() *Data {
	d, err := ReadData(nil)
	if err != nil {
		panic("wssniff: internal error: data/" + err.Error())
	}
	return d
}

// table reads the lines of a file.
func (d *Data) table(text string, columns int, read func(*Data, row) error) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		r := row(strings.Split(line, "\t"))
		err := r.check(columns)
		if err == nil {
			err = read(d, r)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func (r row) check(columns int) error {
	if len(r) != columns {
		return fmt.Errorf("%d columns, not %d", len(r), columns)
	}
	for i, column := range r {
		if column == "" {
			return fmt.Errorf("column %d is empty", i+1)
		}
	}
	if mark := r[columns-3]; mark != "V" && mark != "S" && mark != "K" {
		return fmt.Errorf("%q is no mark: V, S or K", mark)
	}
	return nil
}

// A heartbeat is what a stack sends by default.
type heartbeat struct {
	stack, protocol string
	by              [2]bool // by reassembly.Dir
	every, wait     time.Duration
	setting         string
	mark            byte
}

func parseHeartbeat(r row) (h heartbeat, err error) {
	h = heartbeat{stack: r[0], protocol: r[1], setting: r[5], mark: r.mark()}
	h.by[reassembly.FromClient] = r[2] == "client" || r[2] == "both"
	h.by[reassembly.FromServer] = r[2] == "server" || r[2] == "both"
	if h.by == [2]bool{} {
		return h, fmt.Errorf("%q is neither client, server nor both", r[2])
	}
	for i, to := range []*time.Duration{&h.every, &h.wait} {
		n, err := strconv.ParseUint(r[3+i], 10, 31)
		if err != nil || n == 0 && i == 0 {
			return h, fmt.Errorf("%q is no number of seconds", r[3+i])
		}
		*to = time.Duration(n) * time.Second
	}
	return h, nil
}

// A limit is the size of a message or frame above which a receiver closes.
type limit struct {
	size              uint64
	frame             bool // of a frame, not of a message
	how               string
	receiver, setting string
	mark              byte
}

func parseLimit(r row) (l limit, err error) {
	l = limit{receiver: r[1], frame: r[2] == "frame", how: r[3], setting: r[4], mark: r.mark()}
	l.size, err = strconv.ParseUint(r[0], 10, 63)
	switch {
	case err != nil || l.size == 0:
		return l, fmt.Errorf("%q is no number of bytes", r[0])
	case r[2] != "frame" && r[2] != "message":
		return l, fmt.Errorf("%q is neither message nor frame", r[2])
	case !slices.Contains([]string{"1009", "close", "fin"}, l.how):
		return l, fmt.Errorf("%q is no way to close: 1009, close, fin", l.how)
	}
	return l, nil
}

func parseCode(r row) (p privateCode, err error) {
	n, err := strconv.ParseUint(r[0], 10, 16)
	if err != nil || n < 3000 || n > 4999 {
		return p, fmt.Errorf("%q is no close code from 3000 to 4999", r[0])
	}
	p = privateCode{code: frames.CloseCode(n), meaning: r[2], mark: r.mark()}
	for of, name := range apiNames {
		if name == r[1] {
			p.of = of
			return p, nil
		}
	}
	if r[1] != "-" {
		return p, fmt.Errorf("%q is no application whose codes can be told: graphql-ws, Discord, Discord voice or -", r[1])
	}
	return p, nil
}

func parseAnswerer(r row) (a answerer, err error) {
	a.name = r[0]
	if a.whole = r[1] == "whole body"; a.whole || r[1] == "body" {
		a.body = r[2]
	} else if a.field = r[1]; r[2] != "-" {
		a.part = r[2]
	}
	for a.certainty = Certain; a.certainty <= Possible; a.certainty++ {
		if a.certainty.String() == r[3] {
			if r.mark() == 'K' {
				a.certainty = Possible
			}
			return a, nil
		}
	}
	return a, fmt.Errorf("%q is no certainty: certain, likely or possible", r[3])
}

// usually says what the heartbeat of a protocol is by default.
func (w *World) usually(protocol string) string {
	for i := range w.data.beats {
		h := &w.data.beats[i]
		if h.protocol != protocol {
			continue
		}
		text := fmt.Sprintf("; by default %s sends one every %.0f s", h.stack, h.every.Seconds())
		if h.mark == 'K' {
			text = fmt.Sprintf("; by default %s possibly sends one every %.0f s", h.stack, h.every.Seconds())
		}
		if h.wait > 0 {
			text += fmt.Sprintf(" and waits %.0f s", h.wait.Seconds())
		}
		return text + " (" + h.setting + ")"
	}
	return ""
}

// asMarked is a product with its setting, as sure as the row's mark is.
func asMarked(mark byte, product, setting string) string {
	name := product + " (" + setting + ")"
	if mark == 'K' {
		name = "possibly " + name
	}
	return name
}

// lateTick is how late a stack may notice that it has waited long enough.
const lateTick = 3 * time.Second

// pinging names the stacks that send Ping frames so often and wait for the Pong
// as long as was waited, "" for none.
func (w *World) pinging(by reassembly.Dir, every, waited time.Duration) string {
	var names []string
	for i := range w.data.beats {
		h := &w.data.beats[i]
		if h.protocol != "ping" || !h.by[by] || !about(every, h.every) || h.wait > 0 && (waited < h.wait-time.Second || waited > h.wait+lateTick) {
			continue
		}
		names = append(names, asMarked(h.mark, h.stack, h.setting))
	}
	if len(names) == 0 {
		return ""
	}
	return "; pings every " + strconv.FormatFloat(every.Seconds(), 'f', 0, 64) + " s, like " + strings.Join(names, ", ")
}

// limited names the receivers that close above size, "" for none.
func (w *World) limited(size uint64) string {
	var names []string
	for i := range w.data.limits {
		l := &w.data.limits[i]
		if l.size != size {
			continue
		}
		names = append(names, asMarked(l.mark, l.receiver, l.setting))
	}
	if len(names) == 0 {
		return ""
	}
	return " That is the default of " + strings.Join(names, ", ")
}

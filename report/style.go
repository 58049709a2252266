package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
)

// defaultWidth is the width of a report where Options.Width is zero.
const defaultWidth = 80

// width is the number of columns that clean text takes on a terminal.
func width(s string) int { return displaywidth.String(s) }

// cutTo shortens clean text to w columns, with … where something is missing at its end.
func cutTo(s string, w int) string { return displaywidth.TruncateString(s, w, "…") }

// elide shortens clean text to w columns, with … where something is missing
// in its middle.
func elide(s string, w int) string {
	if width(s) <= w {
		return s
	}
	if w <= 1 {
		return cutTo(s, w)
	}
	tail := (w - 1) / 2
	return displaywidth.TruncateString(s, w-tail, "…") + lastColumns(s, tail)
}

// elideTarget is elide for a request target: its query goes first.
func elideTarget(s string, w int) string {
	const rest = "?…"
	i := strings.IndexByte(s, '?')
	switch {
	case i < 0, w <= width(rest), width(s) <= w:
		return elide(s, w)
	case width(s[:i]+rest) <= w:
		return cutTo(s, w)
	}
	return elide(s[:i], w-width(rest)) + rest
}

// lastColumns is the longest end of s that takes at most w columns.
func lastColumns(s string, w int) string {
	rest := width(s)
	at := 0
	for g := displaywidth.StringGraphemes(s); rest > w && g.Next(); {
		rest -= g.Width()
		at += len(g.Value())
	}
	return s[at:]
}

// padRight fills clean text up to w columns.
func padRight(s string, w int) string {
	if n := w - width(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// padLeft is padRight on the other side.
func padLeft(s string, w int) string {
	if n := w - width(s); n > 0 {
		return strings.Repeat(" ", n) + s
	}
	return s
}

// A style decorates what is printed. The zero value leaves it alone.
type style struct{ on bool }

// The SGR parameters in use (ECMA-48 §8.3.117).
const (
	sgrBold   = "1"
	sgrDim    = "2"
	sgrRed    = "31"
	sgrGreen  = "32"
	sgrYellow = "33"
	sgrBlue   = "34"
)

func (st style) paint(sgr, s string) string {
	if !st.on || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// count is a number with its thousands parted: "1,204".
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural is a count and its noun, with an s unless there is just one.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// size is a number of bytes in three digits at most and a decimal unit: "27 B", "1.4 MB".
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	x := float64(n)
	for _, unit := range [...]string{"kB", "MB", "GB", "TB", "PB"} {
		x /= 1000
		if x < 9.95 {
			return strconv.FormatFloat(x, 'f', 1, 64) + " " + unit
		}
		if x < 999.5 {
			return strconv.FormatFloat(x, 'f', 0, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(x/1000, 'f', 1, 64) + " EB"
}

// span is a duration in the unit a person would take: "350 µs", "3.2 ms",
// "61.4 s", "126 s", "20.5 min", "3.3 h", "4.2 d".
func span(d time.Duration) string {
	switch {
	case d < 0:
		if d == math.MinInt64 {
			d++
		}
		return "-" + span(-d)
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return short(float64(d)/float64(time.Millisecond), 10) + " ms"
	case d < 1000*time.Second:
		return short(d.Seconds(), 100) + " s"
	case d < 100*time.Minute:
		return short(d.Minutes(), 100) + " min"
	case d < 100*time.Hour:
		return short(d.Hours(), 100) + " h"
	}
	const day = 24
	return short(d.Hours()/day, 100) + " d"
}

// short is x with one decimal below the limit and none above.
func short(x, limit float64) string {
	if x < limit-0.05 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// ratio says how many times smaller a is than b: "5.9:1".
func ratio(a, b int64) string {
	return strconv.FormatFloat(float64(b)/float64(a), 'f', 1, 64) + ":1"
}

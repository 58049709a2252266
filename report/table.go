package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"
)

// A table is a heading, a line of titles and rows of clean text.
type table struct {
	heading string
	columns []column
	rows    [][]string
	dim     []bool // by row: of less interest; may be shorter than rows
	note    string // a line behind the rows
}

// A column has the width of its widest cell, down to least where the table is
// too wide. Columns with a least width of 0 keep theirs.
type column struct {
	title string
	right bool
	least int
	first bool                     // is shortened before others are
	short func(string, int) string // how to shorten a cell; nil for elide
}

const columnGap = "  "

// add appends a row; dim says it is of less interest.
func (t *table) add(dim bool, cells ...string) {
	t.rows = append(t.rows, cells)
	t.dim = append(t.dim, dim)
}

// natural is the width the table has if no cell is shortened.
func (t *table) natural() int { return sum(t.widths()) }

func sum(widths []int) int {
	n := len(columnGap) * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = width(c.title)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], width(cell))
		}
	}
	return widths
}

// fit shortens cells until the table has at most w columns.
func (t *table) fit(w int) {
	widths := t.widths()
	for n := sum(widths) - w; n > 0; n-- {
		i := t.widest(widths, true)
		if i < 0 {
			i = t.widest(widths, false)
		}
		if i < 0 {
			break
		}
		widths[i]--
	}
	for _, row := range t.rows {
		for i := range row {
			short := t.columns[i].short
			if short == nil {
				short = elide
			}
			row[i] = short(row[i], widths[i])
		}
	}
}

// widest is the widest column that can be shortened, -1 if none can.
func (t *table) widest(widths []int, first bool) int {
	widest := -1
	for i, c := range t.columns {
		if c.least > 0 && c.first == first && widths[i] > c.least && (widest < 0 || widths[i] >= widths[widest]) {
			widest = i
		}
	}
	return widest
}

// write prints the table in w columns, with an empty line before it.
func (t *table) write(out io.Writer, w int, st style) error {
	if len(t.rows) == 0 {
		return nil
	}
	t.fit(w)
	lines, err := t.lines()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteByte('\n')
	if t.heading != "" {
		b.WriteString(st.paint(sgrBold, t.heading) + "\n")
	}
	for i, line := range lines {
		line = cutTo(strings.TrimRight(line, " "), w)
		switch {
		case i == 0, i <= len(t.dim) && t.dim[i-1]:
			line = st.paint(sgrDim, line)
		}
		b.WriteString(line + "\n")
	}
	if t.note != "" {
		b.WriteString(cutTo(t.note, w) + "\n")
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// lines are the line of titles and the rows, as tablewriter aligns them.
func (t *table) lines() ([]string, error) {
	var b bytes.Buffer
	aligns := make([]tw.Align, len(t.columns))
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i], aligns[i] = c.title, tw.AlignLeft
		if c.right {
			aligns[i] = tw.AlignRight
		}
	}
	grid := tablewriter.NewTable(&b,
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}),
		tablewriter.WithEastAsian(tw.Off), // or the locale would decide
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithPadding(tw.Padding{Right: columnGap, Overwrite: true}),
		tablewriter.WithAlignment(aligns),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: aligns}),
	)
	grid.Header(titles)
	for _, row := range t.rows {
		if err := grid.Append(row); err != nil {
			return nil, err
		}
	}
	if err := grid.Render(); err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n"), nil
}

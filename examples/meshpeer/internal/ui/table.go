package ui

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Table has columns as wide as they need to be, as those of kubectl are. Cells may be coloured.
type Table struct {
	Indent  string
	Headers []string // none: no line for them
	rows    [][]string
}

// Row adds a line.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Len is how many lines there are, without headers.
func (t *Table) Len() int { return len(t.rows) }

// gap is between two columns.
const gap = "   "

// WriteTo writes the table.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	rows := t.rows
	if len(t.Headers) > 0 {
		rows = append([][]string{t.Headers}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := t.Indent
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-width(cell)) + gap
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func width(cell string) int { return utf8.RuneCountInString(plain(cell)) }

// Package ui is what a person sees of a command: tables, colours, questions, and progress that is redrawn in place.
package ui

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/meshpeer/meshpeer/probe"
)

// Screen is one of the command's streams.
type Screen struct {
	io.Writer
	Terminal bool // somebody looks at it, and lines can be redrawn
	Colour   bool
	size     func() (columns, rows int)
}

// NewScreen looks what a stream is. NO_COLOR (no-color.org), if it is not empty, and TERM=dumb turn colours off; a dumb
// terminal cannot redraw lines either.
func NewScreen(w io.Writer, env func(string) string) Screen {
	s := Screen{Writer: w, size: func() (int, int) { return 80, 24 }}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || env("TERM") == "dumb" {
		return s
	}
	s.Terminal, s.Colour = true, env("NO_COLOR") == ""
	s.size = func() (int, int) {
		columns, rows, err := term.GetSize(int(file.Fd()))
		if err != nil || columns < 1 || rows < 1 {
			return 80, 24
		}
		return columns, rows
	}
	return s
}

// IsTerminal says whether a person can answer on a stream.
func IsTerminal(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Colours of a terminal (ECMA-48, SGR).
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Cyan   = "36"
	Bold   = "1"
	Dim    = "2"
)

// Paint is the text in a colour, where the screen has any.
func (s Screen) Paint(colour, text string) string {
	if !s.Colour || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Status is the word of a status in its colour.
func (s Screen) Status(status probe.Status) string {
	return s.Paint(map[probe.Status]string{
		probe.Passed: Green, probe.Warned: Yellow, probe.Failed: Red, probe.Unknown: Yellow, probe.Skipped: Dim,
	}[status], string(status))
}

// Printable is text of others without what a terminal would obey.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

// plain is the text without colours.
func plain(text string) string {
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		if !found {
			return text
		}
		_, after, _ := strings.Cut(rest, "m")
		text = before + after
	}
}

//go:build linux

package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Pause is the time between two lines of Update where there is no terminal.
const Pause = 15 * time.Second

const (
	prefix = "lab: "
	clear  = "\r\x1b[K" // to the first column, and erase the line (ECMA-48 EL)
)

// Reporter writes to one place; its methods may be called at once.
type Reporter struct {
	w     io.Writer
	width func() int // columns of the terminal; nil where there is none

	mu    sync.Mutex
	last  time.Time // of the last line
	shown bool      // an update stands in the terminal's current line
}

// New returns a Reporter. It rewrites its line if w is a terminal.
func New(w io.Writer) *Reporter {
	r := &Reporter{w: w, last: time.Now()}
	if file, ok := w.(*os.File); ok {
		if _, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS); err == nil {
			r.width = func() int { return columns(file) }
		}
	}
	return r
}

func columns(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}

// Say writes a line that stays.
func (r *Reporter) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wipe()
	fmt.Fprintf(r.w, prefix+format+"\n", args...)
	r.last = time.Now()
}

// Update tells how far the present step is. On a terminal it rewrites the current line, cut to the width; elsewhere it is a
// line if none was written for the time of Pause, and is dropped otherwise.
func (r *Reporter) Update(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := prefix + fmt.Sprintf(format, args...)
	if r.width == nil {
		if time.Since(r.last) >= Pause {
			fmt.Fprintln(r.w, text)
			r.last = time.Now()
		}
		return
	}
	fmt.Fprint(r.w, clear+cut(text, r.width()-1)) // the last column would wrap
	r.shown = true
}

// Done removes what Update left on a terminal: others are going to write there.
func (r *Reporter) Done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wipe()
}

func (r *Reporter) wipe() {
	if r.shown {
		fmt.Fprint(r.w, clear)
		r.shown = false
	}
}

func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width)])
}

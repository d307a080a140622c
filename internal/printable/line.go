package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limit is the longest line in bytes. A page that joins several lines still fits a screen.
const Limit = 512

// Line returns text as one line of at most Limit bytes: blanks around it are dropped, credentials that show by their form
// are REDACTED, what does not print is written as its Go escape (\n, \x1b, \u202e), and the end of a long text gives way to
// its length. A backslash stays as it is: an escape is there to be seen, not to be read back.
func Line(text string) string { return Within(text, Limit) }

// Prose is [Line] for sentences, of which several may have been joined. It allows four times the Limit.
func Prose(text string) string { return Within(text, 4*Limit) }

// Within is [Line] with another limit. The limit is not below 64.
func Within(text string, limit int) string {
	text = strings.TrimSpace(text)
	size := len(text)
	if size <= limit && plain(text) && hideForms(text) == text {
		return text // most texts, at a fraction of the cost
	}
	head := hideForms(text[:min(size, 4*limit)]) // what is further behind is not shown
	var b strings.Builder
	for len(head) > 0 && b.Len() <= limit {
		r, n := utf8.DecodeRuneInString(head)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, head[0])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		head = head[n:]
	}
	line := hideForms(b.String()) // without line breaks, what stood on two lines may have the form of a credential
	if size <= 4*limit && len(line) <= limit {
		return line
	}
	return shortened(line, size, limit)
}

// plain says whether text is printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// shortened cuts line between two runes, so that it fits limit with the size of the whole behind it.
func shortened(line string, size, limit int) string {
	end := fmt.Sprintf("… (%d bytes)", size)
	at := min(len(line), limit-len(end))
	for at > 0 && at < len(line) && !utf8.RuneStart(line[at]) {
		at--
	}
	return strings.TrimRight(line[:at], " ") + end
}

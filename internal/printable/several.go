package printable

import (
	"fmt"
	"strings"
)

// Several is how many texts of a list are shown, which a server could make as long as it likes.
const Several = 64

// Texts cleans a list of sentences and keeps the first of many.
func Texts(all []string) []string {
	if all == nil {
		return nil
	}
	clean := make([]string, 0, min(len(all), Several+1))
	for i, text := range all {
		if i == Several && len(all) > Several+1 {
			return append(clean, fmt.Sprintf("and %d more", len(all)-i))
		}
		clean = append(clean, Prose(text))
	}
	return clean
}

// sealed has a text that fits on a page; errors.Is and errors.As find all of the error behind it.
type sealed struct {
	text  string
	cause func() error // printers that follow fields do not: a server may have put a credential into its answer
}

func (e *sealed) Error() string { return e.text }

func (e *sealed) Unwrap() error { return e.cause() }

// Sealed returns err with a text of one line and nothing for printers that follow fields. nil stays nil.
func Sealed(err error) error {
	if done, ok := err.(*sealed); ok || err == nil {
		if done == nil {
			return nil
		}
		return done
	}
	return &sealed{Joined(err), func() error { return err }}
}

// Joined is the text of err in one line; errors that errors.Join put on lines of their own stand behind each other.
func Joined(err error) string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return Prose(err.Error())
	}
	var parts, raw []string
	for _, e := range joined.Unwrap() {
		parts, raw = append(parts, Joined(e)), append(raw, e.Error())
	}
	if err.Error() != strings.Join(raw, "\n") {
		return Prose(err.Error())
	}
	return Prose(strings.Join(parts, "; "))
}

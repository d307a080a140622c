package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxDocument is the largest document in bytes. Parsed, it may take eighty times that.
const MaxDocument = 8 << 20

// Document is one document of a stream, not parsed yet.
type Document struct {
	// Number counts from 1 the documents that are not empty, Line the lines of the stream.
	Number, Line int

	text []byte // without byte order mark, without what comes before the first line that says something
}

// Error is a stream that cannot be read on.
type Error struct {
	Document, Line int
	Err            error
}

// Error names the document and the line at which it begins.
func (e *Error) Error() string {
	return fmt.Sprintf("document %d, line %d: %v", e.Document, e.Line, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Read calls visit with each document of r that is not empty, in order, and stops at the first error. The document is
// visit's until it returns. The error is that of visit, or an *Error.
func Read(r io.Reader, visit func(Document) error) error {
	s := splitter{lines: bufio.NewReaderSize(r, 64<<10), visit: visit, begin: 1}
	for {
		line, err := s.lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil // the rest of the line comes next
		} else if err != nil && !errors.Is(err, io.EOF) {
			return &Error{s.number + 1, s.begin, err}
		}
		if failed := s.take(line); failed != nil {
			return failed
		}
		if err != nil {
			return s.flush()
		}
	}
}

// splitter cuts a stream where a line begins with a document marker (YAML 1.2, 9.1).
type splitter struct {
	lines  *bufio.Reader
	visit  func(Document) error
	number int // of the document before

	text       []byte
	begin, end int  // line at which the text begins, and lines seen
	inside     bool // of a line
}

// take adds a line, or a part of one, to the document.
func (s *splitter) take(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if !s.inside {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // files put together have one each
		s.end++
		if rest, ok := marker(line, "---"); ok {
			if err := s.flush(); err != nil {
				return err
			}
			line = rest // YAML allows content there
		} else if rest, ok := marker(line, "..."); ok {
			if err := s.flush(); err != nil {
				return err
			}
			line = rest
		}
	}
	s.inside = !bytes.HasSuffix(line, []byte("\n"))
	if len(s.text)+len(line) > MaxDocument {
		return &Error{s.number + 1, s.begin, fmt.Errorf("is larger than %d MiB: split it", MaxDocument>>20)}
	}
	s.text = append(s.text, line...)
	return nil
}

// marker returns what follows a document marker on its line.
func marker(line []byte, mark string) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(mark))
	if !ok || len(rest) > 0 && !bytes.ContainsAny(rest[:1], " \t\r\n") {
		return nil, false
	}
	return rest, true
}

// flush visits the document that has come to its end, unless it is empty.
func (s *splitter) flush() error {
	text, skipped := leading(s.text)
	line := s.begin + skipped
	s.text, s.begin = s.text[:0], s.end
	if len(text) == 0 {
		return nil
	}
	s.number++
	return s.visit(Document{Number: s.number, Line: line, text: text})
}

// leading drops blank lines, comments and directives before the first line that says something, and counts them.
func leading(text []byte) (rest []byte, lines int) {
	for len(text) > 0 {
		line, after, _ := bytes.Cut(text, []byte("\n"))
		said := bytes.TrimSpace(line)
		if len(said) > 0 && said[0] != '#' && line[0] != '%' {
			return text, lines
		}
		text, lines = after, lines+1
	}
	return nil, lines
}

package auditlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Read hands each event of a log to do: a stream of Events or EventLists of audit.k8s.io/v1. What cannot be read, or is
// refused by do, goes to broken with the line, from 1, that its record begins in. Of a broken record, those events that are
// whole were handed on. The error is that of r.
//
// A record is a line with the lines behind it that are empty, indented, or begin with a closing bracket. So a broken one
// hides none behind it, and one that was written with indents is whole.
func Read(r io.Reader, do func(*Event) error, broken func(line int, err error)) error {
	rs := &records{in: bufio.NewReaderSize(r, 64<<10), fresh: true}
	for rs.next() {
		line := rs.line + 1
		each := func(e *Event) {
			err := e.check()
			if err == nil {
				err = do(e)
			}
			if err != nil {
				broken(line, err)
			}
		}
		if e := rs.event(); e != nil {
			each(e)
			continue
		}
		var err error
		for d := json.NewDecoder(rs); err == nil; {
			err = decodeEvent(d, true, each)
		}
		if !errors.Is(err, io.EOF) && rs.failed == nil {
			broken(line, err)
			_, _ = io.Copy(io.Discard, rs) // its error stays in failed
		}
	}
	return rs.failed
}

// records reads a log as one record after the other. It holds neither.
type records struct {
	in     *bufio.Reader
	line   int    // that was begun last, from 1
	rest   []byte // of what was read and not handed on
	fresh  bool   // the next byte begins a line
	inside bool   // the record has begun
	failed error  // the log cannot be read on
}

// next goes to the next record, if there is one.
func (r *records) next() bool {
	r.inside = false
	_, err := r.peek()
	return err == nil
}

// event returns the event that the record is, if it is one line. That is so of most, and is fast.
func (r *records) event() *Event {
	if r.fill() != nil || !r.fresh {
		return nil
	}
	var one struct {
		Event
		Items json.RawMessage `json:"items"`
	}
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(r.rest, &one); errors.As(err, &other) && other.Field != "" {
		one.fault = err
	} else if err != nil || one.Items != nil {
		return nil
	}
	r.rest = nil
	return &one.Event
}

// Read reads on in the record; io.EOF is its end.
func (r *records) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// fill reads the next line of the record, or as much of it as fits.
func (r *records) fill() error {
	first, err := r.peek()
	if err == nil && r.fresh && r.inside && !strings.ContainsRune(" \t\r\n}]", rune(first)) {
		err = io.EOF
	}
	if err != nil {
		return err
	}
	if r.fresh {
		r.line++
	}
	r.rest, err = r.in.ReadSlice('\n')
	r.note(err)
	r.fresh, r.inside = r.rest[len(r.rest)-1] == '\n', true
	return nil
}

// peek returns the next byte of the log.
func (r *records) peek() (byte, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	next, err := r.in.Peek(1)
	if err != nil {
		r.note(err)
		return 0, err
	}
	return next[0], nil
}

// note keeps an error, which bufio shows once.
func (r *records) note(err error) {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		r.failed = err
	}
}

// decodeEvent hands the next value to do, or each item of the list that it is. io.EOF says that there is no value.
func decodeEvent(d *json.Decoder, listed bool, do func(*Event)) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	var e Event
	list := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return unexpected(err)
		}
		name, _ := key.(string)
		var other *json.UnmarshalTypeError
		switch into := e.field(name); {
		case name == "items" && listed:
			list, err = true, decodeItems(d, do)
		case into == nil:
			err = skip(d)
		default:
			if err = d.Decode(into); errors.As(err, &other) {
				e.fault, err = err, nil
			}
		}
		if err != nil {
			return unexpected(err)
		}
	}
	if err := delimiter(d, '}'); err != nil {
		return unexpected(err)
	}
	if !list {
		do(&e)
	}
	return nil
}

func decodeItems(d *json.Decoder, do func(*Event)) error {
	if token, err := d.Token(); err != nil || token == nil { // null is an empty list
		return err
	} else if token != json.Delim('[') {
		return errors.New("its items are no list")
	}
	for d.More() {
		if err := decodeEvent(d, false, do); err != nil {
			return err
		}
	}
	return delimiter(d, ']')
}

// delimiter reads over a brace or bracket.
func delimiter(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = errors.New("it is not a JSON object")
	}
	return err
}

// skip reads over a value without holding it.
func skip(d *json.Decoder) error {
	for depth := 0; ; {
		token, err := d.Token()
		switch {
		case err != nil:
			return err
		case token == json.Delim('{') || token == json.Delim('['):
			depth++
		case token == json.Delim('}') || token == json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// unexpected is err for an end within a value.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

package istiod

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document is a debug document while it is read: JSON, value by value, in room for the largest of them. encoding/json's Decoder
// allocates for each key and each value that is skipped, which grows with the mesh and with how often it is looked at.
type document struct {
	*bufio.Reader
	source *bounded
	value  []byte // the last one
}

// next is the byte with which something begins. It is not taken.
func (d *document) next() (byte, error) {
	for {
		switch c, err := d.ReadByte(); {
		case err != nil:
			return 0, err
		case !blank(c):
			return c, d.UnreadByte()
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// object calls member with each key, which is good until something else is read; member reads the value. null is an empty object.
func (d *document) object(member func(key []byte) error) error {
	return d.each('{', '}', func() error {
		if c, err := d.next(); err != nil || c != '"' {
			return unexpected(c, err)
		}
		key, err := d.take()
		if err != nil {
			return err
		}
		if c, err := d.next(); err != nil || c != ':' {
			return unexpected(c, err)
		}
		if _, err = d.Discard(1); err != nil {
			return err
		}
		return member(unquoted(key))
	})
}

// array calls element where each begins; element reads it. null is an empty array.
func (d *document) array(element func() error) error { return d.each('[', ']', element) }

func (d *document) each(open, end byte, one func() error) error {
	c, err := d.next()
	switch {
	case err != nil:
		return err
	case c != open:
		return d.instead(c, open)
	}
	if _, err = d.Discard(1); err == nil {
		c, err = d.next()
	}
	for more := c != end; err == nil && more; more = c == ',' {
		d.source.part = maxPart - d.Buffered()
		if err = one(); err != nil {
			return err
		}
		if c, err = d.next(); c == ',' {
			_, err = d.Discard(1)
		}
	}
	if err != nil || c != end {
		return unexpected(c, err)
	}
	_, err = d.Discard(1)
	return err
}

// instead is the error for what stands where open is expected, or nil for null.
func (d *document) instead(c, open byte) error {
	if c == '{' || c == '[' {
		return fmt.Errorf("%c stands where %c is expected", c, open)
	}
	value, err := d.take()
	if err != nil || string(value) == "null" {
		return err
	}
	return fmt.Errorf("%s stands where %c is expected", unquoted(value), open)
}

func unexpected(c byte, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("invalid character %q", c)
}

// take reads a value. It is good until something else is read.
func (d *document) take() ([]byte, error) {
	if _, err := d.next(); err != nil {
		return nil, err
	}
	d.value = d.value[:0]
	for depth, quoted, escaped := 0, false, false; ; {
		c, err := d.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && depth == 0 && !quoted {
				return d.valid() // a number or a word
			}
			return nil, cut(err)
		}
		if depth == 0 && !quoted && strings.IndexByte(ends, c) >= 0 { // behind a number or a word
			if err := d.UnreadByte(); err != nil {
				return nil, err
			}
			return d.valid()
		}
		d.value = append(d.value, c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			depth--
		}
		if depth == 0 && !quoted && (c == '"' || c == '}' || c == ']') {
			return d.valid()
		}
	}
}

// ends are what may follow a number or a word.
const ends = ",:]} \n\r\t"

// cut is the error for a document that ends before it is over.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// valid is the last value, if it is one.
func (d *document) valid() ([]byte, error) {
	if plain(d.value) || json.Valid(d.value) {
		return d.value, nil
	}
	_, err := unmarshal[json.RawMessage](d.value)
	return nil, err
}

// skip reads a value and forgets it.
func (d *document) skip() error {
	_, err := d.take()
	return err
}

// decode reads a value as encoding/json does.
func (d *document) decode(into any) error {
	value, err := d.take()
	if err != nil {
		return err
	}
	return json.Unmarshal(value, into)
}

// text reads a string. One that is as before is not made again.
func (d *document) text(before string) (string, error) {
	value, err := d.take()
	switch {
	case err != nil:
		return "", err
	case value[0] != '"':
		return unmarshal[string](value)
	}
	if value = unquoted(value); string(value) == before {
		return before, nil
	}
	return string(value), nil
}

// number reads one without a fraction.
func (d *document) number() (int, error) {
	value, err := d.take()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(string(value)); err == nil {
		return n, nil
	}
	return unmarshal[int](value)
}

// unmarshal is for what is seldom: null, which is nothing, and errors.
func unmarshal[T any](value []byte) (into T, err error) {
	err = json.Unmarshal(value, &into)
	return into, err
}

// unquoted is what a valid string says.
func unquoted(value []byte) []byte {
	switch {
	case value[0] != '"':
		return value
	case plain(value):
		return value[1 : len(value)-1]
	}
	text, _ := unmarshal[string](value)
	return []byte(text)
}

// plain says whether a value is a string in which each byte stands for itself, as nearly all are.
func plain(value []byte) bool {
	if len(value) < 2 || value[0] != '"' || !utf8.Valid(value) {
		return false
	}
	return !bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == '\\' })
}

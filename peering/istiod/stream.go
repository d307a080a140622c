package istiod

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	maxDocument = 256 << 20 // bytes of one document; that of a mesh with 100 000 endpoints has some 60 MB
	maxPart     = 16 << 20  // bytes of the part that is decoded at once: an endpoint has some 600
)

var errTooLarge = errors.New("the document is larger than any istiod's")

// document is a debug document while it is read. Only the part that is decoded is in memory.
type document struct {
	*json.Decoder
	source *bounded
}

// read opens a document, hands it to walk and demands that nothing follows what walk has read. The rest of a document
// that was read to its end is what lets the connection be used again.
func (r Replica) read(ctx context.Context, path string, walk func(document) error) error {
	body, err := r.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	source := &bounded{Reader: body, whole: maxDocument, part: maxPart}
	d := document{Decoder: json.NewDecoder(source), source: source}
	if err = walk(d); err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("text follows the document")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s of %s: %w", ErrNotReady, path, r.Name, err)
	}
	return nil
}

// object calls member with each key; member reads the value. null is an empty object.
func (d document) object(member func(key string) error) error {
	return d.each('{', func() error {
		key, err := d.Token()
		if err != nil {
			return err
		}
		return member(key.(string)) // the decoder takes no other key
	})
}

// array calls element where each begins; element reads it. null is an empty array.
func (d document) array(element func() error) error { return d.each('[', element) }

func (d document) each(open json.Delim, one func() error) error {
	switch begin, err := d.Token(); {
	case err != nil:
		return err
	case begin == nil:
		return nil
	case begin != open:
		return fmt.Errorf("%v stands where %v is expected", begin, open)
	}
	for d.More() {
		d.source.part = maxPart
		if err := one(); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// skip reads a value and forgets it.
func (d document) skip() error {
	var nothing struct{}
	err := d.Decode(&nothing)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		return nil // it was read all the same
	}
	return err
}

// bounded ends a document that is too large as a whole, or of which one part is.
type bounded struct {
	io.Reader
	whole, part int
}

func (b *bounded) Read(p []byte) (int, error) {
	left := min(b.whole, b.part)
	if left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.Reader.Read(p[:min(len(p), left)])
	b.whole -= n
	b.part -= n
	return n, err
}

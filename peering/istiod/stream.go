package istiod

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	maxDocument = 256 << 20 // bytes of one document; that of a mesh with 100 000 endpoints has some 60 MB
	maxPart     = 16 << 20  // bytes of the part that is decoded at once: an endpoint has some 600
	buffer      = 512       // bytes: a connection has a larger one of its own
)

var errTooLarge = errors.New("the document is larger than any istiod's")

// read opens a document, hands it to walk and demands that nothing follows what walk has read. The rest of a document
// that was read to its end is what lets the connection be used again.
func (r Replica) read(ctx context.Context, path string, walk func(*document) error) error {
	body, err := r.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	source := &bounded{Reader: body, whole: maxDocument, part: maxPart}
	d := &document{Reader: bufio.NewReaderSize(source, buffer), source: source}
	if err = walk(d); err == nil {
		var c byte
		if c, err = d.next(); err == nil {
			err = fmt.Errorf("text follows the document: invalid character %q", c)
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s of %s: %w", ErrNotReady, path, r.Name, err)
	}
	return nil
}

// list reads a document that is an array (Istio pilot/pkg/xds/debug.go) in room that the caller has no other use for. one
// reads an element; was is what stood in its place before.
func list[T any](ctx context.Context, r Replica, path string, room []T, one func(d *document, was T) (T, error)) ([]T, error) {
	all, before := room[:0], room
	err := r.read(ctx, path, func(d *document) error {
		return d.array(func() error {
			var was T
			if n := len(all); n < len(before) {
				was = before[n]
			}
			next, err := one(d, was)
			all = append(all, next)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
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

package istiod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Replica is one istiod process. State is per replica: istiods do not share what they know of remote clusters.
type Replica struct {
	Name    string // the Pod's name
	UID     string // the Pod's; tells a new one from the one of its name before. "" is unknown
	Version string // of Istio, from the image tag; "" if it cannot be told
	// Revision is that of the control plane, as istiod was told or the label istio.io/rev of its Pod says; "" is the default one.
	Revision string
	// Debug answers a GET of a debug path such as /debug/clusterz (pilot/pkg/xds/debug.go).
	Debug func(ctx context.Context, path string) ([]byte, error)
	// Open does the same without holding the whole document; the caller closes it. It is preferred to Debug where both are set.
	Open func(ctx context.Context, path string) (io.ReadCloser, error)

	tunnel *tunnel // kept to the Pod, where Pods made this
}

// ErrNotReady says that a replica could not be asked.
var ErrNotReady = errors.New("not ready")

// Close ends the connection that is kept to the replica, if there is one. A later request opens another.
func (r Replica) Close() {
	if r.tunnel != nil {
		r.tunnel.close()
	}
}

// open a document by the seam that there is.
func (r Replica) open(ctx context.Context, path string) (io.ReadCloser, error) {
	if r.Open != nil {
		return r.Open(ctx, path)
	}
	if r.Debug == nil {
		return nil, fmt.Errorf("%w: %s has neither Open nor Debug: set one", ErrNotReady, r.Name)
	}
	body, err := r.Debug(ctx, path)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

package istiod

import (
	"context"
	"errors"
)

// Replica is one istiod process. State is per replica: istiods do not share what they know of remote clusters.
type Replica struct {
	Name    string // the Pod's name
	Version string // of Istio, from the image tag; "" if it cannot be told
	// Revision is that of the control plane, as istiod was told or the label istio.io/rev of its Pod says; "" is the default one.
	Revision string
	// Debug answers a GET of a debug path such as /debug/clusterz (pilot/pkg/xds/debug.go).
	Debug func(ctx context.Context, path string) ([]byte, error)
}

// ErrNotReady says that a replica could not be asked.
var ErrNotReady = errors.New("not ready")

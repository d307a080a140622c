//go:build linux

package enter

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/network"
)

// resident is set by Enter inside: a program is in the lab's namespaces or it is not.
var resident atomic.Pointer[Residence]

// Here is where this program lives; nil before Enter.
func Here() *Residence { return resident.Load() }

// Residence is where the program lives after Enter.
type Residence struct {
	// Dir is the state directory of this run.
	Dir string
	// Bin is the control planes' binary; what a start needs of Istio's modules lies beside it.
	Bin string
	// Loopback is true where the program has no namespaces.
	Loopback bool
	// Spawn starts processes that end with the program.
	Spawn *network.Spawner

	lacks    string                 // why there can be no data plane, from outside
	envoy    func() (string, error) // path of an Envoy, fetched at the first call; nil in loopback mode
	pid      string                 // of the program, as the host sees it
	clusters atomic.Int32

	looked   sync.Mutex
	releases map[string]build.Binary // by name
}

// Index numbers the clusters of a program, so that several labs in a row, or at once, have addresses of their own.
func (r *Residence) Index() int { return int(r.clusters.Add(1)) }

// File is the path of a file beside the binary.
func (r *Residence) File(name string) string { return filepath.Join(filepath.Dir(r.Bin), name) }

// DataPlane returns the path of an Envoy, or why this program's lab can have no data plane.
func (r *Residence) DataPlane() (envoy string, err error) {
	switch {
	case r == nil:
		return "", errors.New("lab: no data plane: Enter was not called")
	case r.lacks != "":
		return "", fmt.Errorf("lab: no data plane: %s", r.lacks)
	}
	if envoy, err = r.envoy(); err != nil {
		return "", fmt.Errorf("lab: no data plane: %w", err)
	}
	return envoy, nil
}

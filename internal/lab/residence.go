//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// resident is set by Enter inside: a program is in the lab's namespaces or it is not.
var resident atomic.Pointer[residence]

// residence is where the program lives after Enter.
type residence struct {
	dir      string // state directory of this run
	bin      string // the control plane binary; the CRD files lie beside it
	loopback bool
	envoy    func() (string, error) // path of an Envoy, fetched at the first call; nil in loopback mode
	pid      string                 // of the program, as the host sees it
	spawn    *spawner
	clusters atomic.Int32
}

// nextIndex numbers the clusters of a program, so that several labs in a row, or at once, have addresses of their own.
func (r *residence) nextIndex() int { return int(r.clusters.Add(1)) }

const maxClusters = 99 // of one program: the index is a byte of their addresses and service ranges

func (r *residence) newNetwork(index int) (network, error) {
	if index > maxClusters {
		return nil, fmt.Errorf("lab: no addresses left after %d clusters in one program", maxClusters)
	}
	if r.loopback {
		return newLoopbacked(index)
	}
	return newBridged(index)
}

func (r *residence) file(name string) string { return filepath.Join(filepath.Dir(r.bin), name) }

// cacheDir is where builds and state directories live: the user's cache, or below the temporary directory for a user
// without one. It is made with mode 0700.
func cacheDir() (string, error) {
	var errs []error
	bases := []string{filepath.Join(os.TempDir(), fmt.Sprintf("meshpeer-%d", os.Getuid()))}
	if base, err := os.UserCacheDir(); err == nil {
		bases = append([]string{filepath.Join(base, "meshpeer")}, bases...)
	}
	for _, base := range bases {
		dir := filepath.Join(base, "lab")
		err := os.MkdirAll(filepath.Join(dir, "run"), 0o700)
		if err == nil {
			err = writable(dir)
		}
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("lab: %w: no directory to keep things in: %w; set HOME or TMPDIR", ErrUnavailable, errors.Join(errs...))
}

func writable(dir string) error {
	probe, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

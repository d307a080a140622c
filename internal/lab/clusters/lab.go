//go:build linux

package clusters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/meshpeer/meshpeer/internal/lab/enter"
	"github.com/meshpeer/meshpeer/internal/lab/node"
	"github.com/meshpeer/meshpeer/internal/lab/pki"
	"github.com/meshpeer/meshpeer/internal/lab/store"
)

// Lab is a set of running clusters.
type Lab struct {
	// Clusters in the order of Options.Clusters.
	Clusters []*Cluster
	// Dir holds kubeconfigs, keys and logs (mode 0700); Close removes it.
	Dir string
	// Loopback is true when the machine forbids namespaces, or loopback mode was asked for.
	Loopback bool

	home    *enter.Residence
	plane   *DataPlane // nil: control planes only
	skipped error      // why, if a data plane was asked for
	envoy   string     // path of its binary
	bin     string     // directory of the containers' programs
	images  []node.Image
	once    sync.Once
	err     error
	talk    sync.Mutex
	write   func(string)
}

// Start starts all clusters and waits until every istiod is ready. On failure it cleans up, and the error holds the end of
// the failing process' log. Enter must have returned nil before.
func Start(ctx context.Context, o Options) (*Lab, error) {
	home := enter.Here()
	if home == nil {
		return nil, errors.New("lab: Start before Enter: call lab.Enter first in main or TestMain")
	}
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(home.Dir, "lab-")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", store.Explain(err, home.Dir))
	}
	l := &Lab{Dir: dir, Loopback: home.Loopback, home: home, write: o.Progress}
	if o.DataPlane != nil {
		if err := l.preparePlane(*o.DataPlane, o.Clusters); err != nil {
			return nil, errors.Join(store.Explain(err, home.Dir), l.Close())
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("lab: not up after Options.Timeout %s", o.Timeout))
	defer cancel()
	if err := l.start(ctx, o.Clusters); err != nil {
		return nil, errors.Join(l.explain(err), l.Close()) // the reason is looked for before Close makes room
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, clusters []ClusterOptions) error {
	root, err := pki.New("meshpeer lab mesh root")
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	for _, o := range clusters {
		c, err := newCluster(l, o, l.home.Index())
		if c != nil {
			l.Clusters = append(l.Clusters, c)
		}
		if err != nil {
			return err
		}
		if o.OwnRoot {
			if root, err := pki.New(o.ID + " mesh root"); err != nil {
				return fmt.Errorf("lab: %w", err)
			} else if err := c.writeIstioCA(root); err != nil {
				return err
			}
		} else if err := c.writeIstioCA(root); err != nil {
			return err
		}
	}
	tasks := make([]func(context.Context) error, len(l.Clusters))
	for n, c := range l.Clusters {
		if err := c.newRevisions(); err != nil {
			return err
		}
		if err := c.writeRemotes(); err != nil {
			return err
		}
		tasks[n] = c.start
	}
	if err := parallel(ctx, tasks...); err != nil {
		return err
	}
	return l.awaitScenario(ctx)
}

// Cluster returns the cluster with this ID, or nil.
func (l *Lab) Cluster(id string) *Cluster {
	for _, c := range l.Clusters {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Close stops everything and removes Dir. It takes a few seconds at most; a second call returns the same error.
func (l *Lab) Close() error {
	l.once.Do(func() {
		tasks := make([]func(context.Context) error, len(l.Clusters))
		for n, c := range l.Clusters {
			tasks[n] = func(context.Context) error { c.stop(); return nil }
		}
		_ = parallel(context.Background(), tasks...)
		var errs []error
		for _, c := range l.Clusters {
			if c.net != nil {
				errs = append(errs, c.net.Close())
			}
		}
		l.err = errors.Join(append(errs, os.RemoveAll(l.Dir))...)
	})
	return l.err
}

// Logs writes the last lines of every process' log, each under its name: what a failed test prints.
func (l *Lab) Logs(w io.Writer, lines int) error {
	for _, file := range l.logFiles() {
		if filepath.Base(file) == auditFile {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s:\n%s\n", file, tail(file, lines)); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

// logFiles are those of clusters, of istiods, of containers (pods/<pod>/<container>.log), and client-go's.
func (l *Lab) logFiles() []string {
	var all []string
	for _, place := range []string{"*/*.log", "*/*/*.log", "*/pods/*/*.log"} {
		files, _ := filepath.Glob(filepath.Join(l.Dir, filepath.FromSlash(place))) // fails for a bad pattern only
		all = append(all, files...)
	}
	return append(all, filepath.Join(l.home.Dir, enter.LogName))
}

// EnterCommand is what a person puts in front of a shell command on the host to run it inside the lab, with a space at the
// end; empty in loopback mode, where there is nothing to enter.
func (l *Lab) EnterCommand() string { return l.home.Command() }

// say reports progress, one line at a time.
func (l *Lab) say(format string, args ...any) {
	l.talk.Lock()
	defer l.talk.Unlock()
	l.write(fmt.Sprintf(format, args...))
}

// explain turns the failure of a start into the one line about a full disk, if that is behind it: then programs end in many
// ways, and make room again by ending.
func (l *Lab) explain(err error) error {
	found := store.Explain(err, l.home.Dir)
	if err == nil || errors.Is(found, store.ErrFull) {
		return found
	}
	for _, file := range l.logFiles() {
		if data, unread := os.ReadFile(file); unread == nil && store.SaysFull(string(data)) {
			return store.Full(l.home.Dir)
		}
	}
	return err
}

//go:build linux

package matrix_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
)

const (
	// envIstio names the versions to run, separated by commas; empty is all.
	envIstio = "MESHPEER_MATRIX_ISTIO"
	// envDocs is the file that a run of all tests with all versions writes.
	envDocs = "MESHPEER_MATRIX_DOCS"
)

// versions are those that are run; the lab's own comes last.
var versions []lab.Release

func TestMain(m *testing.M) {
	var names []string
	for name := range strings.SplitSeq(os.Getenv(envIstio), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		v, err := lab.FindRelease(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", envIstio, err)
			os.Exit(1)
		}
		versions = append(versions, v)
	}
	if len(versions) == 0 {
		versions = lab.Releases()
	}
	for _, v := range versions {
		names = append(names, v.Name)
	}
	os.Exit(lab.RunTests(suite{m}, names...))
}

type suite struct{ m *testing.M }

func (s suite) Run() int {
	code := s.m.Run()
	fmt.Println(results.text())
	path := os.Getenv(envDocs)
	if code != 0 || path == "" || len(versions) < len(lab.Releases()) {
		return code
	}
	if err := os.WriteFile(path, []byte(results.page()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// older are the versions but the lab's own.
func older() (all []lab.Release) {
	for _, v := range versions {
		if !v.Default() {
			all = append(all, v)
		}
	}
	return all
}

// world is a lab with its clusters as the SDK sees them.
type world struct {
	*lab.Lab
	clusters []*peering.Cluster
}

// start makes a lab for one test alone.
func start(t *testing.T, o lab.Options) *world {
	t.Helper()
	lab.RequireDataPlane(t)
	l, err := lab.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 15)
		}
		require.NoError(t, l.Close())
	})
	return &world{Lab: l, clusters: labtest.Connect(t, l)}
}

// inhabited is a lab with Pods: cluster-1 with one istiod, cluster-2 with two.
func inhabited(t *testing.T, first, second lab.Release) *world {
	t.Helper()
	w := start(t, lab.Options{
		DataPlane: &lab.DataPlane{},
		Clusters:  []lab.ClusterOptions{{ID: "cluster-1", Istio: first.Name}, {ID: "cluster-2", Istio: second.Name, Istiods: 2}},
	})
	labtest.AddOutsider(t, w.Lab)
	return w
}

// restart is how a person restarts the istiods of a cluster of the lab: one after the other.
func (w *world) restart(ctx context.Context, c *peering.Cluster) error {
	for _, i := range w.Cluster(c.ID.String()).Istiods {
		if err := i.Stop(); err != nil {
			return err
		}
		if err := i.Start(ctx); err != nil {
			return err
		}
	}
	return nil
}

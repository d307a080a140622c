//go:build linux

package programs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/enter"
	"github.com/meshpeer/meshpeer/peering"
)

// budget is what the suite may take on 2 cores.
const budget = 90 * time.Second

func TestMain(m *testing.M) {
	if lab.Outside() { // inside there is no network to fetch a module from
		if err := goCommand("list", "-export", "-deps", "./examples/..."); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(lab.RunTests(suite{m}))
}

// goCommand runs the go command in the root module.
func goCommand(args ...string) error {
	command := exec.Command("go", args...)
	command.Dir = "../../.."
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %v: %w\n%s", args, err, out)
	}
	return nil
}

// suite closes the lab when all tests are over, and says what the time was.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	began := time.Now()
	_ = flag.Set("test.parallel", "10") // they wait, for the most part
	code := s.m.Run()
	if shared.Lab != nil {
		if code != 0 {
			_ = shared.Logs(os.Stderr, 10)
		}
		if err := shared.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	fmt.Fprintf(os.Stderr, "programs: %.0f s of a budget of %.0f s\n", time.Since(began).Seconds(), budget.Seconds())
	return code
}

// world is the lab that the tests share. No two of them touch the same link, so that they wait beside each other.
type world struct {
	*lab.Lab
	clusters   map[string]*peering.Cluster
	bin        string // folder with the programs
	kubeconfig string // with contexts kind-east, kind-west and kind-north
}

const (
	east  = "east"
	west  = "west"
	north = "north"
)

var (
	once   sync.Once
	shared world
	failed error
)

func theWorld(t *testing.T) *world {
	t.Helper()
	lab.RequireDataPlane(t)
	t.Parallel()
	once.Do(func() { failed = shared.start() })
	require.NoError(t, failed)
	return &shared
}

func (w *world) start() error {
	built := make(chan error, 1)
	w.bin = filepath.Join(enter.Here().Dir, "programs") // removed with it, however this process ends
	go func() {
		err := os.Mkdir(w.bin, 0o700)
		if err == nil {
			err = goCommand("build", "-ldflags=-s -w", "-o", w.bin, "./examples/...")
		}
		built <- err
	}()
	l, err := lab.Start(context.Background(), lab.Options{
		DataPlane: &lab.DataPlane{}, Clusters: []lab.ClusterOptions{{ID: east, Istiods: 2}, {ID: west}, {ID: north}},
	})
	if err = errors.Join(err, <-built); err != nil {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	w.Lab, w.clusters = l, map[string]*peering.Cluster{}
	for _, c := range l.Clusters {
		id, err := peering.ParseID(c.ID)
		if err == nil {
			w.clusters[c.ID], err = peering.Connect(id, c.Config, peering.ConnectOptions{})
		}
		if err != nil {
			return err
		}
	}
	w.kubeconfig = filepath.Join(l.Dir, "contexts")
	return w.writeKubeconfig()
}

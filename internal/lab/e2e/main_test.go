//go:build linux

package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/internal/lab/labtest"
	"github.com/meshpeer/meshpeer/peering"
)

func TestMain(m *testing.M) {
	switch os.Getenv(envVerb) {
	case "":
	case verbFailover:
		os.Exit(failoverMain())
	default:
		os.Exit(childMain())
	}
	os.Exit(lab.RunTests(suite{m}))
}

// What is awaited is there much sooner; these bound a failure.
const (
	patience = labtest.Patience
	tick     = labtest.Tick
)

// suite closes the shared lab when all tests are over.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	_ = flag.Set("test.parallel", "100") // places bounds the labs; who waits for one costs nothing
	code := s.m.Run()
	if shared.lab != nil {
		if code != 0 {
			_ = shared.lab.Logs(os.Stderr, 15)
		}
		if err := shared.lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// shared is the default lab: cluster-1 with one istiod, cluster-2 with two. One test at a time has it, and leaves it as it found
// it.
var shared struct {
	mine sync.Mutex
	once sync.Once
	lab  *lab.Lab
	err  error
}

// world is a lab with its clusters as the SDK sees them.
type world struct {
	*lab.Lab
	clusters []*peering.Cluster
}

func sharedWorld(t *testing.T) *world {
	t.Helper()
	lab.Require(t)
	t.Parallel()
	shared.mine.Lock()
	t.Cleanup(shared.mine.Unlock)
	shared.once.Do(func() { shared.lab, shared.err = lab.Start(context.Background(), lab.Options{}) })
	require.NoError(t, shared.err)
	return connect(t, shared.lab)
}

// start makes a lab for one test alone.
func start(t *testing.T, clusters ...lab.ClusterOptions) *world {
	t.Helper()
	lab.Require(t)
	return own(t, lab.Options{Clusters: clusters})
}

// own makes a lab for one test alone, which runs beside others then: what they do is wait, for the most part.
func own(t *testing.T, o lab.Options) *world {
	t.Helper()
	t.Parallel()
	takePlaces(t, max(len(o.Clusters), 2))
	l, err := lab.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			_ = l.Logs(os.Stderr, 15)
		}
		require.NoError(t, l.Close())
	})
	return connect(t, l)
}

// places are for clusters beside those of the shared lab. Each takes up to 1 GB of memory.
var places = struct {
	turn  sync.Mutex
	taken chan struct{}
}{taken: make(chan struct{}, 4)}

// takePlaces waits for so many at once: two tests that each have half of theirs would wait for each other for ever.
func takePlaces(t *testing.T, n int) {
	places.turn.Lock()
	defer places.turn.Unlock()
	for range n {
		places.taken <- struct{}{}
	}
	t.Cleanup(func() {
		for range n {
			<-places.taken
		}
	})
}

func connect(t *testing.T, l *lab.Lab) *world {
	t.Helper()
	return &world{Lab: l, clusters: labtest.Connect(t, l)}
}

// removeAfter takes the links away when the test is over, however it ends.
func removeAfter(t *testing.T, links ...peering.Link) {
	t.Helper()
	t.Cleanup(func() {
		_, err := new(peering.Peering).Remove(context.Background(), links...)
		require.NoError(t, err)
	})
}

// sweep deletes all that peering made, without the wait for the API servers' caches that Remove ends with. Only for links that are
// synced: an istiod that is about to read a cluster when its token goes waits for that for ever, and takes no other Secret.
func sweep(t *testing.T, clusters ...*peering.Cluster) {
	t.Helper()
	for _, c := range clusters {
		for _, o := range ours(t, c) {
			require.NoError(t, c.Objects.Delete(context.Background(), o))
		}
	}
}

package conformance_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshpeer/meshpeer/internal/suite"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/peering/peeringtest/conformance"
)

// replicas is a peering.SyncReader.
type replicas func(context.Context) ([]istiod.Replica, error)

func (r replicas) Replicas(ctx context.Context) ([]istiod.Replica, error) { return r(ctx) }

type debug = func(ctx context.Context, path string) ([]byte, error)

func TestIstiodsSuiteCanFail(t *testing.T) {
	mutant := func(change func(ctx context.Context, good peering.SyncReader) ([]istiod.Replica, error)) func(*testing.T) []suite.Rule {
		return func(*testing.T) []suite.Rule {
			c := peeringtest.New(peeringtest.Options{Names: []string{"east"}, Istiods: 2}).Member("east").Cluster
			good := c.Istiods
			c.Istiods = replicas(func(ctx context.Context) ([]istiod.Replica, error) { return change(ctx, good) })
			return conformance.IstiodRules(c)
		}
	}
	// each is one whose replicas answer in another way.
	each := func(change func(good debug) debug) func(*testing.T) []suite.Rule {
		return mutant(func(ctx context.Context, good peering.SyncReader) ([]istiod.Replica, error) {
			all, err := good.Replicas(ctx)
			for i := range all {
				all[i].Debug = change(all[i].Debug)
			}
			return all, err
		})
	}
	says := func(path, body string) func(*testing.T) []suite.Rule {
		return each(func(good debug) debug {
			return func(ctx context.Context, asked string) ([]byte, error) {
				if asked == path {
					return []byte(body), ctx.Err()
				}
				return good(ctx, asked)
			}
		})
	}
	// cached is a reader that remembers a document.
	cached := func(*testing.T) []suite.Rule {
		m := peeringtest.NewMesh("east").Member("east")
		var mu sync.Mutex
		remembered := map[string][]byte{}
		c := m.Cluster
		good := c.Istiods
		c.Istiods = replicas(func(ctx context.Context) ([]istiod.Replica, error) {
			all, err := good.Replicas(ctx)
			for i, r := range all {
				all[i].Debug = func(ctx context.Context, path string) ([]byte, error) {
					mu.Lock()
					defer mu.Unlock()
					if remembered[path] == nil {
						body, err := r.Debug(ctx, path)
						if err != nil {
							return nil, err
						}
						remembered[path] = body
					}
					return remembered[path], ctx.Err()
				}
			}
			return all, err
		})
		return conformance.IstiodRules(c)
	}
	suite.Mutants(t, each(func(good debug) debug { return good }), map[string]func(*testing.T) []suite.Rule{
		"every replica has a name of its own": mutant(func(ctx context.Context, good peering.SyncReader) ([]istiod.Replica, error) {
			all, err := good.Replicas(ctx)
			return append(all, all...), err
		}),
		"a replica knows its own cluster": mutant(func(context.Context, peering.SyncReader) ([]istiod.Replica, error) {
			return nil, nil
		}),
		"a cluster that nobody made is not seen": says("/debug/clusterz", `[{"id":"east","syncStatus":"synced"},{"id":"conformance-no-such-cluster","secretName":"a/b","syncStatus":"synced"}]`),
		"a document that istiod does not have is an error": each(func(good debug) debug {
			return func(ctx context.Context, path string) ([]byte, error) {
				body, err := good(ctx, path)
				if err != nil && ctx.Err() == nil {
					return []byte("404 page not found"), nil // a client that does not look at the status
				}
				return body, err
			}
		}),
		"what a replica holds of its own cluster can be read": says("/debug/endpointShardz", "<html>"),
		"requests at the same time are answered": each(func(good debug) debug {
			var busy sync.Mutex
			return func(ctx context.Context, path string) ([]byte, error) {
				if !busy.TryLock() {
					return nil, errors.New("the connection is in use")
				}
				defer busy.Unlock()
				time.Sleep(time.Millisecond) // others get their turn
				return good(ctx, path)
			}
		}),
		"a replica answers again, after Close too": mutant(func(ctx context.Context, good peering.SyncReader) ([]istiod.Replica, error) {
			all, err := good.Replicas(ctx)
			for i, r := range all {
				var used atomic.Bool
				all[i].Debug = func(ctx context.Context, path string) ([]byte, error) {
					if used.Swap(true) {
						return nil, errors.New("use of closed network connection")
					}
					return r.Debug(ctx, path)
				}
			}
			return all, err
		}),
		"an ended context is an error": each(func(good debug) debug {
			return func(ctx context.Context, path string) ([]byte, error) { return good(context.WithoutCancel(ctx), path) }
		}),
		"every replica sees a remote secret come and go": cached,
	})
}

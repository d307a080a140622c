package peeringtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/meshpeer/meshpeer/peering/istiod"
)

// Istiods are the istiod replicas of a member: they read remote secrets from its API server and the clusters that these
// name, and answer /debug/clusterz, /debug/endpointShardz and /debug/networkz.
type Istiods struct {
	mesh   *Mesh
	server *Server
	id     string
	hosted bool // they run elsewhere and read the others by credentials of their host

	mu       sync.Mutex
	replicas []*replica // in order of their names as given
	born     int        // the highest number in a name that the kit chose
	version  string     // of replicas to come
	watched  watched
}

// replica is one istiod Pod.
type replica struct {
	Replica
	started time.Time
	stuck   istiod.Status
	failure error

	frozen []*remoteSecret             // what it goes on with; nil: what is there
	loses  bool                        // endpoints, when a remote secret changes
	hollow bool                        // they are lost
	stale  bool                        // it sees no change of anything
	seen   map[string]*corev1.Secret   // as it saw them last, by name
	states map[*remoteSecret][]verdict // of the clusters that a Secret names, in their order
	page   page
}

// Replica is an istiod Pod for Istiods.Add.
type Replica struct {
	Name     string // unique in the member, and the Pod's
	Version  string // as its image tag says; "" is that of SetVersion
	Revision string // as its label istio.io/rev says; "" is the default one
	// Lag is how long it calls a cluster syncing, from its start or from the last write of the remote secret on.
	Lag time.Duration
}

// Add starts one more replica, also while somebody waits for the others. It reads what is there now. Add panics if the name is
// taken.
//
//	time.AfterFunc(time.Second, func() {
//		east.Istiods.Add(peeringtest.Replica{Name: "istiod-2", Version: "1.30.0", Revision: "canary", Lag: 3 * time.Second})
//	})
func (i *Istiods) Add(r Replica) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.find(r.Name) != nil || r.Name == "" {
		panic(fmt.Sprintf("peeringtest: member %q: Add: a new replica needs a name of its own, not %q", i.id, r.Name))
	}
	i.replicas = append(i.replicas, i.start(r))
}

// Drop ends a replica: it is listed no more, and who asks it gets an error. It panics if there is no such replica.
func (i *Istiods) Drop(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	gone := i.mustHave(name)
	i.replicas = slices.DeleteFunc(i.replicas, func(r *replica) bool { return r == gone })
}

// Names of the replicas.
func (i *Istiods) Names() (names []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.replicas {
		names = append(names, r.Name)
	}
	return names
}

// Scale sets the names of the replicas; no names make a cluster without istiod. Those that were there go on as they are.
func (i *Istiods) Scale(names ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []*replica
	for _, name := range names {
		r := i.find(name)
		if r == nil {
			r = i.start(Replica{Name: name})
		}
		all = append(all, r)
	}
	i.replicas = all
}

// Restart replaces every replica, as `kubectl rollout restart` does: by a Pod of another name, with the same version, revision
// and lag, which reads every Secret again. Where the last was called istiod-2 the next are istiod-3, istiod-4 and so on.
func (i *Istiods) Restart() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.replicas {
		i.replace(n)
	}
}

// RestartInPlace ends the process of every replica; its container starts again in the same Pod, as after a crash. It reads every
// Secret again.
func (i *Istiods) RestartInPlace() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, r := range i.replicas {
		i.replicas[n] = i.start(r.Replica)
	}
}

// Replace restarts one replica and returns the name of the Pod that took its place. It panics if there is no such replica.
func (i *Istiods) Replace(name string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.replace(slices.Index(i.replicas, i.mustHave(name)))
}

func (i *Istiods) replace(n int) string {
	r := i.replicas[n].Replica
	base, last := number(r.Name)
	i.born = max(i.born, last) + 1
	r.Name = base + "-" + strconv.Itoa(i.born)
	i.replicas[n] = i.start(r)
	return r.Name
}

// number takes istiod-2 apart; a name without a number has 0.
func number(name string) (base string, n int) {
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		if n, err := strconv.Atoi(name[at+1:]); err == nil && n >= 0 {
			return name[:at], n
		}
	}
	return name, 0
}

func (i *Istiods) start(r Replica) *replica {
	_, n := number(r.Name)
	i.born = max(i.born, n)
	if r.Version == "" {
		r.Version = i.version
	}
	return &replica{Replica: r, started: i.server.now(), seen: map[string]*corev1.Secret{}, states: map[*remoteSecret][]verdict{}}
}

func (i *Istiods) find(name string) *replica {
	for _, r := range i.replicas {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// mustHave panics for a replica that is not there: a fault that hits nobody would let a test pass.
func (i *Istiods) mustHave(name string) *replica {
	r := i.find(name)
	if r == nil {
		panic(fmt.Sprintf("peeringtest: member %q has no istiod replica %q; call Scale first", i.id, name))
	}
	return r
}

// Replicas is peering.SyncReader.
func (i *Istiods) Replicas(ctx context.Context) ([]istiod.Replica, error) {
	if err := i.server.outage.pass(ctx, 0); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []istiod.Replica
	for _, r := range i.replicas {
		out = append(out, istiod.Replica{Name: r.Name, Version: r.Version, Revision: r.Revision, Debug: func(ctx context.Context, path string) ([]byte, error) {
			return i.debug(ctx, r.Name, path)
		}})
	}
	return out, nil
}

// debug answers as the monitoring port does: what the replica reads now, and what of it changed since it was last asked.
func (i *Istiods) debug(ctx context.Context, name, path string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := i.server.outage.pass(ctx, 0); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	r := i.find(name)
	if r == nil {
		return nil, fmt.Errorf("%w: %w", istiod.ErrNotReady, apierrors.NewNotFound(resource(&corev1.Pod{}), name))
	}
	if r.failure != nil {
		return nil, r.failure
	}
	i.look(r)
	switch path {
	case "/debug/clusterz":
		return r.page.clusterz, nil
	case "/debug/endpointShardz":
		return i.shards(r), nil
	case "/debug/networkz":
		return i.gateways(r), nil
	}
	return nil, fmt.Errorf("404 %s", path)
}

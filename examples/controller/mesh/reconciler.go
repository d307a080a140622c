package mesh

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// Reconciler keeps the links of Meshes. Fill the fields, and give it to a manager with SetupWithManager or call Reconcile.
type Reconciler struct {
	Client client.Client        // of the cluster that holds the Meshes
	Reader client.Reader        // the same without a cache: what this process wrote a moment ago counts. nil: Client
	Events events.EventRecorder // told once of each transition

	Sources   func(*v1alpha1.Mesh) (Source, error) // an error is about the spec
	Connector Connector
	Fence     Fence     // nil: NoFence
	Metrics   Metrics   // nil: NoMetrics
	Freshness Freshness // nil: Canaries

	// Base has the options of peering that no Mesh decides: reader, flavour, tolerated checks, audit. Credential, Lifetime,
	// Workload and Actor come from the Mesh.
	Base peering.Peering
	// ObserveOnly treats every Mesh as one of mode Observe, for a controller without the rights to write into members.
	ObserveOnly bool
	// SourceEvery is how often the list of members is read at least. Default 1 minute.
	SourceEvery time.Duration
	// RetryAfter is when a link that failed is tried again; a removal that did not end, after half of it. Default 1 minute.
	RetryAfter time.Duration

	pokes chan event.GenericEvent // links that Touch made due

	mu     sync.Mutex
	recall map[types.NamespacedName]*memory
}

// memory is what one process knows of a mesh besides its status. Losing it costs a look at each link, spread over
// spec.recheckEvery.
type memory struct {
	since   time.Time
	looked  map[Pair]time.Time // at the link, last
	probed  map[Pair]time.Time
	later   map[Pair]time.Time // not before: somebody else works on it, or its removal failed
	touched map[Pair]bool      // by somebody, since it was looked at
	tried   map[Pair]int64     // to bring it to this generation of the Mesh; -1: to remove it
}

// Reconcile brings the links of one Mesh closer to its spec, as far as they are due. Failures of links are in its status and have a
// time of their own to be tried again; an error is of the cluster that holds the Mesh.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	m := &v1alpha1.Mesh{}
	if err := r.reader().Get(ctx, req.NamespacedName, m); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	p := &pass{Reconciler: r, mesh: m, was: m.DeepCopy(), began: *m.Status.DeepCopy(), key: req.NamespacedName, memory: r.remember(req.NamespacedName)}
	return p.run(ctx)
}

// Touch makes a link due: somebody changed one of its objects.
func (r *Reconciler) Touch(mesh types.NamespacedName, link Pair) {
	memory := r.remember(mesh)
	r.mu.Lock()
	own := time.Since(memory.looked[link]) < echo
	if !own {
		memory.touched[link] = true
	}
	r.mu.Unlock()
	if !own {
		r.Poke(mesh)
	}
}

// Poke has a Mesh reconciled soon: who can be reached has changed. It does not block.
func (r *Reconciler) Poke(mesh types.NamespacedName) {
	r.mu.Lock()
	pokes := r.pokes
	r.mu.Unlock()
	if pokes == nil {
		return
	}
	m := &v1alpha1.Mesh{}
	m.Namespace, m.Name = mesh.Namespace, mesh.Name
	select {
	case pokes <- event.GenericEvent{Object: m}:
	default: // the next pass comes within SourceEvery
	}
}

// echo is how long after a look at a link its events may still be of what that look wrote.
const echo = 5 * time.Second

func (r *Reconciler) remember(key types.NamespacedName) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recall == nil {
		r.recall = map[types.NamespacedName]*memory{}
	}
	if r.recall[key] == nil {
		r.recall[key] = &memory{
			since:  time.Now(),
			looked: map[Pair]time.Time{}, probed: map[Pair]time.Time{}, later: map[Pair]time.Time{},
			touched: map[Pair]bool{}, tried: map[Pair]int64{},
		}
	}
	return r.recall[key]
}

// forget drops what is known of a Mesh that is gone.
func (r *Reconciler) forget(key types.NamespacedName) {
	r.mu.Lock()
	delete(r.recall, key)
	r.mu.Unlock()
	r.Connector.Keep(key)
	r.metrics().Forget(key)
}

func (r *Reconciler) reader() client.Reader {
	if r.Reader == nil {
		return r.Client
	}
	return r.Reader
}

func (r *Reconciler) fence() Fence {
	if r.Fence == nil {
		return NoFence{}
	}
	return r.Fence
}

func (r *Reconciler) metrics() Metrics {
	if r.Metrics == nil {
		return NoMetrics{}
	}
	return r.Metrics
}

func (r *Reconciler) sourceEvery() time.Duration {
	if r.SourceEvery <= 0 {
		return time.Minute
	}
	return r.SourceEvery
}

func (r *Reconciler) retryAfter() time.Duration {
	if r.RetryAfter <= 0 {
		return time.Minute
	}
	return r.RetryAfter
}

package mesh

import (
	"context"
	"errors"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// pass is one call of Reconcile. Its methods are in the order in which run calls them.
type pass struct {
	*Reconciler
	*memory
	key   types.NamespacedName
	mesh  *v1alpha1.Mesh      // what is to be: spec as read, status as it becomes
	was   *v1alpha1.Mesh      // as the API server has it
	began v1alpha1.MeshStatus // as it was when the pass began

	members map[string]Member
	unknown error // why the members are not known; nobody has joined or left then
	links   map[Pair]*v1alpha1.LinkStatus
	news    []news // of links, told when the status is written
}

// run is the flow: who is there, which links follow, which of them are due, the work, what came of it.
func (p *pass) run(ctx context.Context) (reconcile.Result, error) {
	if done, err := p.guard(ctx); done || err != nil {
		return reconcile.Result{}, err
	}
	p.readMembers(ctx)
	p.takeInventory()
	due := p.due()
	if len(due.all()) > 0 {
		// A link is on record before anything of it exists: after a crash a deletion still finds it.
		p.conclude()
		if err := p.record(ctx); err != nil {
			return reconcile.Result{}, err
		}
		held, release := p.hold(ctx, &due)
		defer release()
		if moved, err := p.moved(held); moved || err != nil {
			return reconcile.Result{RequeueAfter: time.Second}, err
		}
		start := time.Now()
		p.work(held, due)
		log.FromContext(ctx).Info("worked on links", "ensured", len(due.ensure), "rotated", len(due.rotate), "removed", len(due.remove),
			"observed", len(due.observe), "tried", len(due.verify), "took", time.Since(start).Round(time.Millisecond).String())
	}
	p.giveUp()
	p.conclude()
	after, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // a stop must not lose what was done
	defer done()
	if err := p.record(after); err != nil {
		return reconcile.Result{}, err
	}
	p.announce()
	if p.deleting() && len(p.links) == 0 {
		return reconcile.Result{}, p.letGo(after)
	}
	return reconcile.Result{RequeueAfter: p.next()}, nil
}

func (p *pass) deleting() bool { return !p.mesh.DeletionTimestamp.IsZero() }

func (p *pass) observes() bool { return p.ObserveOnly || p.mesh.Spec.Mode == v1alpha1.Observe }

func (p *pass) revokes() bool {
	return !p.observes() && p.mesh.Spec.Deletion.Policy != v1alpha1.Retain
}

// guard sets the finalizer while links would have to be removed, and takes it away when not.
func (p *pass) guard(ctx context.Context) (done bool, err error) {
	if p.deleting() && (!p.revokes() || !controllerutil.ContainsFinalizer(p.mesh, v1alpha1.Finalizer)) {
		return true, p.letGo(ctx)
	}
	wanted := p.revokes()
	if p.deleting() || controllerutil.ContainsFinalizer(p.mesh, v1alpha1.Finalizer) == wanted {
		return false, nil
	}
	before := p.mesh.DeepCopy()
	if wanted {
		controllerutil.AddFinalizer(p.mesh, v1alpha1.Finalizer)
	} else {
		controllerutil.RemoveFinalizer(p.mesh, v1alpha1.Finalizer)
	}
	if err := p.Client.Patch(ctx, p.mesh, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return true, err
	}
	p.was = p.mesh.DeepCopy()
	return false, nil
}

// letGo takes the finalizer away and forgets the Mesh.
func (p *pass) letGo(ctx context.Context) error {
	before := p.mesh.DeepCopy()
	if controllerutil.RemoveFinalizer(p.mesh, v1alpha1.Finalizer) {
		if err := p.Client.Patch(ctx, p.mesh, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	p.forget(p.key)
	return nil
}

// hold takes the fence of every cluster that due links read. Links of a fence that somebody else holds wait.
func (p *pass) hold(ctx context.Context, due *work) (context.Context, func()) {
	if p.observes() {
		return ctx, func() {}
	}
	var releases []func()
	for _, to := range due.tos() {
		id, err := peering.ParseIstioID(to)
		if err == nil {
			var held context.Context
			var release func()
			if held, release, err = p.fence().Hold(ctx, id); err == nil {
				ctx, releases = held, append(releases, release)
				continue
			}
		}
		p.fenced(due.drop(to), err)
	}
	return ctx, func() {
		var wg sync.WaitGroup
		for _, release := range releases {
			wg.Go(release)
		}
		wg.Wait()
	}
}

// moved says whether another process changed the Mesh before this one had the fences: what is due may not be any more.
func (p *pass) moved(ctx context.Context) (bool, error) {
	now := &v1alpha1.Mesh{}
	if err := p.reader().Get(ctx, p.key, now); err != nil {
		return true, client.IgnoreNotFound(err)
	}
	return now.UID != p.was.UID || now.Generation != p.was.Generation || now.DeletionTimestamp.IsZero() == p.deleting() ||
		!apiequality.Semantic.DeepEqual(now.Status, p.was.Status), nil
}

// record writes the status if it changed. Somebody else's change of the rest of the Mesh is no conflict; of its status it is, and
// the next pass begins with what they wrote.
func (p *pass) record(ctx context.Context) error {
	p.putInventory()
	for try := 0; ; try++ {
		if apiequality.Semantic.DeepEqual(p.was.Status, p.mesh.Status) {
			return nil
		}
		wanted := p.mesh.Status.DeepCopy()
		patched := p.was.DeepCopy()
		patched.Status = *wanted
		err := p.Client.Status().Patch(ctx, patched, client.MergeFromWithOptions(p.was, client.MergeFromWithOptimisticLock{}))
		if err == nil {
			p.was = patched.DeepCopy()
			p.mesh.ResourceVersion = patched.ResourceVersion
			return nil
		}
		now := &v1alpha1.Mesh{}
		if gone := p.reader().Get(ctx, p.key, now); gone != nil {
			return errors.Join(client.IgnoreNotFound(err), client.IgnoreNotFound(gone))
		}
		if try == 3 || now.ResourceVersion == p.was.ResourceVersion || now.UID != p.was.UID || !apiequality.Semantic.DeepEqual(now.Status, p.was.Status) {
			return err
		}
		p.was = now
		p.mesh.ResourceVersion = now.ResourceVersion
	}
}

package mesh

import (
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
)

// SetupWithManager adds the Reconciler to a manager. The options may add watches, of the objects that sources read.
func (r *Reconciler) SetupWithManager(mgr manager.Manager, options ...func(*builder.Builder) error) error {
	r.mu.Lock()
	r.pokes = make(chan event.GenericEvent, 1024)
	r.mu.Unlock()
	b := builder.ControllerManagedBy(mgr).Named("mesh").
		// A change of the status is this controller's own, and asks for nothing.
		For(&v1alpha1.Mesh{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, deleted{}))).
		WatchesRawSource(source.Channel(r.pokes, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4})
	for _, option := range options {
		if err := option(b); err != nil {
			return err
		}
	}
	return b.Complete(r)
}

// deleted lets an update pass that marks the object as deleted, which increments its generation on real API servers only.
type deleted struct{ predicate.Funcs }

func (deleted) Update(e event.UpdateEvent) bool {
	return e.ObjectNew != nil && !e.ObjectNew.GetDeletionTimestamp().IsZero()
}

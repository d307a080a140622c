package apply

import (
	"context"
	"maps"

	"github.com/meshpeer/meshpeer/internal/kube"
)

// RunAnnotation holds a nonce of the run that wrote an object last. After a lost reply it tells whose write won.
const RunAnnotation = "meshpeer.io/run"

// Objects reads and writes objects of one API server. Errors are those of k8s.io/apimachinery/pkg/api/errors. Update honours
// resourceVersion, Delete honours UID and resourceVersion, as the API server does. Returned objects are the caller's.
type Objects interface {
	Get(context.Context, kube.Object) (kube.Object, error)
	List(ctx context.Context, like kube.Object, labelSelector string) ([]kube.Object, error)
	Create(context.Context, kube.Object) (kube.Object, error)
	Update(context.Context, kube.Object) (kube.Object, error)
	Delete(context.Context, kube.Object) error
}

func clone(o kube.Object) kube.Object { return o.DeepCopyObject().(kube.Object) }

func run(o kube.Object) string { return o.GetAnnotations()[RunAnnotation] }

// stamp marks o, which is the caller's own copy, as written by a run.
func stamp(o kube.Object, nonce string) {
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[RunAnnotation] = nonce
	o.SetAnnotations(annotations)
}

package apply

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

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

// own is a copy of o to set metadata on; what is below that is shared with o, and nobody changes it.
func own(o kube.Object) kube.Object {
	switch o := o.(type) {
	case *rbacv1.ClusterRole:
		return new(*o)
	case *rbacv1.Role:
		return new(*o)
	case *rbacv1.ClusterRoleBinding:
		return new(*o)
	case *rbacv1.RoleBinding:
		return new(*o)
	case *corev1.Secret:
		return new(*o)
	case *corev1.ServiceAccount:
		return new(*o)
	}
	return clone(o)
}

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

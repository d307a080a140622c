package traffic

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/probe"
)

// Side is one cluster of a link, as far as traffic is concerned. peering's Cluster.Side and Link.Sides make it; a test or a
// tool with other means fills it itself. Safe for concurrent use if its seams are.
type Side struct {
	ID        string // the cluster ID that istiod uses
	Namespace string // where istiod runs; "" is istio-system
	Hosted    bool   // the control plane runs elsewhere: its host can ask it, nobody else

	Objects Objects // the API server, with the caller's rights
	// Exec runs commands in a container of a pod; nil: nothing can be run there, and what asks from inside is Unknown.
	Exec func(namespace, pod, container string) probe.Executor
	// Replicas are the istiods that read for this cluster; nil: their state is unknown.
	Replicas func(context.Context) ([]istiod.Replica, error)
}

// Objects reads and updates objects of an API server. Errors are those of k8s.io/apimachinery/pkg/api/errors; returned objects
// are of the Go type given, which may be *unstructured.Unstructured, and the caller's to change. Update, which a [Scaler] calls,
// must honour resourceVersion, as the API server does. Every peering.Objects is one, and has the Create and Delete that a
// [Freshness] needs besides.
type Objects interface {
	Get(context.Context, kube.Object) (kube.Object, error)
	List(ctx context.Context, like kube.Object, labelSelector string) ([]kube.Object, error)
	Update(context.Context, kube.Object) (kube.Object, error)
}

func (s Side) namespace() string {
	if s.Namespace == "" {
		return "istio-system"
	}
	return s.Namespace
}

// istiods are never none without an error: of none nothing would be asked, and all of them would agree.
func (s Side) istiods(ctx context.Context) ([]istiod.Replica, error) {
	if s.Replicas == nil {
		return nil, fmt.Errorf("%w: the control plane of %q cannot be asked from here", istiod.ErrNotReady, s.ID)
	}
	replicas, err := s.Replicas(ctx)
	if err == nil && len(replicas) == 0 {
		err = fmt.Errorf("%w: no istiod was found in namespace %s of %q", istiod.ErrNotReady, s.namespace(), s.ID)
	}
	return replicas, err
}

// whyNoIstiod is the next step where no istiod could be asked.
func (s Side) whyNoIstiod(err error) string {
	if missing, ok := errors.AsType[*istiod.MissingError](err); ok {
		return missing.Remedy
	}
	return "let the caller list pods and create pods/portforward in istiod's namespace, set ConnectOptions.Namespace to that namespace, or fill Cluster.Istiods"
}

// network of the cluster's pods, unless they are labelled themselves: that of the system namespace.
func (s Side) network(ctx context.Context) (string, error) {
	o, err := s.Objects.Get(ctx, &corev1.Namespace{ObjectMeta: meta("", s.namespace())})
	if err != nil {
		return "", fmt.Errorf("traffic: system namespace of %q: %w", s.ID, err)
	}
	return o.GetLabels()[istio.LabelNetwork], nil
}

// gatewayServices are those labelled with a network, in every namespace, or where the caller may not look everywhere in the
// system namespace.
func (s Side) gatewayServices(ctx context.Context) ([]*corev1.Service, error) {
	like := &corev1.Service{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}}
	found, err := kube.ListAs(ctx, s.Objects, like, istio.LabelNetwork)
	if apierrors.IsForbidden(err) {
		like.Namespace = s.namespace()
		found, err = kube.ListAs(ctx, s.Objects, like, istio.LabelNetwork)
	}
	if err != nil {
		return nil, fmt.Errorf("traffic: gateway Services of %q: %w", s.ID, err)
	}
	return found, nil
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

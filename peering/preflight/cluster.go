package preflight

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	knetworkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// cluster is an API server as a [Checker] knows it.
type cluster struct {
	Side
	name  string // in subjects
	now   func() time.Time
	slots chan struct{}
	facts memo
	none  mesh // configuration, where there is no ConfigMap for it

	endpoints []secrets.Endpoint // those that were looked at; under the lock of facts
}

// server is a cluster in its part in one link.
type server struct {
	*cluster
	role string // From, To or Config: the field of Input
}

// sameCluster is what tells clusters apart.
type sameCluster struct {
	name, namespace, selector string
	reader                    Reader
}

// cluster finds the one that the side is, or gets to know it.
func (c *Checker) cluster(role string, side Side, in Input) *cluster {
	name := cmp.Or(side.ID, role)
	open := func() *cluster {
		return &cluster{
			Side: side, name: name, now: in.Now,
			slots: make(chan struct{}, cmp.Or(in.Parallel, 16)), facts: memo{answers: map[key]*answer{}},
		}
	}
	if side.Reader == nil && role != "Config" || side.Reader != nil && !reflect.ValueOf(side.Reader).Comparable() {
		return open()
	}
	k := sameCluster{name, side.Namespace, side.IstiodSelector, side.Reader}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clusters[k] == nil {
		c.clusters[k] = open()
	}
	return c.clusters[k]
}

// lacks says which field of Input would have to be set.
func (s *server) lacks(ctx context.Context, seam string) error {
	err := &notGivenError{"Input." + s.role + "." + seam}
	if s.role == "Config" {
		err = &notGivenError{"Input.Config"}
	}
	miss(ctx, s.name, err)
	return err
}

// request is a fact that takes a request.
func request[T any](ctx context.Context, s *server, k key, ask func(context.Context) (T, error)) (T, error) {
	return once(ctx, s.cluster, k, func(ctx context.Context) (none T, err error) {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return none, ctx.Err()
		}
		defer func() { <-s.slots }()
		return ask(ctx)
	})
}

// fact is what is made of the answers to requests, once for all links. What finding it missed, everybody has missed who uses
// it.
func fact[T any](ctx context.Context, s *server, k key, find func(context.Context) (T, error)) (T, error) {
	return once(ctx, s.cluster, k, find)
}

// get reads one object.
func get[T Object](ctx context.Context, s *server, k kind[T], namespace, name string) (found T, err error) {
	if s.Reader == nil {
		return found, s.lacks(ctx, "Reader")
	}
	return request(ctx, s, key{"get", k.apiVersion, k.name, namespace, name, ""}, func(ctx context.Context) (found T, err error) {
		o, err := s.Reader.Get(ctx, k.of(namespace, name))
		if err != nil {
			return found, err
		}
		return as[T](o)
	})
}

// list reads the objects that a selector matches, of all namespaces if none is given. If the kind is not served, a check has
// missed it.
func list[T Object](ctx context.Context, s *server, k kind[T], namespace, selector string) ([]T, error) {
	found, err := listServed(ctx, s, k, namespace, selector)
	if err != nil && absent(err) {
		miss(ctx, s.name, err)
	}
	return found, err
}

// listServed is list for a kind that has no objects where it is not served.
func listServed[T Object](ctx context.Context, s *server, k kind[T], namespace, selector string) ([]T, error) {
	if s.Reader == nil {
		return nil, s.lacks(ctx, "Reader")
	}
	return request(ctx, s, key{"list", k.apiVersion, k.name, namespace, "", selector}, func(ctx context.Context) ([]T, error) {
		objects, err := s.Reader.List(ctx, k.of(namespace, ""), selector)
		if err != nil {
			return nil, err
		}
		found := make([]T, len(objects))
		for i, o := range objects {
			if found[i], err = as[T](o); err != nil {
				return nil, err
			}
		}
		return found, nil
	})
}

func as[T Object](o Object) (T, error) {
	typed, ok := o.(T)
	if !ok {
		return typed, fmt.Errorf("preflight: the reader answered with %T instead of %T", o, typed)
	}
	return typed, nil
}

// reply is an Answer with the local time at which it came.
type reply struct {
	Answer
	at time.Time
}

func (s *server) ask(ctx context.Context, path string) (reply, error) {
	if s.Ask == nil {
		return reply{}, s.lacks(ctx, "Ask")
	}
	return request(ctx, s, key{what: "ask", name: path}, func(ctx context.Context) (reply, error) {
		answer, err := s.Ask(ctx, path)
		return reply{answer, s.now()}, err
	})
}

// may makes one access review.
func (s *server) may(ctx context.Context, a rbac.Access) (bool, error) {
	if s.May == nil {
		return false, s.lacks(ctx, "May")
	}
	return request(ctx, s, key{what: "may", name: fmt.Sprintf("%+v", a)}, func(ctx context.Context) (bool, error) { return s.May(ctx, a) })
}

// held are the rules that the caller has in a namespace.
type held struct {
	rules      []rbacv1.PolicyRule
	incomplete bool // there may be more rights
}

// held makes a rules review.
func (s *server) held(ctx context.Context, namespace string) (held, error) {
	return request(ctx, s, key{what: "rules", namespace: namespace}, func(ctx context.Context) (h held, err error) {
		h.rules, h.incomplete, err = s.Rules(ctx, namespace)
		return h, err
	})
}

// The kinds that are read. Istio's are asked for as v1beta1, which every version still serves: v1 came with 1.22
// (Istio manifests/charts/base/files/crd-all.gen.yaml).
const (
	istioNetworking = "networking.istio.io/v1beta1"
	istioSecurity   = "security.istio.io/v1beta1"
	asmGroup        = "istio.alibabacloud.com/v1beta1"
)

// kind is one that is read: its name, and its Go type.
type kind[T Object] struct {
	apiVersion, name string
	empty            func() T
}

func kindOf[S any, T interface {
	*S
	Object
}](apiVersion, name string) kind[T] {
	return kind[T]{apiVersion, name, func() T { return new(S) }}
}

// of is what a [Reader] is asked for.
func (k kind[T]) of(namespace, name string) T {
	o := k.empty()
	o.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(k.apiVersion, k.name))
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

var (
	kindNamespace     = kindOf[corev1.Namespace]("v1", "Namespace")
	kindPod           = kindOf[corev1.Pod]("v1", "Pod")
	kindNode          = kindOf[corev1.Node]("v1", "Node")
	kindSecret        = kindOf[corev1.Secret]("v1", "Secret")
	kindSecretName    = kindOf[metav1.PartialObjectMetadata]("v1", "Secret")
	kindConfigMap     = kindOf[corev1.ConfigMap]("v1", "ConfigMap")
	kindService       = kindOf[corev1.Service]("v1", "Service")
	kindDeployment    = kindOf[appsv1.Deployment]("apps/v1", "Deployment")
	kindEndpointSlice = kindOf[discoveryv1.EndpointSlice]("discovery.k8s.io/v1", "EndpointSlice")
	kindNetworkPolicy = kindOf[knetworkingv1.NetworkPolicy]("networking.k8s.io/v1", "NetworkPolicy")

	kindGateway             = kindOf[networkingv1.Gateway](istioNetworking, "Gateway")
	kindDestinationRule     = kindOf[networkingv1.DestinationRule](istioNetworking, "DestinationRule")
	kindVirtualService      = kindOf[networkingv1.VirtualService](istioNetworking, "VirtualService")
	kindSidecar             = kindOf[networkingv1.Sidecar](istioNetworking, "Sidecar")
	kindPeerAuthentication  = kindOf[securityv1.PeerAuthentication](istioSecurity, "PeerAuthentication")
	kindAuthorizationPolicy = kindOf[securityv1.AuthorizationPolicy](istioSecurity, "AuthorizationPolicy")

	// There are no Go types for these here.
	kindASMMeshConfig  = kindOf[unstructured.Unstructured](asmGroup, "ASMMeshConfig")
	kindIstioGateway   = kindOf[unstructured.Unstructured](asmGroup, "IstioGateway")
	kindAPIGateway     = kindOf[unstructured.Unstructured](gatewayGroup+"/v1", "Gateway")
	kindAPIGatewayBeta = kindOf[unstructured.Unstructured](gatewayGroup+"/v1beta1", "Gateway")
)

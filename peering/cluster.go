package peering

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/meshpeer/meshpeer/internal/apply"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/printable"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/preflight"
	"github.com/meshpeer/meshpeer/peering/traffic"
	"github.com/meshpeer/meshpeer/probe"
	"github.com/meshpeer/meshpeer/secrets"
)

// Cluster is one member of a mesh: seams that [Connect] or another tool fills.
type Cluster struct {
	ID        ID
	Namespace string           // where istiod runs and reads remote secrets; "" is istio-system
	Hosted    bool             // its control plane is not ours to write to (ASM's managed one): links from it are only verified
	Endpoint  secrets.Endpoint // the API server, as other clusters' istiods are to reach it

	Objects  Objects                                                              // the API server, with the caller's rights
	As       func(secrets.Endpoint, secrets.Token) (Objects, error)               // the API server as a token's bearer sees it
	Accounts func(namespace string) secrets.TokenCreator                          // TokenRequest; needed for bound tokens only
	Istiods  SyncReader                                                           // every istiod replica; nil: their state is unknown
	Checks   *preflight.Side                                                      // what preflight sees of the same API server; nil: changed without a preflight
	Exec     func(namespace, pod, container string) probe.Executor                // for Verify inside a workload; nil: Unknown
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // to the API server from here; nil: net.Dialer's

	warnings *warnings // of the API server, collected for the report
}

// Object is any Kubernetes API object.
type Object = kube.Object

// Objects is one API server, with its respect for UID and resourceVersion (conformance.TestObjects). Arguments stay;
// results are the caller's.
type Objects interface {
	Get(context.Context, Object) (Object, error)
	List(ctx context.Context, like Object, labelSelector string) ([]Object, error)
	Create(context.Context, Object) (Object, error)
	Update(context.Context, Object) (Object, error)
	Delete(context.Context, Object) error
}

// SyncReader finds the istiod replicas of a cluster.
type SyncReader interface {
	Replicas(context.Context) ([]istiod.Replica, error)
}

func (c *Cluster) namespace() string {
	if c.Namespace == "" {
		return "istio-system"
	}
	return c.Namespace
}

// Secrets are those of a namespace, for token sources such as secrets.Durable.
func (c *Cluster) Secrets(namespace string) secrets.SecretClient {
	return secretsIn{c.Objects, namespace}
}

// Side is the cluster as package traffic looks at it.
func (c *Cluster) Side() traffic.Side {
	side := traffic.Side{ID: c.ID.String(), Namespace: c.namespace(), Hosted: c.Hosted, Objects: c.Objects, Exec: c.Exec}
	if c.Istiods != nil {
		side.Replicas = c.Istiods.Replicas
	}
	return side
}

// Sides are for package traffic: workload.Who(link.Sides()).
func (l Link) Sides() (from, to traffic.Side) { return l.From.Side(), l.To.Side() }

// warnings collects what an API server warns of, up to a number; client-go would print it.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader is client-go's rest.WarningHandler.
func (w *warnings) HandleWarningHeader(code int, _ string, text string) {
	if code != 299 || text == "" {
		return
	}
	text = prose(text)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.texts) < printable.Several && !slices.Contains(w.texts, text) {
		w.texts = append(w.texts, text)
	}
}

// take returns the warnings since the last call.
func (w *warnings) take() []string {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}

// lasting reads what never changes, from the API server's memory where that can be asked.
func (c *Cluster) lasting() Objects {
	if o, can := c.Objects.(interface{ Cached() kube.Objects }); can {
		return o.Cached()
	}
	return c.Objects
}

// find reads the object with the kind, namespace and name of like; nil if there is none.
func find(ctx context.Context, objects Objects, like Object) (Object, error) {
	o, err := objects.Get(ctx, like)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return o, err
}

// serves says whether a service of the mesh has an endpoint in this cluster, or may have.
func (s *snapshot) serves(ctx context.Context, service istiod.Service) (bool, error) {
	name, rest, _ := strings.Cut(service.Host, ".")
	if !strings.HasPrefix(rest, service.Namespace+".svc.") {
		return true, nil // not a Service of Kubernetes
	}
	kind := metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}
	_, err := s.objects.Get(ctx, &corev1.Service{TypeMeta: kind, ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: name}})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err == nil {
		kind = metav1.TypeMeta{APIVersion: discoveryv1.SchemeGroupVersion.String(), Kind: "EndpointSlice"}
		like := &discoveryv1.EndpointSlice{TypeMeta: kind, ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace}}
		var slices []*discoveryv1.EndpointSlice
		if slices, err = kube.ListAs(ctx, s.objects, like, discoveryv1.LabelServiceName+"="+name); err == nil {
			return ready(slices), nil
		}
	}
	if apierrors.IsForbidden(err) {
		return true, nil
	}
	return true, err
}

// ready says whether some endpoint takes traffic. Nil means ready.
func ready(all []*discoveryv1.EndpointSlice) bool {
	for _, slice := range all {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				return true
			}
		}
	}
	return false
}

// secretsIn is the part of a cluster that token sources work on (secrets.SecretClient).
type secretsIn struct {
	objects   Objects
	namespace string
}

func (s secretsIn) Create(ctx context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	return asSecret(s.objects.Create(ctx, secret))
}

func (s secretsIn) Get(ctx context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	return asSecret(s.objects.Get(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}))
}

func (s secretsIn) Delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	if o.Preconditions != nil && o.Preconditions.UID != nil {
		secret.UID = types.UID(*o.Preconditions.UID)
	}
	return s.objects.Delete(ctx, secret)
}

// Watch is for Objects that can, as those of Connect.
func (s secretsIn) Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	return kube.Watch(ctx, s.objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace}}, o)
}

func asSecret(o Object, err error) (*corev1.Secret, error) {
	if err != nil {
		return nil, err
	}
	return o.(*corev1.Secret), nil
}

// accountsIn asks again for a token where the request failed for a moment. A token whose reply was lost is known to nobody, and
// ends with the marker that both are bound to.
type accountsIn struct{ secrets.TokenCreator }

func (a accountsIn) CreateToken(ctx context.Context, name string, r *authenticationv1.TokenRequest, o metav1.CreateOptions) (out *authenticationv1.TokenRequest, err error) {
	err = apply.Again(ctx, apply.Policy{}, "token "+name, func() error {
		out, err = a.TokenCreator.CreateToken(ctx, name, r, o)
		return err
	})
	return out, err
}

package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/meshpeer/meshpeer/internal/invalid"
	"github.com/meshpeer/meshpeer/internal/istio"
	"github.com/meshpeer/meshpeer/internal/kube"
	"github.com/meshpeer/meshpeer/internal/rights"
	"github.com/meshpeer/meshpeer/rbac"
	"github.com/meshpeer/meshpeer/secrets"
)

// Object is a Kubernetes API object: every kind of k8s.io/api and istio.io/client-go fits.
type Object = kube.Object

// Reader reads objects of one API server. It is the reading half of peering's Objects and cannot write. The kind asked for
// is that of the object's TypeMeta, which is always set; the answer has the Go type of the object given. Of a
// *metav1.PartialObjectMetadata only the metadata is wanted. An empty namespace lists all of them. Errors are those of k8s.io/apimachinery/pkg/api/errors.
//
// One whose answers may be some moments old can have a method Latest() Reader, which returns another one, the same each time, or
// nil: before something blocks, all checks are made again with that.
type Reader interface {
	Get(context.Context, Object) (Object, error)
	List(ctx context.Context, like Object, labelSelector string) ([]Object, error)
}

// Flavour says who runs the control planes.
type Flavour string

const (
	// ASM is Alibaba Cloud Service Mesh, the default. The names of its parts are not documented, so an istiod, gateway or
	// mesh configuration that is not found is Unknown.
	ASM Flavour = "asm"
	// Upstream is Istio as its charts install it. There, what is not found is missing.
	Upstream Flavour = "upstream"
)

// Side is one cluster of a link as preflight sees it. A nil seam makes the checks that need it Unknown. The seams must be
// safe for concurrent use; [Connect] fills them from a rest.Config.
type Side struct {
	ID        string // the cluster ID: the data key of its remote secret and what its proxies claim
	Namespace string // istiod's system namespace; "" is istio-system
	// IstiodSelector is the label selector of istiod's Pods; "" is app=istiod, as Istio's charts label them.
	IstiodSelector string
	Hosted         bool // the control plane runs elsewhere (ASM's managed one): no istiod Pods and no remote secrets of ours

	Reader Reader
	// May says whether the caller may do that, by a SelfSubjectAccessReview, which the API server answers and does not
	// store.
	May func(context.Context, rbac.Access) (bool, error)
	// Rules are the rules that the caller has in a namespace, by a SelfSubjectRulesReview. Incomplete says that there may be
	// more rights, of an authorizer that cannot name them. nil, or an error: each right is asked for by May.
	Rules func(ctx context.Context, namespace string) (rules []rbacv1.PolicyRule, incomplete bool, err error)
	// Ask answers a GET of a path such as /version.
	Ask func(ctx context.Context, path string) (Answer, error)
}

// Answer is an API server's reply to a path.
type Answer struct {
	Body []byte
	Date time.Time // the server's clock by its Date header, to the second; zero if there was none
}

// Workload is a service that workloads of From are to reach in To.
type Workload struct {
	Namespace string // of the Service, the same in both clusters
	Service   string
	Port      int32 // of the Service; 0 is every port

	ClientNamespace string // where the client runs in From; "" is Namespace
	Client          string // the client's Deployment; "" is sleep
	DomainSuffix    string // of the clusters' DNS; "" is cluster.local
}

// Input says what to check: workloads of From are to reach services of To. For that the istiod of From reads the API server
// of To.
type Input struct {
	From, To Side
	// Config is the API server that holds the mesh configuration if it is neither From's nor To's: that of the ASM instance.
	// Without it, Upstream reads each cluster's own, and with ASM the checks of mesh configuration are Unknown.
	Config  Reader
	Flavour Flavour

	Endpoint   secrets.Endpoint // To as From's istiod is to reach it, with its CA
	SecretName string           // of the remote secret in From; "" is secrets.SecretName(To.ID)
	// OwnLabels are on every object of this link. An object that carries all of them is ours to change.
	OwnLabels map[string]string

	// Rules of the role that is to be made in To; empty if an existing account is used and no RBAC is written.
	Rules []rbacv1.PolicyRule
	// RoleRules are those of a Role that is to be made besides, in RoleNamespace of To; empty if there is none.
	RoleRules     []rbacv1.PolicyRule
	RoleNamespace string
	// Bound says that tokens are asked for by TokenRequest instead of a token Secret.
	Bound bool

	Workload *Workload // nil skips the checks of a workload
	// IstioVersion is the version of From's istiods; IstioVersions are the versions if there are several. If both are empty,
	// versions are read from the image tags of the Pods.
	IstioVersion  string
	IstioVersions []string

	// Dial opens a TCP connection to the Endpoint from here, for a TLS handshake that sends nothing; nil is net.Dialer's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the local clock; nil is time.Now.
	Now func() time.Time
	// Parallel bounds the requests in flight to each API server; 0 means 16. Of the links of a [Checker], the first to look at
	// a server decides.
	Parallel int
}

// FieldError is an input that cannot work, found before anything is read. Several
// are joined; errors.As finds the first.
type FieldError = invalid.FieldError

func (in Input) validate() error {
	var errs []error
	refuse := func(field, value, reason, remedy string) {
		errs = append(errs, invalid.Field(field, value, reason, remedy))
	}
	switch in.Flavour {
	case "", ASM, Upstream:
	default:
		refuse("Input.Flavour", string(in.Flavour), "is unknown", "use asm or upstream")
	}
	if in.Parallel < 0 {
		refuse("Input.Parallel", fmt.Sprint(in.Parallel), "is negative", "use 0 for the default of 16")
	}
	errs = append(errs,
		istio.Validate("Input.From.IstiodSelector", in.From.IstiodSelector),
		istio.Validate("Input.To.IstiodSelector", in.To.IstiodSelector))
	if w := in.Workload; w != nil {
		if w.Namespace == "" {
			refuse("Input.Workload.Namespace", "", "is empty", "name the namespace of the Service, or leave Workload nil")
		}
		if w.Service == "" {
			refuse("Input.Workload.Service", "", "is empty", "name the Service, or leave Workload nil")
		}
		if w.Port < 0 || w.Port > 65535 {
			refuse("Input.Workload.Port", fmt.Sprint(w.Port), "is not a port", "use one of the Service's ports, or 0 for all")
		}
	}
	return errors.Join(errs...)
}

// Connect fills the seams of a Side from a rest.Config, which is copied and not changed. It does no network I/O. Warnings
// of the API server are dropped.
func Connect(id string, config *rest.Config) (Side, error) {
	if config == nil || config.Host == "" {
		return Side{}, fmt.Errorf("preflight: Connect %q: rest.Config.Host is empty: load a kubeconfig with client-go's clientcmd", id)
	}
	if _, _, err := rest.DefaultServerUrlFor(config); err != nil { // which quotes the host, with a user in it
		return Side{}, fmt.Errorf("preflight: Connect %q: rest.Config.Host %v is not the URL of an API server: write https://host:port", id, secrets.Endpoint{Server: config.Host})
	}
	config = kube.Configure(config, "meshpeer/v0 preflight", rest.NoWarnings{})
	objects, err := kube.NewObjects(config, "")
	if err != nil {
		return Side{}, fmt.Errorf("preflight: Connect %q: %w", id, err)
	}
	paths, err := kube.NewPaths(config)
	if err != nil {
		return Side{}, fmt.Errorf("preflight: Connect %q: %w", id, err)
	}
	return Side{
		ID: id, Reader: &reader{objects.Cached(), paths, &reader{objects, paths, nil}},
		May: func(ctx context.Context, a rbac.Access) (bool, error) { return rights.May(ctx, objects, a) },
		Rules: func(ctx context.Context, namespace string) ([]rbacv1.PolicyRule, bool, error) {
			return rights.Of(ctx, objects, namespace)
		},
		Ask: func(ctx context.Context, path string) (Answer, error) {
			body, date, err := paths.Get(ctx, path)
			return Answer{body, date}, err
		},
	}, nil
}

// reader is kube's, which asks for whole objects, but for lists of metadata. What it reads first may be some moments old.
type reader struct {
	kube.Objects
	paths  kube.Paths
	latest *reader // nil: this is
}

// Latest reads what is there now.
func (r *reader) Latest() Reader {
	if r.latest == nil {
		return nil
	}
	return r.latest
}

// Get reads Namespaces as they are now: they are labelled just before clusters are peered.
func (r *reader) Get(ctx context.Context, like Object) (Object, error) {
	if _, is := like.(*corev1.Namespace); is && r.latest != nil {
		return r.latest.Get(ctx, like)
	}
	return r.Objects.Get(ctx, like)
}

func (r *reader) List(ctx context.Context, like Object, selector string) ([]Object, error) {
	if m, only := like.(*metav1.PartialObjectMetadata); only {
		return r.paths.Metadata(ctx, m, selector, r.latest != nil)
	}
	return r.Objects.List(ctx, like, selector)
}

// latest is the Input with the latest of each Reader that may be old.
func (in Input) latest() (Input, bool) {
	old := false
	for _, r := range []*Reader{&in.From.Reader, &in.To.Reader, &in.Config} {
		if has, can := (*r).(interface{ Latest() Reader }); can {
			if l := has.Latest(); l != nil {
				*r, old = l, true
			}
		}
	}
	return in, old
}

package preflight

import (
	"context"
	"maps"
	"slices"
	"strings"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/meshpeer/meshpeer/secrets"
)

// facts are what the checks of a run read, each request made once.
type facts struct {
	Input
	from, to, config *server
}

// meshOf is the server that holds the Istio configuration of a side.
func (f *facts) meshOf(ctx context.Context, s *server) *server {
	switch {
	case f.Input.Config != nil || f.Flavour != Upstream:
		return f.config
	case s == f.to:
		return f.configures(ctx)
	}
	return s
}

// configures is the server whose Istio configuration To's proxies get: its own or, without an istiod of its own, that of the
// cluster whose istiods serve it.
func (f *facts) configures(ctx context.Context) *server {
	by, err := f.controlPlanes(ctx, f.to)
	istiods, unread := f.to.istiods(ctx)
	switch {
	case err != nil || unread != nil || len(by) == 0 || len(istiods) > 0:
		return f.to
	case f.served(ctx):
		return f.from
	}
	return f.config // not given: Unknown
}

func (f *facts) destinationRules(ctx context.Context) ([]*networkingv1.DestinationRule, error) {
	return list(ctx, f.meshOf(ctx, f.from), kindDestinationRule, "", "")
}

func (f *facts) virtualServices(ctx context.Context) ([]*networkingv1.VirtualService, error) {
	return list(ctx, f.meshOf(ctx, f.from), kindVirtualService, "", "")
}

func (f *facts) sidecars(ctx context.Context) ([]*networkingv1.Sidecar, error) {
	return list(ctx, f.meshOf(ctx, f.from), kindSidecar, "", "")
}

func (f *facts) gatewayObjects(ctx context.Context) ([]*networkingv1.Gateway, error) {
	return list(ctx, f.meshOf(ctx, f.to), kindGateway, "", "")
}

func (f *facts) authorizationPolicies(ctx context.Context) ([]*securityv1.AuthorizationPolicy, error) {
	return list(ctx, f.meshOf(ctx, f.to), kindAuthorizationPolicy, "", "")
}

func (f *facts) peerAuthentications(ctx context.Context, s *server) ([]*securityv1.PeerAuthentication, error) {
	return list(ctx, f.meshOf(ctx, s), kindPeerAuthentication, "", "")
}

// remotes are all Secrets that From's istiods look at (Istio pkg/kube/multicluster/secretcontroller.go).
type remotes struct {
	all    []*corev1.Secret
	byName map[string]*corev1.Secret
	naming map[string][]*corev1.Secret // by cluster, those with a key or annotation for it
}

func (f *facts) remoteSecrets(ctx context.Context) (remotes, error) {
	return fact(ctx, f.from, key{what: "remote secrets"}, func(ctx context.Context) (r remotes, err error) {
		r.all, err = list(ctx, f.from, kindSecret, f.from.Namespace, secrets.LabelMultiCluster+"=true")
		r.byName, r.naming = map[string]*corev1.Secret{}, map[string][]*corev1.Secret{}
		for _, s := range r.all {
			r.byName[s.Name] = s
			for cluster := range s.Data {
				r.naming[cluster] = append(r.naming[cluster], s)
			}
			if cluster := s.Annotations[secrets.AnnotationCluster]; cluster != "" {
				if _, holds := s.Data[cluster]; !holds {
					r.naming[cluster] = append(r.naming[cluster], s)
				}
			}
		}
		return r, err
	})
}

func (f *facts) noWorkload() error {
	if f.Workload == nil {
		return &notGivenError{"Input.Workload"}
	}
	return nil
}

// appNamespace is that of the service.
func (f *facts) appNamespace(ctx context.Context, s *server) (*corev1.Namespace, error) {
	if err := f.noWorkload(); err != nil {
		return nil, err
	}
	found, err := get(ctx, s, kindNamespace, "", f.Workload.Namespace)
	return see("namespace-in-both", found, err)
}

func (f *facts) service(ctx context.Context, s *server) (*corev1.Service, error) {
	if err := f.noWorkload(); err != nil {
		return nil, err
	}
	found, err := get(ctx, s, kindService, f.Workload.Namespace, f.Workload.Service)
	return see("service-in-both", found, err)
}

// serverPods are the Pods behind the Service in To.
func (f *facts) serverPods(ctx context.Context) ([]*corev1.Pod, error) {
	svc, err := f.service(ctx, f.to)
	if err != nil || len(svc.Spec.Selector) == 0 {
		return nil, err
	}
	return list(ctx, f.to, kindPod, svc.Namespace, selectorOf(svc.Spec.Selector))
}

// endpoints are the EndpointSlices of the Service in To.
func (f *facts) endpoints(ctx context.Context) ([]*discoveryv1.EndpointSlice, error) {
	if err := f.noWorkload(); err != nil {
		return nil, err
	}
	return list(ctx, f.to, kindEndpointSlice, f.Workload.Namespace, discoveryv1.LabelServiceName+"="+f.Workload.Service)
}

func (f *facts) clientDeployment(ctx context.Context) (*appsv1.Deployment, error) {
	if err := f.noWorkload(); err != nil {
		return nil, err
	}
	return get(ctx, f.from, kindDeployment, f.Workload.ClientNamespace, f.Workload.Client)
}

func (f *facts) clientPods(ctx context.Context) ([]*corev1.Pod, error) {
	d, err := f.clientDeployment(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, f.from, kindPod, d.Namespace, metav1.FormatLabelSelector(d.Spec.Selector))
}

// clientNamespace is that of the client in From.
func (f *facts) clientNamespace(ctx context.Context) (*corev1.Namespace, error) {
	if err := f.noWorkload(); err != nil {
		return nil, err
	}
	return get(ctx, f.from, kindNamespace, "", f.Workload.ClientNamespace)
}

// proxies are the Pods of a side with a sidecar or gateway in them, of those that other checks read too.
func (f *facts) proxies(ctx context.Context, s *server) ([]*corev1.Pod, error) {
	return fact(ctx, s, f.workloadKey("proxies", s), func(ctx context.Context) (proxies []*corev1.Pod, err error) {
		system, err := s.systemPods(ctx)
		var app []*corev1.Pod
		if f.Workload != nil {
			read := f.serverPods
			if s == f.from {
				read = f.clientPods
			}
			var appErr error
			if app, appErr = read(ctx); err == nil && appErr != nil && !absent(appErr) {
				err = appErr
			}
		}
		for _, pod := range slices.Concat(app, system) {
			if proxy(pod) != nil {
				proxies = append(proxies, pod)
			}
		}
		if len(proxies) > 0 {
			return proxies, nil // what was read is enough
		}
		return nil, err
	})
}

// workloadKey names a fact that depends on the workload and on which side of it the cluster is.
func (f *facts) workloadKey(what string, s *server) key {
	k := key{what: what}
	if w := f.Workload; w != nil {
		k.namespace, k.name, k.kind = w.Namespace, w.Service, s.role
		if s == f.from {
			k.namespace, k.name = w.ClientNamespace, w.Client
		}
	}
	return k
}

// saying is a value that proxies have for a variable, and one that has it.
type saying struct {
	value string
	by    *corev1.Pod
}

// said are the values of a variable of a side's proxies, in order.
func (f *facts) said(ctx context.Context, s *server, variable string) ([]saying, error) {
	k := f.workloadKey("said", s)
	k.selector = variable
	return fact(ctx, s, k, func(ctx context.Context) (all []saying, err error) {
		proxies, err := f.proxies(ctx, s)
		for _, pod := range proxies {
			v := env(proxy(pod), variable)
			if !slices.ContainsFunc(all, func(s saying) bool { return s.value == v }) {
				all = append(all, saying{v, pod})
			}
		}
		slices.SortFunc(all, func(a, b saying) int { return strings.Compare(a.value, b.value) })
		return all, err
	})
}

// selectorOf writes labels as a selector.
func selectorOf(want map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		parts = append(parts, k+"="+want[k])
	}
	return strings.Join(parts, ",")
}

// within says whether have holds all of want. Nothing wanted is within everything.
func within(want, have map[string]string) bool {
	for k, v := range want {
		if has, found := have[k]; !found || has != v {
			return false
		}
	}
	return true
}

// selects says whether the selector matches; one that cannot be parsed matches nothing.
func selects(s *metav1.LabelSelector, have map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && parsed.Matches(labels.Set(have))
}

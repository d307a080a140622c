package preflight

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/meshpeer/meshpeer/internal/istio"
)

// noWorkload skips the checks of a service where none is given.
func noWorkload(_ context.Context, f *facts) *verdict {
	if f.Workload != nil {
		return nil
	}
	v := skip("", "no workload is given")
	return &v
}

// present looks for an object on both sides.
func present[T Object](f *facts, read func(*server) (T, error), kind, namespace, name, remedy string) []verdict {
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		_, err := read(s)
		switch subject := s.thing(kind, namespace, name); {
		case err != nil && absent(err):
			found = append(found, fail(subject, remedy, "it does not exist"))
		case err != nil:
			found = append(found, unread(subject, err))
		default:
			found = append(found, pass(subject, "it exists"))
		}
	}
	return found
}

// namespaceInBoth: a namespace of one name is one namespace in all clusters of a mesh (namespace sameness).
func namespaceInBoth(ctx context.Context, f *facts) []verdict {
	return present(f, func(s *server) (*corev1.Namespace, error) { return f.appNamespace(ctx, s) }, kindNamespace.name, "", f.Workload.Namespace, "create the namespace")
}

// serviceInBoth: without the Service in its own cluster a client has no DNS name to call.
func serviceInBoth(ctx context.Context, f *facts) []verdict {
	return present(f, func(s *server) (*corev1.Service, error) { return f.service(ctx, s) }, kindService.name, f.Workload.Namespace, f.Workload.Service,
		"create the Service, even with no replica behind it")
}

// serverReady: somebody must answer.
func serverReady(ctx context.Context, f *facts) []verdict {
	all, err := f.endpoints(ctx)
	subject := f.to.thing(kindService.name, f.Workload.Namespace, f.Workload.Service)
	if err != nil {
		return one(unread(subject, err))
	}
	if n := readyEndpoints(all); n > 0 {
		return one(pass(subject, "%d ready endpoints", n))
	}
	return one(fail(subject, "start its Pods, or find out why they are not ready", "no ready endpoint"))
}

// clientReady: a call needs a Pod to come from, with a running proxy.
func clientReady(ctx context.Context, f *facts) []verdict {
	subject := f.from.thing(kindDeployment.name, f.Workload.ClientNamespace, f.Workload.Client)
	pods, err := f.clientPods(ctx)
	switch {
	case err != nil && absent(err):
		return one(fail(subject, "deploy a client (Istio samples/sleep), or name one in Workload.Client", "it does not exist"))
	case err != nil:
		return one(unread(subject, err))
	}
	ns, err := f.clientNamespace(ctx)
	if err != nil {
		return one(unread(subject, err))
	}
	why := "it has no Pod"
	for _, pod := range pods {
		switch {
		case !isReady(pod):
			why = "Pod " + pod.Name + " is not ready"
		case isAmbient(pod, ns):
			return one(pass(f.from.object(pod), "it is ready, and in the ambient mesh"))
		case proxy(pod) == nil:
			why = "Pod " + pod.Name + " has no sidecar"
		case !proxyReady(pod):
			why = "the sidecar of Pod " + pod.Name + " is not ready"
		default:
			return one(pass(f.from.object(pod), "it is ready, and so is its sidecar"))
		}
	}
	return one(fail(subject, "start it, or restart it once its namespace is labelled for injection", "%s", why))
}

func proxyReady(pod *corev1.Pod) bool {
	for _, all := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for _, c := range all {
			if c.Name == "istio-proxy" {
				return c.Ready
			}
		}
	}
	return false
}

// samePorts compares what makes both Services one (Istio analyzer IST0170, without its comparison of node ports).
func samePorts(ctx context.Context, f *facts) []verdict {
	from, err := f.service(ctx, f.from)
	if err != nil {
		return one(unread(f.from.name, err))
	}
	to, err := f.service(ctx, f.to)
	if err != nil {
		return one(unread(f.to.name, err))
	}
	subject := fmt.Sprintf("Service/%s/%s", from.Namespace, from.Name)
	const remedy = "make the Services alike in both clusters"
	var found []verdict
	differ := func(what string, a, b any) verdict {
		return fail(subject, remedy, "%s is %v in %s and %v in %s", what, a, f.from.name, b, f.to.name)
	}
	if f.Workload.Port != 0 && portOf(from, f.Workload.Port) == nil {
		found = append(found, fail(subject, "name one of its ports", "the Service has no port %d", f.Workload.Port))
	}
	for _, p := range from.Spec.Ports {
		if f.Workload.Port != 0 && p.Port != f.Workload.Port {
			continue
		}
		other := portOf(to, p.Port)
		switch {
		case other == nil:
			found = append(found, fail(subject, remedy, "port %d of %s does not exist in %s", p.Port, f.from.name, f.to.name))
		case protocol(p) != protocol(*other):
			found = append(found, differ(fmt.Sprintf("protocol of port %d", p.Port), protocol(p), protocol(*other)))
		case p.Name != other.Name:
			found = append(found, differ(fmt.Sprintf("name of port %d", p.Port), quoted(p.Name), quoted(other.Name)).as(Warns))
		case value(p.AppProtocol) != value(other.AppProtocol):
			found = append(found, differ(fmt.Sprintf("appProtocol of port %d", p.Port), quoted(value(p.AppProtocol)), quoted(value(other.AppProtocol))).as(Warns))
		}
	}
	if from.Spec.Type != to.Spec.Type {
		found = append(found, differ("type", from.Spec.Type, to.Spec.Type).as(Warns))
	}
	if a, b := headless(from), headless(to); a != b {
		found = append(found, differ("headless", a, b).as(Warns))
	}
	return or(found, pass(subject, "ports and type are alike"))
}

func portOf(s *corev1.Service, port int32) *corev1.ServicePort { return istio.ServicePort(s, port) }

// protocol is TCP by default.
func protocol(p corev1.ServicePort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

func headless(s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone }

func quoted(s string) string { return fmt.Sprintf("%q", s) }

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// host is the name under which Istio knows the service.
func (w *Workload) host() string {
	return w.Service + "." + w.Namespace + ".svc." + w.DomainSuffix
}

// fqdn resolves a short host in a namespace, as Istio does for a name without a dot (Istio pilot/pkg/model/config.go,
// ResolveShortnameToFQDN).
func (w *Workload) fqdn(host, namespace string) string {
	if host == "*" || strings.Contains(host, ".") {
		return host
	}
	return host + "." + namespace + ".svc." + w.DomainSuffix
}

// covers says whether a host, which may begin with a star, is or includes name.
func covers(host, name string) bool {
	if suffix, wild := strings.CutPrefix(host, "*"); wild {
		return strings.HasSuffix(name, suffix)
	}
	return host == name
}

// exported says whether exportTo lets namespace see a thing of its owner's namespace. Empty means everywhere.
func exported(exportTo []string, owner, namespace string) bool {
	if len(exportTo) == 0 {
		return true
	}
	for _, to := range exportTo {
		if to == "*" || to == namespace || to == "." && owner == namespace {
			return true
		}
	}
	return false
}

package preflight

import (
	"context"

	corev1 "k8s.io/api/core/v1"
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
func present[T Object](f *facts, read func(*server) (T, error), like Object, remedy string) []verdict {
	var found []verdict
	for _, s := range []*server{f.from, f.to} {
		_, err := read(s)
		switch subject := s.object(like); {
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
	return present(f, func(s *server) (*corev1.Namespace, error) { return f.appNamespace(ctx, s) }, namespace(f.Workload.Namespace), "create the namespace")
}

// serviceInBoth: without the Service in its own cluster a client has no DNS name to call.
func serviceInBoth(ctx context.Context, f *facts) []verdict {
	return present(f, func(s *server) (*corev1.Service, error) { return f.service(ctx, s) }, service(f.Workload.Namespace, f.Workload.Service),
		"create the Service, even with no replica behind it")
}

// serverReady: somebody must answer.
func serverReady(ctx context.Context, f *facts) []verdict {
	all, err := f.endpoints(ctx)
	subject := f.to.object(service(f.Workload.Namespace, f.Workload.Service))
	if err != nil {
		return one(unread(subject, err))
	}
	if n := readyEndpoints(all); n > 0 {
		return one(pass(subject, "%d ready endpoints", n))
	}
	return one(fail(subject, "start its Pods, or look why they are not ready", "no ready endpoint"))
}

// clientReady: a call needs a Pod to come from, with a running proxy.
func clientReady(ctx context.Context, f *facts) []verdict {
	subject := f.from.object(deployment(f.Workload.ClientNamespace, f.Workload.Client))
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
			return one(pass(f.from.object(pod), "it is ready, and of the ambient mesh"))
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

package preflight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// systemPods are all Pods of the system namespace: istiods, and usually gateways.
func (s *server) systemPods(ctx context.Context) ([]*corev1.Pod, error) {
	return list(ctx, s, pods(s.Namespace), "")
}

// istiods are the Pods that run or are about to.
func (s *server) istiods(ctx context.Context) ([]*corev1.Pod, error) {
	all, err := s.systemPods(ctx)
	var found []*corev1.Pod
	for _, pod := range all {
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if pod.Labels["app"] == "istiod" && pod.DeletionTimestamp == nil && !ended {
			found = append(found, pod)
		}
	}
	return found, err
}

func (s *server) systemNamespace(ctx context.Context) (*corev1.Namespace, error) {
	return get(ctx, s, namespace(s.Namespace))
}

// mesh is the content of ConfigMap istio or istio-<revision>.
type mesh struct {
	meshv1alpha1.MeshConfig
	networks meshv1alpha1.MeshNetworks
	object   *corev1.ConfigMap
}

// rootNamespace is where configuration for the whole mesh lives.
func (m *mesh) root(s *server) string { return cmp.Or(m.GetRootNamespace(), s.Namespace) }

// mesh reads the mesh configuration of the istiod that runs there (Istio pilot/pkg/bootstrap/mesh.go). Its name carries the
// revision; where no istiod tells it, that of the default revision is tried.
func (s *server) mesh(ctx context.Context) (*mesh, error) {
	name := "istio"
	istiods, err := s.istiods(ctx)
	if err != nil {
		return nil, err
	}
	for _, pod := range istiods {
		if revision := env(discovery(pod), "REVISION"); revision != "" && revision != "default" {
			name = "istio-" + revision
		}
	}
	o, err := get(ctx, s, configMap(s.Namespace, name))
	if err != nil {
		return nil, err
	}
	m := &mesh{object: o}
	if err := yaml.Unmarshal([]byte(o.Data["mesh"]), &m.MeshConfig); err != nil {
		return nil, fmt.Errorf("preflight: ConfigMap %s/%s, key mesh: %w", o.Namespace, o.Name, err)
	}
	if err := yaml.Unmarshal([]byte(o.Data["meshNetworks"]), &m.networks); err != nil {
		return nil, fmt.Errorf("preflight: ConfigMap %s/%s, key meshNetworks: %w", o.Namespace, o.Name, err)
	}
	return m, nil
}

// proxy is the container of the sidecar or gateway; a native sidecar is an init container. nil if there is none.
func proxy(pod *corev1.Pod) *corev1.Container { return container(pod, "istio-proxy") }

// discovery is istiod's container.
func discovery(pod *corev1.Pod) *corev1.Container { return container(pod, "discovery") }

func container(pod *corev1.Pod, name string) *corev1.Container {
	for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == name {
				return &containers[i]
			}
		}
	}
	return nil
}

// env is the plain value of a variable; "" if unset or taken from elsewhere.
func env(c *corev1.Container, name string) string {
	if c == nil {
		return ""
	}
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// version of Istio by the image tag of an istiod, without what names the image's variant; "" if none tells.
func (f *facts) istioVersion(ctx context.Context) (string, error) {
	if f.IstioVersion != "" {
		return f.IstioVersion, nil
	}
	istiods, err := f.from.istiods(ctx)
	for _, pod := range istiods {
		if c := discovery(pod); c != nil {
			image, _, _ := strings.Cut(c.Image[strings.LastIndex(c.Image, "/")+1:], "@")
			if _, tag, tagged := strings.Cut(image, ":"); tagged {
				return tag, nil
			}
		}
	}
	return "", err
}

// values of a variable of the proxies' containers, each with a Pod that has it.
func values(pods []*corev1.Pod, name string) map[string]*corev1.Pod {
	found := map[string]*corev1.Pod{}
	for _, pod := range pods {
		if v := env(proxy(pod), name); found[v] == nil {
			found[v] = pod
		}
	}
	return found
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

package preflight

import (
	"cmp"
	"context"
	"maps"
	"slices"

	meshv1alpha1 "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/istio"
)

// systemPods are all Pods of the system namespace: istiods, and usually gateways.
func (s *server) systemPods(ctx context.Context) ([]*corev1.Pod, error) {
	return list(ctx, s, kindPod, s.Namespace, "")
}

// secretNames are the Secrets of the system namespace by name, without their data: private keys are among them.
func (s *server) secretNames(ctx context.Context) (map[string]*metav1.PartialObjectMetadata, error) {
	return fact(ctx, s, key{what: "secret names"}, func(ctx context.Context) (map[string]*metav1.PartialObjectMetadata, error) {
		all, err := list(ctx, s, kindSecretName, s.Namespace, "")
		byName := make(map[string]*metav1.PartialObjectMetadata, len(all))
		for _, o := range all {
			byName[o.Name] = o
		}
		return byName, err
	})
}

// findIstiods sorts the Pods by the selector of the side: istiods, those that are gone, and those that look like one.
func (s *server) findIstiods(ctx context.Context) (istio.Found, error) {
	return fact(ctx, s, key{what: "istiods"}, func(ctx context.Context) (istio.Found, error) {
		all, err := s.systemPods(ctx)
		return istio.Find(all, s.IstiodSelector), err
	})
}

// istiods are the Pods that run or are about to.
func (s *server) istiods(ctx context.Context) ([]*corev1.Pod, error) {
	found, err := s.findIstiods(ctx)
	return found.Running, err
}

// mesh is the content of ConfigMap istio or istio-<revision>.
type mesh struct {
	meshv1alpha1.MeshConfig
	networks meshv1alpha1.MeshNetworks
	object   *corev1.ConfigMap
}

// rootNamespace is where configuration for the whole mesh lives.
func (m *mesh) root(s *server) string { return cmp.Or(m.GetRootNamespace(), s.Namespace) }

// revisions of the istiods that run there, "" for the default one, which comes first. Where no istiod tells, it is tried.
func (s *server) revisions(ctx context.Context) ([]string, error) {
	return fact(ctx, s, key{what: "revisions"}, func(ctx context.Context) (all []string, err error) {
		istiods, err := s.istiods(ctx)
		for _, pod := range istiods {
			all = append(all, istio.Revision(pod))
		}
		if len(all) == 0 {
			all = []string{""}
		}
		slices.Sort(all)
		return slices.Compact(all), err
	})
}

// mesh reads the mesh configuration of the istiod that runs there, of the first of several revisions; check
// istiod-revisions compares the others with it. If there is none, it may be kept elsewhere: then a check has missed it.
func (s *server) mesh(ctx context.Context) (*mesh, error) {
	m, err := s.meshHere(ctx)
	if err != nil && absent(err) {
		miss(ctx, s.name, err)
	}
	return m, err
}

func (s *server) meshHere(ctx context.Context) (*mesh, error) {
	revisions, err := s.revisions(ctx)
	if err != nil {
		return nil, err
	}
	return s.meshOfRevision(ctx, revisions[0])
}

// meshOfRevision reads the mesh configuration of a revision (Istio pilot/pkg/bootstrap/mesh.go).
func (s *server) meshOfRevision(ctx context.Context, revision string) (*mesh, error) {
	return fact(ctx, s, key{what: "mesh", name: revision}, func(ctx context.Context) (*mesh, error) {
		o, err := get(ctx, s, kindConfigMap, s.Namespace, istio.MeshConfig(revision))
		if err != nil {
			return nil, err
		}
		m := &mesh{object: o}
		if err := yaml.Unmarshal([]byte(o.Data["mesh"]), &m.MeshConfig); err != nil {
			return nil, &contentError{s.object(o) + ", key mesh,", err}
		}
		if err := yaml.Unmarshal([]byte(o.Data["meshNetworks"]), &m.networks); err != nil {
			return nil, &contentError{s.object(o) + ", key meshNetworks,", err}
		}
		return m, nil
	})
}

// meshIfAny is From's mesh configuration, empty if there is no ConfigMap for it.
func (f *facts) meshIfAny(ctx context.Context) (*mesh, error) {
	m, err := f.from.meshHere(ctx)
	if err != nil && absent(err) {
		return &f.from.none, nil
	}
	return m, err
}

// istiodEnv is the value of a variable of From's istiods, of the first that sets it; "" if none does or none could be read.
func (f *facts) istiodEnv(ctx context.Context, name string) string {
	istiods, _ := f.from.istiods(ctx)
	for _, pod := range istiods {
		if v := env(istio.Container(pod), name); v != "" {
			return v
		}
	}
	return ""
}

// proxy is the container of the sidecar or gateway; a native sidecar is an init container. nil if there is none.
func proxy(pod *corev1.Pod) *corev1.Container { return container(pod, "istio-proxy") }

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

// istioVersions are the versions of From's istiods, by the tags of their images, each once and in order. Empty: none tells.
func (f *facts) istioVersions(ctx context.Context) ([]string, error) {
	var all []string
	var err error
	if all = append(all, f.IstioVersions...); f.IstioVersion != "" {
		all = append(all, f.IstioVersion)
	}
	if len(all) == 0 {
		var istiods []*corev1.Pod
		istiods, err = f.from.istiods(ctx)
		for _, pod := range istiods {
			all = append(all, istio.Version(pod))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}

// takenFrom says whether a variable has a source other than the Pod: then its value is not known.
func takenFrom(c *corev1.Container, name string) bool {
	for _, e := range c.Env {
		if e.Name == name {
			return e.ValueFrom != nil
		}
	}
	return len(c.EnvFrom) > 0
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

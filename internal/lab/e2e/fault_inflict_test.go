//go:build linux

package e2e_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/meshpeer/meshpeer/internal/lab"
	"github.com/meshpeer/meshpeer/peering"
)

// object names one, without a Go type: all its fields have to come back when a fault is mended.
func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

// live reads an object.
func live(t *testing.T, c *peering.Cluster, like *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	found, err := c.Objects.Get(t.Context(), like)
	require.NoError(t, err)
	return found.(*unstructured.Unstructured)
}

// edited changes an object, and then gives it back its labels and its spec.
func edited(t *testing.T, c *peering.Cluster, like *unstructured.Unstructured, edit func(*unstructured.Unstructured)) (mend func()) {
	t.Helper()
	was := live(t, c, like)
	broken := was.DeepCopy()
	edit(broken)
	_, err := c.Objects.Update(t.Context(), broken)
	require.NoError(t, err)
	return func() {
		now := live(t, c, like)
		now.SetLabels(was.GetLabels())
		if spec, ok := was.Object["spec"]; ok {
			now.Object["spec"] = spec
		}
		_, err := c.Objects.Update(t.Context(), now)
		require.NoError(t, err)
	}
}

// set is an edit of one field.
func set(value any, path ...string) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) { _ = unstructured.SetNestedField(o.Object, value, path...) }
}

// without deletes an object and then makes it anew.
func without(t *testing.T, c *peering.Cluster, like *unstructured.Unstructured) (mend func()) {
	t.Helper()
	was := live(t, c, like)
	require.NoError(t, c.Objects.Delete(t.Context(), like))
	return func() { anew(t, c, was, func(*unstructured.Unstructured) {}) }
}

// replaced deletes an object and makes it anew in another shape, without its status.
func replaced(t *testing.T, c *peering.Cluster, like *unstructured.Unstructured, edit func(*unstructured.Unstructured)) (mend func()) {
	t.Helper()
	was := live(t, c, like)
	require.NoError(t, c.Objects.Delete(t.Context(), like))
	anew(t, c, was, edit)
	return func() {
		require.NoError(t, c.Objects.Delete(t.Context(), like))
		anew(t, c, was, func(*unstructured.Unstructured) {})
	}
}

func anew(t *testing.T, c *peering.Cluster, was *unstructured.Unstructured, edit func(*unstructured.Unstructured)) {
	t.Helper()
	again := was.DeepCopy()
	again.SetUID("")
	again.SetResourceVersion("")
	delete(again.Object, "status")
	for _, given := range []string{"clusterIP", "clusterIPs"} {
		unstructured.RemoveNestedField(again.Object, "spec", given)
	}
	edit(again)
	_, err := c.Objects.Create(t.Context(), again)
	require.NoError(t, err)
}

// with adds an object and then deletes it, in each of the clusters.
func with(t *testing.T, text string, clusters ...*peering.Cluster) (mend func()) {
	t.Helper()
	o := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &o.Object))
	o.SetNamespace("default")
	for _, c := range clusters {
		_, err := c.Objects.Create(t.Context(), o)
		require.NoError(t, err)
	}
	return func() {
		for _, c := range clusters {
			require.NoError(t, c.Objects.Delete(context.Background(), o))
		}
	}
}

// scale waits until as many pods are there.
func (s *scene) scale(t *testing.T, c *lab.Cluster, app string, n int) {
	t.Helper()
	s.scaleIn(t, c, "default", app, n)
}

func (s *scene) scaleIn(t *testing.T, c *lab.Cluster, namespace, app string, n int) {
	t.Helper()
	require.NoError(t, c.Scale(t.Context(), namespace, app, n))
	require.NoError(t, c.WaitPods(t.Context(), namespace, "app="+app, n))
}

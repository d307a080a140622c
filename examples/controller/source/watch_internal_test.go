package source

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// fiveMeshes have a kind of source each, and one of them is in another namespace.
func fiveMeshes(t *testing.T) users {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	selector := metav1.LabelSelector{MatchLabels: map[string]string{"mesh": "shop"}}
	mesh := func(namespace, name string, from v1alpha1.Members) client.Object {
		return &v1alpha1.Mesh{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.MeshSpec{Members: from}}
	}
	return users{fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		mesh("a", "secrets", v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{Selector: selector}}),
		mesh("a", "profiles", v1alpha1.Members{ClusterProfiles: &v1alpha1.ProfileMembers{Selector: selector}}),
		mesh("a", "map", v1alpha1.Members{ConfigMap: &v1alpha1.LocalName{Name: "members"}}),
		mesh("a", "file", v1alpha1.Members{File: &v1alpha1.LocalName{Name: "members.yaml"}}),
		mesh("b", "secrets", v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{Selector: selector}}),
	).Build()}
}

func names(requests []reconcile.Request) (all []string) {
	for _, r := range requests {
		all = append(all, r.String())
	}
	return all
}

func TestWhoUses(t *testing.T) {
	meshes := fiveMeshes(t)
	labelled := metav1.ObjectMeta{Namespace: "a", Name: "x", Labels: map[string]string{"mesh": "shop"}}
	other := metav1.ObjectMeta{Namespace: "a", Name: "members", Labels: map[string]string{"mesh": "garden"}}
	own := *labelled.DeepCopy()
	own.Labels[peering.LabelManagedBy] = peering.ManagedBy
	profile := &unstructured.Unstructured{}
	profile.SetNamespace("a")
	profile.SetLabels(labelled.Labels)
	for _, c := range []struct {
		uses func(*v1alpha1.Mesh, client.Object) bool
		o    client.Object
		want []string
	}{
		{usesSecret, &corev1.Secret{ObjectMeta: labelled}, []string{"a/map", "a/profiles", "a/secrets"}},
		{usesSecret, &corev1.Secret{ObjectMeta: other}, []string{"a/map", "a/profiles"}},
		{usesSecret, &corev1.Secret{ObjectMeta: own}, nil},
		{usesConfigMap, &corev1.ConfigMap{ObjectMeta: other}, []string{"a/map"}},
		{usesConfigMap, &corev1.ConfigMap{ObjectMeta: labelled}, nil},
		{usesProfile, profile, []string{"a/profiles"}},
	} {
		require.Equal(t, c.want, names(meshes.of(c.uses)(t.Context(), c.o)), "%T %s", c.o, c.o.GetName())
	}
}

// TestBare: what is watched is kept without what kubectl applied last, which has a Secret's data.
func TestBare(t *testing.T) {
	for o, by := range CacheOptions() {
		o.SetAnnotations(map[string]string{corev1.LastAppliedConfigAnnotation: "a secret"})
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl"}})
		o.SetLabels(map[string]string{"mesh": "shop"})
		kept, err := by.Transform(o)
		require.NoError(t, err)
		require.Empty(t, kept.(client.Object).GetAnnotations())
		require.Empty(t, kept.(client.Object).GetManagedFields())
		require.NotEmpty(t, kept.(client.Object).GetLabels())
	}
}

// TestPoll: a changed file reconciles the Meshes of files; a directory that cannot be read for a while is no change.
func TestPoll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "members")
	require.NoError(t, os.Mkdir(dir, 0o700))
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "members.yaml"), []byte(text), 0o600))
	}
	write("one")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		defer cancel()
		go fiveMeshes(t).poll(ctx, dir, queue)
		time.Sleep(time.Hour)
		require.Zero(t, queue.Len())
		write("two")
		time.Sleep(2 * pollEvery)
		require.Equal(t, 1, queue.Len())
		r, _ := queue.Get()
		require.Equal(t, "a/file", r.String())
		queue.Done(r)

		require.NoError(t, os.Rename(dir, dir+"-away"))
		time.Sleep(2 * pollEvery)
		require.NoError(t, os.Rename(dir+"-away", dir))
		time.Sleep(2 * pollEvery)
		require.Zero(t, queue.Len())
	})
}

package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	crsource "sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/peering"
)

// Watch lets a change of a source reconcile the Meshes that use it at once. Of Secrets, ConfigMaps and ClusterProfiles the
// metadata are watched and nothing else is kept; the directory is read every 5 s. Where the CRD of ClusterProfiles is missing
// they are not watched, and have to be waited for (spec.recheckEvery) until the controller is started again.
func Watch(b *builder.Builder, mgr manager.Manager, membersDir string) error {
	meshes := users{mgr.GetClient()}
	b.WatchesMetadata(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(meshes.of(usesSecret)))
	b.WatchesMetadata(&corev1.ConfigMap{}, handler.EnqueueRequestsFromMapFunc(meshes.of(usesConfigMap)))
	_, err := mgr.GetRESTMapper().RESTMapping(ClusterProfile.GroupKind(), ClusterProfile.Version)
	if err == nil {
		profile := &unstructured.Unstructured{}
		profile.SetGroupVersionKind(ClusterProfile)
		b.Watches(profile, handler.EnqueueRequestsFromMapFunc(meshes.of(usesProfile)))
	} else if !meta.IsNoMatchError(err) {
		return err
	}
	if membersDir != "" {
		b.WatchesRawSource(crsource.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			go meshes.poll(ctx, membersDir, queue)
			return nil
		}))
	}
	return nil
}

// CacheOptions are for the manager's cache: of what is only watched it keeps names, labels and versions. Annotations may hold
// what kubectl applied last, which of a Secret is the secret.
func CacheOptions() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&corev1.Secret{}:    {Transform: bare},
		&corev1.ConfigMap{}: {Transform: bare},
	}
}

func bare(o any) (any, error) {
	if m, err := meta.Accessor(o); err == nil {
		m.SetAnnotations(nil)
		m.SetManagedFields(nil)
	}
	return o, nil
}

// users finds the Meshes that use an object.
type users struct{ reader client.Reader }

func (u users) of(uses func(*v1alpha1.Mesh, client.Object) bool) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		if o.GetLabels()[peering.LabelManagedBy] == peering.ManagedBy { // of a link: where a member is the cluster of the Mesh
			return nil
		}
		return u.requests(ctx, o.GetNamespace(), func(m *v1alpha1.Mesh) bool { return uses(m, o) })
	}
}

func (u users) requests(ctx context.Context, namespace string, wanted func(*v1alpha1.Mesh) bool) (all []reconcile.Request) {
	var meshes v1alpha1.MeshList
	if u.reader.List(ctx, &meshes, client.InNamespace(namespace)) != nil {
		return nil // of a cache: it fails when the controller stops
	}
	for i := range meshes.Items {
		if wanted(&meshes.Items[i]) {
			all = append(all, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&meshes.Items[i])})
		}
	}
	return all
}

func usesSecret(m *v1alpha1.Mesh, o client.Object) bool {
	switch from := m.Spec.Members; {
	case from.Secrets != nil:
		return matches(from.Secrets.Selector, o)
	case from.ClusterProfiles != nil, from.ConfigMap != nil: // it may be the one that a profile or the ConfigMap names
		return true
	}
	return false
}

func usesConfigMap(m *v1alpha1.Mesh, o client.Object) bool {
	return m.Spec.Members.ConfigMap != nil && m.Spec.Members.ConfigMap.Name == o.GetName()
}

func usesProfile(m *v1alpha1.Mesh, o client.Object) bool {
	return m.Spec.Members.ClusterProfiles != nil && matches(m.Spec.Members.ClusterProfiles.Selector, o)
}

func matches(s metav1.LabelSelector, o client.Object) bool {
	selector, err := selectorOf(s)
	return err == nil && selector.Matches(labels.Set(o.GetLabels()))
}

// pollEvery is how often the directory is read: what is mounted there changes by a new symbolic link, which not every way to
// be notified shows.
const pollEvery = 5 * time.Second

func (u users) poll(ctx context.Context, dir string, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	last := digest(dir)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
		if now := digest(dir); now != last && now != "" {
			last = now
			for _, r := range u.requests(ctx, "", func(m *v1alpha1.Mesh) bool { return m.Spec.Members.File != nil }) {
				queue.Add(r)
			}
		}
	}
}

// digest of the files of a directory; "" while they cannot be read.
func digest(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	sum := sha256.New()
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(dir, e.Name())); err != nil || info.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return ""
		}
		sum.Write([]byte(e.Name() + "\x00" + hex.EncodeToString(data) + "\x00"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

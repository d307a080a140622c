package config_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/meshpeer/meshpeer/examples/controller/api/v1alpha1"
	"github.com/meshpeer/meshpeer/examples/controller/fence"
	"github.com/meshpeer/meshpeer/examples/controller/mesh"
	"github.com/meshpeer/meshpeer/examples/controller/source"
	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
	"github.com/meshpeer/meshpeer/rbac"
)

// client is the management cluster as the controller may use it.
func (g guard) client(t *testing.T, scheme *runtime.Scheme, objects ...client.Object) (limited, administrator client.Client) {
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Mesh{}).WithObjects(objects...).Build()
	ask := func(verb string, o runtime.Object, namespace, name, subresource string) error {
		gvk, err := apiutil.GVKForObject(o, scheme)
		require.NoError(t, err)
		resource, is := map[string]string{
			"Mesh": "meshes", "Secret": "secrets", "SecretList": "secrets", "ConfigMap": "configmaps", "Lease": "leases",
		}[gvk.Kind]
		require.True(t, is, gvk.Kind)
		return g.ask(rbac.Access{Verb: verb, Group: gvk.Group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name})
	}
	return interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := ask("get", o, key.Namespace, key.Name, ""); err != nil {
				return err
			}
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			in := client.ListOptions{}
			in.ApplyOptions(opts)
			if err := ask("list", list, in.Namespace, "", ""); err != nil {
				return err
			}
			return c.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := ask("create", o, o.GetNamespace(), "", ""); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := ask("update", o, o.GetNamespace(), o.GetName(), ""); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			if err := ask("patch", o, o.GetNamespace(), o.GetName(), ""); err != nil {
				return err
			}
			return c.Patch(ctx, o, patch, opts...)
		},
		Delete: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.DeleteOption) error {
			return ask("delete", o, o.GetNamespace(), o.GetName(), "")
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			if err := ask("patch", o, o.GetNamespace(), o.GetName(), name); err != nil {
				return err
			}
			return c.SubResource(name).Patch(ctx, o, patch, opts...)
		},
		SubResourceUpdate: func(_ context.Context, _ client.Client, name string, o client.Object, _ ...client.SubResourceUpdateOption) error {
			return ask("update", o, o.GetNamespace(), o.GetName(), name)
		},
	}), c
}

// inMemory connects to members of a mesh in memory.
type inMemory map[peering.ID]*peering.Cluster

func (c inMemory) Connect(_ context.Context, _ types.NamespacedName, m mesh.Member) (*peering.Cluster, error) {
	return c[m.ID], m.Err
}

func (c inMemory) Last(_ types.NamespacedName, id peering.ID) (*peering.Cluster, bool) {
	return c[id], c[id] != nil
}

func (inMemory) Keep(types.NamespacedName, ...peering.ID) {}

// TestController runs the controller with the rights of default and of member/write: it peers two members, renews their
// credentials for a day, and removes all when the Mesh is deleted.
func TestController(t *testing.T) {
	management, used, held := policy(t, "default"), policyWithout(t, "meshpeer-controller-reader", "member/write"), policy(t, "member/write")
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, coordinationv1.AddToScheme} {
		require.NoError(t, add(scheme))
	}
	synctest.Test(t, func(t *testing.T) {
		m := peeringtest.NewMesh("east", "west")
		members := newGuard(t, t, used, held)
		connector, objects := inMemory{}, []client.Object{}
		for _, member := range m.Members() {
			id := member.Cluster.ID
			connector[id] = members.member(member.Cluster)
			objects = append(objects, &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "meshpeer-system", Name: id.String(), Labels: map[string]string{"mesh": "shop"}},
				Data: map[string][]byte{"kubeconfig": fmt.Appendf(nil,
					`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], clusters: [{name: a, cluster: {server: %q}}], users: [{name: a, user: {token: a}}]}`, "https://"+id.String()+".example")},
			})
		}
		key := client.ObjectKey{Namespace: "meshpeer-system", Name: "shop"}
		objects = append(objects, &v1alpha1.Mesh{
			ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Generation: 1, UID: "1"},
			Spec: v1alpha1.MeshSpec{
				Members:    v1alpha1.Members{Secrets: &v1alpha1.SecretMembers{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"mesh": "shop"}}}},
				Credential: v1alpha1.Credential{Kind: v1alpha1.Bound, Lifetime: &metav1.Duration{Duration: time.Hour}},
			},
		})
		g := newGuard(t, t, management, management)
		limited, administrator := g.client(t, scheme, objects...)
		r := &mesh.Reconciler{
			Client: limited, Reader: limited, Events: events.NewFakeRecorder(1024), Connector: connector,
			Sources: func(m *v1alpha1.Mesh) (mesh.Source, error) { return source.For(limited, "", m) },
			Fence:   fence.New(limited, "meshpeer-system", "test", fence.Options{}),
			Base:    peering.Peering{Reader: rbac.Options{Profile: rbac.Minimal}},
		}
		reconcileFor := func(span time.Duration) {
			t.Helper()
			for end := time.Now().Add(span); time.Now().Before(end); {
				result, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: key})
				require.NoError(t, err)
				time.Sleep(max(result.RequeueAfter, time.Second))
			}
		}
		now := &v1alpha1.Mesh{}
		reconcileFor(5 * time.Minute)
		require.NoError(t, administrator.Get(t.Context(), key, now))
		require.Equal(t, "2/2", now.Status.LinksReady, now.Status.Links)
		first := now.Status.Links[0].Credential
		reconcileFor(24 * time.Hour)
		require.NoError(t, administrator.Get(t.Context(), key, now))
		require.Equal(t, "2/2", now.Status.LinksReady, now.Status.Links)
		require.Greater(t, now.Status.Links[0].Credential, first)
		require.NoError(t, administrator.Delete(t.Context(), now))
		reconcileFor(time.Minute)
		require.Error(t, administrator.Get(t.Context(), key, now), "removed, and let go")
		left, err := peering.Credentials(t.Context(), m.Clusters()...)
		require.NoError(t, err)
		require.Empty(t, left)
		require.Equal(t, []string{ // what only a manager asks for: caches, events, leader election; and other sources
			"list,watch meshes.meshpeer.io in namespace meshpeer-system",
			"get,watch secrets in namespace meshpeer-system",
			"get,list,watch configmaps in namespace meshpeer-system",
			"list,watch clusterprofiles.multicluster.x-k8s.io in namespace meshpeer-system",
			"create,patch events.events.k8s.io, events in namespace meshpeer-system",
		}, g.unused())
	})
}

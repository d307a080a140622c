package peeringtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/meshpeer/meshpeer/peering"
	"github.com/meshpeer/meshpeer/peering/istiod"
	"github.com/meshpeer/meshpeer/peering/peeringtest"
)

// statusOf is what each replica of a member says of a cluster.
func statusOf(t *testing.T, m *peeringtest.Member, id string) (all []istiod.Status) {
	t.Helper()
	replicas, err := m.Istiods.Replicas(t.Context())
	require.NoError(t, err)
	for _, r := range replicas {
		status, err := r.Status(t.Context(), id, "")
		require.NoError(t, err)
		all = append(all, status)
	}
	return all
}

func two() (east, west *peeringtest.Member) {
	mesh := peeringtest.NewMesh("east", "west")
	return mesh.Member("east"), mesh.Member("west")
}

// TestSyncFollowsWhatItRestsOn changes, one by one, all that the state of a remote cluster depends on.
func TestSyncFollowsWhatItRestsOn(t *testing.T) {
	east, west := two()
	synced, failed := []istiod.Status{istiod.Synced}, []istiod.Status{istiod.TimedOut}
	require.Equal(t, []istiod.Status{istiod.NotSeen}, statusOf(t, east, "west"))
	remote := share(t, east, west, grantTo(t, west, "reader"))
	require.Equal(t, synced, statusOf(t, east, "west"))

	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}
	local := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "reader"}}
	for _, like := range []peering.Object{
		role, local,
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "reader"}},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "reader"}},
	} {
		stored, err := west.Get(t.Context(), like)
		require.NoError(t, err)
		require.NoError(t, west.Delete(t.Context(), like))
		require.Equal(t, failed, statusOf(t, east, "west"), "%T", like)
		_, err = west.Create(t.Context(), stored)
		require.NoError(t, err)
		require.Equal(t, synced, statusOf(t, east, "west"), "%T", like)
	}
	stored, err := west.Get(t.Context(), role)
	require.NoError(t, err)
	whole := stored.DeepCopyObject().(*rbacv1.ClusterRole)
	stored.(*rbacv1.ClusterRole).Rules = whole.Rules[:1]
	_, err = west.Update(t.Context(), stored)
	require.NoError(t, err)
	require.Equal(t, failed, statusOf(t, east, "west"), "role made narrower")
	whole.ResourceVersion = ""
	_, err = west.Update(t.Context(), whole)
	require.NoError(t, err)
	require.Equal(t, synced, statusOf(t, east, "west"))

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "reader-1"}}
	require.NoError(t, west.Delete(t.Context(), secret))
	require.Equal(t, failed, statusOf(t, east, "west"), "token revoked")

	remote.Labels = nil
	_, err = east.Update(t.Context(), remote)
	require.NoError(t, err)
	require.Equal(t, []istiod.Status{istiod.NotSeen}, statusOf(t, east, "west"), "no remote secret any more")
}

func TestRestartGivesNewPods(t *testing.T) {
	east, west := two()
	share(t, east, west, grantTo(t, west, "reader"))
	east.Istiods.Add(peeringtest.Replica{Name: "istiod-2", Version: "1.31.2", Revision: "default"})
	old, err := east.Istiods.Replicas(t.Context())
	require.NoError(t, err)
	east.Istiods.Stick("istiod-1", istiod.TimedOut)
	require.Equal(t, []istiod.Status{istiod.TimedOut, istiod.Synced}, statusOf(t, east, "west"))

	east.Istiods.Restart()
	require.Equal(t, []string{"istiod-3", "istiod-4"}, east.Istiods.Names())
	for _, r := range old {
		_, err := r.Clusterz(t.Context())
		require.ErrorIs(t, err, istiod.ErrNotReady)
		require.True(t, apierrors.IsNotFound(err), err)
	}
	require.Equal(t, []istiod.Status{istiod.Synced, istiod.Synced}, statusOf(t, east, "west"), "a new process")
	replicas, err := east.Istiods.Replicas(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1.31.2 default", replicas[1].Version+" "+replicas[1].Revision)
	require.Equal(t, "1.31.0", replicas[0].Version)

	require.Equal(t, "istiod-5", east.Istiods.Replace("istiod-3"))
	east.Istiods.Drop("istiod-4")
	require.Equal(t, []string{"istiod-5"}, east.Istiods.Names())
	east.Istiods.FailReplica("istiod-5", errors.New("crash"))
	east.Istiods.RestartInPlace()
	require.Equal(t, []istiod.Status{istiod.Synced}, statusOf(t, east, "west"))
	require.Equal(t, []string{"istiod-5"}, east.Istiods.Names())
	for _, mistake := range []func(){
		func() { east.Istiods.Drop("istiod-4") },
		func() { east.Istiods.Replace("istiod-4") },
		func() { east.Istiods.SetRevision("istiod-4", "x") },
		func() { east.Istiods.Add(peeringtest.Replica{Name: "istiod-5"}) },
		func() { east.Istiods.Add(peeringtest.Replica{}) },
	} {
		require.Panics(t, mistake)
	}
}

// TestNewReplicasMissNothing: what replicas missed is theirs, and not that of one that starts later.
func TestNewReplicasMissNothing(t *testing.T) {
	east, west := two()
	require.Equal(t, []istiod.Status{istiod.NotSeen}, statusOf(t, east, "west"))
	east.Istiods.MissChanges()
	share(t, east, west, grantTo(t, west, "reader"))
	east.Istiods.Add(peeringtest.Replica{Name: "late"})
	require.Equal(t, []istiod.Status{istiod.NotSeen, istiod.Synced}, statusOf(t, east, "west"))
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, west := two()
		east.Istiods.Add(peeringtest.Replica{Name: "slow", Lag: 3 * time.Second})
		time.Sleep(time.Hour)
		share(t, east, west, grantTo(t, west, "reader"))
		require.Equal(t, []istiod.Status{istiod.Synced, istiod.Syncing}, statusOf(t, east, "west"))
		time.Sleep(3*time.Second - 1)
		require.Equal(t, []istiod.Status{istiod.Synced, istiod.Syncing}, statusOf(t, east, "west"))
		time.Sleep(time.Nanosecond)
		require.Equal(t, []istiod.Status{istiod.Synced, istiod.Synced}, statusOf(t, east, "west"))
		east.Istiods.Add(peeringtest.Replica{Name: "later", Lag: time.Second})
		require.Equal(t, []istiod.Status{istiod.Synced, istiod.Synced, istiod.Syncing}, statusOf(t, east, "west"), "its start counts, too")
	})
}

// TestBoundTokenEnds: a state that nobody changes may still end.
func TestBoundTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		east, west := two()
		link := peering.Link{From: east.Cluster, To: west.Cluster}
		report, err := (&peering.Peering{Credential: "bound"}).Ensure(t.Context(), link)
		require.NoError(t, err)
		require.Equal(t, []istiod.Status{istiod.Synced}, statusOf(t, east, "west"))
		require.NotZero(t, report.Links[0])
		time.Sleep(10 * 365 * 24 * time.Hour)
		require.Equal(t, []istiod.Status{istiod.TimedOut}, statusOf(t, east, "west"))
	})
}

// TestShardsFollowTheWorkloads: endpoints and gateways come and go after the cluster is synced.
func TestShardsFollowTheWorkloads(t *testing.T) {
	mesh := peeringtest.NewMesh("east", "west")
	east, west := mesh.Member("east"), mesh.Member("west")
	share(t, east, west, grantTo(t, west, "reader"))
	replicas, err := east.Istiods.Replicas(t.Context())
	require.NoError(t, err)
	endpoints := func() int {
		shards, err := replicas[0].Shards(t.Context())
		require.NoError(t, err)
		return len(shards["httpbin.default.svc.cluster.local"]["default"].Shards["Kubernetes/west"])
	}
	require.Zero(t, endpoints())
	west.Run(peeringtest.App{Name: "httpbin", Port: 8000, Replicas: 2})
	require.Equal(t, 2, endpoints())
	west.Run(peeringtest.App{Name: "httpbin", Port: 8000})
	require.Zero(t, endpoints())

	gateways, err := replicas[0].Gateways(t.Context())
	require.NoError(t, err)
	require.Empty(t, gateways)
	mesh.Split()
	gateways, err = replicas[0].Gateways(t.Context())
	require.NoError(t, err)
	require.Len(t, gateways, 2)
}

// A rollout during a wait: the first Pod goes, the one that replaces it has another name and needs a while.
func ExampleIstiods_Add() {
	istiods := peeringtest.NewMesh("east").Member("east").Istiods
	istiods.Add(peeringtest.Replica{Name: "istiod-2", Version: "1.31.1", Lag: 2 * time.Second})
	istiods.Drop("istiod-1")
	fmt.Println(istiods.Names())
	istiods.Restart()
	fmt.Println(istiods.Names())
	// Output:
	// [istiod-2]
	// [istiod-3]
}

// ExampleOptions_hosted is the onboarding of an ASM instance. The managed control plane of cluster-1 reads cluster-2 already;
// what is missing is the way back, which cluster-2's own istiod needs. Both directions can be given: nothing is written for
// the one that ASM serves.
func ExampleOptions_hosted() {
	mesh := peeringtest.New(peeringtest.Options{Names: []string{"cluster-2", "cluster-1"}, Hosted: []string{"cluster-1"}})
	hub, managed := mesh.Member("cluster-2"), mesh.Member("cluster-1")
	report, err := new(peering.Peering).Ensure(context.Background(), peering.Star(hub.Cluster, managed.Cluster)...)
	fmt.Println(report.Status(), err)
	for _, link := range report.Links {
		fmt.Println(link.From, "reaches", link.To, len(link.Changes), "changes")
	}
	// Output:
	// passed <nil>
	// cluster-2 reaches cluster-1 5 changes
	// cluster-1 reaches cluster-2 0 changes
}

// A replica whose watches have died says what it said, and a restart ends that. Endpoints that somebody made by hand count as
// those of pods do, also without a Service.
func TestGoStale(t *testing.T) {
	mesh := peeringtest.NewMesh("east", "west")
	east, west := mesh.Member("east"), mesh.Member("west")
	east.Istiods.Scale("istiod-1", "istiod-2")
	_, err := new(peering.Peering).Ensure(t.Context(), peering.Link{From: east.Cluster, To: west.Cluster})
	require.NoError(t, err)
	port := "http"
	slice := &discoveryv1.EndpointSlice{
		TypeMeta:   metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "by-hand", Labels: map[string]string{discoveryv1.LabelServiceName: "by-hand"}},
		Ports:      []discoveryv1.EndpointPort{{Name: &port}},
		Endpoints:  []discoveryv1.Endpoint{{Addresses: []string{"10.9.0.1"}}, {Addresses: []string{"10.9.0.2"}, TargetRef: &corev1.ObjectReference{Kind: "Pod"}}},
	}
	shown := func() (n []int) {
		replicas, err := east.Istiods.Replicas(t.Context())
		require.NoError(t, err)
		for _, r := range replicas {
			found, err := r.Endpoints(t.Context(), "west", "default", "by-hand")
			require.NoError(t, err)
			n = append(n, len(found))
			status, err := r.Status(t.Context(), "west", "")
			require.NoError(t, err)
			require.Equal(t, istiod.Synced, status)
		}
		return n
	}
	east.Istiods.GoStale("istiod-2")
	east.Istiods.SetVersion("1.30.0")
	made, err := west.Create(t.Context(), slice)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, shown())
	east.Istiods.RestartInPlace()
	require.Equal(t, []int{1, 1}, shown())
	east.Istiods.GoStale("istiod-2")
	require.NoError(t, west.Delete(t.Context(), made))
	require.Equal(t, []int{0, 1}, shown())
	require.Panics(t, func() { east.Istiods.GoStale("istiod-9") })
}
